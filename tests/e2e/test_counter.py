"""The example service ends when nobody wants anything of it."""
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from harness import COUNTER, PACE, PATIENCE_S, free_port, wait_for


class Counter(unittest.TestCase):
    def setUp(self):
        self.port, self.folder = free_port(), tempfile.TemporaryDirectory(prefix="understudy-counter-")
        self.process = None

    def tearDown(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def start(self, idle_s):
        self.process = subprocess.Popen([sys.executable, COUNTER, str(self.port), self.folder.name], env={**os.environ, "UNDERSTUDY_IDLE_STOP_S": idle_s})
        wait_for("the service", lambda: self.ask("/health"))

    def ask(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return None

    def test_health_checks_do_not_keep_it_up_and_requests_do(self):
        idle_s = 2 * PACE
        self.start(str(idle_s))
        until = time.monotonic() + 1.5 * idle_s
        while time.monotonic() < until:
            last = time.monotonic()
            self.assertEqual(self.ask("/touch"), 404)
            time.sleep(0.1)
        while self.process.poll() is None and time.monotonic() < last + PATIENCE_S:
            self.ask("/health")
            time.sleep(0.05)
        self.assertEqual(self.process.poll(), 0)
        self.assertGreater(time.monotonic() - last, idle_s)

    def test_without_a_limit_it_goes_on(self):
        self.start("0")
        time.sleep(0.5)
        self.assertEqual(self.ask("/health"), 200)


if __name__ == "__main__":
    unittest.main()
