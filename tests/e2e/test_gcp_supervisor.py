"""A supervisor in a Cloud Run service that starts and stops the workload; and what health says of a service."""
import threading
import time
import unittest

from gcp import GcpTest, GoogleCloud, error
from harness import paced, wait_for

OVERLOADED = error(503, "The service is currently unavailable.", "UNAVAILABLE")


class Supervisor(GcpTest):
    def test_it_is_told_what_to_bring(self):
        plugin = self.supervised()
        self.assertEqual(self.ok(plugin.observe())["state"], "stopped")
        self.cloud.run.restore_s = 0.6
        seen = self.ok(plugin.activate(4, snapshot="20261120T101500.123Z-e3"))
        self.assertEqual((seen["state"], seen["epoch"]), ("active", 4))
        self.assertEqual(self.service.asked, {"bucket": "gs://snapshots/some/prefix", "store": "gs://snapshots/some/prefix", "snapshot": "20261120T101500.123Z-e3", "epoch": 4,
                                              "operation": "op4", "force": False})
        self.ok(plugin.activate(4))
        self.assertEqual(len(self.cloud.asked("POST", "/activate")), 1)
        self.refused(plugin.activate(3), "conflict", "older than 4")
        self.refused(plugin.deactivate(3), "conflict", "a newer epoch (4)")
        self.assertTrue(self.ok(plugin.deactivate(4))["stopped"])

    def test_a_failover_does_not_need_the_control_plane(self):
        plugin = self.supervised(url=self.service.doc["uri"])
        self.cloud.fault("*", "/v2/", OVERLOADED, times=10**6)
        self.assertEqual(self.ok(plugin.activate(1))["state"], "active")
        self.assertEqual(self.ok(plugin.observe())["state"], "active")
        self.assertTrue(self.ok(plugin.deactivate(1))["stopped"])
        self.assertEqual(self.cloud.asked("*", "/v2/"), [])

    def test_a_supervisor_that_is_asleep_is_woken(self):
        plugin = self.supervised()
        self.service.doc["scaling"] = {}
        self.cloud.run.settle_s = 0.4
        self.assertTrue(self.ok(plugin.call("standby.prewarm/1"))["ready"])
        self.assertEqual(self.ok(plugin.observe())["state"], "stopped")
        self.assertEqual(self.service.doc["scaling"], {"scalingMode": "AUTOMATIC", "minInstanceCount": 1})
        self.service.doc["scaling"] = {"scalingMode": "MANUAL"}
        self.assertEqual(self.ok(plugin.activate(1))["state"], "active")
        self.assertEqual(len(self.service.revisions), 1, "a warm standby was deployed anew")

    def test_a_lost_answer_is_looked_into(self):
        for path in ("/activate", "/deactivate"):
            self.cloud.fault("POST", path, "drop", after=True)
        plugin = self.supervised()
        self.assertEqual(self.ok(plugin.activate(1))["state"], "active")
        self.assertTrue(self.ok(plugin.deactivate(1))["stopped"])

    def test_a_stop_of_what_stands_by_is_told_too(self):
        plugin = self.supervised()
        self.ok(plugin.observe())
        self.cloud.fault("POST", "/deactivate", "drop", times=2)
        self.assertTrue(self.ok(plugin.deactivate(3))["stopped"])
        self.assertEqual(len(self.cloud.asked("POST", "/deactivate")), 3, "it did not hear of the stop")
        self.assertNotEqual(plugin.activate(3, paced(3000))["status"], "ok", "a start that came late was accepted")
        self.assertEqual(self.service.workload, "stopped")
        self.assertTrue(self.ok(plugin.deactivate(2))["stopped"], "its epoch is over")
        self.cloud.fault("POST", "/deactivate", "drop", times=10**6)
        unheard = self.ok(plugin.deactivate(4, paced(2500)))
        self.assertFalse(unheard["stopped"])
        self.assertIn("heard of the stop", unheard["detail"])

    def test_a_stop_that_was_heard_is_not_told_again_while_it_stops(self):
        plugin = self.supervised()
        self.ok(plugin.activate(1))
        self.cloud.run.stop_s = 1.5
        self.cloud.fault("POST", "/deactivate", "drop", after=True)
        self.assertTrue(self.ok(plugin.deactivate(1))["stopped"])
        first, second = [r[2] for r in self.cloud.asked("POST", "/deactivate")]
        self.assertGreater(second - first, 1.5, "a repeat costs the agent's last save")

    def test_a_stop_says_whose_word_it_is(self):
        """A fresh instance speaks of itself only: the one before it may still run."""
        plugin = self.supervised()
        self.assertEqual(self.ok(plugin.activate(1))["instance"], "first")
        self.cloud.run.replace(self.service, "second")
        report = self.ok(plugin.deactivate(1))
        self.assertEqual((report["stopped"], report["instance"]), (True, "second"))
        self.cloud.run.replace(self.service, "")  # an older agent
        self.assertEqual(self.ok(plugin.deactivate(2))["instance"], "")
        self.cloud.fault("*", "/app/", "drop", times=10**6)
        self.service.doc["scaling"] = {"scalingMode": "MANUAL"}
        wait_for("no instance", lambda: self.ok(plugin.observe())["state"] == "stopped")
        self.assertNotIn("instance", self.ok(plugin.deactivate(2)), "it is Cloud Run's word")

    def replaced_while_it_stops(self):
        """As soon as it has been told to stop, which it would not have done by then."""
        self.cloud.run.stop_s = 3600
        answers = threading.Thread(target=lambda: (wait_for("it to stop", lambda: self.service.mode == "deactivating"), self.cloud.run.replace(self.service, "second")))
        answers.start()
        return answers

    def test_a_stop_that_another_instance_has_heard_is_told_again(self):
        plugin = self.supervised()
        self.ok(plugin.activate(1))
        told = len(self.cloud.asked("POST", "/deactivate"))
        answers = self.replaced_while_it_stops()
        self.assertEqual(self.ok(plugin.deactivate(1))["instance"], "second")
        answers.join()
        self.assertEqual(len(self.cloud.asked("POST", "/deactivate")), told + 2, "the second one would accept the start that it was never told is over")
        self.assertNotEqual(plugin.activate(1, paced(3000))["status"], "ok")

    def test_what_is_not_saved_is_told_once_it_is_certain(self):
        plugin = self.supervised()
        self.ok(plugin.activate(1))
        self.service.unsaved = True  # as of a workload that was killed
        self.assertFalse(self.ok(plugin.observe())["unsaved"], "it runs, and will be saved")
        self.cloud.run.supervisor_works = False
        self.service.mode, self.service.workload = "deactivating", "stopping"
        self.service.moved_at = time.monotonic() + 600
        self.assertNotIn("unsaved", self.ok(plugin.observe()), "its last save may still come")
        self.cloud.run.supervisor_works = True
        self.service.moved_at = 0
        report = self.ok(plugin.deactivate(1))
        self.assertEqual((report["stopped"], report["unsaved"]), (True, True))
        self.assertIn("it lies in /state", report["detail"])
        self.assertTrue(self.ok(plugin.observe())["unsaved"])

    def test_rollback_reroutes_nothing_when_it_cannot_tell(self):
        plugin = self.supervised()
        self.service.doc["template"]["containers"][0]["image"] = "img:2"
        self.cloud.run.revise(self.service)
        self.cloud.fault("*", "/app/", "drop", times=10**6)
        self.refused(plugin.rollback(1), "transient", "cannot be told")
        self.assertEqual(self.cloud.asked("PATCH"), [])

    def test_a_promise_is_no_start_and_no_stop(self):
        plugin = self.supervised()
        self.cloud.run.supervisor_works = False
        self.refused(plugin.activate(1, paced(2000)), "unknown", "does not run yet")
        self.cloud.run.supervisor_works = True
        self.ok(plugin.activate(1))
        self.cloud.run.supervisor_works = False
        report = self.ok(plugin.deactivate(1, paced(2000)))
        self.assertFalse(report["stopped"])
        self.assertIn("workload running", report["detail"])

    def test_silence_is_no_stop_unless_cloud_run_shows_no_instance(self):
        plugin = self.supervised()
        self.ok(plugin.activate(1))
        self.cloud.fault("*", "/app/", "drop", times=10**6)
        seen = self.ok(plugin.observe())
        self.assertEqual(seen["state"], "unknown")
        self.assertIn("Cloud Run shows manual scaling, 1 instance", seen["detail"])
        self.service.doc["scaling"] = {"scalingMode": "MANUAL"}
        wait_for("no instance", lambda: self.ok(plugin.observe())["state"] == "stopped")

    def test_a_wrong_key_and_a_wrong_address(self):
        self.refused(self.supervised(api_key={"$secret": {"env": "HOME"}}).activate(1), "denied", "api_key")
        self.refused(self.supervised(url=self.cloud.base + "/nothing").activate(1, paced(3000)), "invalid", "understudy agent")

    def test_rollback_is_traffic_to_the_revision_before(self):
        plugin = self.supervised()
        self.service.doc["template"]["containers"][0]["image"] = "img:2"
        self.cloud.run.revise(self.service)
        back = self.ok(plugin.rollback(1))
        self.assertEqual((back["from"], back["to"]), ("svc-00002-abc", "svc-00001-abc"))
        self.assertEqual(self.service.doc["traffic"], [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "svc-00001-abc", "percent": 100}])
        self.assertEqual(self.ok(plugin.observe())["state"], "stopped", "what was stopped was started")
        self.assertEqual(self.ok(self.supervised().rollback(1))["to"], "svc-00001-abc")
        self.assertEqual(len(self.cloud.asked("PATCH")), 1)
        self.refused(plugin.rollback(1, "another"), "invalid", "no earlier ready revision")

    def test_rollback_passes_over_a_revision_that_was_never_ready(self):
        self.cloud.run.broken_images.add("img:2")
        for image in ("img:2", "img:3"):
            self.service.doc["template"]["containers"][0]["image"] = image
            self.cloud.run.revise(self.service)
        self.assertEqual(self.ok(self.supervised().rollback(1))["to"], "svc-00001-abc")

    def test_rollback_starts_what_ran_again_with_its_epoch(self):
        plugin = self.supervised()
        self.service.doc["template"]["containers"][0]["image"] = "img:2"
        self.cloud.run.revise(self.service)
        self.ok(plugin.activate(4))
        self.refused(plugin.rollback(3), "conflict", "a newer epoch (4)")
        self.assertEqual(self.cloud.asked("PATCH"), [])
        self.assertEqual(self.ok(plugin.rollback(4))["to"], "svc-00001-abc")
        seen = self.ok(plugin.observe())
        self.assertEqual((seen["state"], seen["epoch"]), ("active", 4))
        order = [r[1].rsplit("/", 1)[1].split("?")[0] for r in self.cloud.requests if r[0] in ("POST", "PATCH") and "token" not in r[1]]
        self.assertEqual(order, ["activate", "deactivate", "svc", "activate"], "two revisions could have run it at once")

    def test_rollback_of_what_another_instance_calls_stopped_touches_nothing_else(self):
        plugin = self.supervised()
        self.cloud.run.revise(self.service)
        self.ok(plugin.activate(4))
        answers = self.replaced_while_it_stops()
        self.refused(plugin.rollback(4), "unknown", "another instance")
        answers.join()
        self.assertEqual(self.cloud.asked("PATCH"), [])

    def test_rollback_of_what_does_not_stop_touches_nothing_else(self):
        plugin = self.supervised()
        self.cloud.run.revise(self.service)
        self.ok(plugin.activate(4))
        self.cloud.run.supervisor_works = False
        self.refused(plugin.rollback(4, budget_ms=paced(2500)), "unknown", "could not be stopped for the rollback")
        self.assertEqual(self.cloud.asked("PATCH"), [])

    def test_what_it_says_when_a_start_comes_to_nothing(self):
        self.cloud.run.restore_fails = "snapshot 20261120T101500.123Z-e3 is not in the store, or is damaged"
        plugin = self.supervised()
        began = time.monotonic()
        self.refused(plugin.activate(4, 60000), "transient", "could not start the workload", "is not in the store")
        self.assertLess(time.monotonic() - began, 30, "it waited for what will not happen")
        self.cloud.run.restore_fails = ""
        self.assertEqual(self.ok(plugin.activate(4))["state"], "active")

    def test_a_supervisor_that_is_still_stopping_is_waited_for(self):
        plugin = self.supervised()
        self.ok(plugin.activate(1))
        self.cloud.run.stop_s = 3600
        self.assertFalse(self.ok(plugin.deactivate(1, paced(1500)))["stopped"])
        self.assertEqual(self.ok(plugin.observe())["state"], "stopping")
        asked = len(self.cloud.asked("POST", "/activate"))
        stops = threading.Thread(target=lambda: (wait_for("a start to be refused", lambda: len(self.cloud.asked("POST", "/activate")) > asked + 1), setattr(self.service, "moved_at", 0)))
        stops.start()
        self.assertEqual(self.ok(plugin.activate(2))["epoch"], 2)
        stops.join()

    def test_states_of_the_workload(self):
        plugin = self.supervised()
        self.ok(plugin.activate(1))
        for workload, state in (("unhealthy", "active"), ("restarting", "starting"), ("failed", "unknown"), ("running", "active")):
            self.service.workload = workload
            self.assertEqual(self.ok(plugin.observe())["state"], state, workload)
        self.service.workload = "failed"
        self.assertTrue(self.ok(plugin.deactivate(1))["stopped"])
        self.assertEqual(self.service.mode, "standby", "the supervisor was not told")

    def test_diagnosis_warns_of_many_copies(self):
        self.service.doc["scaling"] = {}
        plugin = self.supervised()
        self.service.doc["scaling"] = {}
        found = str(self.ok(plugin.call("target.diagnose/1"))["problems"])
        self.assertIn("instances at once", found)
        self.assertIn("no instance of svc is kept", found)


    def test_the_fake_can_stand_before_a_real_supervisor(self):
        other = GoogleCloud()
        try:
            inside = other.run.add()
            inside.doc["scaling"] = {"scalingMode": "MANUAL", "manualInstanceCount": 1}
            self.cloud.run.backend = inside.doc["uri"]
            plugin = self.supervised()
            self.assertEqual(self.ok(plugin.activate(2))["epoch"], 2)
            self.assertEqual((inside.mode, self.service.mode), ("active", "standby"))
            self.refused(plugin.activate(1), "conflict", "older than 2")
        finally:
            other.close()
            other.identity.close()

    def test_diagnosis_finds_a_split(self):
        revision = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}
        self.service.doc["traffic"] = [{**revision, "revision": "svc-00001-abc", "percent": 10}, {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 90}]
        self.cloud.run.revise(self.service)
        found = str(self.ok(self.supervised().call("target.diagnose/1"))["problems"])
        self.assertIn("svc-00001-abc 10 %, svc-00002-abc 90 %", found)
        self.assertIn("--to-revisions=NAME=100", found)


