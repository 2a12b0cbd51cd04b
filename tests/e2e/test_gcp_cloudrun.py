"""Cloud Run as a standby: started and stopped by the control plane, seen as it is, and what happens
when Google fails, forgets, refuses or is slow."""
import threading
import time
import unittest

from gcp import GcpTest, error
from google_run import error_info
from harness import PACE, paced, wait_for
from plugin_driver import by_itself

OVERLOADED = error(503, "The service is currently unavailable.", "UNAVAILABLE")
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


class ControlPlane(GcpTest):
    def patches(self):
        return [r for r in self.cloud.asked("PATCH") if "validateOnly" not in r[1]]

    def test_a_start_is_a_new_revision_that_knows_its_epoch(self):
        self.service.doc["traffic"] = [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "svc-00001-abc", "percent": 100}]
        self.service.doc["template"]["revision"] = "svc-00001-abc"
        plugin = self.plugin("target", env={}, )
        seen = self.ok(plugin.activate(7, snapshot="20261120T101500.123Z-e6"))
        self.assertEqual((seen["state"], seen["epoch"]), ("active", 7))
        env = self.service.env()
        self.assertEqual((env["KEEP"], env["UNDERSTUDY_EPOCH"], env["UNDERSTUDY_SNAPSHOT"], env["UNDERSTUDY_TARGET"]), ("me", "7", "20261120T101500.123Z-e6", "target"))
        self.assertEqual(self.service.doc["traffic"], [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}])
        self.assertEqual(len(self.service.revisions), 2)
        self.assertEqual(self.service.kept(), 1)

    def test_the_same_start_again_changes_nothing(self):
        plugin = self.plugin("target")
        for _ in range(2):
            self.assertEqual(self.ok(plugin.activate(3))["epoch"], 3)
        self.assertEqual(len(self.patches()), 1)
        self.assertEqual(self.ok(self.plugin("target").observe())["epoch"], 3, "another instance does not see it")

    def test_it_is_active_only_when_ready(self):
        self.cloud.run.settle_s, self.cloud.run.operation_polls = 600, 2
        plugin = self.plugin("target")
        plugin.send("standby.activate/1", {"service": "s", "target": "t", "epoch": 1, "operation": "o", "snapshot": "", "reason": "failover"}, paced(30000))
        other = self.plugin("target")
        wait_for("a start to be seen", lambda: self.ok(other.observe())["state"] == "starting")
        time.sleep(1)
        self.assertTrue(plugin.answers.empty(), "it answered before it was ready")
        self.cloud.run.arrive(self.service)
        self.assertEqual(self.ok(plugin.receive())["state"], "active")

    def test_a_long_start_can_be_watched_by_the_same_instance(self):
        self.cloud.run.settle_s = 600
        plugin = self.plugin("target")
        plugin.send("standby.activate/1", {"service": "s", "target": "t", "epoch": 1, "operation": "o", "snapshot": "", "reason": "failover"}, paced(30000))
        wait_for("the start to be seen", lambda: self.ok(plugin.observe())["state"] == "starting")
        self.cloud.run.arrive(self.service)
        self.assertEqual(self.ok(plugin.receive())["state"], "active")

    def test_old_epochs_are_refused_also_after_a_stop(self):
        plugin = self.plugin("target")
        self.ok(plugin.activate(5))
        self.refused(plugin.deactivate(4), "conflict", "a newer epoch (5)")
        self.assertTrue(self.ok(plugin.deactivate(5))["stopped"])
        self.refused(plugin.activate(4), "conflict", "older than 5")
        self.assertEqual(self.service.kept(), 0)

    def test_what_runs_otherwise_is_not_taken_over(self):
        self.service.doc["scaling"] = {"minInstanceCount": 1}
        plugin = self.plugin("target")
        self.assertEqual(self.ok(plugin.observe())["state"], "active")
        self.refused(plugin.activate(1), "conflict", "Understudy did not start it")
        self.assertTrue(self.ok(plugin.deactivate(1))["stopped"])
        self.assertEqual(self.service.doc["scaling"], {"scalingMode": "MANUAL", "manualInstanceCount": 0})

    def test_stopped_is_said_after_the_last_instance_has_had_its_time(self):
        plugin = self.plugin("target", quiet_after_stop=paced(4000))
        self.ok(plugin.activate(1))
        hasty = self.ok(plugin.deactivate(1, budget_ms=paced(1500)))
        self.assertFalse(hasty["stopped"], hasty)
        self.assertIn("may still be ending", hasty["detail"])
        self.assertEqual(self.ok(plugin.observe())["state"], "stopping")
        self.assertTrue(self.ok(plugin.deactivate(1))["stopped"])
        self.assertEqual(self.ok(plugin.observe())["state"], "stopped")

    def test_the_last_instances_time_begins_when_the_change_has_arrived(self):
        plugin = self.plugin("target", quiet_after_stop=paced(1500))
        self.ok(plugin.activate(1))
        self.cloud.run.settle_s = 2
        began = time.monotonic()
        self.assertTrue(self.ok(plugin.deactivate(1))["stopped"])
        self.assertGreater(time.monotonic() - began, 1.9 + 1.5 * PACE)

    def test_not_kept_is_not_stopped_while_an_idle_instance_may_live(self):
        plugin = self.plugin("target", scaling="minimum", idle_for=paced(3000))
        self.service.doc["scaling"] = {}
        self.service.doc["template"]["scaling"] = {"minInstanceCount": 1, "maxInstanceCount": 1}
        self.refused(plugin.activate(1), "conflict", "stop it first")
        self.assertFalse(self.ok(plugin.deactivate(1, budget_ms=paced(1500)))["stopped"])
        self.assertEqual(self.service.doc["template"]["scaling"], {"maxInstanceCount": 1})
        wait_for("the idle time to pass", lambda: self.ok(plugin.observe())["state"] == "stopped")
        self.ok(plugin.activate(2))
        self.assertEqual(self.service.doc["scaling"], {"scalingMode": "AUTOMATIC", "minInstanceCount": 1})

    def test_a_service_that_any_request_starts_is_switched_off(self):
        self.service.doc["scaling"] = {}
        self.assertTrue(self.ok(self.plugin("target").deactivate(1))["stopped"])
        self.assertEqual(self.service.doc["scaling"], {"scalingMode": "MANUAL", "manualInstanceCount": 0})

    def test_a_service_without_cpu_between_requests_hosts_no_worker(self):
        self.service.doc["template"]["containers"][0]["resources"]["cpuIdle"] = True
        self.refused(self.plugin("target").activate(1), "invalid", "CPU only during requests", "--no-cpu-throttling")
        self.assertEqual(self.patches(), [])
        self.ok(self.plugin("target", works_between_requests=False).activate(1))

    def test_a_container_that_does_not_start_leaves_nothing_running(self):
        self.cloud.run.broken_images.add("img:1")
        plugin = self.plugin("target")
        self.refused(plugin.activate(1), "transient", "failed to start and listen", "see the revision's log")
        self.assertEqual(self.service.kept(), 0)
        self.assertEqual(self.ok(plugin.observe())["state"], "stopped")

    def test_a_container_that_does_not_start_and_a_stop_that_fails(self):
        self.cloud.run.broken_images.add("img:1")
        self.cloud.fault("PATCH", "", error(403, "Permission denied", "PERMISSION_DENIED"), times=9, skip=1)
        self.refused(self.plugin("target").activate(1), "unknown", "could not be stopped again")
        self.assertEqual(self.service.kept(), 1)

    # ---- Google fails ----
    def test_a_change_whose_answer_is_lost_is_not_made_twice(self):
        self.cloud.fault("PATCH", "", "drop", after=True)
        self.assertEqual(self.ok(self.plugin("target").activate(2))["state"], "active")
        self.assertEqual((len(self.patches()), len(self.service.revisions)), (1, 2))

    def test_somebody_elses_change_in_between(self):
        for status in (409, 412):
            self.cloud.fault("PATCH", "", error(status, "version was specified but current version is", "ABORTED"))
        def deploy():
            wait_for("the first try", self.patches)
            self.service.etag += 1
        other = threading.Thread(target=deploy)
        other.start()
        self.ok(self.plugin("target").activate(1))
        other.join()
        self.assertGreaterEqual(len(self.patches()), 3)

    def test_a_newer_epoch_in_between_wins(self):
        def newer():
            self.service.doc["template"]["containers"][0]["env"].append({"name": "UNDERSTUDY_EPOCH", "value": "9"})
            self.service.doc["scaling"] = {"scalingMode": "MANUAL", "manualInstanceCount": 1}
            self.service.etag += 1
        first = self.cloud.run.patch
        def patch(*words):
            newer()
            self.cloud.run.patch = first
            return first(*words)
        self.cloud.run.patch = patch
        self.refused(self.plugin("target").activate(8), "conflict", "older than 9")
        self.assertEqual(self.service.env()["UNDERSTUDY_EPOCH"], "9")

    def test_a_stop_wins_over_a_start_that_is_on_its_way(self):
        late = []
        def hold(*words):
            late.append(words)
            return 503, {"error": {"code": 503, "message": "on its way", "status": "UNAVAILABLE"}}, {}
        arrive, self.cloud.run.patch = self.cloud.run.patch, hold
        plugin = self.plugin("target", quiet_after_stop=paced(15000))
        self.refused(plugin.activate(8, paced(2500)), "unknown")
        self.cloud.run.patch = arrive
        stopped = self.ok(plugin.deactivate(8))
        self.assertTrue(stopped["stopped"], "what was stopped long since is told late")
        self.assertEqual(self.ok(plugin.observe())["state"], "stopped")
        self.assertEqual([arrive(*words)[0] for words in late], [409] * len(late))
        self.refused(self.plugin("target").activate(8), "conflict", "epoch 8 is over")
        changes = len(self.patches())
        for epoch in (8, 3):
            self.assertTrue(self.ok(plugin.deactivate(epoch))["stopped"])
        self.assertEqual(len(self.patches()), changes)
        self.ok(plugin.activate(9))

    def test_short_outages_are_sat_out(self):
        for method, pattern in (("GET", "/services/svc"), ("PATCH", ""), ("GET", "/operations/"), ("GET", "/operations/")):
            self.cloud.fault(method, pattern, OVERLOADED)
        self.cloud.fault("GET", "/services/svc", "drop", skip=1)
        self.assertEqual(self.ok(self.plugin("target").activate(1))["state"], "active")

    def test_an_operation_that_google_forgot(self):
        self.cloud.fault("GET", "/operations/", error(404, "Operation not found.", "NOT_FOUND"), times=99)
        self.assertEqual(self.ok(self.plugin("target").activate(1))["state"], "active")

    def test_a_control_plane_that_is_down_says_nothing(self):
        self.cloud.fault("*", "/v2/", OVERLOADED, times=10**6)
        plugin = self.plugin("target")
        self.refused(plugin.observe(paced(1500)), "transient", "currently unavailable")
        self.refused(plugin.activate(1, paced(1500)), "transient")
        self.refused(plugin.deactivate(1, paced(1500)), "transient")
        self.assertEqual(self.patches(), [])

    def test_changes_of_unknown_fate_are_unknown(self):
        plugin = self.plugin("target")
        self.cloud.fault("PATCH", "", OVERLOADED, times=10**6)
        self.refused(plugin.activate(1, paced(2000)), "unknown")
        self.cloud.faults.clear()
        self.cloud.fault("PATCH", "", "hang", times=10**6)
        self.refused(plugin.activate(1, paced(2000)), "unknown")

    def test_a_start_that_was_taken_and_can_no_longer_be_followed_is_unknown(self):
        refusal = error(403, "Permission 'run.operations.get' denied", "PERMISSION_DENIED")
        for pattern, skip in (("/operations/", 0), ("/services/svc", 1)):
            self.cloud.fault("GET", pattern, refusal, times=10**6, skip=skip)
            self.refused(self.plugin("target").activate(1), "unknown", "denied")
            self.cloud.faults.clear()
            self.assertEqual(self.service.kept(), 1, "it was started")
            self.service.doc["scaling"] = {"scalingMode": "MANUAL"}

    def test_a_start_that_was_taken_before_the_credentials_ended_is_unknown(self):
        def expire(*words):
            self.cloud.run.patch = first
            self.cloud.identity.expire_all()
            self.cloud.fault("POST", "/token", (400, {"error": "invalid_grant", "error_description": "account not found"}), times=10**6)
            return first(*words)
        first, self.cloud.run.patch = self.cloud.run.patch, expire
        self.refused(self.plugin("target").activate(1), "unknown")
        self.assertEqual(self.service.kept(), 1)

    def test_an_endless_start_is_unknown(self):
        self.cloud.run.settle_s = 60
        self.refused(by_itself(lambda: self.plugin("target").activate(1, paced(2500))), "unknown", "chang")  # "still changing", or "being changed" after a longer while

    def test_rate_limits_are_waited_out_when_there_is_time(self):
        limited = error(429, "Quota exceeded for quota metric 'Write requests'", "RESOURCE_EXHAUSTED", [{"@type": RETRY_INFO, "retryDelay": "0.7s"}])
        self.cloud.fault("PATCH", "", limited)
        self.ok(self.plugin("target").activate(1))
        first, second = [r[2] for r in self.patches()[:2]]
        self.assertGreater(second - first, 0.69)

    def test_rate_limits_are_told_when_there_is_none(self):
        self.cloud.fault("GET", "/v2/", error(429, "Quota exceeded", "RESOURCE_EXHAUSTED", [{"@type": RETRY_INFO, "retryDelay": "61s"}]), times=9)
        told = self.refused(self.plugin("target").observe(), "transient", "Quota exceeded", "how often")
        self.assertEqual(told["retry_after_ms"], 61000)
        self.cloud.faults.clear()
        self.cloud.fault("GET", "/v2/", error(403, "Rate Limit Exceeded", reason="rateLimitExceeded"), headers={"Retry-After": "90"}, times=9)
        self.assertEqual(self.refused(self.plugin("target").observe(), "transient")["retry_after_ms"], 90000)

    # ---- a person's mistakes ----
    def test_mistakes_have_a_sentence_each(self):
        self.refused(self.plugin("target", service="other").observe(), "invalid", "other", "europe-west1", "check the names")
        self.refused(self.plugin("target", region="mars-north1").observe(), "invalid", "mars-north1")
        self.refused(self.plugin("target", project="elsewhere").observe(), "denied", "roles/run.viewer", "run.services.get", "elsewhere")
        self.cloud.run.denied.add("run.services.update")
        self.refused(self.plugin("target").activate(1), "denied", "roles/run.developer", "ops@demo.iam.gserviceaccount.com")

    def test_interfaces_that_are_off(self):
        plugin = self.plugin("target")
        off = error(403, "Cloud Run Admin API has not been used in project demo before or it is disabled.", "PERMISSION_DENIED", error_info("SERVICE_DISABLED", service="run.googleapis.com"))
        self.cloud.fault("GET", "/v2/", off)
        self.refused(plugin.observe(), "denied", "gcloud services enable run.googleapis.com --project demo")
        billing = error(403, "This API method requires billing to be enabled.", "PERMISSION_DENIED", error_info("BILLING_DISABLED", service="run.googleapis.com"))
        self.cloud.fault("GET", "/v2/", billing)
        self.refused(plugin.observe(), "denied", "billing is off")
        actas = error(403, "Permission 'iam.serviceaccounts.actAs' denied on service account run@demo.iam.gserviceaccount.com", "PERMISSION_DENIED")
        self.cloud.fault("PATCH", "", actas)
        self.refused(plugin.activate(1), "denied", "roles/iam.serviceAccountUser")

    def test_nonsense_is_survived(self):
        plugin = self.plugin("target")
        for reply in ((200, "<html>"), (200, {"what": "is this"}), (200, {"name": 5}), (302, "elsewhere"), (418, b"\xff\xfe")):
            self.cloud.fault("GET", "/v2/", reply, times=1)
            self.assertNotEqual(plugin.observe(paced(1500))["status"], "ok", reply)
        self.ok(plugin.observe())

    # ---- optional methods ----
    def test_rollback_brings_back_the_image_before(self):
        plugin = self.plugin("target")
        self.ok(plugin.activate(3))
        self.service.doc["template"]["containers"][0]["image"] = "img:2"
        self.cloud.run.revise(self.service)
        self.service.etag += 1
        self.refused(plugin.rollback(2), "conflict", "a newer epoch (3)")
        back = self.ok(plugin.rollback(3))
        self.assertEqual((back["from"], back["to"]), ("svc-00003-abc", "svc-00002-abc"))
        self.assertIn("svc-00004-abc", back["detail"])
        self.assertEqual(self.service.doc["template"]["containers"][0]["image"], "img:1")
        self.assertEqual(self.service.env()["UNDERSTUDY_EPOCH"], "3", "the epoch of what runs was lost")
        self.assertEqual(self.ok(plugin.observe())["epoch"], 3)
        changes = len(self.patches())
        self.assertEqual(self.ok(self.plugin("target").rollback(3)), back, "the same operation again, by a fresh instance")
        self.assertEqual(len(self.patches()), changes)
        self.refused(plugin.rollback(3, "another"), "invalid", "no earlier ready revision")
        self.refused(plugin.rollback(3, ""), "invalid", "operation")

    def running_with_a_bad_image(self, plugin):
        self.ok(plugin.activate(3))
        self.service.doc["template"]["containers"][0]["image"] = "img:2"
        self.cloud.run.revise(self.service)
        self.service.etag += 1

    def test_rollback_stops_what_runs_before_it_starts_the_other(self):
        plugin = self.plugin("target", quiet_after_stop=paced(3000))
        self.running_with_a_bad_image(plugin)
        kept_and_images, first = [], self.cloud.run.patch
        def patch(*words):
            reply = first(*words)
            kept_and_images.append((self.service.kept(), self.service.doc["template"]["containers"][0]["image"], time.monotonic()))
            return reply
        self.cloud.run.patch = patch
        self.refused(plugin.rollback(3, budget_ms=paced(2500)), "unknown", "stopped for the rollback")
        self.ok(self.plugin("target", quiet_after_stop=paced(3000)).rollback(3))
        self.assertEqual([k[:2] for k in kept_and_images], [(0, "img:2"), (1, "img:1")])
        self.assertGreater(kept_and_images[1][2] - kept_and_images[0][2], 2.5 * PACE)  # the first is noted a moment after it was made
        self.assertEqual(self.ok(plugin.observe())["epoch"], 3)

    def test_rollback_that_fails_halfway_is_unknown(self):
        plugin = self.plugin("target")
        self.running_with_a_bad_image(plugin)
        self.cloud.fault("PATCH", "", error(403, "Permission denied", "PERMISSION_DENIED"), times=9)
        self.refused(plugin.rollback(3), "denied")
        self.cloud.faults.clear()
        self.cloud.fault("PATCH", "", error(403, "Permission denied", "PERMISSION_DENIED"), times=9, skip=1)
        self.refused(plugin.rollback(3), "unknown", "Permission denied")
        self.cloud.faults.clear()
        self.ok(plugin.deactivate(3))
        self.refused(plugin.rollback(3), "unknown", "stopped for good")
        self.assertEqual(self.service.kept(), 0)

    def test_rollback_of_what_is_stopped_leaves_it_stopped(self):
        self.service.doc["template"]["containers"][0]["image"] = "img:2"
        self.cloud.run.revise(self.service)
        self.cloud.fault("PATCH", "", "drop", after=True)
        back = self.ok(self.plugin("target").rollback(1))
        self.assertEqual((back["from"], back["to"], self.service.kept()), ("svc-00002-abc", "svc-00001-abc", 0))
        self.assertEqual(len(self.service.revisions), 3, "it was made twice")

    def test_it_cannot_be_warmed_without_being_started(self):
        seen = self.ok(self.plugin("target").call("standby.prewarm/1"))
        self.assertFalse(seen["ready"])
        self.assertIn('mode = "supervisor"', seen["detail"])
        self.assertEqual(self.patches(), [])

    def problems(self, plugin):
        return {(p["severity"], p["message"].split(":")[0]): p["hint"] for p in self.ok(plugin.call("target.diagnose/1"))["problems"]}

    def test_diagnosis(self):
        plugin = self.plugin("target")
        self.assertEqual(self.problems(plugin), {})
        self.service.doc["template"]["containers"][0]["resources"]["cpuIdle"] = True
        self.cloud.run.denied.add("run.services.update")
        found = self.problems(plugin)
        self.assertEqual(len(found), 2, found)
        self.assertTrue(all(severity == "error" for severity, _ in found))
        self.assertIn("roles/run.developer", str(found))
        self.assertEqual(self.service.etag, 1, "a diagnosis changed something")
        self.assertIn("warning", str(self.problems(self.plugin("target", scaling="minimum"))))
        self.service.doc["traffic"].append({"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "svc-00001-abc", "tag": "blue"})
        self.assertIn("--remove-tags=blue", str(self.problems(plugin)))
        self.assertIn("is there", str(self.problems(self.plugin("target", service="other"))))

    def quote(self, **settings):
        return self.ok(self.plugin("target", **settings).call("standby.quote/1"))

    def test_quotes(self):
        always = self.quote()
        self.assertAlmostEqual(always["active_usd_per_hour"], 3600 * (0.000018 + 0.5 * 0.000002))
        self.assertEqual((always["standby_usd_per_hour"], always["min_billing_s"]), (0, 60))
        self.assertTrue(always["source"] and always["as_of"])
        self.assertEqual(self.quote(free_tier_share=1)["active_usd_per_hour"] < always["active_usd_per_hour"], True)
        self.assertAlmostEqual(self.quote(price={"vcpu_second": 0.0, "gib_second": 1.0})["active_usd_per_hour"], 1800)
        self.assertEqual(self.quote(price={"active_per_hour": 0.25})["active_usd_per_hour"], 0.25)
        warm = self.quote(mode="supervisor")
        self.assertAlmostEqual(warm["standby_usd_per_hour"], always["active_usd_per_hour"])
        self.service.doc["template"]["containers"][0]["resources"] = {"cpuIdle": True, "limits": {"cpu": "2", "memory": "1Gi"}}
        busy = self.quote(mode="supervisor", requests_per_hour=36000, time_per_request=100)
        self.assertAlmostEqual(busy["active_usd_per_hour"], 3600 * (2 * 0.000024 + 0.0000025) + 36000 * 0.4e-6)
        self.assertAlmostEqual(busy["standby_usd_per_hour"], 3600 * 3 * 0.0000025)


if __name__ == "__main__":
    unittest.main()
