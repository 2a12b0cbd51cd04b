"""flyio against a Fly Machines API with state that checks each request, and each of its own replies, by Fly's own contract."""
import concurrent.futures
import itertools
import json
import os
import sys
import time
import unittest

from harness import ROOT, wait_for
from plugin_driver import Plugin

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from fly_machines import FlyMachines  # noqa: E402

TOKEN = "fo1_planted_token"


class Fly(unittest.TestCase):
    nulls, limits = True, False

    def setUp(self):
        self.fly = FlyMachines(token=TOKEN, nulls=self.nulls, limits=self.limits)
        self.plugins = []

    def tearDown(self):
        self.fly.close()
        for plugin in self.plugins:
            plugin.close()
            self.assertNotIn(TOKEN, plugin.said())
        self.assertEqual(self.fly.problems, [])

    def plugin(self, interface="target", url=None, **settings):
        defaults = {"app": "standby", "token": {"$secret": {"env": "PLANTED"}}, "api": url or self.fly.url}
        if interface == "target":
            defaults.update(started_after=100, lease_ttl=5000)
        out = Plugin("flyio", interface, {**defaults, **settings}, env={"PLANTED": TOKEN}, service="trader", target="fly")
        self.plugins.append(out)
        return out

    def call(self, plugin, method, expect="ok", budget_ms=20000, **params):
        answer = plugin.call(method, {"service": "trader", "target": "fly", **params}, budget_ms)
        self.assertNotIn(TOKEN, json.dumps(answer))
        self.assertEqual(answer["status"], expect, answer)
        return answer["result"] if expect == "ok" else answer["error"]

    def activate(self, plugin, epoch, expect="ok", budget_ms=20000, **params):
        return self.call(plugin, "standby.activate/1", expect, budget_ms, epoch=epoch, operation=f"op-{epoch}", snapshot="20261121T101500.123Z-e7", reason="failover", **params)

    def deactivate(self, plugin, epoch, expect="ok", budget_ms=20000, grace_ms=1000):
        return self.call(plugin, "standby.deactivate/1", expect, budget_ms, epoch=epoch, operation=f"stop-{epoch}", grace_ms=grace_ms)

    def observe(self, plugin, expect="ok", budget_ms=5000):
        return self.call(plugin, "standby.observe/1", expect, budget_ms)


