"""Drills with real processes: a standby comes up on a copy of the state, is timed and torn down, and the service itself does
not notice; whatever ends a drill half-way, nothing of it stays."""
import http.server
import json
import os
import threading
import unittest

from drill_site import DrillSite
from harness import PATIENCE_S, runs, wait_for
from patient import Patient


class Drill(DrillSite):
    def test_a_standby_comes_up_on_a_copy_and_the_service_does_not_notice(self):
        self.begin(before="sleep 0.5;")
        pid, before, declared = self.pid("home"), self.count("home")["count"], self.samples()
        self.assertEqual(declared["samples"], 0)
        report = json.loads(self.understudy("drill", "counter", "--json", "--reason", "spring"))
        self.assertEqual((report["target"], report["verified"], report["mode"]), ("spare", True, "isolated"))
        self.assertEqual([s["step"] for s in report["steps"] if s["ok"]], ["prepare", "start", "verify", "stop"])
        self.assertGreaterEqual(report["ready_in_ms"], 500)
        self.nothing_is_left()
        self.assertGreater(self.count("home")["count"], before)
        self.untouched(pid)
        self.assertEqual(self.running(), ["home"])
        with open(os.path.join(self.folder, "spare.env")) as env:
            env = dict(line.split("=", 1) for line in env.read().splitlines() if "=" in line)
        self.assertEqual((env["UNDERSTUDY_DRILL"], env["UNDERSTUDY_EPOCH"]), (report["id"], "0"))
        self.assertTrue(env["UNDERSTUDY_STATE"].startswith(os.path.join(self.folder, "var/drills", report["id"])))
        self.assertEqual(self.samples()["samples"], 1)
        self.assertRegex(self.understudy("status"), r"drilled: .* ago \(ready in \d+\.\d s\)")
        asked, = (line["text"] for line in self.history() if line["kind"] == "drill.asked")
        self.assertIn("spring", asked)
        where = os.path.join(self.folder, "restored")
        self.understudy("snapshot", "push", "counter")
        newest = json.loads(self.understudy("snapshot", "list", "counter", "--json"))["snapshots"]
        self.assertEqual({s["epoch"] for s in newest}, {1})
        self.understudy("snapshot", "restore", "counter", max(s["id"] for s in newest), where)
        with open(os.path.join(where, "state/count.json")) as saved:
            self.assertEqual(json.load(saved)["site"], "home")

    def test_a_drill_that_fails_says_why_and_is_torn_down(self):
        self.begin(before="test -z $UNDERSTUDY_DRILL || { sleep 0.6; echo no licence; exit 3; };")
        pid = self.pid("home")
        said = self.understudy("drill", "counter", "spare", expect=6)
        self.assertIn("no licence", said)
        self.nothing_is_left()
        self.untouched(pid)
        self.assertIn("drill.failed", self.kinds())
        self.assertIn("the last drill of spare failed", self.understudy("status"))
        self.assertEqual((self.samples()["samples"], self.samples()["attempts"]), (0, 1))
        self.understudy("promote", "counter", "spare")
        self.serving("spare")

    def test_the_orchestrator_is_killed_in_the_middle(self):
        self.begin(before="sleep 100;")
        pid = self.pid("home")
        self.understudy("drill", "counter", "spare", "--no-wait")
        copy = wait_for("the copy", self.copy_pid)
        self.assertIn("being drilled", self.understudy("drill", "counter", "spare", expect=4))
        self.assertIn("being drilled", self.understudy("status"))
        self.assertIn("drilled", self.understudy("reload", expect=4))
        self.kill()
        self.assertTrue(runs(copy))
        self.start()
        wait_for("the copy's end", lambda: not runs(copy))
        self.nothing_is_left()
        self.serving("home")
        self.untouched(pid)

    def test_a_failover_in_the_middle_ends_the_drill_and_uses_that_very_target(self):
        self.begin(before="test -z $UNDERSTUDY_DRILL || sleep 100;")
        self.understudy("drill", "counter", "spare", "--no-wait")
        copy = wait_for("the copy", self.copy_pid)
        before = self.count("home")["count"]
        self.kill_site("home")
        served = self.serving("spare")
        self.assertEqual(served["epoch"], 2)
        self.assertFalse(runs(copy))
        self.nothing_is_left()
        self.assertEqual(self.running(), ["spare"])
        self.assertGreater(self.count("spare")["count"], before - 60)
        self.assertIn("drill.cancelled", self.kinds())

    def test_a_command_that_would_use_the_standbys_own_state_is_not_started(self):
        self.begin(state="elsewhere")
        said = self.understudy("drill", "counter", "spare", expect=6)
        self.assertIn("so a copy would use it too", said)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "spare.env")))
        self.assertEqual(self.samples()["attempts"], 0)  # the file is at fault, not the target
        self.nothing_is_left()

    def test_checks_that_pass_before_the_copy_runs_prove_nothing(self):
        class Healthy(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"status": "healthy"}')

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", self.ports["spare"]), Healthy) as other:
            threading.Thread(target=other.serve_forever, daemon=True).start()
            self.begin(before="sleep 100;")
            said = self.understudy("drill", "counter", "spare", expect=6)
            other.shutdown()
        self.assertIn("they look at something else", said)
        self.nothing_is_left()

    def test_the_service_itself_goes_there_and_comes_back(self):
        self.begin(more='[service.counter.drill]\nstay = "300ms"\n')
        self.assertIn("--yes", self.understudy("drill", "counter", "spare", "--switchover", expect=2))
        said = self.understudy("drill", "counter", "spare", "--switchover", "--yes")
        self.assertIn("spare is proven", said)
        self.assertEqual(self.serving("home")["epoch"], 3)
        self.assertEqual(self.running(), ["home"])
        self.assertEqual(self.samples()["samples"], 1)
        granted = [line["text"] for line in self.history() if line["kind"] == "epoch.granted"]
        self.assertEqual(len(granted), 3)

    def test_the_schedule_drills_and_status_warns_without_one(self):
        self.begin(more='[service.counter.drill]\nwarn_after = "1s"\n')
        wait_for("the warning", lambda: "spare not drilled for" in self.understudy("status"))
        self.stop()
        self.begin(more='[service.counter.drill]\nevery = "20s"\nwarn_after = "1h"\n')
        wait_for("the drill", lambda: self.spare()["drill"]["proven"], 3 * PATIENCE_S)
        self.assertNotIn("not drilled for", self.understudy("status"))
        asked = [line["text"] for line in self.history() if line["kind"] == "drill.asked"]
        self.assertIn("the schedule", asked[-1])
        self.nothing_is_left()


    def test_a_schedule_of_switchovers_moves_the_service_there_and_back(self):
        self.begin(more='[service.counter.drill]\nevery = "20s"\nmode = "switchover"\nstay = "300ms"\n')
        last = wait_for("the drill", lambda: self.spare()["drill"]["last"], 3 * PATIENCE_S)
        self.assertEqual((last["mode"], last["verified"], last["who"]), ("switchover", True, "the schedule"))
        self.assertGreaterEqual(self.serving("home")["epoch"], 3)


