"""`check --live`: each secret, target, check and store is asked once, with its own words when it says no; nothing is changed."""
import json
import os
import re
import subprocess
import unittest

from harness import PATIENCE_S, wait_for
from patient import TOKEN, Patient


class LiveCheck(Patient):
    weak_check = False

    def check(self, expect, *words, token=TOKEN):
        env = {k: v for k, v in os.environ.items() if k != "PATIENT_TOKEN"}
        if token:
            env["PATIENT_TOKEN"] = token
        done = subprocess.run([self.program, "-c", self.config, "check", *words], env=env, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        self.assertNotIn(TOKEN, done.stdout + done.stderr)
        return done.stdout

    def findings(self, expect, **more):
        found = json.loads(self.check(expect, "--live", "--json", **more))
        self.assertEqual(found["ok"], expect == 0)
        return {(f["kind"], f["name"]): f for f in found["live"]}

    def tree(self):
        return sorted(os.path.join(folder, name) for folder, folders, names in os.walk(self.folder) for name in folders + names)

    def test_everything_is_asked_once_and_is_well_while_the_service_runs(self):
        self.start()
        self.serving("home")
        wait_for("a snapshot", lambda: self.service()["snapshot"])
        found = self.findings(0)
        self.assertEqual([f["result"] for f in found.values()], ["ok"] * len(found), found)
        self.assertIn("active", found["target", "counter/home (process)"]["message"])
        self.assertIn("stopped: nothing runs", found["target", "counter/spare (patient)"]["message"])
        self.assertEqual(found["diagnosis", "counter/spare"]["message"], "nothing is in the way")
        self.assertEqual(found["secret", "env PATIENT_TOKEN"]["message"], "can be read")
        self.assertIn("pass", found["health", "counter/home[0] (http)"]["message"])
        self.assertIn("as it should be: the target is stopped", found["health", "counter/spare[0] (http)"]["message"])
        self.assertRegex(found["state", "counter (local_dir)"]["message"], r"^\d+ snapshots?, the newest 2")
        text = self.check(0, "--live")
        self.assertRegex(text, r"(?m)^ok +target +counter/home \(process\) +active")
        self.assertEqual(self.provider("calls"), [])
        self.assertEqual(self.serving("home")["epoch"], 1)

    def test_a_plugin_that_is_slow_to_start_takes_no_time_from_the_others(self):
        self.start()
        self.serving("home")
        # Longer than a check may take, and shorter than the 5 s in which it must have started.
        self.suffer("late_riser", slow_ms=2000)
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(re.sub(r'(?m)^timeout = .*', 'timeout = "1500ms"', text))
        found = self.findings(0)
        self.assertIn("pass", found["health", "counter/home[0] (http)"]["message"])
        self.assertEqual(found["target", "counter/spare (patient)"]["result"], "ok")

    def test_it_changes_nothing_where_nothing_runs_yet(self):
        before = self.tree()
        found = self.findings(0)
        self.assertEqual(self.tree(), before)
        self.assertEqual(found["state", "counter (local_dir)"]["message"], "no snapshot yet")
        self.assertEqual(self.running(), [])

    def test_a_secret_that_cannot_be_read_is_named_with_what_to_do(self):
        found = self.findings(1, token=None)
        secret = found["secret", "env PATIENT_TOKEN"]
        self.assertEqual(secret["result"], "failed")
        self.assertIn("PATIENT_TOKEN is not set", secret["message"])
        self.assertIn("export PATIENT_TOKEN", secret["hint"])
        self.assertEqual(found["target", "counter/home (process)"]["result"], "ok")

    def lease(self, key):
        self.write_config(extra=f"[service.counter.lease]\nkey = {key}\n")

    def test_a_leases_key_is_read_too(self):
        self.lease('{ env = "NO_LEASE_KEY" }')
        self.assertEqual(self.findings(1)["secret", "env NO_LEASE_KEY"]["result"], "failed")

    def test_a_key_that_is_needed_before_any_plugin_runs_is_not_fetched_by_one(self):
        self.lease('{ gcp_secret = "projects/p/secrets/s/versions/1" }')
        wrong, = json.loads(self.check(2, "--json"))["diagnostics"]
        self.assertEqual(wrong["code"], "E0104")
        self.assertIn("before any plugin runs", wrong["message"])

    def test_a_provider_that_refuses_is_quoted_with_its_hint_and_without_the_secret(self):
        self.suffer("bad_token")
        target = self.findings(1)["target", "counter/spare (patient)"]
        self.assertEqual((target["result"], target["message"], target["hint"]), ("failed", "no such token: [secret]", "make a new token"))
        self.assertRegex(self.check(1, "--live"), r"failed +target +counter/spare \(patient\) +no such token.*\n +    = make a new token")

    def test_a_diagnosis_warns_or_fails(self):
        self.suffer("draught")
        self.assertEqual(self.findings(0)["diagnosis", "counter/spare"]["result"], "warning")
        self.suffer("fever")
        found = self.findings(1)["diagnosis", "counter/spare"]
        self.assertEqual((found["result"], found["message"], found["hint"]), ("failed", "the quota is used up", "ask for more"))

    def test_a_workload_that_runs_and_is_ill_fails_its_check(self):
        self.start()
        self.serving("home")
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace('"$.status" = "healthy"', '"$.status" = "rich"'))
        self.assertEqual(self.findings(1)["health", "counter/home[0] (http)"]["result"], "failed")

    def test_a_store_that_is_not_there_fails(self):
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace('dir = "snapshots"', 'dir = "snapshots", must_exist = "disk/mark"'))
        state = self.findings(1)["state", "counter (local_dir)"]
        self.assertEqual((state["result"], state["hint"]), ("failed", "mount it; nothing was written"))
        self.assertIn("is not there", state["message"])

    def test_a_bad_file_is_told_and_nobody_is_asked(self):
        with open(self.config, "a") as config:
            config.write("\n[nonsense]\n")
        found = json.loads(self.check(2, "--live", "--json"))
        self.assertEqual((found["ok"], found["live"]), (False, []))

    def test_without_live_nobody_is_asked(self):
        self.suffer("bad_token")
        self.assertNotIn("live", json.loads(self.check(0, "--json")))


if __name__ == "__main__":
    unittest.main()
