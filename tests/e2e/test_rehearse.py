"""`understudy rehearse` on the shipped file and the examples: text, JSON, CSV and a picture; the same seed, the same bytes; wrong
input is said with its place."""
import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml

from harness import BUILD, ROOT

PROGRAM = os.path.join(BUILD, "bin/understudy")
EXAMPLE = os.path.join(ROOT, "orchestrator.toml")
ENVIRONMENT = {**os.environ, "STANDBY_KEY": "x", "TELEGRAM_BOT_TOKEN": "x", "FLY_API_TOKEN": "x"}


class Rehearse(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-rehearse-")
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def rehearse(self, *words, config=EXAMPLE, expect=0):
        done = subprocess.run([PROGRAM, "-c", config, "rehearse", *words], capture_output=True, timeout=900, env=ENVIRONMENT, cwd=self.folder)
        self.assertEqual(done.returncode, expect, done.stdout.decode() + done.stderr.decode())
        return done.stdout.decode() if expect == 0 else done.stderr.decode()

    def test_the_same_seed_gives_the_same_bytes(self):
        first = self.rehearse("--years", "3", "--json")
        self.assertEqual(first, self.rehearse("--years", "3", "--json"))
        self.assertNotEqual(first, self.rehearse("--years", "3", "--json", "--seed", "2"))

    def test_the_page_shows_what_the_shipped_example_gives(self):
        with open(os.path.join(ROOT, "docs/rehearse.md")) as page:
            self.assertIn("```text\n" + self.rehearse("--years", "10") + "```", page.read())

    def test_text_says_what_was_found_and_what_was_assumed(self):
        text = self.rehearse("--years", "5")
        for word in ("counter: 5 years", "availability", "RTO", "RPO", "a year: $", "as it is", 'objective = "cheapest"', "no standby", "assumed:", "a person comes after 30 min"):
            self.assertIn(word, text)
        self.assertNotIn("no standby", self.rehearse("--years", "1", "--no-alternatives", "--person", "5m"))

    def test_json_adds_up(self):
        said = json.loads(self.rehearse("--years", "5", "--json"))
        (service,) = said["services"]
        self.assertEqual((said["schema"], said["seed"], service["service"]), (1, 1, "counter"))
        for result in service["results"]:
            with self.subTest(result["alternative"]):
                down = result["downtime_ms"]
                self.assertEqual(down["all"], down["outages"] + down["planned"] + down["needless"])
                self.assertAlmostEqual(result["availability"], 1 - down["all"] / result["length_ms"], places=9)
                self.assertAlmostEqual(result["silence_usd"], down["all"] / 3_600_000 * 12.0, places=3)
                self.assertAlmostEqual(result["all_usd"], result["silence_usd"] + result["targets_usd"], places=6)
                spent = sum(t[k] for t in result["targets"] for k in ("standby_usd", "active_usd", "activation_usd", "transfer_usd"))
                self.assertAlmostEqual(result["targets_usd"], spent, places=6)
                self.assertLessEqual(result["rto"]["p50_ms"], result["rto"]["max_ms"])

    def test_csv_and_the_picture_are_well_formed(self):
        picture = os.path.join(self.folder, "picture.svg")
        rows = list(csv.DictReader(io.StringIO(self.rehearse("--years", "2", "--csv", "--svg", picture))))
        self.assertEqual(rows[0]["alternative"], "as it is")
        self.assertEqual(len({r["alternative"] for r in rows}), len(rows))
        for row in rows:
            self.assertNotIn(None, row)
            self.assertTrue(0 <= float(row["availability"]) <= 1)
            for column, value in row.items():  # a spread of nothing is left out: it is none of 0 s
                of = column.split("_")[0]
                nothing = of in ("rto", "rpo") and row[of + "_n"] == "0"
                self.assertEqual(value == "", nothing and column != of + "_n", column)
        root = xml.parse(picture).getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        words = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
        for row in rows:
            self.assertIn(row["alternative"], words)
        with open(picture) as text:
            self.assertNotIn("href", text.read())

    def test_what_is_no_length_and_no_seed_is_refused(self):
        for words in (("--years", "nan"), ("--years", "0"), ("--seed", "-1"), ("--seed", str(2**64))):
            self.assertIn(words[0], self.rehearse(*words, expect=2))

    @unittest.skipUnless(os.path.exists("/dev/full"), "only Linux has /dev/full")
    def test_a_full_disk_under_its_output_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([os.path.join(BUILD, "bin/understudy"), "version"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual((1, True), (done.returncode, "the output cannot be written" in done.stderr))

    def test_the_examples_can_be_rehearsed(self):
        for name in ("warm_cloud_run", "cold_fly", "third_host"):
            with self.subTest(name):
                config = os.path.join(ROOT, "examples", name, "orchestrator.toml")
                self.assertIn("trader: 1 year on", self.rehearse("--years", "1", "--service", "trader", config=config))

    def test_a_stated_scenario(self):
        scenario = self.file("s.toml", 'outage = [{ at = "1h", target = "home", for = "30m" }]\n')
        said = json.loads(self.rehearse("--scenario", scenario, "--json", "--no-alternatives"))
        (result,) = said["services"][0]["results"]
        self.assertEqual(result["length_ms"], (1.5 + 24) * 3_600_000)
        self.assertGreaterEqual(result["failovers"], 1)
        self.assertTrue(0 < result["downtime_ms"]["outages"] < 30 * 60_000)
        self.assertEqual((1, 1, 0, 0), tuple(result[k] for k in ("failovers_begun", "failovers", "false_failovers", "lost_probes")))
        self.assertEqual(0, sum(t["failed"] for t in result["targets"]) - sum(t["failed"] for t in result["targets"] if t["target"] == "home"))
        told = self.rehearse("--scenario", scenario, "--no-alternatives")
        self.assertIn("$ in all", told)
        self.assertNotIn("a year", told)

    def test_a_wrong_scenario_is_told_with_its_place(self):
        scenario = self.file("s.toml", 'outage = [\n  { at = "1h", target = "hme", for = "30m" },\n  { at = 5, target = "home", for = "1m", what = "dwn" },\n  { target = "home", for = "1m", wen = "x" },\n]\n')
        said = self.rehearse("--scenario", scenario, expect=2)
        for word in (f"{scenario}:2:16: error[E0107]", 'did you mean "home"', f"{scenario}:3:5: error[E0106]", f"{scenario}:3:42: error[E0104]", 'did you mean "down"', f"{scenario}:4:5: error[E0105]: this outage needs at", f"{scenario}:4:34: error[E0102]"):
            self.assertIn(word, said)
        self.assertIn("error[E0101]", self.rehearse("--scenario", self.file("t.toml", "outage = ["), expect=2))
        self.assertIn("E0101", self.rehearse("--scenario", "/nowhere.toml", expect=2))

    def test_wrong_use_is_refused(self):
        self.assertIn('did you mean "counter"', self.rehearse("--service", "conter", expect=2))
        self.assertIn("--person", self.rehearse("--person", "soon", expect=2))
        self.rehearse("--years", "0", expect=2)
        self.rehearse("--csv", "--json", expect=2)
        self.assertIn("there is no journal", self.rehearse("--history", config=self.overlay(""), expect=1))

    def overlay(self, extra):
        with open(EXAMPLE) as text:
            return self.file("orchestrator.toml", text.read() + extra)

    def test_the_files_own_assumptions_count(self):
        calm = self.overlay('\n[rehearse]\noutages_per_year = 0\nour_network_outages_per_year = 0\nprobe_loss = 0\n[service.counter.target.home.rehearse]\noutages_per_year = 50\noutage = "10m"\n')
        said = json.loads(self.rehearse("--years", "4", "--json", "--no-alternatives", config=calm))
        self.assertTrue(140 < said["services"][0]["results"][0]["silences"])
        self.assertTrue(any("home: 50 outages a year of 10 min" in s for s in said["services"][0]["assumptions"]))
        wrong = self.overlay('\n[rehearse]\noutages_per_yaer = 3\nprobe_loss = 2.0\n')
        with open(wrong) as text:
            lines = text.read().split("\n")
        at = lines.index("outages_per_yaer = 3") + 1
        said = self.rehearse(config=wrong, expect=2)
        self.assertIn(f"{wrong}:{at}:1: error[E0102]", said)
        self.assertIn('did you mean "outages_per_year"', said)
        self.assertIn(f"{wrong}:{at + 1}:1: error[E0104]", said)

    def test_history_counts(self):
        config = self.overlay("")
        os.mkdir(os.path.join(self.folder, "var"))
        with sqlite3.connect(os.path.join(self.folder, "var/journal.db")) as db:
            with open(os.path.join(ROOT, "core/journal/schema.cpp")) as source:
                code = source.read()
            for version in ("version_1", "version_2"):
                db.executescript(code.split(version + ' = R"sql(')[1].split(')sql"')[0])
            db.execute("PRAGMA user_version = 2")
            year_ago = int(time.time() * 1000) - 31_557_600_000
            db.execute("INSERT INTO epoch (service, epoch, target, at_ms, who, why) VALUES ('counter', 1, 'home', ?, '', '')", (year_ago,))
            for i in range(30):
                db.execute("INSERT INTO outage (service, target, started_ms, ended_ms) VALUES ('counter', 'home', ?, ?)", (i, i + 60_000))
            activation = "INSERT INTO activation (service, target, epoch, kind, started_ms, took_ms, succeeded, failure) VALUES ('counter', ?, 2, ?, 1, 5000, ?, '')"
            db.execute(activation, ("spare", "failover", 1))
            db.execute(activation, ("home", "failback", 0))  # home was not well yet: no word of how it starts
        db.close()
        said = json.loads(self.rehearse("--years", "1", "--history", "--json", "--no-alternatives", config=config))
        said = "\n".join(said["services"][0]["assumptions"])
        self.assertIn("home: 21.3 outages a year", said)
        self.assertIn("(30 outages seen)", said)
        self.assertIn("(1 starts seen)", said)


if __name__ == "__main__":
    unittest.main()
