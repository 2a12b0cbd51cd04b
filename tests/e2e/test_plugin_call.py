"""`understudy plugin call`: what a line must be, whoever writes it."""
import json
import os
import subprocess
import tempfile
import unittest

from harness import BUILD

GOOD = {"method": "standby.observe/1", "params": {"service": "service", "target": "target"}}


class PluginCall(unittest.TestCase):
    def answers(self, *lines):
        with tempfile.TemporaryDirectory(prefix="understudy-call-") as folder:
            settings = os.path.join(folder, "settings.json")
            with open(settings, "w") as out:
                json.dump({"command": ["true"], "run_dir": os.path.join(folder, "run")}, out)
            done = subprocess.run([os.path.join(BUILD, "bin/understudy"), "plugin", "call", os.path.join(BUILD, "plugins/process.so"), "--interface", "target", "--settings", settings],
                                  input="".join(line + "\n" for line in lines), capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_line_that_cannot_be_asked_is_answered_and_the_next_one_is_served(self):
        for wrong, why in (("no JSON", "no JSON object"), ('{"params": {}}', "no JSON object with a method"), ('{"method": 5}', "the method is no text"),
                           ('{"method": "standby.observe/1", "params": 7}', "the params are no JSON object"), ('{"method": "standby.observe/1", "budget_ms": "5s"}', "budget_ms is no whole number"),
                           ('{"method": "standby.observe/1", "budget_ms": -1}', "budget_ms is no whole number")):
            first, second = self.answers(wrong, json.dumps(GOOD))
            self.assertEqual(first["status"], "invalid")
            self.assertIn(why, first["error"]["message"])
            self.assertEqual(second["result"]["state"], "stopped")


if __name__ == "__main__":
    unittest.main()
