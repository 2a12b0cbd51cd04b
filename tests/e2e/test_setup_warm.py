"""Setup A, whole: examples/warm_cloud_run as it is there, against the fake of Google's cloud, with a real `understudy agent` as
what runs in the container."""
import json
import unittest

import gcp  # noqa: F401: sets the path of the fakes
from google_cloud import GoogleCloud, error
from harness import free_port, wait_for
from setup_site import SetupSite, clean_environment, start_agent

UNAVAILABLE = error(503, "The service is currently unavailable.", "UNAVAILABLE")
TOO_MANY = error(429, "Quota exceeded for quota metric 'Write requests'", "RESOURCE_EXHAUSTED")
CHANGED = error(409, "Conflict for resource 'trader': version was specified but current version is another.", "ABORTED")
UNMET = error(412, "At least one of the pre-conditions you specified did not hold.", reason="conditionNotMet")


class WarmCloudRun(SetupSite):
    example = "warm_cloud_run"
    secret_files = ("key.json",)

    def setUp(self):
        self.cloud = GoogleCloud()
        self.remote = self.cloud.run.add("trader", "trader-42")
        self.remote.doc["scaling"] = {"minInstanceCount": 1}
        self.bucket = self.cloud.storage.add("trader-state")
        self.agent_port = free_port()
        self.cloud.run.backend = f"http://127.0.0.1:{self.agent_port}"
        self.url = self.remote.doc["uri"]
        super().setUp()
        with open(self.cloud.identity.service_account_file()) as source:
            key = source.read()
        with open(self.path("key.json"), "w") as out:
            out.write(key)
        body = json.loads(key)["private_key"].split("\n")
        self.planted.update({"the service account's key": body[5], "an access token": "planted-token-"})
        self.agent = self.start_container()

    def tearDown(self):
        super().tearDown()
        self.cloud.close()
        self.cloud.identity.close()
        if self.passed():
            self.assertEqual(self.cloud.problems, [])

    def replace(self, service, **more):
        google = {"api": self.cloud.base, "oauth_api": self.cloud.base}
        base = self.base["service"]["trader"]["target"]["standby"]
        standby = service["target"]["standby"]
        standby["settings"] = {**google, "url": self.url}
        standby["health"] = [{**check, "settings": {**check["settings"], **google, "url": self.url}} for check in base["health"]]
        service["state"]["settings"] = dict(google)

    def agent_overlay(self):
        """In the container there is no key file: Google's metadata server gives the tokens."""
        over = super().agent_overlay()
        over["agent"]["state"]["settings"] = {"api": self.cloud.base, "oauth_api": self.cloud.base, "metadata_api": self.cloud.base}
        return over

    def environment(self):
        return {**super().environment(), "GOOGLE_APPLICATION_CREDENTIALS": self.path("key.json")}

    def start_container(self):
        return start_agent(self, {**clean_environment(), "HOME": self.path("standby"), "PORT": str(self.agent_port), "STANDBY_KEY": self.planted["STANDBY_KEY"]})

    def saved(self):
        return [n for n in self.bucket if n.startswith("prod/trader/snapshots/") and n.endswith("/manifest.json")]

    def at_home(self):
        self.start()
        self.serving("home")
        wait_for("a snapshot in the bucket", self.saved)
        wait_for("a count", lambda: self.count("home")["count"] > 5)

    def supervisor(self):
        return json.loads(self.ask(self.url + "/health")[1])

    def goes_on_at_standby(self, before):
        service = self.serving("standby")
        there = wait_for("the standby to count", lambda: self.count("standby"))
        self.assertEqual(there["epoch"], str(service["epoch"]))
        self.assertGreaterEqual(there["count"], before)
        self.assertEqual(self.running(), ["standby"])
        return service["epoch"]

    def comes_home(self, epoch):
        """With what the standby has counted until its end."""
        wait_for("home again", lambda: self.service()["epoch"] > epoch)
        self.serving("home")
        self.assertGreaterEqual(self.count("home")["count"], self.counted("standby"))
        self.assertEqual(self.running(), ["home"])
        self.assertEqual((self.supervisor()["mode"], self.supervisor()["status"]), ("standby", "standby"))

    def test_there_and_back(self):
        self.write_config(stable_for=self.LONG_ENOUGH_TO_BE_SEEN)
        self.at_home()
        self.assertEqual(self.supervisor()["status"], "standby")
        before = self.home_dies()
        epoch = self.goes_on_at_standby(before)
        self.assertTrue(self.supervisor()["snapshot"]["id"])
        self.comes_home(epoch)
        self.told("trader runs at home")
        story = wait_for("the end of the incident", lambda: (lambda s: s if "trader runs at home" in s[-1] else None)(self.story()))
        self.assertIn("trader is down at home", story[0])
        self.assertNotIn("runs at standby", story[0])
        for words in ("trader is down at home", "trader runs at standby", "trader runs at home"):
            self.assertIn(words, story[-1])
        for kind in ("failover.started", "fence.confirmed", "failover.done", "failback.started", "failback.done"):
            self.assertIn(kind, self.kinds())
        self.assertEqual(self.cloud.asked("PATCH"), [], "a warm standby needs no change of the service")

    def test_by_hand(self):
        """The standby runs the service, and a person says /deactivate: it saves and stops, and home takes over from there."""
        self.at_home()
        self.understudy("promote", "trader", "standby", "--reason", "test")
        epoch = self.serving("standby")["epoch"]
        for key in (None, "wrong"):
            self.assertEqual(self.ask(self.url + "/metrics", key=key)[0], 401)
            self.assertEqual(self.ask(self.url + "/deactivate", "POST", {}, key)[0], 401)
            self.assertEqual(self.ask(self.url + "/activate", "POST", {"force": True}, key)[0], 401)
        status, text = self.ask(self.url + "/metrics", key=self.planted["STANDBY_KEY"])
        self.assertEqual(status, 200)
        self.assertIn('{service="trader"}', text)
        self.assertEqual(self.supervisor()["workload_status"], "running")
        self.assertEqual(self.ask(self.url + "/deactivate", "POST", {}, self.planted["STANDBY_KEY"])[0], 202)
        self.comes_home(epoch)
        self.assertIn("failover.done", self.kinds())
        self.assertNotIn("failback.done", self.kinds())

    def test_a_standby_that_sleeps_and_a_control_plane_in_trouble(self):
        """Somebody has switched the service off: it must be woken over a control plane that stumbles in each way."""
        self.remote.doc["scaling"] = {"scalingMode": "MANUAL"}
        self.at_home()
        for what in (UNAVAILABLE, TOO_MANY, CHANGED):
            self.cloud.fault("PATCH", "services/trader", what)
        self.cloud.fault("GET", "/v2/.*services/trader", UNAVAILABLE, times=2)
        self.cloud.fault("GET", "/operations/", "hang")
        self.cloud.fault("GET", "/operations/", UNAVAILABLE)
        self.cloud.fault("GET", "/storage/v1/b/trader-state/o", UNAVAILABLE, times=2)
        self.cloud.fault("GET", "/storage/v1/b/trader-state/o", TOO_MANY)
        self.cloud.fault("POST", "/upload/storage/.*ifGenerationMatch=[1-9]", UNMET)
        self.cloud.fault("POST", "/upload/storage/", "drop", after=True)
        self.cloud.identity.expire_all()
        before = self.home_dies()
        epoch = self.goes_on_at_standby(before)
        self.assertEqual(self.remote.kept(), 1)
        self.assertEqual([f.pattern.pattern for f in self.cloud.faults if f.times > 0], [], "these faults met nobody")
        self.cloud.identity.expire_all()  # midway
        self.cloud.fault("POST", "/deactivate", "drop", after=True)
        self.cloud.fault("POST", "/upload/storage/", UNAVAILABLE, times=2)
        self.understudy("failback", "trader")
        self.comes_home(epoch)
        self.assertEqual(self.kinds().count("failover.done"), 1)
        self.told("trader runs at home")

    def test_a_lost_answer_and_a_silent_service_start_it_once(self):
        self.at_home()
        self.cloud.fault("POST", "/activate", "drop", after=True)
        self.cloud.fault("POST", "/activate", UNAVAILABLE)
        self.cloud.fault("*", "/token", UNAVAILABLE)
        self.cloud.fault("GET", "/computeMetadata/", UNAVAILABLE)
        before = self.home_dies()
        self.goes_on_at_standby(before)
        _, metrics = self.ask(self.url + "/metrics", key=self.planted["STANDBY_KEY"])
        self.assertIn('understudy_agent_activations_total{result="ok",service="trader"} 1', metrics)


if __name__ == "__main__":
    unittest.main()