class Others(Patient):
    def schedule(self, lines):
        self.suffer()
        with open(self.config, "a") as config:
            config.write(f"[service.counter.drill]\n{lines}\n")

    def test_a_standby_that_cannot_run_a_copy_is_warned_of_all_the_same(self):
        self.schedule('warn_after = "1s"')
        self.start()
        self.serving("home")
        wait_for("the warning", lambda: "spare not drilled for" in self.understudy("status"))
        self.assertIn("by a switchover only", self.understudy("status"))

    def test_a_schedule_that_drills_nobody_is_told_by_check(self):
        self.schedule('every = "30d"')
        checked = json.loads(self.understudy("check", "--json"))["diagnostics"]
        self.assertEqual([d["code"] for d in checked], ["W0202"])
        self.assertIn("spare (patient)", checked[0]["message"])
        self.schedule('every = "30d"\nmode = "switchover"')
        self.assertEqual(json.loads(self.understudy("check", "--json"))["diagnostics"], [])

    def test_what_cannot_be_drilled_is_told_with_what_can_be_done(self):
        self.suffer()
        self.start()
        self.serving("home")
        said = self.understudy("drill", "counter", "spare", expect=1)
        self.assertIn("cannot run a copy beside the service", said)
        self.assertIn("--switchover", said)
        self.assertIn("runs the service itself", self.understudy("drill", "counter", "home", expect=4))
        self.assertIn('no target "nowhere"', self.understudy("drill", "counter", "nowhere", expect=2))
        self.assertEqual(self.provider("calls"), [])
        self.stop()
        self.suffer(mode="observe")
        self.start()
        self.assertIn('mode is "observe"', self.understudy("drill", "counter", "spare", expect=5))


if __name__ == "__main__":
    unittest.main()
