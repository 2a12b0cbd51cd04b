"""The conformance kit: the bundled plugins keep every rule in both isolations, and each plugin that was written to break
one rule fails with the sentence for it."""
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from agent_site import KEY, Agent
from harness import BUILD, ROOT, free_port

PROGRAM = os.path.join(BUILD, "bin/understudy")
WRONG = os.path.join(BUILD, "wrong_plugins")

# The plugin, the case that must fail, and a part of what it must say.
TABLE = [
    ("completes_twice", "protocol/exactly-once", "was answered 2 times"),
    ("never_completes", "protocol/exactly-once", "was not answered within"),
    ("throws_across", "protocol/exactly-once", "an exception crossed the boundary"),
    ("says_garbage", "protocol/exactly-once", "the answer is not a JSON object"),
    ("older_abi", "library/loads", "older"),
    ("lacks_a_method", "library/manifest", "must provide standby.activate/1"),
    ("exports_too_much", "library/exports", "helper_of_mine"),
    ("hides_no_secret", "library/settings", "sounds secret"),
    ("io_in_create", "protocol/create-quiet", "must do no I/O"),
    ("accepts_anything", "protocol/create-refuses", "no_such_interface"),
    ("blocks", "protocol/never-blocks", "blocked the loop"),
    ("answers_unknown", "protocol/unknown-method", "not unsupported"),
    ("leaks_secret", "protocol/secrets", "a secret is shown"),
    ("leaks_nested_secret", "protocol/secrets", "that of logins.X-Conformance.password"),
    ("calls_after_destroy", "protocol/destroy-pending", "after destroy() had returned"),
    ("crashes_in_destroy", "protocol/destroy-pending", "died of Aborted"),
    ("no_cause", "health/outcome", "has no cause"),
    ("ignores_epoch", "target/old-epoch", "not conflict"),
    ("lies_about_stop", "target/round-trip", "observe says active"),
    ("remembers", "target/no-memory", "not from its memory"),
    ("starts_again", "target/twice", "the same activation again"),
    ("dies_in_activate", "target/twice", "died of Aborted"),
    ("loses_bytes", "state/round-trip", "has other bytes"),
    ("takes_old_epochs", "state/old-epoch", "not conflict"),
    ("lists_the_unfinished", "state/missing-source", "listed as valid"),
    ("trusts_what_it_finds", "state/tampered", "without an error"),
    ("forgets_dry_run", "state/prune", "dry_run removed something"),
    ("takes_old_epochs", "state/fence", "not conflict"),
    ("forgets_its_fence", "state/fence-lasts", "not durable"),
    ("looks_too_early", "state/fence-under-way", "look again where a push becomes the newest"),
    ("takes_back_what_counted", "state/fence-under-way", "was taken back"),
]