class Lifecycle(Fly):
    def test_a_stopped_machine_is_started_with_the_epoch_and_stopped_again(self):
        machine = self.fly.add(env={"MODE": "paper"}, mounts=[{"volume": "vol_1", "path": "/data"}], auto_destroy=True)
        p = self.plugin(env={"REGION_HINT": "eu"})
        self.assertEqual(self.observe(p)["state"], "stopped")
        seen = self.activate(p, 7)
        self.assertEqual((seen["state"], seen["epoch"]), ("active", 7))
        self.assertEqual(machine.state, "started")
        env = machine.config["env"]
        self.assertEqual({k: env[k] for k in ("MODE", "REGION_HINT", "UNDERSTUDY_EPOCH", "UNDERSTUDY_SERVICE", "UNDERSTUDY_TARGET", "UNDERSTUDY_SNAPSHOT", "UNDERSTUDY_OPERATION")},
                         {"MODE": "paper", "REGION_HINT": "eu", "UNDERSTUDY_EPOCH": "7", "UNDERSTUDY_SERVICE": "trader", "UNDERSTUDY_TARGET": "fly",
                          "UNDERSTUDY_SNAPSHOT": "20261121T101500.123Z-e7", "UNDERSTUDY_OPERATION": "op-7"})
        self.assertEqual(machine.config["metadata"]["understudy_epoch"], "7")
        self.assertEqual(machine.config["mounts"], [{"volume": "vol_1", "path": "/data"}])  # nothing of it is dropped
        self.assertEqual(machine.config["restart"]["policy"], "on-failure")
        self.assertNotIn("auto_destroy", machine.config)
        self.assertIsNone(machine.lease)
        report = self.deactivate(p, 7)
        self.assertTrue(report["stopped"], report)
        self.assertEqual(machine.state, "stopped")
        self.assertIsNone(machine.lease)

    def test_the_same_activation_again_changes_nothing(self):
        machine = self.fly.add()
        p = self.plugin()
        self.activate(p, 7)
        versions, boots = len(machine.versions), machine.boots
        self.assertEqual(self.activate(p, 7)["epoch"], 7)
        self.assertEqual(self.activate(self.plugin(), 7)["epoch"], 7)
        self.assertEqual((len(machine.versions), machine.boots), (versions, boots))
        self.assertTrue(self.deactivate(p, 7)["stopped"])
        self.assertTrue(self.deactivate(p, 7)["stopped"])

    def test_older_epochs_are_refused_and_change_nothing(self):
        machine = self.fly.add()
        p = self.plugin()
        self.activate(p, 7)
        self.activate(p, 6, "conflict")
        self.deactivate(p, 6, "conflict")
        self.assertEqual((machine.state, machine.boots), ("started", 1))
        self.activate(p, 8, "conflict")  # it runs: whoever wants 8 stops 7 first
        self.deactivate(p, 7)
        self.activate(p, 6, "conflict")  # its memory outlives the stop
        self.assertEqual(self.activate(p, 8)["epoch"], 8)

    def test_what_a_person_started_is_not_taken_over(self):
        self.fly.add(state="started")
        error = self.activate(self.plugin(), 7, "conflict")
        self.assertIn("stop it first", error["hint"])

    def test_count_and_choice_of_machines(self):
        web = [self.fly.add(f"web{i}", region, metadata={"fly_process_group": "web"}) for i, region in enumerate(["iad", "fra", "ams"])]
        cron = self.fly.add("cron", state="started", metadata={"fly_process_group": "cron"})
        p = self.plugin(process_group="web", count=2, regions=["fra", "iad"])
        self.assertEqual(self.activate(p, 3)["state"], "active")
        self.assertEqual([m.state for m in web], ["started", "started", "stopped"])
        self.assertTrue(self.deactivate(p, 3)["stopped"])
        self.assertEqual([m.state for m in web], ["stopped"] * 3)
        self.assertEqual(cron.state, "started")

    def test_one_of_two_is_not_active(self):
        machines = [self.fly.add(f"web{i}") for i in range(2)]
        p = self.plugin(count=2)
        self.activate(p, 3)
        machines[0].ends(0)
        seen = self.observe(p)
        self.assertEqual(seen["state"], "starting")
        self.assertIn("1 of 2 run", seen["detail"])
        self.assertEqual(self.activate(p, 3)["state"], "active")  # the repeat completes it

    def test_helpers_of_fly_are_no_machines_of_ours(self):
        self.fly.add("release", state="started", metadata={"fly_process_group": "fly_app_release_command"})
        self.fly.add()
        self.assertEqual(self.observe(self.plugin())["state"], "stopped")

    def test_other_states_are_told_as_they_are(self):
        machine = self.fly.add(state="stopped", epoch=4)
        p = self.plugin()
        for state, seen in (("created", "stopped"), ("failed", "stopped"), ("suspended", "stopped"), ("starting", "starting"), ("replacing", "starting"), ("started", "active"),
                            ("stopping", "stopping"), ("suspending", "stopping"), ("destroying", "stopping"), ("launch_failed", "unknown"), ("hibernating", "unknown")):
            machine.state = state
            with self.subTest(state):
                self.assertEqual(self.observe(p)["state"], seen)

    def test_a_host_out_of_sight_is_no_proof_of_a_stop(self):
        machine = self.fly.add(state="stopped", epoch=4)
        machine.host = "unreachable"
        p = self.plugin()
        self.assertEqual(self.observe(p)["state"], "unknown")
        report = self.deactivate(p, 4, budget_ms=4500)
        self.assertFalse(report["stopped"])
        self.assertIn("host is unreachable", report["detail"])

    def test_a_machine_in_another_region_takes_over_from_one_out_of_sight(self):
        lost = self.fly.add("a", "fra", state="stopped")
        lost.host = "unreachable"
        other = self.fly.add("b", "ams")
        self.assertEqual(self.activate(self.plugin(regions=["fra", "ams"]), 5)["state"], "active")
        self.assertEqual(other.state, "started")

    def test_settling_machines_are_waited_for(self):
        machine = self.fly.add()
        self.fly.seconds.update(settle=1.0, update=0.3)
        self.assertEqual(self.activate(self.plugin(), 5)["state"], "active")
        self.assertGreater(self.fly.count(r"POST .*/start"), 1)
        self.assertEqual(machine.boots, 1)

    def test_what_ends_at_once_is_told_with_its_exit_code(self):
        self.fly.add()
        self.fly.crash_code = 3
        error = self.activate(self.plugin(), 5, "transient")
        self.assertIn("exit code 3", error["message"])
        self.assertIn("fly logs", error["hint"])


