"""flyio against a Fly Machines API with state that checks each request, and each of its own replies, by Fly's own contract."""
import time
import unittest

from fly import Fly
from harness import paced, wait_for


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
        self.assertTrue(machine.lease["description"].endswith(" stops"))  # and ends by itself: a late start finds it locked

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
        report = self.deactivate(p, 4, budget_ms=paced(4500))
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
        unsettled = {"error": "failed_precondition: unable to start machine from current state: 'replacing'"}
        self.fly.fault("POST .*/start", http=412, body=unsettled)  # also when its first start comes so late that all has settled
        self.assertEqual(self.activate(self.plugin(), 5)["state"], "active")
        self.assertGreater(self.fly.count(r"POST .*/start"), 1)
        self.assertEqual(machine.boots, 1)

    def test_what_ends_at_once_is_told_with_its_exit_code(self):
        self.fly.add()
        self.fly.crash_code = 3
        error = self.activate(self.plugin(restart="no"), 5, "transient")
        self.assertIn("exit code 3", error["message"])
        self.assertIn("fly logs", error["hint"])

    def test_what_ends_at_once_and_may_be_started_again_by_fly_may_run(self):
        machine = self.fly.add()
        self.fly.crash_code = 3
        plugin = self.plugin()
        self.assertIn("Fly may start it again", self.activate(plugin, 5, "unknown")["message"])
        stops = self.fly.count(r"POST .*/stop")
        self.assertTrue(self.deactivate(plugin, 5)["stopped"])
        self.assertGreater(self.fly.count(r"POST .*/stop"), stops)  # at rest between two tries: it is told to stay
        self.assertEqual(machine.state, "stopped")


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


class Health(Fly):
    def check(self, timeout_ms=paced(5000), **settings):
        return self.call(self.plugin("health", **settings), "health.check/1", timeout_ms=timeout_ms)

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
                result = self.check(timeout_ms=paced(400))
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
        q = self.call(p, "standby.quote/1", budget_ms=paced(3000))
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

    def interrupted(self):
        """A machine that ran, has the older image, and could not be started again."""
        machine, p = self.fly.add(image="app:v1"), self.plugin()
        self.deploy(machine, "app:v2")
        self.activate(p, 9)
        self.fly.seconds["start"] = 60
        self.fly.fault("PATCH|POST .*/start", http=500, times=1000)
        self.call(p, "standby.rollback/1", "unknown", paced(3000), epoch=9, operation="r1")
        self.fly.faults.clear()
        self.fly.seconds["start"] = 0.1
        machine.state, machine.due = "stopped", None
        self.assertEqual(machine.config["image"], "app:v1")
        return machine, p

    def test_what_ran_and_was_left_stopped_is_started_by_the_repeat(self):
        machine, p = self.interrupted()
        report = self.rollback(p, "r1")
        self.assertEqual((report["from"], report["to"], machine.state), ("app:v2", "app:v1", "started"))
        machine.ends()
        self.rollback(p, "r1")
        self.assertEqual(machine.state, "stopped")

    def test_nor_does_the_repeat_start_what_was_stopped_for_good(self):
        machine, p = self.interrupted()
        self.assertTrue(self.deactivate(p, 9)["stopped"])
        self.rollback(p, "r1")
        self.assertEqual(machine.state, "stopped")

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


class Diagnosis(Fly):
    def found(self, **settings):
        report = self.call(self.plugin(**settings), "target.diagnose/1", budget_ms=paced(4000))
        self.assertEqual([r for r in self.fly.requests if r[0] != "GET"], [])
        return [(p["severity"], p["message"]) for p in report["problems"]]

    def test_all_is_well(self):
        self.fly.add()
        self.assertEqual(self.found(regions=["fra"]), [])

    def test_what_a_start_would_stumble_over(self):
        (severity, message), = self.found()
        self.assertEqual(severity, "error")
        self.assertIn("no `image`", message)
        self.assertEqual(self.found(image="app:v1"), [])
        self.fly.add(schedule="daily")
        self.assertEqual([severity for severity, _ in self.found(regions=["xyz"])], ["warning", "warning"])

    def test_token_and_app(self):
        self.assertIn("app", self.found(app="another")[0][1])
        self.fly.token = "fo1_a_newer_one"
        severity, message = self.found()[0]
        self.assertEqual(severity, "error")
        self.assertIn("token is not accepted", message)


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
        answer = p.call("standby.prewarm/1", {"service": "trader", "target": "fly", "operation": "w1"}, paced(5000))
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


del Fly

if __name__ == "__main__":
    unittest.main()
