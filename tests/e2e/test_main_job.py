"""The main job on real processes and files: a service fails over with its state, and comes home with the newer one."""
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import unittest

from harness import PATIENCE_S, Site, wait_for
from plugin_driver import Plugin


class MainJob(Site):
    def test_fails_over_with_its_state_and_comes_home_with_the_newer_one(self):
        self.write_config(stable_for="1s")
        self.start()
        self.serving("home")
        wait_for("a count", lambda: self.count("home")["count"] > 5)
        before = self.count("home")["count"]
        self.kill_site("home")
        wait_for("the standby to be granted", lambda: self.service()["epoch"] >= 2)
        wait_for("home again", lambda: self.service()["epoch"] >= 3)
        self.serving("home")
        self.assertGreaterEqual(self.count("home")["count"], before)
        self.assertEqual(self.count("home")["epoch"], "3")
        self.assertEqual(self.running(), ["home"])
        kinds = [json.loads(line)["kind"] for line in self.understudy("history", "--json").splitlines()]
        for kind in ("failover.started", "fence.confirmed", "failover.done", "failback.started", "state.saved", "failback.done"):
            self.assertIn(kind, kinds)
        self.assertEqual(self.outages_seen(), 1)  # home's; the way home was planned

    def outages_seen(self):
        return json.loads(self.understudy("plan", "counter", "--json"))["outage_samples"]

    def test_what_the_former_site_saves_late_is_refused_by_the_store(self):
        self.write_config(policy="manual")
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace('every = "1s"', 'every = "1h"'))  # so that no snapshot of the spare says which epoch is newer
        self.start()
        self.serving("home")
        self.kill_site("home")
        self.serving("spare")
        store = Plugin("local_dir", "state", {"dir": os.path.join(self.folder, "snapshots"), "fsync": False}, service="counter")
        self.addCleanup(store.close)
        late = {"service": "counter", "id": "20990101T000000.000Z-e1", "epoch": 1, "paths": [{"name": "state", "path": os.path.join(self.folder, "home/state")}]}
        self.assertEqual(store.call("store.push/1", late)["status"], "conflict")
        self.assertEqual(store.call("store.fence/1", {"service": "counter", "epoch": 1})["status"], "conflict")
        self.assertEqual(store.call("store.fence/1", {"service": "counter", "epoch": 2})["result"], {"epoch": 2})

    def test_a_hung_primary_is_stopped_before_the_standby_starts(self):
        self.weak_check = False
        self.write_config()
        self.start()
        self.serving("home")
        os.kill(self.pid("home"), signal.SIGSTOP)  # alive, and answers nothing
        self.serving("spare")
        self.assertEqual(self.running(), ["spare"])

    def test_a_primary_that_comes_back_by_itself_stays_passive(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.kill_site("home")
        self.serving("spare")
        env = {**os.environ, "UNDERSTUDY_RUN": os.path.join(self.folder, "run/counter-home.run.json")}
        returned = subprocess.Popen(["python3", "-c", "import time; time.sleep(600)"], env=env)
        try:
            self.assertIsNotNone(returned.wait(timeout=PATIENCE_S))
        finally:
            returned.kill()
        self.serving("spare")

    def test_the_orchestrator_finds_the_running_service_again_after_a_restart(self):
        self.start()
        self.serving("home")
        pid = self.pid("home")
        self.stop()
        self.assertEqual(self.running(), ["home"])
        self.start()
        self.assertEqual(self.serving("home")["epoch"], 1)
        self.assertEqual(self.pid("home"), pid)

    def test_a_person_moves_it_and_brings_it_home(self):
        self.start()
        self.serving("home")
        out = self.understudy("promote", "counter", "spare", "--reason", "maintenance")
        self.assertIn("runs at spare", out)
        wait_for("spare to answer: its process was enough to be verified", lambda: self.running() == ["spare"])
        self.understudy("failback", "counter")
        self.serving("home")
        self.assertEqual(self.running(), ["home"])
        self.assertEqual(self.outages_seen(), 0)

    def test_a_lost_journal_gives_out_no_epoch_again(self):
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare")
        self.understudy("failback", "counter")
        self.serving("home")
        before = self.service()["epoch"]
        wait_for("a snapshot of that epoch", lambda: any(one["epoch"] == before for one in json.loads(self.understudy("snapshot", "list", "counter", "--json"))["snapshots"]))
        self.stop()
        shutil.rmtree(os.path.join(self.folder, "var"))
        self.start()
        self.serving("home")
        wait_for("an epoch above the store's", lambda: self.service()["epoch"] > before)
        newest = self.service()["epoch"]
        wait_for("the store to take what is saved with it", lambda: any(one["epoch"] == newest for one in json.loads(self.understudy("snapshot", "list", "counter", "--json"))["snapshots"]))

    def test_a_second_orchestrator_on_the_same_data_dir_refuses_to_start(self):
        self.start()
        second = subprocess.run([self.program, "-c", self.config, "run"], capture_output=True, text=True, timeout=60)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another orchestrator uses", second.stderr)
        self.assertIn(str(self.process.pid), second.stderr)

    def test_a_reload_with_a_bad_file_changes_nothing(self):
        self.start()
        self.serving("home")
        good = open(self.config).read()
        with open(self.config, "w") as out:
            out.write(good.replace('primary = "home"', 'primary = "hoem"'))
        said = self.understudy("reload", expect=2)
        self.assertIn('did you mean "home"?', said)
        self.serving("home")
        with open(self.config, "w") as out:
            out.write(good)
        self.understudy("reload")
        self.assertEqual(self.serving("home")["epoch"], 1)

    def test_pause_watches_and_resume_acts(self):
        self.start()
        self.serving("home")
        self.understudy("pause", "counter", "--for", "10m", "--reason", "test")
        self.kill_site("home")
        wait_for("the outage to be noticed", lambda: any(json.loads(x)["kind"] == "service.down" for x in self.understudy("history", "--json").splitlines()))
        self.assertEqual(self.service()["phase"], "paused")
        self.assertEqual(self.running(), [])
        self.understudy("resume", "counter")
        self.serving("spare")

    def test_observe_mode_touches_nothing(self):
        self.start()
        self.serving("home")
        self.stop()
        good = open(self.config).read()
        with open(self.config, "w") as out:
            out.write(good.replace("[orchestrator]", '[orchestrator]\nmode = "observe"'))
        self.start()
        self.kill_site("home")
        wait_for("the decision", lambda: (self.service()["blocked"] or {}).get("by") == "observe")
        self.assertEqual(self.running(), [])
        self.understudy("promote", "counter", "spare", expect=5)


class CommandLine(Site):
    def test_exit_codes_and_manners(self):
        self.understudy("status", expect=7)
        self.understudy("nonsense", expect=2)
        self.understudy("check")
        self.start()
        self.serving("home")
        self.understudy("plan", "nobody", expect=2)
        wait_for("the spare's control plane", lambda: json.loads(self.understudy("plan", "counter", "--json"))["ranked"])
        self.understudy("plan", "counter", "--exit-code", expect=3)
        self.understudy("promote", "counter", "home", expect=4)
        said = self.understudy("promote", "counter", "spare", "--force", expect=2)
        self.assertIn("--yes", said)
        plan = os.path.join(self.folder, "plan.json")
        self.understudy("plan", "counter", "--out", plan)
        self.understudy("pause", "counter")
        self.understudy("resume", "counter")
        self.assertIn("changed since the plan", self.understudy("promote", "counter", "--plan", plan, expect=4))
        self.assertEqual(self.understudy("promote", "counter", "spare", "--dry-run").strip(), "would promote counter to spare")
        self.assertEqual(json.loads(self.understudy("promote", "counter", "--dry-run", "--json")), {"schema": 1, "would": "promote", "service": "counter", "target": None})
        self.assertEqual(self.understudy("failback", "counter", "--dry-run").strip(), "would failback counter to its primary")

    def test_an_orchestrator_that_lets_wait_is_no_orchestrator_that_is_not_there(self):
        os.makedirs(os.path.join(self.folder, "var"), mode=0o700)
        with open(os.path.join(self.folder, "var/api.token"), "w") as out:
            out.write("0123456789abcdef" * 4 + "\n")
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(os.path.join(self.folder, "var/understudy.sock"))
            self.assertIn("is it running?", self.understudy("status", expect=7))
            silent.listen()
            self.assertIn("has not answered", self.understudy("status", expect=6))

    @unittest.skipUnless(os.geteuid() == 0, "another user needs root")
    def test_another_user_is_told_to_be_the_right_one(self):
        self.start()
        os.chmod(self.folder, 0o755)
        try:
            done = subprocess.run([self.program, "-c", self.config, "status"], capture_output=True, text=True, timeout=60, user="nobody", cwd="/")
        except PermissionError:
            self.skipTest("another user may not run the program where it lies")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("run this as the user that the orchestrator runs as", done.stderr)

    def test_only_the_owner_can_read_the_token_and_the_journal(self):
        self.start()
        for name in ("api.token", "journal.db", "understudy.sock"):
            mode = stat.S_IMODE(os.stat(os.path.join(self.folder, "var", name)).st_mode)
            self.assertEqual(mode & 0o077, 0, name)

    def test_snapshots_are_listed_verified_and_restored(self):
        self.start()
        self.serving("home")
        made = json.loads(self.understudy("snapshot", "push", "counter", "--json"))["id"]
        self.assertIn(made, self.understudy("snapshot", "list", "counter"))
        self.understudy("snapshot", "verify", "counter", made)
        folder = os.path.join(self.folder, "restored")
        self.understudy("snapshot", "restore", "counter", made, folder)
        self.assertIn("count", json.load(open(os.path.join(folder, "state/count.json"))))
        self.assertIn("not empty", self.understudy("snapshot", "restore", "counter", made, folder, expect=2))
        data = os.path.join(self.folder, "snapshots/counter/snapshots", made, "data/state/count.json")
        os.chmod(data, 0o600)
        with open(data, "a") as out:
            out.write("tampered")
        said = self.understudy("snapshot", "verify", "counter", made, expect=1)
        self.assertIn(f"snapshot {made} is damaged: state/count.json in snapshot {made} is not what was saved", said)
        self.assertIn("there is no snapshot", self.understudy("snapshot", "verify", "counter", "20200101T000000.000Z-e1", expect=2))


if __name__ == "__main__":
    unittest.main()