class Stops(Fly):
    def test_a_stop_that_is_only_accepted_is_no_stop(self):
        machine = self.fly.add(state="started", epoch=4)
        self.fly.lies = {"stop"}
        report = self.deactivate(self.plugin(), 4, budget_ms=8000)
        self.assertFalse(report["stopped"])
        self.assertIn("still shows", report["detail"])
        self.assertEqual(machine.state, "started")
        self.assertIn("SIGKILL", [(body or {}).get("signal") for method, path, body in self.fly.requests if path.endswith("/stop")])

    def test_a_machine_stuck_in_stopping_is_not_called_stopped(self):
        self.fly.add(state="started", epoch=4)
        self.fly.stuck = {"stopping"}
        p = self.plugin()
        self.assertFalse(self.deactivate(p, 4, budget_ms=8000)["stopped"])
        self.assertEqual(self.observe(p)["state"], "stopping")

    def test_a_lost_answer_to_a_stop_is_looked_after(self):
        for lost in ("before", "after"):
            with self.subTest(lost):
                machine = self.fly.add(state="started", epoch=4)
                self.fly.fault("POST .*/stop", lost=lost)
                self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])
                self.assertEqual(machine.state, "stopped")

    def test_what_fly_would_wake_is_cordoned_first_and_uncordoned_when_active(self):
        services = [{"protocol": "tcp", "internal_port": 8080, "autostart": True, "autostop": "stop", "ports": [{"port": 443, "handlers": ["tls", "http"]}]}]
        machine = self.fly.add(state="started", epoch=4, services=services)
        p = self.plugin()
        self.assertTrue(self.deactivate(p, 4)["stopped"])
        self.assertTrue(machine.cordoned)
        verbs = [path.rsplit("/", 1)[1] for method, path, _ in self.fly.requests if method == "POST"]
        self.assertLess(verbs.index("cordon"), verbs.index("stop"))
        self.activate(p, 5)
        self.assertFalse(machine.cordoned)
        self.assertEqual([(s["autostart"], s["autostop"]) for s in machine.config["services"]], [(False, "off")])

    def test_what_comes_back_by_itself_is_said(self):
        self.fly.add(state="started", epoch=4, schedule="daily", restart={"policy": "always"}, standbys=["148e"])
        detail = self.deactivate(self.plugin(), 4)["detail"]
        for word in ("schedule", "restart policy always", "standbys"):
            self.assertIn(word, detail)

    def test_a_suspended_machine_with_work_loses_its_memory(self):
        machine = self.fly.add(state="suspended", epoch=4)
        machine.snapshot = True
        self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])
        self.assertFalse(machine.snapshot)

    def test_no_machine_is_stopped(self):
        self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])


class Leases(Fly):
    def test_while_another_holds_the_lease_nothing_is_changed(self):
        machine = self.fly.add()
        self.fly.lease_of(machine, 60)
        p = self.plugin()
        error = self.activate(p, 5, "conflict", budget_ms=3000)
        self.assertIn("somebody@example.net", error["message"])
        self.assertEqual((machine.state, len(machine.versions)), ("stopped", 1))
        machine.move("starting", "started", 0)
        wait_for("the start", lambda: machine.state == "started")
        report = self.deactivate(p, 5, budget_ms=4000)
        self.assertFalse(report["stopped"])
        self.assertIn("lease currently held", report["detail"])

    def test_a_lease_that_ends_in_time_is_waited_for(self):
        self.fly.lease_of(self.fly.add(), 2)
        self.assertEqual(self.activate(self.plugin(), 5)["state"], "active")

    def test_two_controllers_cannot_both_act(self):
        machine = self.fly.add()
        self.fly.seconds["start"] = 0.5
        one, two = self.plugin(), self.plugin()
        params = {"service": "trader", "target": "fly", "operation": "x", "snapshot": "", "reason": "failover"}
        one.send("standby.activate/1", {**params, "epoch": 5}, 20000)
        two.send("standby.activate/1", {**params, "epoch": 6}, 20000)
        answers = [one.receive(), two.receive()]
        self.assertEqual(sorted(a["status"] for a in answers), ["conflict", "ok"])
        self.assertEqual(machine.boots, 1)
        winner = 5 + [a["status"] for a in answers].index("ok")
        self.assertEqual(machine.env("UNDERSTUDY_EPOCH"), str(winner))

    def test_a_lease_whose_answer_was_lost_is_known_as_ours(self):
        self.fly.add()
        self.fly.fault("POST .*/lease", lost="after")
        began = time.monotonic()
        self.assertEqual(self.activate(self.plugin(lease_ttl=60000), 5)["state"], "active")
        self.assertLess(time.monotonic() - began, 15)

    def test_a_long_start_renews_the_lease(self):
        machine = self.fly.add()
        self.fly.seconds["start"] = 6
        self.assertEqual(self.activate(self.plugin(lease_ttl=5000), 5, budget_ms=30000)["state"], "active")
        self.assertEqual(machine.state, "started")
        self.assertGreater(self.fly.count("POST .*/lease"), 1)


