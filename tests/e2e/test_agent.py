"""`understudy agent`: the supervisor beside a workload, as a process, over its HTTP face."""
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
import unittest

from agent_site import KEY, Agent
from harness import PATIENCE_S, runs, wait_for


@contextlib.contextmanager
def frozen(agent):
    """So that it does not save, and make the folder again, between two steps of a change to its store."""
    agent.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        agent.process.send_signal(signal.SIGCONT)


class AgentTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-agent-")
        self.agents = []

    def tearDown(self):
        for agent in self.agents:
            agent.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def agent(self, *args, **more):
        made = Agent(self.folder, *args, **more)
        self.agents.append(made)
        return made

    def running(self, agent, epoch=1, **order):
        status, body = agent.ask("POST", "/activate", {"epoch": epoch, "snapshot": "", **order})
        self.assertIn(status, (200, 202), body)
        agent.until(mode="active", workload_status="running")
        wait_for("the workload to serve", agent.counter)

    # -- who may ask ----------------------------------------------------------------------------------------------------

    def test_only_the_key_opens_more_than_health(self):
        a = self.agent().start()
        self.assertEqual(200, a.ask("GET", "/healthz", key=None)[0])
        self.assertEqual("standby", a.health()["status"])
        for method, path in (("POST", "/activate"), ("POST", "/deactivate"), ("GET", "/metrics")):
            for key in (None, "wrong", KEY + "x", KEY[:-1]):
                self.assertEqual(401, a.ask(method, path, {} if method == "POST" else None, key=key)[0], path)
        self.assertEqual(200, a.ask("GET", "/metrics")[0])
        self.assertNotIn(KEY, a.log())

    def test_bad_requests_say_what_is_wrong_and_change_nothing(self):
        a = self.agent().start()
        for body, words in ((b"{", "JSON object"), (b"[1]", "JSON object"), ({"epoch": -1}, "whole number"),
                            ({"epoch": "1"}, "whole number"), ({"epoch": 1, "force": 1}, "true or false"),
                            ({"epoch": 1, "snapshot": 3}, "a text"), ({}, "epoch"), ({"epoch": 1, "bucket": "gs://elsewhere"}, "gs://elsewhere")):
            status, answer = a.ask("POST", "/activate", body)
            self.assertEqual(400, status, answer)
            self.assertIn(words, answer["error"]["message"])
        self.assertEqual(405, a.ask("GET", "/activate")[0])
        self.assertEqual(404, a.ask("GET", "/nowhere")[0])
        self.assertEqual("standby", a.health()["mode"])

    # -- a life ---------------------------------------------------------------------------------------------------------

    def test_state_goes_from_one_site_to_the_other_and_back(self):
        a, b = self.agent("a").start(), self.agent("b").start()
        self.running(a, 1)
        wait_for("some counting", lambda: a.counter()["count"] > 5)
        self.assertEqual("1", a.counter()["epoch"])
        self.assertEqual(202, a.ask("POST", "/deactivate", {"epoch": 1})[0])
        left = a.until(mode="standby", workload_status="stopped")
        self.assertTrue(left["last_push"]["ok"])
        with open(os.path.join(a.state, "count.json")) as file:
            last = json.load(file)["count"]
        snapshot = left["snapshot"]["id"]
        self.assertEqual(202, b.ask("POST", "/activate", {"epoch": 2, "snapshot": snapshot, "operation": "op2"})[0])
        there = b.until(mode="active", workload_status="running")
        self.assertEqual((snapshot, True, "op2"), (there["snapshot"]["id"], there["last_activation"]["ok"], there["last_activation"]["operation"]))
        self.assertGreaterEqual(wait_for("b to serve", b.counter)["count"], last)
        wait_for("b to save by itself", lambda: b.health()["snapshot"]["epoch"] == 2)
        b.ask("POST", "/deactivate", {"epoch": 2})
        back = b.until(mode="standby")
        with open(os.path.join(b.state, "count.json")) as file:
            newer = json.load(file)["count"]
        self.running(a, 3, snapshot=back["snapshot"]["id"])
        self.assertGreaterEqual(a.counter()["count"], newer)

    def test_old_epochs_are_refused_also_after_a_restart(self):
        a = self.agent().start()
        self.running(a, 5)
        self.assertEqual(200, a.ask("POST", "/activate", {"epoch": 5})[0])
        self.assertEqual(409, a.ask("POST", "/activate", {"epoch": 4})[0])
        self.assertEqual(409, a.ask("POST", "/deactivate", {"epoch": 4})[0])
        self.assertEqual("running", a.health()["workload_status"])
        a.ask("POST", "/deactivate", {"epoch": 5})
        a.until(mode="standby")
        self.assertEqual(0, a.stop())
        a.start()
        status, answer = a.ask("POST", "/activate", {"epoch": 5})
        self.assertEqual((409, "stale_epoch"), (status, answer["error"]["code"]))
        self.running(a, 6)

    def test_a_newer_epoch_while_it_runs_tells_the_workload_and_keeps_the_state(self):
        a = self.agent().start()
        self.running(a, 1)
        wait_for("some counting", lambda: a.counter()["count"] > 3)
        self.assertEqual(202, a.ask("POST", "/activate", {"epoch": 2})[0])
        wait_for("the new epoch to reach the workload", lambda: a.counter()["epoch"] == "2")
        self.assertGreater(a.counter()["count"], 3)

    def test_a_store_with_a_newer_epoch_refuses_the_start(self):
        a, b = self.agent("a").start(), self.agent("b").start()
        self.running(a, 7)
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        a.ask("POST", "/deactivate", {})
        a.until(mode="standby")
        b.ask("POST", "/activate", {"epoch": 6})
        told = wait_for("the refusal", lambda: (lambda l: l if l and l["done"] else None)(b.health()["last_activation"]))
        self.assertFalse(told["ok"])
        self.assertIn("epoch 7", told["detail"])
        self.assertEqual("standby", b.health()["mode"])

    def test_a_site_that_another_one_has_overtaken_stops_by_itself(self):
        a, b = self.overtaken()
        self.assertIn("another site", a.health()["workload"]["detail"])
        self.assertEqual(409, a.ask("POST", "/activate", {"epoch": 1})[0])
        self.assertEqual("running", b.health()["workload_status"])

    def overtaken(self):
        a, b = self.agent("a").start(), self.agent("b").start()
        self.running(a, 1)
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        self.running(b, 2)  # somebody forced it: a was unreachable
        a.until(mode="standby", workload_status="stopped")
        return a, b

    def test_what_the_store_refused_stays_unsaved_and_is_not_sent_again(self):
        a, _ = self.overtaken()
        refused = a.health()
        self.assertTrue(refused["unsaved"])
        for words in ("epoch 1", a.state, "refused it for good", "epoch 1 is older"):
            self.assertIn(words, refused["unsaved_detail"])
        self.assertIn('understudy_agent_unsaved{service="counter"} 1', a.ask("GET", "/metrics")[1])
        self.assertEqual(200, a.ask("POST", "/deactivate", {"epoch": 2})[0], "there is nothing left to do")
        self.assertEqual(0, a.stop())
        a.start()
        told = a.health()
        self.assertEqual((True, refused["unsaved_detail"], None), (told["unsaved"], told["unsaved_detail"], told["last_push"]))
        self.assertEqual(200, a.ask("POST", "/deactivate", {"epoch": 2})[0])
        self.assertIsNone(a.health()["last_push"], "a refusal is final")
        self.assertEqual(200, a.ask("POST", "/deactivate", {"epoch": 2, "push": False})[0])  # somebody has looked at it
        self.assertEqual((False, None), (a.health()["unsaved"], a.health()["unsaved_detail"]))

    def test_a_last_save_that_is_refused_is_said_too(self):
        a, b = self.agent("a", more="").start(), self.agent("b").start()
        with open(a.config) as file:
            text = file.read().replace('every = "1s"', 'every = "1h"')
        with open(a.config, "w") as file:
            file.write(text)
        a.stop()
        a.start()
        self.running(a, 1)
        self.running(b, 2)
        wait_for("b to save", lambda: b.health()["snapshot"])
        self.assertEqual(202, a.ask("POST", "/deactivate", {"epoch": 1})[0])
        told = a.until(mode="standby")
        self.assertTrue(told["unsaved"])
        self.assertIn("refused it for good", told["unsaved_detail"])
        pushed = told["last_push"]
        self.assertEqual(200, a.ask("POST", "/deactivate", {"epoch": 1})[0])
        self.assertEqual(pushed, a.health()["last_push"])
        with open(os.path.join(a.state, "count.json")) as file:
            left = json.load(file)["count"]
        self.running(a, 3)  # it makes room for the newest snapshot, and is kept beside it
        self.assertIn("kept beside the state", a.log())
        kept = [name for name in os.listdir(a.folder) if name.startswith("state.replaced-")]
        with open(os.path.join(a.folder, kept[0], "count.json")) as file:
            self.assertEqual(left, json.load(file)["count"])

    def test_a_damaged_snapshot_does_not_start_unless_forced(self):
        a, b = self.agent("a").start(), self.agent("b").start()
        self.running(a, 1)
        first = wait_for("a snapshot", lambda: a.health()["snapshot"])
        counted = a.counter()["count"]
        wait_for("the next snapshot to differ", lambda: a.counter()["count"] > counted + 3)
        a.ask("POST", "/deactivate", {})
        last = a.until(mode="standby")["snapshot"]["id"]
        self.assertNotEqual(first["id"], last)
        damaged = 0
        for where, _, names in os.walk(a.snapshots):
            for name in names:
                if last in os.path.join(where, name) and "count" in name:
                    with open(os.path.join(where, name), "r+b") as file:
                        file.write(b"XX")
                    damaged += 1
        self.assertGreater(damaged, 0)
        b.ask("POST", "/activate", {"epoch": 2, "snapshot": last})
        told = wait_for("the refusal", lambda: (lambda l: l if l and l["done"] else None)(b.health()["last_activation"]))
        self.assertFalse(told["ok"])
        self.assertIn(last, told["detail"])
        self.assertFalse(os.path.exists(os.path.join(b.state, "count.json")))
        b.ask("POST", "/activate", {"epoch": 2, "snapshot": last, "force": True})
        self.assertNotEqual(last, b.until(mode="active")["snapshot"]["id"])

    def test_without_any_snapshot_it_starts_only_when_told_so(self):
        a = self.agent().start()
        a.ask("POST", "/activate", {"epoch": 1})
        told = wait_for("the refusal", lambda: (lambda l: l if l and l["done"] else None)(a.health()["last_activation"]))
        self.assertIn("no snapshot", told["detail"])
        self.running(a, 1, snapshot="")

    # -- its workload ---------------------------------------------------------------------------------------------------

    def test_it_is_started_again_with_backoff_then_given_up_and_says_so(self):
        a = self.agent(command=["sh", "-c", "echo I try; exit 3"], more='restart = ["100ms", "200ms"]', state=False).start()
        a.ask("POST", "/activate", {"epoch": 1})
        failed = a.until(workload_status="failed")
        self.assertEqual((2, "failed", "active"), (failed["workload"]["restarts"], failed["status"], failed["mode"]))
        self.assertIn("exit code 3", failed["workload"]["detail"])
        self.assertEqual(503, a.ask("GET", "/health")[0])
        self.assertEqual(3, a.log().count("I try"))
        self.assertIn('understudy_workload_failed{service="counter"} 1', a.ask("GET", "/metrics")[1])
        self.assertEqual(200, a.ask("GET", "/healthz")[0])

    def test_a_killed_workload_runs_again_with_its_state(self):
        a = self.agent(more='restart = ["100ms"]').start()
        self.running(a, 1)
        wait_for("some counting", lambda: a.counter()["count"] > 5)
        before = a.health()["workload"]["pid"]
        os.kill(before, signal.SIGKILL)
        wait_for("another process", lambda: a.health()["workload"]["pid"] not in (None, before))
        self.assertGreater(wait_for("it to serve again", a.counter)["count"], 5)

    def test_a_command_that_is_not_there_is_a_failed_activation(self):
        a = self.agent(command=["/no/such/program"], state=False).start()
        a.ask("POST", "/activate", {"epoch": 1})
        told = wait_for("the failure", lambda: (lambda l: l if l and l["done"] else None)(a.health()["last_activation"]))
        self.assertIn("/no/such/program", told["detail"])

    def test_one_that_ignores_term_is_killed_with_all_that_it_started(self):
        script = "trap '' TERM; sleep 1000 & echo child $!; while :; do sleep 0.1; done"
        a = self.agent(command=["bash", "-c", script], more='', state=False).start()
        a.ask("POST", "/activate", {"epoch": 1})
        child = int(wait_for("its child", lambda: re.search(r"child (\d+)", a.log()))[1])
        pid = a.health()["workload"]["pid"]
        a.ask("POST", "/deactivate", {"epoch": 1, "grace_ms": 300})
        a.until(mode="standby")
        self.assertFalse(runs(pid))
        wait_for("its child to be gone", lambda: not runs(child))

    def test_the_workload_dies_with_a_killed_agent(self):
        a = self.agent().start()
        self.running(a, 1)
        pid = a.health()["workload"]["pid"]
        a.stop(signal.SIGKILL)
        wait_for("the workload to be gone", lambda: not runs(pid))
        a.start()
        self.assertEqual("standby", a.health()["mode"])  # it does not start by itself what may run elsewhere by now

    def test_what_was_asked_to_end_through_a_shell_has_its_grace(self):
        script = "trap '' TERM; python3 -c \"import signal,time,sys; signal.signal(signal.SIGTERM, lambda *a: (time.sleep(0.5), print('ended well', flush=True), sys.exit(0))); print('bot is up', flush=True); time.sleep(1000)\" & trap 'exit 0' TERM; wait"
        a = self.agent(command=["bash", "-c", script], state=False).start()
        a.ask("POST", "/activate", {"epoch": 1})
        wait_for("the bot", lambda: "bot is up" in a.log())
        a.ask("POST", "/deactivate", {"epoch": 1, "grace_ms": 30000})  # it is done in half a second, on a busy machine in more
        a.until(mode="standby")
        self.assertIn("ended well", a.log())

    def test_a_last_save_that_fails_is_tried_again_and_never_called_done(self):
        a = self.agent().start()
        self.running(a, 1)
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        with frozen(a):
            os.rename(a.snapshots, a.snapshots + ".away")
            with open(a.snapshots, "w") as file:
                file.write("no folder")
        a.ask("POST", "/deactivate", {"epoch": 1})
        wait_for("a failed save", lambda: a.health()["last_push"]["ok"] is False)
        self.assertEqual("deactivating", a.health()["mode"])
        self.assertEqual(202, a.ask("POST", "/deactivate", {"epoch": 1})[0])  # the caller repeats its stop
        self.assertTrue(a.health()["unsaved"])
        with frozen(a):
            os.remove(a.snapshots)
            os.rename(a.snapshots + ".away", a.snapshots)
        saved = a.until(mode="standby")
        self.assertEqual((True, False), (saved["last_push"]["ok"], saved["unsaved"]))
        with open(os.path.join(a.state, "count.json")) as file:
            last = json.load(file)["count"]
        b = self.agent("b").start()
        self.running(b, 2, snapshot=saved["snapshot"]["id"])
        self.assertGreaterEqual(b.counter()["count"], last)

    def test_what_an_agent_that_was_killed_did_not_save_is_saved_by_the_stop(self):
        """The memory ran out: the agent and its workload are gone, and the work lies whole on the disk."""
        a = self.agent("a").start()
        self.running(a, 1)
        first = wait_for("a snapshot", lambda: a.health()["snapshot"])
        wait_for("more counting", lambda: a.counter()["count"] > 10)
        pid = a.health()["workload"]["pid"]
        a.stop(signal.SIGKILL)
        wait_for("the workload to be gone", lambda: not runs(pid))
        with open(os.path.join(a.state, "count.json")) as file:
            last = json.load(file)["count"]
        a.start()
        told = a.health()
        self.assertEqual(("standby", True), (told["mode"], told["unsaved"]))
        self.assertIn(a.state, told["unsaved_detail"])
        self.assertEqual(202, a.ask("POST", "/deactivate", {"epoch": 2})[0])
        saved = a.until(mode="standby", unsaved=False)
        self.assertNotEqual(first["id"], saved["snapshot"]["id"])
        self.assertEqual(1, saved["snapshot"]["epoch"])
        b = self.agent("b").start()
        self.running(b, 3)
        self.assertGreaterEqual(b.counter()["count"], last)
        self.assertEqual(200, a.ask("POST", "/deactivate", {"epoch": 2})[0])

    def test_what_was_saved_is_not_called_unsaved_after_a_restart(self):
        a = self.agent().start()
        self.running(a, 1)
        a.ask("POST", "/deactivate", {"epoch": 1})
        a.until(mode="standby", unsaved=False)
        a.stop()
        a.start()
        self.assertFalse(a.health()["unsaved"])
        self.assertEqual(200, a.ask("POST", "/deactivate", {"epoch": 1})[0])

    def test_without_a_state_nothing_is_unsaved(self):
        a = self.agent(command=["sleep", "1000"], state=False).start()
        a.ask("POST", "/activate", {"epoch": 1})
        a.until(workload_status="running")
        a.ask("POST", "/deactivate", {"epoch": 1})
        self.assertFalse(a.until(mode="standby")["unsaved"])

    def test_a_restarted_agent_saves_to_the_store_that_the_activation_named(self):
        named = os.path.join(self.folder, "named")
        a = self.agent(more='store_setting = "dir"').start()
        self.running(a, 1, store=named)
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        pid = a.health()["workload"]["pid"]
        a.stop(signal.SIGKILL)
        wait_for("the workload to be gone", lambda: not runs(pid))
        before = len(os.listdir(os.path.join(named, "counter", "snapshots")))
        a.start()
        a.ask("POST", "/deactivate", {"epoch": 1})
        a.until(mode="standby", unsaved=False)
        self.assertGreater(len(os.listdir(os.path.join(named, "counter", "snapshots"))), before)
        self.assertFalse(os.path.exists(os.path.join(a.snapshots, "counter")))

    def test_a_site_that_is_stopped_with_a_newer_epoch_saves_under_its_own(self):
        a = self.agent("a").start()
        self.running(a, 5)
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        a.ask("POST", "/deactivate", {"epoch": 9})
        self.assertEqual(5, a.until(mode="standby")["snapshot"]["epoch"])
        self.assertEqual(409, a.ask("POST", "/activate", {"epoch": 8})[0])

    def test_started_by_hand_it_goes_on_saving(self):
        a, b = self.agent("a").start(), self.agent("b").start()
        self.running(a, 5)
        a.ask("POST", "/deactivate", {})
        a.until(mode="standby")
        self.assertEqual(202, b.ask("POST", "/activate", {"force": True})[0])
        b.until(mode="active", workload_status="running")
        wait_for("a save", lambda: b.health()["last_push"])
        self.assertEqual((True, "running"), (b.health()["last_push"]["ok"], b.health()["workload_status"]))

    def test_a_snapshot_without_a_part_of_the_state_starts_nothing(self):
        a = self.agent("a").start()
        self.running(a, 1)
        a.ask("POST", "/deactivate", {})
        saved = a.until(mode="standby")["snapshot"]["id"]
        b = self.agent("b")
        with open(b.config) as file:
            text = file.read().replace('paths = ["state"]', 'paths = ["other"]')
        with open(b.config, "w") as file:
            file.write(text)
        b.start()
        b.ask("POST", "/activate", {"epoch": 2, "snapshot": saved})
        told = wait_for("the refusal", lambda: (lambda l: l if l and l["done"] else None)(b.health()["last_activation"]))
        self.assertIn('holds no "other"', told["detail"])

    def test_term_saves_the_state_and_ends(self):
        a = self.agent(tables="").start()
        self.running(a, 1)
        wait_for("some counting", lambda: a.counter()["count"] > 3)
        self.assertEqual(0, a.stop())
        with open(os.path.join(a.state, "count.json")) as file:
            last = json.load(file)["count"]
        b = self.agent("b").start()
        self.running(b, 2)
        self.assertGreaterEqual(b.counter()["count"], last)

    def test_a_stop_that_is_repeated_saves_all_the_same(self):
        """A provider whose first answer was lost asks again."""
        a = self.agent().start()
        self.running(a, 1)
        wait_for("some counting", lambda: a.counter()["count"] > 3)
        a.process.send_signal(signal.SIGTERM)
        self.assertEqual(0, a.stop(signal.SIGINT))
        with open(os.path.join(a.state, "count.json")) as file:
            last = json.load(file)["count"]
        b = self.agent("b").start()
        self.running(b, 2)
        self.assertGreaterEqual(b.counter()["count"], last)

    def test_a_check_of_the_workload_shows_in_health(self):
        a = self.agent(more='health_interval = "200ms"\nstart_grace = "0s"')
        with open(a.config, "a") as out:
            out.write(f"""
[[agent.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{a.counter_port}/health", json = {{ "$.status" = "healthy" }} }}
""")
        a.start()
        self.running(a, 1)
        os.kill(a.health()["workload"]["pid"], signal.SIGSTOP)
        a.until(status="unhealthy")
        self.assertEqual(503, a.ask("GET", "/health")[0])
        os.kill(a.health()["workload"]["pid"], signal.SIGCONT)
        a.until(status="healthy")

    def test_what_lives_and_does_not_listen_yet_is_starting(self):
        a = self.agent(more='health_interval = "100ms"')
        a.command = ["sh", "-c", 'sleep 1.5; exec "$@"', "sh", *a.command]
        with open(a.config, "a") as out:
            for url in (f"http://127.0.0.1:{a.counter_port}/health", f"http://127.0.0.1:{a.port}/healthz"):
                out.write(f'[[agent.health]]\nplugin = "http"\nsettings = {{ url = "{url}" }}\n')
        a.start()
        self.assertEqual(202, a.ask("POST", "/activate", {"epoch": 1, "snapshot": ""})[0])
        a.until(mode="active", workload_status="running")
        self.assertIsNotNone(a.counter())

    # -- a container that is itself the activation ------------------------------------------------------------------------

    def test_the_environment_activates_at_start(self):
        a = self.agent().start(env={"UNDERSTUDY_EPOCH": "4", "UNDERSTUDY_SNAPSHOT": "", "UNDERSTUDY_OPERATION": "boot4"})
        told = a.until(mode="active", workload_status="running")
        self.assertEqual((4, "boot4"), (told["epoch"], told["last_activation"]["operation"]))
        wait_for("some counting", lambda: a.counter()["count"] > 5)
        a.stop(signal.SIGKILL)
        a.start(env={"UNDERSTUDY_EPOCH": "4", "UNDERSTUDY_SNAPSHOT": ""})  # the machine came back: its own state goes on
        a.until(mode="active", workload_status="running")
        self.assertGreater(wait_for("it to serve", a.counter)["count"], 5)
        a.ask("POST", "/deactivate", {"epoch": 4})
        a.until(mode="standby")
        a.stop()
        a.start(env={"UNDERSTUDY_EPOCH": "4", "UNDERSTUDY_SNAPSHOT": ""})
        wait_for("the refusal", lambda: "was deactivated here" in a.log())
        self.assertEqual("standby", a.health()["mode"])

    def test_a_container_that_comes_back_looks_whether_another_site_has_run(self):
        order = {"UNDERSTUDY_EPOCH": "4", "UNDERSTUDY_SNAPSHOT": ""}
        a, b = self.agent("a").start(env=order), self.agent("b").start()
        a.until(mode="active", workload_status="running")
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        a.stop(signal.SIGKILL)
        self.running(b, 6)
        wait_for("a snapshot of the other's", lambda: (b.health()["snapshot"] or {}).get("epoch") == 6)
        a.start(env=order)
        wait_for("the refusal", lambda: a.health()["last_activation"]["done"])
        self.assertIn("another site has run the service since epoch 4", a.health()["last_activation"]["detail"])
        self.assertEqual("standby", a.health()["mode"])
        self.assertEqual(503, a.ask("GET", "/health")[0])

    def test_a_store_that_does_not_answer_keeps_no_container_from_going_on(self):
        order = {"UNDERSTUDY_EPOCH": "4", "UNDERSTUDY_SNAPSHOT": ""}
        a = self.agent().start(env=order)
        a.until(mode="active", workload_status="running")
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        a.stop(signal.SIGKILL)
        os.rename(a.snapshots, a.snapshots + ".away")
        with open(a.snapshots, "w") as out:
            out.write("no folder")
        a.start(env=order)
        a.until(mode="active", workload_status="running")
        self.assertGreater(wait_for("it to serve", a.counter)["count"], 0)

    def test_what_it_is_to_start_from_is_noted_before_it_is_brought(self):
        """An agent that ends meanwhile goes on with that, and not with what its former activation began with."""
        a = self.agent().start()
        self.running(a, 1)
        wait_for("a snapshot", lambda: a.health()["snapshot"])
        a.ask("POST", "/deactivate", {"epoch": 1})
        a.until(mode="standby", unsaved=False)
        ordered = "20261121T000000.000Z-e1"  # the store has none of that name: nothing is brought
        a.ask("POST", "/activate", {"epoch": 2, "snapshot": ordered})
        a.until(epoch=2)
        with open(os.path.join(a.folder, "var", "agent.json")) as ledger:
            told = json.load(ledger)
        self.assertEqual((told["snapshot"], told["restored"]), (ordered, False))

    def test_a_workload_that_is_done_is_saved_and_the_agent_ends(self):
        script = "mkdir -p state && echo '{\"count\": 77}' > state/count.json && sleep 0.3"
        a = self.agent(command=["sh", "-c", script]).start(env={"UNDERSTUDY_EPOCH": "1", "UNDERSTUDY_SNAPSHOT": "", "UNDERSTUDY_IDLE_STOP_S": "3600"})
        self.assertEqual(0, a.process.wait(timeout=PATIENCE_S))
        b = self.agent("b").start()
        self.running(b, 2)
        self.assertGreaterEqual(b.counter()["count"], 77)

    def test_a_container_that_was_booted_ahead_waits(self):
        a = self.agent().start(env={"UNDERSTUDY_EPOCH": "4", "UNDERSTUDY_STANDBY": "1"})
        self.assertEqual(("standby", 0), (a.health()["mode"], a.health()["epoch"]))
        self.assertEqual(200, a.ask("GET", "/health")[0])

    def test_an_order_of_the_environment_that_fails_does_not_look_well(self):
        a = self.agent().start(env={"UNDERSTUDY_EPOCH": "4", "UNDERSTUDY_SNAPSHOT": "20261121T000000.000Z-e3"})
        wait_for("the failure", lambda: a.health()["last_activation"]["done"])
        self.assertEqual(503, a.ask("GET", "/health")[0])
        self.assertIn("not in the store", a.health()["last_activation"]["detail"])

    def test_it_says_which_agent_it_is(self):
        a, b = self.agent("a").start(), self.agent("b").start()
        name = a.health()["instance"]
        self.assertRegex(name, "^[a-z0-9-]{1,64}$")
        self.assertNotEqual(name, b.health()["instance"])
        self.running(a, 2)
        for path, order in (("/activate", {"epoch": 2}), ("/activate", {"epoch": 1}), ("/deactivate", {"epoch": 1}), ("/deactivate", {"epoch": 2})):
            self.assertEqual(name, a.ask("POST", path, order)[1]["instance"], (path, order))
        a.stop()
        a.start()
        self.assertEqual(name, a.health()["instance"])
        a.stop()
        with open(os.path.join(a.folder, "var/instance"), "w") as file:
            file.write("cut of")
        a.start()
        self.assertNotEqual(name, a.health()["instance"], "what cannot be read may be anybody's")

    def test_two_agents_do_not_share_a_folder(self):
        a = self.agent().start()
        first = a.process
        a.start(wait=False)
        self.assertEqual(1, a.process.wait(timeout=PATIENCE_S))
        self.assertIn("another agent", a.log())
        a.process = first

    def test_a_bad_file_says_where(self):
        a = self.agent(more='stop_grace = "soon"\nrestart = ["5"]\nhealht_interval = "1s"')
        with open(a.config) as file:
            text = file.read().replace('stop_grace = "3s"\n', "")
        with open(a.config, "w") as file:
            file.write(text)
        a.start(wait=False)
        self.assertEqual(2, a.process.wait(timeout=PATIENCE_S))
        self.assertIn("agent.toml:", a.log())
        for words in ("stop_grace", "no duration", "healht_interval"):
            self.assertIn(words, a.log())


if __name__ == "__main__":
    unittest.main()
