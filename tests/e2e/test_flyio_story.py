"""A whole failover to a Fly app and the way home: the machine on the fake is a real process of the example service."""
import json
import os
import sys
import unittest

from harness import COUNTER, ROOT, Site, wait_for

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from fly_machines import FlyMachines  # noqa: E402

TOKEN = "fo1_planted_token"


class FlyStandby(Site):
    """Home is a real process; the spare is a machine of a Fly app, whose checks and own port tell of its health."""

    weak_check = False

    def setUp(self):
        self.fly = FlyMachines(token=TOKEN)
        self.fly.command = self.command
        self.machine = self.fly.add("standby-1", "fra", services=[{"protocol": "tcp", "internal_port": 8080, "autostart": True}])
        super().setUp()

    def tearDown(self):
        super().tearDown()
        self.fly.close()
        self.assertEqual(self.fly.problems, [])

    def command(self, machine):
        """What its image would run."""
        env = {**os.environ, **(machine.config.get("env") or {})}
        return {"args": ["python3", COUNTER, str(self.ports["spare"]), os.path.join(self.folder, "spare/state")], "env": env}

    def target(self, name):
        if name == "home":
            return super().target(name)
        where = f'app = "standby", token = {{ env = "FLY_API_TOKEN" }}, api = "{self.fly.url}"'
        return f"""
[service.counter.target.spare]
plugin = "flyio"
paths = ["spare/state"]
declared = {{ ready_in = "2s" }}
activate_timeout = "30s"
deactivate_timeout = "8s"
stop_grace = "1s"
settings = {{ {where}, started_after = "100ms", lease_ttl = "5s" }}
[[service.counter.target.spare.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{self.ports['spare']}/health", json = {{ "$.status" = "healthy" }} }}
[[service.counter.target.spare.health]]
plugin = "flyio"
settings = {{ {where} }}
"""

    def start(self, **more):
        super().start(env={"FLY_API_TOKEN": TOKEN}, **more)

    def kinds(self):
        return [json.loads(line)["kind"] for line in self.understudy("history", "--json").splitlines()]

    def no_secret(self):
        with open(self.log_path) as log:
            self.assertNotIn(TOKEN, log.read() + self.understudy("history", "--json") + self.understudy("status", "--json"))

    def test_fails_over_to_fly_with_its_state_and_comes_home_with_the_newer_one(self):
        self.write_config(stable_for="2s")
        self.start()
        self.serving("home")
        wait_for("a count", lambda: self.count("home")["count"] > 5)
        before = self.count("home")["count"]
        self.kill_site("home")
        there = wait_for("the machine to serve", lambda: self.count("spare"))
        self.assertEqual((there["epoch"], there["site"]), ("2", "spare"))
        self.assertGreaterEqual(there["count"], before - 40)  # from a snapshot of a moment before
        wait_for("home again", lambda: self.service()["epoch"] >= 3)
        self.serving("home")
        self.assertGreaterEqual(self.count("home")["count"], there["count"])
        self.assertEqual(self.running(), ["home"])
        self.assertEqual((self.machine.state, self.machine.cordoned, self.machine.boots), ("stopped", False, 1))
        for kind in ("failover.started", "fence.confirmed", "failover.done", "failback.started", "state.saved", "failback.done"):
            self.assertIn(kind, self.kinds())
        self.no_secret()

    def test_a_control_plane_in_trouble_delays_and_never_doubles(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        wait_for("a count", lambda: self.count("home")["count"] > 5)
        self.fly.fault(r"POST .*/lease", http=500)
        self.fly.fault(r"POST \S*/machines/\w+$", http=409, body={"error": "current_version does not match"})
        self.fly.fault(r"POST .*/start", http=412, body={"error": "failed_precondition: unable to start machine from current state: 'replacing'"})
        self.fly.fault(r"POST .*/start", lost="after")
        self.fly.fault(r"GET .*/wait", http=408)
        self.fly.fault(r"GET .*/wait", http=429, headers={"Retry-After": "1"})
        self.kill_site("home")
        self.serving("spare")
        self.assertEqual((self.running(), self.machine.boots, self.count("spare")["epoch"]), (["spare"], 1, "2"))

    def test_a_stop_that_fly_only_claims_starts_nothing_at_home(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.assertEqual(self.running(), ["spare"])
        self.fly.lies = {"stop"}
        self.understudy("failback", "counter", expect=None)
        wait_for("the refusal to be told", lambda: "still shows" in str(self.service()) + self.understudy("history"))
        self.assertEqual(self.running(), ["spare"])
        self.fly.lies = set()
        wait_for("one site", lambda: self.service()["phase"] == "active" and len(self.running()) == 1)

    def test_a_machine_that_is_killed_by_hand_is_seen(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.machine.process.kill()
        self.serving("home")
        self.assertEqual((self.running(), self.machine.state), (["home"], "stopped"))


if __name__ == "__main__":
    unittest.main()