class Capacity(Fly):
    def test_without_room_the_next_region_is_tried(self):
        first, second = self.fly.add("a", "fra"), self.fly.add("b", "ams")
        self.fly.full = {"fra"}
        seen = self.activate(self.plugin(regions=["fra", "ams"]), 5)
        self.assertEqual((seen["state"], first.state, second.state), ("active", "stopped", "started"))

    def test_without_room_for_what_exists_a_copy_is_made_elsewhere(self):
        machine = self.fly.add("a", "fra", env={"MODE": "paper"}, metadata={"role": "trader"})
        self.fly.full_machines = {machine.id}
        self.fly.full = {"ams"}
        seen = self.activate(self.plugin(regions=["ams", "cdg"], metadata={"role": "trader"}), 5)
        made = [m for m in self.fly.machines.values() if m is not machine]
        self.assertEqual((seen["state"], [m.region for m in made], made[0].state), ("active", ["cdg"], "started"))
        self.assertEqual((made[0].config["env"]["MODE"], made[0].config["metadata"]["role"]), ("paper", "trader"))
        self.assertFalse(made[0].cordoned)

    def test_without_room_anywhere_every_region_is_named(self):
        self.fly.full = {"fra", "ams"}
        error = self.activate(self.plugin(regions=["fra", "ams"], image="registry.fly.io/standby:v1"), 5, "transient")
        self.assertEqual(error["kind"], "capacity")
        self.assertIn("in fra", error["message"])
        self.assertIn("in ams", error["message"])
        self.assertEqual(self.fly.machines, {})

    def test_a_volume_is_not_copied(self):
        machine = self.fly.add("a", "fra", mounts=[{"volume": "vol_1", "path": "/data"}])
        self.fly.full_machines = {machine.id}
        self.assertIn("volume", self.activate(self.plugin(regions=["ams"]), 5, "transient")["message"])

    def test_never_more_than_so_many_machines(self):
        for i in range(3):
            self.fly.full_machines.add(self.fly.add(f"m{i}").id)
        self.assertIn("max_machines", self.activate(self.plugin(max_machines=3, regions=["ams"]), 5, "transient")["hint"])
        self.assertEqual(len(self.fly.machines), 3)


class Provisioning(Fly):
    def settings(self, **more):
        return {"image": "registry.fly.io/standby:v2", "size": "shared-cpu-2x", "memory": 1 << 30, "regions": ["ams"], "process_group": "bot",
                "config": {"services": [{"protocol": "tcp", "internal_port": 8080}]}, **more}

    def test_where_no_machine_is_one_is_made_stopped_and_started_with_the_epoch(self):
        p = self.plugin(**self.settings())
        self.assertEqual(self.activate(p, 5)["state"], "active")
        (machine,) = self.fly.machines.values()
        self.assertEqual((machine.region, machine.config["image"], machine.config["guest"]), ("ams", "registry.fly.io/standby:v2", {"cpu_kind": "shared", "cpus": 2, "memory_mb": 1024}))
        self.assertEqual(machine.config["metadata"]["fly_process_group"], "bot")
        create = next(body for method, path, body in self.fly.requests if method == "POST" and path.endswith("/machines"))
        self.assertTrue(create["skip_launch"] and create["skip_service_registration"])
        self.assertNotIn("UNDERSTUDY_EPOCH", create["config"].get("env", {}))
        self.assertFalse(machine.cordoned)

    def test_a_lost_answer_makes_no_second_machine(self):
        for lost in ("before", "after"):
            with self.subTest(lost):
                self.fly.machines.clear()
                self.fly.fault(r"POST \S*/machines$", lost=lost)
                self.assertEqual(self.activate(self.plugin(**self.settings()), 5)["state"], "active")
                self.assertEqual(len(self.fly.machines), 1)

    def test_without_machine_and_image_it_says_so(self):
        error = self.activate(self.plugin(), 5, "invalid")
        self.assertIn("`image`", error["hint"])

    def test_a_name_that_another_bears(self):
        self.fly.add("understudy-trader-fly-ams-1", metadata={"fly_process_group": "web"})
        error = self.activate(self.plugin(**self.settings()), 5, "conflict")
        self.assertEqual(error["kind"], "name_taken")
        self.assertIn("rename or destroy", error["hint"])

    def test_a_region_that_does_not_exist(self):
        error = self.activate(self.plugin(**self.settings(regions=["xyz"])), 5, "invalid")
        self.assertIn("region xyz not found", error["message"])
        self.assertIn('is "xyz" a region?', error["hint"])