class Health(GcpTest):
    def check(self, plugin, timeout_ms=paced(5000)):
        return self.ok(plugin.call("health.check/1", {"timeout_ms": timeout_ms}))

    def test_the_services_own_word_counts(self):
        plugin = self.supervised("health", mode=None, store=None)
        waiting = self.check(plugin)
        self.assertEqual((waiting["outcome"], waiting["verdict"]), ("fail", True))
        self.assertIn("standby", waiting["cause"])
        self.service.mode, self.service.workload = "active", "running"
        self.assertEqual(self.check(plugin)["outcome"], "pass")
        for reply, outcome, verdict in (((500, "broken"), "fail", True), ((200, {"status": "unhealthy"}), "fail", True), ((200, {"status": "degraded"}), "degraded", True),
                                        ((403, "no"), "unknown", False), ((429, "slow"), "unknown", False), ((404, "what"), "fail", False)):
            self.cloud.fault("GET", "/app/", reply)
            seen = self.check(plugin)
            self.assertEqual((seen["outcome"], seen["verdict"]), (outcome, verdict), reply)
            self.assertTrue(seen["cause"])

    def test_a_service_that_is_switched_off_fails(self):
        plugin = self.supervised("health", mode=None, store=None)
        self.cloud.fault("GET", "/app/", "drop", times=99)
        self.assertEqual((self.check(plugin)["outcome"], self.check(plugin)["verdict"]), ("unknown", False))
        self.service.doc["scaling"] = {"scalingMode": "MANUAL"}
        self.assertEqual((self.check(plugin)["outcome"], self.check(plugin)["verdict"]), ("fail", True))

    def test_the_ready_condition_alone(self):
        plugin = self.plugin("health", health_path="")
        self.service.doc["scaling"] = {"minInstanceCount": 1}
        self.assertEqual(self.check(plugin)["outcome"], "pass")
        self.service.failed = "it does not listen"
        seen = self.check(plugin)
        self.assertEqual((seen["outcome"], seen["verdict"]), ("fail", True))
        self.assertIn("HEALTH_CHECK_CONTAINER_ERROR", seen["cause"])
        self.service.failed, self.service.settles_at = "", time.monotonic() + 60
        self.assertEqual(self.check(plugin)["outcome"], "degraded")

    def test_a_control_plane_in_trouble_says_nothing(self):
        plugin = self.plugin("health", health_path="")
        self.cloud.fault("*", "/v2/", OVERLOADED, times=10**6)
        seen = self.check(plugin, paced(1000))
        self.assertEqual((seen["outcome"], seen["verdict"]), ("unknown", False))


if __name__ == "__main__":
    unittest.main()