class Kit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-kit-")
        self.settings = os.path.join(self.folder, "settings.toml")

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def kit(self, library, settings="", *options):
        with open(self.settings, "w") as out:
            out.write(settings)
        done = subprocess.run([PROGRAM, "plugin", "test", library, "--settings", self.settings, "--json", *options], capture_output=True, text=True, timeout=900)
        try:
            return json.loads(done.stdout), done
        except ValueError:
            self.fail(f"{library}: exit {done.returncode}: {done.stdout}{done.stderr}")

    def all_pass(self, library, settings="", may_skip=()):
        report, done = self.kit(library, settings)
        failed = [f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"]
        self.assertEqual(failed, [], library)
        self.assertEqual(done.returncode, 0)
        self.assertGreater(report["passed"], 20)
        skipped = {c["name"] for c in report["cases"] if c["verdict"] == "skipped"}
        self.assertLessEqual(skipped, {"protocol/secrets", "target/quote", "target/logs", *may_skip}, library)
        if {"health", "target", "state", "notifier"} & {c["interface"] for c in report["cases"]}:
            self.assertLessEqual({"loop", "process"}, {c["isolation"] for c in report["cases"]})
        return report

    def wrong_settings(self, library):
        if library in ("right_target", "ignores_epoch", "lies_about_stop", "remembers", "starts_again", "dies_in_activate"):
            return f'[target]\nsettings = {{ dir = "{self.folder}/provider" }}\n'
        if library in ("right_store", "loses_bytes", "takes_old_epochs", "lists_the_unfinished", "trusts_what_it_finds", "forgets_dry_run", "forgets_its_fence", "looks_too_early", "takes_back_what_counted"):
            return f'[state]\nsettings = {{ dir = "{self.folder}/provider" }}\n{self.tamper("data/state")}'
        return ""

    def tamper(self, within):
        script = f'for f in "{self.folder}"/provider/$SERVICE/*$SNAPSHOT*/{within}/large.db "{self.folder}"/provider/$SERVICE/*/*$SNAPSHOT*/{within}/large.db; do test -f "$f" && echo x >> "$f" && exit 0; done; exit 1'
        return "[kit]\ntamper = ['sh', '-c', '''" + script + "''']\n"


class Bundled(Kit):
    def test_log(self):
        self.all_pass("log")

    def test_http(self):
        self.all_pass("http", f'[health]\nsettings = {{ url = "http://127.0.0.1:{free_port()}/" }}\n')

    def test_agent(self):
        agent = Agent(self.folder, command=["sleep", "1000"], state=False).start()
        try:
            place = f'url = "http://127.0.0.1:{agent.port}", service = "counter"'
            secret = os.path.join(self.folder, "key")
            with open(secret, "w") as out:
                out.write(KEY)
            self.all_pass("agent", f'[target]\nsettings = {{ {place}, api_key = {{ file = "{secret}" }}, poll = "50ms" }}\n[health]\nsettings = {{ {place} }}\n')
        finally:
            agent.stop()

    def test_process(self):
        self.all_pass("process", f'[target]\nsettings = {{ command = ["sleep", "1000"], run_dir = "{self.folder}/run" }}\n[health]\nsettings = {{ run_dir = "{self.folder}/run" }}\n')

    def test_local_dir(self):
        self.all_pass("local_dir", f'[state]\nsettings = {{ dir = "{self.folder}/provider", fsync = false }}\n{self.tamper("data/state")}')
        self.assertEqual(os.listdir(self.folder + "/provider"), [], "the sweeper left something")


class OfThePast(Kit):
    """A plugin of the first released header loads in every 1.x."""

    HEADER = os.path.join(ROOT, "tests/compat/abi_1_0/abi.h")
    SHA256 = "aa460619526475f2d0e9e2836e918882bd68a38634df4c754719677e34a2d8b2"

    def test_the_frozen_header_is_as_it_was(self):
        with open(self.HEADER, "rb") as header:
            self.assertEqual(hashlib.sha256(header.read()).hexdigest(), self.SHA256, "it is frozen: add a folder for a new minor")

    def test_it_keeps_every_rule(self):
        self.all_pass(os.path.join(BUILD, "compat_plugins/of_abi_1_0.so"))


class Wrong(Kit):
    def test_the_right_ones_pass(self):
        for library in ("right_health", "right_target", "right_store"):
            with self.subTest(library):
                self.all_pass(os.path.join(WRONG, library + ".so"), self.wrong_settings(library))

    def test_each_wrong_one_fails_with_its_sentence(self):
        for library, case, sentence in TABLE:
            with self.subTest(library):
                for _ in range(3):  # some are wrong at one moment only, which a busy machine can miss
                    report, done = self.kit(os.path.join(WRONG, library + ".so"), self.wrong_settings(library), "--only", case)
                    failed = [c for c in report["cases"] if c["verdict"] == "failed"]
                    if failed and sentence in failed[0]["message"]:
                        break
                self.assertEqual(done.returncode, 1)
                self.assertTrue(failed, f"{case} passed")
                self.assertIn(sentence, failed[0]["message"])

    def test_reports(self):
        junit = os.path.join(self.folder, "report.xml")
        report, _ = self.kit(os.path.join(WRONG, "no_cause.so"), "", "--junit", junit, "--seed", "17")
        suite = ElementTree.parse(junit).getroot()
        self.assertEqual(int(suite.get("tests")), len(report["cases"]))
        self.assertEqual(int(suite.get("failures")), report["failed"])
        self.assertEqual(report["seed"], 17)
        self.assertTrue(all(c["message"] for c in report["cases"] if c["verdict"] == "skipped"), "a skip without a reason")
        table = subprocess.run([PROGRAM, "plugin", "test", os.path.join(WRONG, "no_cause.so"), "--only", "health/outcome"], capture_output=True, text=True, timeout=100)
        self.assertEqual(table.returncode, 1)
        self.assertIn("FAIL health/outcome", table.stdout)

    def test_wrong_use(self):
        for words in (["/no/such.so"], ["http", "--settings", "/no/file.toml"], ["http", "--only", "no/such/case"]):
            done = subprocess.run([PROGRAM, "plugin", "test", *words], capture_output=True, text=True, timeout=100)
            self.assertEqual(done.returncode, 2, words)
            self.assertTrue(done.stderr)
        with open(self.settings, "w") as out:
            out.write('[health]\nsettings = { uri = "http://x/" }\n')
        done = subprocess.run([PROGRAM, "plugin", "test", "http", "--settings", self.settings], capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 2)
        self.assertIn("settings.toml:2:", done.stderr)
        self.assertIn('did you mean "url"', done.stderr)


del Kit

if __name__ == "__main__":
    unittest.main()