class Doubts(Fly):
    def test_a_lost_answer_to_a_start_is_looked_after(self):
        for lost in ("before", "after"):
            with self.subTest(lost):
                self.fly.machines.clear()
                machine = self.fly.add()
                self.fly.fault("POST .*/start", lost=lost)
                self.assertEqual(self.activate(self.plugin(), 5)["state"], "active")
                self.assertEqual(machine.boots, 1)

    def test_every_change_survives_a_fault_of_fly(self):
        requests = [r"POST .*/lease", r"POST \S*/machines/\w+$", r"POST .*/start", r"GET .*/wait", r"GET \S*/machines$", r"GET \S*/machines/\w+$", r"DELETE .*/lease", r"POST .*/stop"]
        faults = [{"http": 500}, {"http": 503, "body": "<html>upstream</html>"}, {"http": 429, "headers": {"Retry-After": "1"}}, {"http": 408}, {"lost": "before"}, {"lost": "after"}]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda pair: self.survives(*pair), itertools.product(requests, faults)))
        self.assertEqual([t for t in told if t], [])

    def survives(self, pattern, fault):
        """What is wrong after one fault in one kind of request, or nothing."""
        fly = FlyMachines(token=TOKEN)
        machine = fly.add()
        p = self.plugin(url=fly.url)
        try:
            fly.fault(pattern, **fault)
            up = p.call("standby.activate/1", {"service": "trader", "target": "fly", "epoch": 5, "operation": "x"}, 20000)
            down = p.call("standby.deactivate/1", {"service": "trader", "target": "fly", "epoch": 5, "operation": "y", "grace_ms": 1000}, 20000)
            good = up.get("result", {}).get("state") == "active" and down.get("result", {}).get("stopped") and (machine.boots, machine.state) == (1, "stopped")
            return None if good and not fly.problems else (pattern, fault, up, down, machine.boots, machine.state, fly.problems)
        finally:
            fly.close()

    def test_a_start_that_never_says_how_it_ended_is_unknown_and_observe_tells_the_truth(self):
        machine = self.fly.add()
        self.fly.stuck = {"starting"}
        p = self.plugin()
        self.activate(p, 5, "unknown", budget_ms=5000)
        self.assertEqual(self.observe(p)["state"], "starting")
        self.fly.stuck = set()
        wait_for("the start", lambda: machine.state == "started")
        self.assertEqual(self.observe(p), {**self.observe(p), "state": "active", "epoch": 5})
        self.assertEqual(self.activate(p, 5)["epoch"], 5)

    def test_a_start_that_is_accepted_and_forgotten_is_unknown(self):
        self.fly.add()
        self.fly.lies = {"start"}
        p = self.plugin()
        self.activate(p, 5, "unknown", budget_ms=6000)
        self.assertEqual(self.observe(p)["state"], "stopped")
        self.fly.lies = set()
        self.assertEqual(self.activate(p, 5)["state"], "active")

    def test_what_fails_before_a_start_promises_that_nothing_runs(self):
        self.fly.add()
        self.fly.fault(r"POST \S*/machines/\w+$", http=500, times=1000)
        self.activate(self.plugin(), 5, "transient", budget_ms=5000)

    def test_a_version_that_changes_meanwhile(self):
        machine = self.fly.add()
        self.fly.fault(r"POST \S*/machines/\w+$", http=409, body={"error": "current_version does not match"})
        self.assertEqual(self.activate(self.plugin(), 5)["state"], "active")
        self.assertEqual(machine.boots, 1)

    def test_an_api_that_is_not_there(self):
        p = self.plugin(url="http://127.0.0.1:9")
        self.assertIn("does not answer", self.observe(p, "transient", budget_ms=1500)["message"])
        self.activate(p, 5, "transient", budget_ms=3000)
        self.deactivate(p, 5, "transient", budget_ms=3000)


