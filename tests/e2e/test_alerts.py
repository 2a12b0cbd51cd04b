"""Where alerts go: routes, throttle, grouping, reminders, acknowledgement, escalation, silences, fallback, heartbeat, over the
whole program; each notifier is a file."""
import contextlib
import http.server
import json
import os
import re
import sqlite3
import threading
import time
import unittest

from harness import Site, paced, wait_for
from plugin_driver import Plugin


class Alerts(Site):
    weak_check = False

    def notifiers(self, *names):
        return "".join(f'[notifier.{n}]\nplugin = "log"\nsettings = {{ file = "{n}.jsonl" }}\n' for n in names)

    def told(self, name):
        path = os.path.join(self.folder, name + ".jsonl")
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def kinds(self, name):
        return [a["kind"] for a in self.told(name)]

    def fail_over(self):
        self.start()
        self.serving("home")
        self.kill_site("home")
        self.serving("spare")

    def test_critical_to_one_and_the_rest_to_another(self):
        self.write_config(extra=self.notifiers("pager", "paper") + """
[[route]]
match = { severity = "critical" }
to = ["pager"]
[[route]]
to = ["paper"]
""")
        self.fail_over()
        wait_for("the end to be told", lambda: "failover.done" in self.kinds("paper"))
        wait_for("the other notifier to tell its part", lambda: {"service.down", "failover.started"} <= set(self.kinds("pager")))
        critical = [a for a in self.told("pager") if a["state"] != "resolved"]
        self.assertEqual({a["severity"] for a in critical}, {"critical"})
        self.assertNotIn("critical", [a["severity"] for a in self.told("paper")])

    def test_alerts_of_an_incident_share_it_and_can_be_one_message(self):
        self.write_config(policy="auto", stable_for="500ms", extra=self.notifiers("all", "grouped") + f"""
[[route]]
to = ["all"]
throttle = "0s"
continue = true
[[route]]
to = ["grouped"]
group_wait = "{paced(2000)}ms"
throttle = "0s"
""")
        self.start()
        self.serving("home")
        self.kill_site("home")  # at the spare it is too soon over to be waited for
        wait_for("the way home", lambda: "failback.done" in self.kinds("all"))
        incidents = {a.get("incident") for a in self.told("all")}
        self.assertEqual(len(incidents - {""}), 1, self.told("all"))
        wait_for("the grouped end", lambda: any("failback.done" == a["kind"] for a in self.told("grouped")))
        self.assertLess(len(self.told("grouped")), len(self.told("all")))
        first = next(a for a in self.told("grouped") if int(a["facts"].get("joined", "1")) > 1)
        self.assertIn("failover", first["text"])

    def tell_a_hook(self, refusals):
        """Everything goes to a webhook that answers `service.down` with these first. The kinds that it took, in order."""
        taken = []

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                kind = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["kind"]
                status = refusals.pop() if kind == "service.down" and refusals else 200
                if status == 200:
                    taken.append(kind)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        self.write_config(extra=f"""
[notifier.hook]
plugin = "webhook"
settings = {{ url = "http://127.0.0.1:{server.server_port}/" }}
[[route]]
to = ["hook"]
throttle = "0s"
""")
        return taken

    def test_what_a_notifier_did_not_take_is_told_before_what_came_later(self):
        refusals = [503]
        taken = self.tell_a_hook(refusals)
        self.fail_over()
        wait_for("the end to be told", lambda: "failover.done" in taken)
        self.assertEqual(refusals, [])
        order = [taken.index(kind) for kind in ("service.down", "failover.started", "failover.done")]
        self.assertEqual(order, sorted(order), taken)

    def test_what_the_only_notifier_refuses_is_not_given_up(self):
        refusals = [403, 403]
        taken = self.tell_a_hook(refusals)
        self.fail_over()
        wait_for("what was refused", lambda: "service.down" in taken)
        self.assertEqual(refusals, [])

    def test_what_was_handed_to_the_others_holds_up_nothing_when_it_is_refused_again(self):
        taken = self.tell_a_hook([503] * 100)
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace('to = ["hook"]', 'to = ["hook"]\nthrottle = "0s"\ncontinue = true\n[[route]]\nto = ["paper"]') + self.notifiers("paper"))
        self.fail_over()
        refused = "SELECT attempt FROM outbox WHERE notifier = 'hook' AND json_extract(alert, '$.kind') = 'service.down' AND attempt >= %d"
        wait_for("a refusal", lambda: self.queued(refused % 1))
        for attempt in (4, 6):  # it would take minutes to come there
            self.stop()
            # One that was on its way when it was stopped counts as queued.
            self.queued(f"UPDATE outbox SET state = 'queued', attempt = {attempt}, not_before_ms = 0 WHERE notifier = 'hook' AND state IN ('queued', 'sending') RETURNING 1")
            self.start()
            wait_for("another refusal", lambda: self.queued(refused % (attempt + 1)))
            # Or it is told once more after the stop, as a possible duplicate.
            wait_for("the other notifier to have told all", lambda: not self.queued("SELECT 1 FROM outbox WHERE notifier = 'paper' AND state IN ('queued', 'sending')"))
        told = [a for a in self.told("paper") if "because hook cannot be reached" in a["text"] and a["kind"] == "service.down" and a["state"] == "firing"]
        self.assertEqual(1, len(told), self.told("paper"))
        self.understudy("failback", "counter")
        wait_for("what came later", lambda: "failback.done" in self.kinds("paper"))

    def test_what_came_first_is_told_first_when_the_only_notifier_answers_again(self):
        refusals = [503] * 1000
        taken = self.tell_a_hook(refusals)
        self.fail_over()
        wait_for("a refusal", lambda: self.queued("SELECT 1 FROM outbox WHERE json_extract(alert, '$.kind') = 'service.down' AND attempt > 0"))
        wait_for("all to be queued", lambda: self.queued("SELECT 1 FROM outbox WHERE json_extract(alert, '$.kind') = 'failover.done'"))
        self.stop()
        refusals.clear()
        self.queued("UPDATE outbox SET attempt = 6 WHERE json_extract(alert, '$.kind') IN ('service.down', 'failover.started') RETURNING 1")
        self.queued("UPDATE outbox SET not_before_ms = 0 RETURNING 1")
        self.start()
        wait_for("the end to be told", lambda: "failover.done" in taken)
        order = [taken.index(kind) for kind in ("service.down", "failover.started", "failover.done")]
        self.assertEqual(order, sorted(order), taken)

    def test_what_waits_behind_what_is_handed_over_goes_with_it_in_order(self):
        self.tell_a_hook([503] * 100)
        with open(self.config, "a") as config:
            config.write(self.notifiers("paper"))
        self.fail_over()
        down = "SELECT 1 FROM outbox WHERE notifier = 'hook' AND json_extract(alert, '$.kind') = '%s' AND attempt >= %d"
        wait_for("a refusal", lambda: self.queued(down % ("service.down", 1)) and self.queued(down % ("failover.done", 0)))
        self.stop()
        self.queued("UPDATE outbox SET attempt = 4, not_before_ms = 0 WHERE json_extract(alert, '$.kind') = 'service.down' RETURNING 1")
        self.start()
        wait_for("the other notifier to tell all of it", lambda: "failover.done" in self.kinds("paper"))
        told = self.kinds("paper")
        order = [told.index(kind) for kind in ("service.down", "failover.started", "failover.done")]
        self.assertEqual(order, sorted(order), told)

    def queued(self, statement="SELECT max(not_before_ms) FROM outbox WHERE state = 'queued'"):
        db = sqlite3.connect(os.path.join(self.folder, "var/journal.db"), timeout=60)
        with contextlib.closing(db), db:
            return db.execute(statement).fetchone()

    def test_what_waits_for_the_time_of_a_clock_that_was_set_back_meanwhile_is_sent_soon(self):
        missing = os.path.join(self.folder, "missing")
        self.write_config(extra=f'[notifier.all]\nplugin = "log"\nsettings = {{ file = "{missing}/all.jsonl" }}\n')
        self.fail_over()
        wait_for("a delivery that failed", lambda: (self.queued("SELECT max(attempt) FROM outbox") or (0,))[0])
        self.stop()
        ahead = int((time.time() + 7 * 3600) * 1000)
        self.queued(f"UPDATE outbox SET not_before_ms = {ahead} WHERE state = 'queued' RETURNING 1")
        self.assertEqual((ahead,), self.queued())
        os.mkdir(missing)
        self.start()
        wait_for("the times to be cut", lambda: (self.queued()[0] or 0) < (time.time() + 601) * 1000)

    def test_what_was_open_ends_though_the_orchestrator_was_started_again(self):
        self.write_config(extra=self.notifiers("all"))
        store = os.path.join(self.folder, "snapshots")
        with open(store, "w"):  # in the way of a folder
            pass
        self.start()
        self.serving("home")
        wait_for("saves to fail", lambda: ("state.push", "firing") in self.states("all"))
        self.stop()
        os.unlink(store)
        self.start()
        wait_for("the end to be told", lambda: ("state.push", "resolved") in self.states("all"))
        self.assertNotIn("state.push", self.understudy("alert", "list"))

    def test_a_target_that_saves_by_itself_and_does_not_is_told(self):
        self.write_config(extra=self.notifiers("all"))
        with open(self.config) as config:
            text = config.read()
        text = re.sub(r'(?m)^paths = .*\n', "", text).replace('every = "1s"', f'every = "1s"\nmax_age = "{paced(4000)}ms"')
        with open(self.config, "w") as config:
            config.write(text)
        self.start()
        self.serving("home")
        wait_for("the alert", lambda: ("state.push", "firing") in self.states("all"))
        alert = next(a for a in self.told("all") if a["kind"] == "state.push")
        self.assertIn("no newer state comes from home", alert["title"])
        self.assertIsNone(self.service()["snapshot"])
        with contextlib.closing(Plugin("local_dir", "state", {"dir": os.path.join(self.folder, "snapshots"), "fsync": False}, service="counter")) as store:
            store.call("store.list/1", {"service": "counter"})  # it has started: what is saved below is no older than it must be
            now_ms = int(time.time() * 1000)
            stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_ms // 1000)) + f".{now_ms % 1000:03}Z"
            pushed = store.call("store.push/1", {"service": "counter", "id": stamp + "-e1", "epoch": 1, "paths": [{"name": "state", "path": os.path.join(self.folder, "home/state")}]}, paced(30000))
            self.assertEqual(pushed["status"], "ok", pushed)
        wait_for("its end", lambda: ("state.push", "resolved") in self.states("all"))
        self.assertEqual(self.service()["snapshot"]["id"], stamp + "-e1")

    def states(self, name):
        return [(a["kind"], a["state"]) for a in self.told(name)]

    def test_what_is_open_of_a_service_that_leaves_the_file_ends(self):
        self.stay_down(self.notifiers("all"))
        wait_for("the outage to be told", lambda: ("service.down", "firing") in self.states("all"))
        self.stop()
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace("service.counter", "service.other"))
        self.start()
        wait_for("its end", lambda: ("service.down", "resolved") in self.states("all"))
        ended, = (a for a in self.told("all") if (a["kind"], a["state"]) == ("service.down", "resolved"))
        self.assertIn("no longer in the file", ended["title"])

    def stay_down(self, extra):
        """Down, and nobody may do anything about it."""
        self.write_config(extra=extra)
        self.start()
        self.serving("home")
        self.understudy("pause", "counter")
        self.kill_site("home")

    def test_what_is_open_is_repeated_and_escalated_until_somebody_knows(self):
        self.stay_down(self.notifiers("first", "boss") + """
[[route]]
match = { severity = ">=warning" }
to = ["first"]
throttle = "0s"
repeat = "1s"
escalate_after = "2s"
escalate_to = ["boss"]
[[route]]
to = ["first"]
""")
        wait_for("a reminder", lambda: any(a["facts"].get("reminder") == "repeat" for a in self.told("first")))
        wait_for("the escalation", lambda: "service.down" in self.kinds("boss"))  # the pause is escalated, too, and before it
        self.assertEqual(self.told("boss")[0]["facts"]["reminder"], "escalation")
        self.assertIn("Nobody has acknowledged", self.told("boss")[0]["title"])
        self.assertIn("service.down", self.understudy("alert", "list"))
        self.assertIn("acknowledged", self.understudy("alert", "ack"))
        self.assertIn("acknowledged by", self.understudy("alert", "list"))
        wait_for("what was to be told before that", lambda: not self.queued("SELECT 1 FROM outbox WHERE state IN ('queued', 'sending')"))
        known = {a["kind"] for a in json.loads(self.understudy("alert", "list", "--json"))["open"] if a["acknowledged"]}
        before = [a for a in self.told("first") if "reminder" in a["facts"] and a["kind"] in known]
        time.sleep(2.5)
        after = [a for a in self.told("first") if "reminder" in a["facts"] and a["kind"] in known]
        self.assertEqual(len(after), len(before), "what was acknowledged is still repeated")
        # What is open, and who knows of it, outlives a restart; and who was called hears that it is over.
        self.stop()
        self.start()
        self.assertIn("acknowledged by", self.understudy("alert", "list"))
        self.understudy("resume", "counter")
        wait_for("the end, at the boss's", lambda: ("service.down", "resolved") in self.states("boss"))

    def test_a_silence_keeps_alerts_back_and_they_stay_open(self):
        self.write_config(extra=self.notifiers("all"))
        self.start()
        self.serving("home")
        wait_for("the start to be told", lambda: "start.done" in self.kinds("all"))
        told = self.understudy("alert", "silence", "--service", "counter", "--for", "1h", "--reason", "moving house")
        self.assertIn("silenced as", told)
        self.kill_site("home")
        self.serving("spare")
        time.sleep(0.5)
        self.assertEqual([k for k in self.kinds("all") if not k.startswith("start.")], [])
        listed = json.loads(self.understudy("alert", "list", "--json"))
        self.assertEqual(listed["silences"][0]["reason"], "moving house")
        self.assertEqual(self.status()["alerts"]["silences"][0]["service"], "counter")
        self.understudy("pause", "counter")  # an alert that stays open
        shown = self.understudy("status")
        self.assertRegex(shown, r"silence \S+: service counter by \S+ for another \d+m \d+s: moving house\n")
        self.assertRegex(shown, r"\d+ alerts? open \(understudy alert list\)")
        self.understudy("alert", "unsilence", listed["silences"][0]["id"])
        self.assertEqual(json.loads(self.understudy("alert", "list", "--json"))["silences"], [])
        self.assertIn("there is no silence", self.understudy("alert", "unsilence", "s1", expect=None))
        self.assertIn("everything", self.understudy("alert", "silence", expect=2))

    def test_a_test_shows_each_delivery(self):
        self.write_config(extra=self.notifiers("good") + """
[notifier.bad]
plugin = "log"
settings = { file = "/no/such/folder/file" }
[[route]]
match = { severity = "critical" }
to = ["good", "bad"]
[[route]]
to = ["good"]
""")
        self.start()
        self.assertIn("good: delivered", self.understudy("alert", "test"))
        self.assertIn("test", self.kinds("good"))
        said = self.understudy("alert", "test", "--severity", "critical", expect=1)
        self.assertIn("good: delivered", said)
        self.assertIn("/no/such/folder", said)

    def test_the_heartbeat_comes_and_goes_on_after_a_restart(self):
        self.write_config(extra=self.notifiers("all"))
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace('data_dir = "var"', 'data_dir = "var"\nheartbeat = "1s"', 1))
        self.start()
        wait_for("two heartbeats", lambda: self.kinds("all").count("heartbeat") >= 2)
        self.assertIn("is watching 1 service", [a for a in self.told("all") if a["kind"] == "heartbeat"][0]["title"])

    def test_hours_are_checked(self):
        self.write_config(extra=self.notifiers("a") + '[[route]]\nmatch = { time = "25:00-26:00", days = ["mon-someday"] }\nto = ["a"]\nescalate_to = ["b"]\n')
        said = self.understudy("check", expect=2)
        for part in ("25:00-26:00", "mon-someday", 'there is no such notifier'):
            self.assertIn(part, said)


del Site

if __name__ == "__main__":
    unittest.main()
