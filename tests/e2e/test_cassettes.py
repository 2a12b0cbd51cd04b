"""Each cassette of tests/cassettes replayed: no network, virtual time, the same answers.

There is one of every bundled plugin that asks its host for something that a cassette can hold. There is none of `smtp`, which speaks
to its server by libcurl itself (its host gives it a clock and a password: tests/e2e/test_smtp.py has a mail server), and none of
`process`, `local_dir` and `log`, which ask their host for nothing."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from agent_site import KEY
from harness import BUILD, ROOT

sys.path.insert(0, os.path.join(ROOT, "tests/cassettes"))
import recording  # noqa: E402

PROGRAM = os.path.join(BUILD, "bin/understudy")
CASSETTES = os.path.join(ROOT, "tests/cassettes")
WITHOUT = {"smtp", "process", "local_dir", "log"}
# Bearer tokens, keys and the like, in whatever cassette they may come.
CREDENTIAL = re.compile(r"Bearer (?!\[secret:)\S|BEGIN [A-Z ]*PRIVATE KEY|eyJ[A-Za-z0-9_-]{10,}\.|planted|\bya29\.|\bfo1_|FlyV1 (?!\[secret:)")


class Cassettes(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.join(tempfile.mkdtemp(prefix="understudy-cassettes-"), "tapes")
        shutil.copytree(CASSETTES, self.folder)
        recording.make_state(self.folder)

    def tearDown(self):
        shutil.rmtree(os.path.dirname(self.folder))

    def names(self):
        return sorted(n for n in os.listdir(self.folder) if n.endswith(".json"))

    def read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()

    def replay(self, name, plugin=None, prefix=()):
        plugin = plugin or json.loads(self.read(name))["plugin"]
        # What a pull brings must find an empty folder.
        shutil.rmtree(os.path.join(self.folder, "staging"), ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "staging"))
        done = subprocess.run([*prefix, PROGRAM, "plugin", "replay", plugin, os.path.join(self.folder, name)], capture_output=True, text=True, timeout=60, env=recording.environment(self.folder))
        return done.returncode, done.stdout + done.stderr

    def test_each_is_answered_as_it_was_recorded(self):
        for name in self.names():
            with self.subTest(name):
                code, said = self.replay(name)
                self.assertEqual(code, 0, said)

    def test_every_plugin_that_asks_its_host_has_one(self):
        recorded = {json.loads(self.read(n))["plugin"] for n in self.names()}
        bundled = {n[:-3] for n in os.listdir(os.path.join(BUILD, "plugins")) if n.endswith(".so")}
        self.assertEqual(recorded, bundled - WITHOUT)
        of_google = {json.loads(self.read(n))["interface"] for n in self.names() if n.startswith("gcp_cloudrun.")}
        self.assertLessEqual({"target", "state"}, of_google)

    @unittest.skipUnless(shutil.which("unshare") and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0, "no namespace without a network can be made")
    def test_none_needs_a_network(self):
        """Where not even loopback is up."""
        for name in self.names():
            with self.subTest(name):
                code, said = self.replay(name, prefix=("unshare", "--net"))
                self.assertEqual(code, 0, said)

    def test_time_is_virtual(self):
        """An hour lies before the last step: under a clock that runs, this would not end."""
        tape = json.loads(self.read("telegram.notifier.json"))
        tape["steps"][-1]["at_ms"] += 3_600_000
        with open(os.path.join(self.folder, "late.json"), "w") as file:
            json.dump(tape, file)
        code, said = self.replay("late.json", tape["plugin"])
        self.assertEqual(code, 0, said)

    def test_no_cassette_holds_a_secret_or_a_path_of_a_machine(self):
        secrets = [getattr(recording, n) for n in ("TELEGRAM", "FLY", "HOOK", "SIGNING", "BEARER", "RCLONE")] + [KEY]
        for name in self.names():
            text = self.read(name)
            for word in (*secrets, secrets[0].split(":")[1], ROOT + "/", os.path.expanduser("~") + "/"):
                self.assertTrue(word not in text, f"{name} holds {word}")
            self.assertIsNone(CREDENTIAL.search(text), name)

    def test_what_a_provider_gives_out_is_redacted_and_still_the_same_everywhere(self):
        tape = json.loads(self.read("gcp_cloudrun.target.json"))
        given = [json.loads(e["answer"]["result"]["body"])["access_token"] for e in tape["host"] if "/token" in e["params"].get("url", "")]
        shown = {e["params"]["headers"]["Authorization"] for e in tape["host"] if "Authorization" in e["params"].get("headers", {})}
        self.assertEqual(shown, {"Bearer " + token for token in given})

    def test_another_answer_is_noticed(self):
        path = os.path.join(self.folder, "http.health.json")
        text = self.read("http.health.json")
        self.assertIn('"status": 200', text)
        with open(path, "w") as file:
            file.write(text.replace('"status": 200', '"status": 503', 1))
        code, said = self.replay("http.health.json")
        self.assertEqual(code, 1, said)
        self.assertIn("step 1 (health.check/1)", said)

    def test_other_bytes_of_a_download_are_noticed(self):
        """What came to a file is in the cassette, and the plugin checks it."""
        path = os.path.join(self.folder, "gcp_cloudrun.state.json")
        tape = json.loads(self.read("gcp_cloudrun.state.json"))
        next(e for e in tape["host"] if e.get("file") == "one\ntwo\n")["file"] = "one\nTWO\n"
        with open(path, "w") as file:
            json.dump(tape, file)
        code, said = self.replay("gcp_cloudrun.state.json")
        self.assertEqual(code, 1, said)
        self.assertIn("is not what was saved", said)

    def test_what_is_no_cassette_is_said(self):
        with open(os.path.join(self.folder, "bad.json"), "w") as file:
            file.write("{}")
        code, said = self.replay("bad.json", "http")
        self.assertEqual(code, 2)
        self.assertIn("is no cassette", said)

    def test_a_stand_in_that_is_none_is_refused(self):
        done = subprocess.run([PROGRAM, "plugin", "record", "http", "--to", os.path.join(self.folder, "x.json"), "--stand-in", "token"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("KEY=TEXT", done.stderr)


if __name__ == "__main__":
    unittest.main()