class Limits(Fly):
    limits = True

    def test_the_rate_limits_are_kept_to(self):
        self.fly.add()
        p = self.plugin()
        self.activate(p, 5, budget_ms=30000)
        self.deactivate(p, 5, budget_ms=30000)
        self.assertLess(self.fly.limited, 6)


class Mistakes(Fly):
    """What a person can get wrong: each with what to do."""

    def test_wrong_app(self):
        error = self.observe(self.plugin(app="other"), "invalid")
        self.assertIn("app other", error["message"])
        self.assertIn("fly apps list", error["hint"])

    def test_wrong_token(self):
        self.fly.token = "another"
        error = self.observe(self.plugin(), "denied")
        self.assertIn("fly tokens create deploy", error["hint"])

    def test_a_renewed_token_is_read_again(self):
        p = self.plugin()
        self.fly.token = "another"
        self.observe(p, "denied")
        self.fly.token = TOKEN
        self.observe(p)

    def test_no_permission(self):
        self.fly.fault("GET", http=403, body={"error": "unauthorized"})
        error = self.observe(self.plugin(), "denied")
        self.assertIn("holds for one app", error["hint"])

    def test_billing_off(self):
        for http, body in ((402, {"error": "payment required"}), (403, {"message": "We need your payment information to continue!"}), (422, {"error": "organization has overdue invoices: billing"})):
            with self.subTest(http):
                self.fly.faults.clear()
                self.fly.fault(r"POST \S*/machines$", http=http, body=body)
                answer = self.plugin(image="x").call("standby.activate/1", {"service": "trader", "target": "fly", "epoch": 5, "operation": "x"}, 10000)
                self.assertIn(answer["status"], ("denied", "invalid"))
                self.assertIn("payment method", answer["error"]["hint"])

    def test_rate_limit(self):
        self.fly.fault("GET", http=429, times=1000, headers={"Retry-After": "2"})
        error = self.observe(self.plugin(), "transient", budget_ms=1000)
        self.assertEqual((error["kind"], error["retry_after_ms"]), ("rate_limit", 2000))

    def test_something_else_listens_there(self):
        self.fly.fault("GET", http=200, body="<html>hello</html>", times=1000)
        self.assertIn("is `api`", self.observe(self.plugin(), "transient", budget_ms=1000)["hint"])

    def test_settings_that_cannot_be(self):
        for settings, word in (({"app": "Not A Name"}, "no name of a Fly app"), ({"size": "huge"}, "no size"), ({"memory": 300 << 20}, "multiple of 256"), ({"regions": ["Frankfurt"]}, "no region"),
                               ({"config": {"image": "x"}}, "`config`")):
            with self.subTest(word):
                p = self.plugin(**settings)
                wait_for("the refusal", lambda: word in p.said() or word in json.dumps(p.call("standby.observe/1", {}, 2000)), 10)


class Health(Fly):
    def check(self, **settings):
        return self.call(self.plugin("health", **settings), "health.check/1", timeout_ms=2000)

    def test_states_and_checks(self):
        machine = self.fly.add(state="started")
        self.assertEqual(self.check()["outcome"], "pass")
        self.assertEqual(self.check(weak=True)["outcome"], "degraded")
        for status, outcome in (("passing", "pass"), ("warning", "degraded"), ("critical", "fail")):
            machine.checks = [{"name": "alive", "status": "passing", "output": "200"}, {"name": "web", "status": status, "output": "connection refused"}]
            with self.subTest(status):
                result = self.check(weak=True)
                self.assertEqual(result["outcome"], outcome)
                self.assertIn("all checks pass" if outcome == "pass" else "check web of machine", result["cause"])
        machine.state = "starting"
        self.assertEqual(self.check()["outcome"], "degraded")
        machine.state = "stopped"
        self.assertEqual(self.check()["outcome"], "fail")

    def test_fewer_machines_than_wanted(self):
        self.fly.add(state="started")
        self.assertEqual(self.check(count=2)["outcome"], "degraded")

    def test_what_the_provider_cannot_tell_is_no_failure(self):
        machine = self.fly.add(state="started")
        machine.host = "unreachable"
        result = self.check()
        self.assertEqual((result["outcome"], result["verdict"]), ("unknown", False))
        machine.host = "ok"
        for fault in ({"http": 500}, {"http": 401}, {"http": 403}, {"http": 429}, {"lost": "before"}):
            with self.subTest(**fault):
                self.fly.faults.clear()
                self.fly.fault("GET", times=1000, **fault)
                result = self.check()
                self.assertEqual((result["outcome"], result["verdict"]), ("unknown", False))

    def test_asleep_after_inactivity(self):
        machine = self.fly.add(state="started")
        machine.ends(0)
        self.assertEqual(self.check()["outcome"], "fail")
        result = self.check(asleep="degraded")
        self.assertEqual(result["outcome"], "degraded")
        self.assertIn("asleep", result["cause"])
        machine.ends(1)
        time.sleep(0.002)
        machine.ends(137, oom=True)
        result = self.check(asleep="degraded")
        self.assertEqual(result["outcome"], "fail")
        self.assertIn("out of memory", result["cause"])


