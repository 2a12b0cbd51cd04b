"""Each cassette of tests/cassettes replayed: no network, virtual time, the same answers."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, ROOT

PROGRAM = os.path.join(BUILD, "bin/understudy")
CASSETTES = os.path.join(ROOT, "tests/cassettes")


class Cassettes(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.join(tempfile.mkdtemp(prefix="understudy-cassettes-"), "tapes")
        shutil.copytree(CASSETTES, self.folder)

    def tearDown(self):
        shutil.rmtree(os.path.dirname(self.folder))

    def replay(self, name, plugin=None):
        with open(os.path.join(self.folder, name)) as file:
            plugin = plugin or json.load(file)["plugin"]
        done = subprocess.run([PROGRAM, "plugin", "replay", plugin, os.path.join(self.folder, name)], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_each_is_answered_as_it_was_recorded(self):
        names = sorted(n for n in os.listdir(self.folder) if n.endswith(".json"))
        self.assertGreaterEqual(len(names), 5)
        for name in names:
            with self.subTest(name):
                code, said = self.replay(name)
                self.assertEqual(code, 0, said)

    def test_no_cassette_holds_a_secret_or_a_path_of_a_machine(self):
        for name in os.listdir(self.folder):
            if name.endswith(".json"):
                with open(os.path.join(self.folder, name)) as file:
                    text = file.read()
                for word in ("a-token-for-the-cassette", ROOT + "/", os.path.expanduser("~") + "/"):
                    self.assertTrue(word not in text, f"{name} holds {word}")

    def test_another_answer_is_noticed(self):
        path = os.path.join(self.folder, "http.health.json")
        with open(path) as file:
            text = file.read()
        self.assertIn('"status": 200', text)
        with open(path, "w") as file:
            file.write(text.replace('"status": 200', '"status": 503', 1))
        code, said = self.replay("http.health.json")
        self.assertEqual(code, 1, said)
        self.assertIn("step 1 (health.check/1)", said)

    def test_what_is_no_cassette_is_said(self):
        with open(os.path.join(self.folder, "bad.json"), "w") as file:
            file.write("{}")
        code, said = self.replay("bad.json", "http")
        self.assertEqual(code, 2)
        self.assertIn("is no cassette", said)


if __name__ == "__main__":
    unittest.main()
