"""What whoever runs the orchestrator relies on: systemd's protocol, JSON logs, overlays, SIGHUP, a full disk."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import unittest

from harness import Site, wait_for


class Operations(Site):
    def test_systemd_is_told_ready_and_fed_and_told_the_end(self):
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(path)
            systemd.settimeout(20)
            self.start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
            said = [systemd.recv(4096).decode() for _ in range(4)]
            self.assertTrue(any("READY=1" in text for text in said), said)
            self.assertGreaterEqual(sum("WATCHDOG=1" in text for text in said), 2, said)
            self.process.terminate()
            wait_for("STOPPING=1", lambda: "STOPPING=1" in systemd.recv(4096).decode())

    def test_the_log_can_be_lines_of_json(self):
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace("[orchestrator]", '[orchestrator]\nlog = { format = "json", level = "debug" }'))
        self.start()
        self.serving("home")
        self.stop()
        with open(self.log_path) as log:
            lines = [json.loads(line) for line in log]
        self.assertGreater(len(lines), 3)
        for line in lines:
            self.assertLessEqual({"at_ms", "level", "component", "message"}, set(line))

    def test_sighup_reads_the_file_again_and_a_bad_one_changes_nothing(self):
        self.start()
        self.serving("home")
        with open(self.config) as config:
            good = config.read()
        with open(self.config, "w") as config:
            config.write(good.replace('interval = "300ms"', 'interval = "fast"'))
        self.process.send_signal(signal.SIGHUP)
        wait_for("the complaint", lambda: "the old one stays in force" in open(self.log_path).read())
        with open(self.config, "w") as config:
            config.write(good.replace('interval = "300ms"', 'interval = "400ms"'))
        self.process.send_signal(signal.SIGHUP)
        wait_for("the new file", lambda: "reloaded" in self.understudy("history", "--json"))
        self.assertEqual(self.serving("home")["epoch"], 1)

    def test_an_overlay_changes_what_it_names(self):
        overlay = os.path.join(self.folder, "local.toml")
        with open(overlay, "w") as out:
            out.write('[orchestrator]\nmode = "observe"\n')
        done = subprocess.run([self.program, "-c", self.config, "-c", overlay, "check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(overlay, "w") as out:
            out.write('[service.counter]\nprimary = "nowhere"\n')
        done = subprocess.run([self.program, "-c", self.config, "-c", overlay, "check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("local.toml:2:", done.stdout + done.stderr)


@unittest.skipUnless(os.geteuid() == 0, "a small disk of our own needs root")
class FullDisk(Site):
    """The journal lives on a disk of sixteen megabytes."""

    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.folder, "var")
        os.makedirs(self.disk, mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", self.disk], check=True)

    def tearDown(self):
        self.stop()
        subprocess.run(["umount", "-l", self.disk], check=False)
        super().tearDown()

    def test_nothing_is_promoted_while_the_journal_cannot_be_written_and_it_goes_on_when_it_can(self):
        self.start()
        self.serving("home")
        ballast = os.path.join(self.disk, "ballast")
        with open(ballast, "wb", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(b"x" * 512)
        self.kill_site("home")
        wait_for("the complaint", lambda: "full" in open(self.log_path).read().lower())
        time.sleep(2)
        self.assertEqual(self.running(), [])
        os.unlink(ballast)
        self.serving("spare")
        self.assertEqual(self.running(), ["spare"])


if __name__ == "__main__":
    unittest.main()