class Idle(Fly):
    def test_the_workload_is_told_and_the_proxy_configured(self):
        services = [{"protocol": "tcp", "internal_port": 8080, "autostart": False}]
        machine = self.fly.add(services=services)
        self.activate(self.plugin(idle_stop=3_600_000, autostop="stop"), 5)
        self.assertEqual(machine.env("UNDERSTUDY_IDLE_STOP_S"), "3600")
        self.assertEqual([(s["autostart"], s["autostop"]) for s in machine.config["services"]], [(True, "stop")])
        self.assertEqual(machine.config["restart"]["policy"], "on-failure")  # an end without an error stays an end


class Quotes(Fly):
    def quote(self, **settings):
        return self.call(self.plugin(**settings), "standby.quote/1")

    def test_list_prices_by_size_and_region(self):
        self.fly.add(region="iad", guest={"cpu_kind": "shared", "cpus": 1, "memory_mb": 1024})
        q = self.quote()
        self.assertAlmostEqual(q["active_usd_per_hour"] * 720, 6.70, places=1)
        self.assertAlmostEqual(q["standby_usd_per_hour"] * 720, 0.15, places=3)
        self.assertRegex(q["as_of"], r"^\d{4}-\d\d-\d\d$")
        self.assertIn("fly.io", q["source"])

    def test_regions_and_volumes_cost_more(self):
        self.fly.add(region="fra", guest={"cpu_kind": "performance", "cpus": 1, "memory_mb": 2048}, mounts=[{"volume": "v", "path": "/d", "size_gb": 10}])
        q = self.quote()
        self.assertAlmostEqual(q["active_usd_per_hour"] * 720, 33.0 * 1.153846 + 1.5, places=1)
        self.assertAlmostEqual(q["standby_usd_per_hour"] * 720, 0.15 + 1.5, places=3)

    def test_what_does_not_exist_yet_waits_for_nothing(self):
        q = self.quote(image="x", size="shared-cpu-1x", regions=["iad"])
        self.assertEqual(q["standby_usd_per_hour"], 0)
        self.assertAlmostEqual(q["active_usd_per_hour"] * 720, 2.19, places=1)

    def test_settings_come_first_and_a_silent_api_does_not_matter(self):
        self.fly.fault("GET", http=500, times=1000)
        p = self.plugin(price={"active_per_hour": 0.5})
        q = self.call(p, "standby.quote/1", budget_ms=3000)
        self.assertEqual(q["active_usd_per_hour"], 0.5)
        self.assertIn("could not be asked", q["source"])


