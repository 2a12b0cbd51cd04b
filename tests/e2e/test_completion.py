"""The completion scripts, read by the shells that they are for."""
import os
import shutil
import subprocess
import unittest

from harness import BUILD


def script(shell):
    return subprocess.run([os.path.join(BUILD, "bin/understudy"), "completion", shell], capture_output=True, text=True, check=True, timeout=60).stdout


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Bash(unittest.TestCase):
    def offered(self, *typed):
        """The words for the last of what was typed."""
        ask = script("bash") + """
COMP_WORDS=(understudy "$@") COMP_CWORD=$#
_understudy
printf '%s\\n' "${COMPREPLY[@]}"
"""
        done = subprocess.run(["bash", "-c", ask, "bash", *typed], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_commands_and_what_belongs_to_them_are_offered(self):
        self.assertEqual(self.offered("prom"), ["promote"])
        self.assertEqual(self.offered("promote", "--acc"), ["--accept-loss"])
        self.assertEqual(self.offered("snapshot", "ver"), ["verify"])

    def test_the_file_behind_its_option_is_no_command(self):
        self.assertEqual(self.offered("-c", "site.toml", "prom"), ["promote"])
        self.assertEqual(self.offered("--config", "site.toml", "snapshot", "ver"), ["verify"])
        self.assertEqual(self.offered("--config", "=", "site.toml", "prom"), ["promote"])
        self.assertEqual(self.offered("-c", "a.toml", "-c", "b.toml", "prom"), ["promote"])
        self.assertEqual(self.offered("-c", "prom"), [])  # bash itself offers files then
        self.assertEqual(self.offered("promote", "-c", "snapshot", "--acc"), ["--accept-loss"])
        self.assertEqual(self.offered("promote", "-c", ""), [])

    def test_what_is_not_for_people_is_not_offered(self):
        everything = self.offered("")
        self.assertIn("plugin", everything)
        for name in ("agent-watchdog", "plugin-host", "plugin-case"):
            self.assertNotIn(name, everything)
            self.assertNotIn(name, script("fish"))
            self.assertNotIn(name, script("bash"))


class Fish(unittest.TestCase):
    def test_every_line_ends_its_quotes(self):
        lines = script("fish").splitlines()
        self.assertTrue(any("\\'" in line for line in lines), "an apostrophe in a description is what this is about")
        for line in lines:
            plain = line.replace("\\\\", "").replace("\\'", "")
            self.assertEqual(plain.count("'"), 2, line)

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish_reads_it(self):
        done = subprocess.run(["fish", "--no-execute"], input=script("fish"), capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