class Rollback(Fly):
    def rollback(self, plugin, operation, expect="ok", epoch=9):
        return self.call(plugin, "standby.rollback/1", expect, epoch=epoch, operation=operation)

    def deploy(self, machine, *images):
        for image in images:
            machine.config = {**machine.config, "image": image}
            machine.new_version()

    def test_back_to_the_image_before_and_no_further_when_repeated(self):
        machine = self.fly.add(image="app:v1")
        self.deploy(machine, "app:v2", "app:v3")
        p = self.plugin()
        self.activate(p, 9)
        boots = machine.boots
        report = self.rollback(p, "r1")
        self.assertEqual((report["from"], report["to"], machine.config["image"]), ("app:v3", "app:v2", "app:v2"))
        self.assertEqual((machine.state, machine.boots, machine.env("UNDERSTUDY_EPOCH")), ("started", boots + 1, "9"))
        again = self.rollback(self.plugin(), "r1")
        self.assertEqual((again["from"], again["to"], machine.boots), ("app:v3", "app:v2", boots + 1))
        self.assertEqual(self.rollback(p, "r2")["to"], "app:v1")  # not forward to v3 again
        self.assertIn("tag or digest", self.rollback(p, "r3", "invalid")["hint"])
        self.assertEqual(self.observe(p)["epoch"], 9)

    def test_what_is_stopped_stays_stopped(self):
        machine = self.fly.add(image="app:v1")
        self.deploy(machine, "app:v2")
        self.assertEqual(self.rollback(self.plugin(), "r1")["to"], "app:v1")
        self.assertEqual((machine.state, machine.boots), ("stopped", 0))

    def test_a_newer_epoch_is_not_touched(self):
        machine = self.fly.add(image="app:v1", epoch=10)
        self.deploy(machine, "app:v2")
        self.rollback(self.plugin(), "r1", "conflict", epoch=9)
        self.assertEqual(machine.config["image"], "app:v2")


class Prewarm(Fly):
    def prewarm(self, plugin, expect="ok"):
        return self.call(plugin, "standby.prewarm/1", expect, operation="w1")

    def test_a_suspended_machine_resumes_and_is_told_its_epoch(self):
        machine = self.fly.add(epoch=4)
        p = self.plugin(prewarm="suspend")
        self.assertTrue(self.prewarm(p)["ready"])
        self.assertEqual((machine.state, machine.env("UNDERSTUDY_STANDBY"), machine.env("UNDERSTUDY_EPOCH")), ("suspended", "1", "4"))
        self.assertEqual(self.observe(p)["state"], "stopped")
        self.assertTrue(self.prewarm(p)["ready"])
        self.assertEqual(machine.boots, 1)
        seen = self.activate(p, 5)
        self.assertEqual((seen["state"], seen["epoch"]), ("active", 5))
        self.assertEqual((machine.boots, machine.resumes, machine.meta("understudy_epoch")), (1, 1, "5"))
        self.activate(p, 4, "conflict")
        self.assertEqual(self.activate(p, 5)["epoch"], 5)
        self.assertTrue(self.deactivate(p, 5)["stopped"])
        self.assertTrue(self.prewarm(p)["ready"])  # and again, above the epoch that ran

    def test_while_it_is_booted_for_that_it_does_not_serve(self):
        machine = self.fly.add(state="started", epoch=4)
        machine.config["env"]["UNDERSTUDY_STANDBY"] = "1"
        p = self.plugin(prewarm="suspend")
        self.assertEqual(self.observe(p)["state"], "stopped")
        self.assertTrue(self.deactivate(p, 4)["stopped"])  # a fence stops it nevertheless
        self.assertEqual(machine.state, "stopped")

    def test_what_cannot_be_suspended_starts_cold(self):
        machine = self.fly.add(guest={"cpu_kind": "shared", "cpus": 2, "memory_mb": 4096})
        report = self.prewarm(self.plugin(prewarm="suspend"))
        self.assertFalse(report["ready"])
        self.assertIn("more than 2 GB", report["detail"])
        self.assertEqual(machine.boots, 0)

    def test_where_the_suspension_fails_it_is_stopped_again(self):
        machine = self.fly.add()
        self.fly.fault("POST .*/suspend", http=500)
        p = self.plugin(prewarm="suspend")
        answer = p.call("standby.prewarm/1", {"service": "trader", "target": "fly", "operation": "w1"}, 12000)
        self.assertFalse(answer.get("result", {}).get("ready"))
        wait_for("its stop", lambda: machine.state == "stopped")

    def test_without_a_machine_one_is_made_and_stays_stopped(self):
        report = self.prewarm(self.plugin(image="app:v1", regions=["ams"]))
        self.assertTrue(report["ready"])
        self.assertEqual([m.state for m in self.fly.machines.values()], ["created"])

    def test_what_runs_is_left_alone(self):
        machine = self.fly.add(state="started", epoch=4)
        self.assertTrue(self.prewarm(self.plugin(prewarm="suspend"))["ready"])
        self.assertEqual((machine.state, len(machine.versions)), ("started", 1))


if __name__ == "__main__":
    unittest.main()
