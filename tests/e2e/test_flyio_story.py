"""A whole failover to a Fly app and the way home: the machine on the fake is a real process of the example service."""
import json
import os
import sys
import unittest

from harness import COUNTER, ROOT, Site, paced, wait_for

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from fly_machines import FlyMachines  # noqa: E402

TOKEN = "fo1_planted_token"
# A workload that has nothing to do once a file is there, and then ends by itself after so many seconds.
IDLE = """
import os, runpy, sys, threading, time
def idle(file, seconds):
    while not os.path.exists(file):
        time.sleep(0.05)
    time.sleep(float(seconds))
    os._exit(0)
threading.Thread(target=idle, args=sys.argv[1:3], daemon=True).start()
del sys.argv[:3]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class FlyStandby(Site):
    """Home is a real process; the spare is a machine of a Fly app, whose checks and own port tell of its health."""

    weak_check = False
    more = ""    # settings of the target
    asleep = ""  # of its health
    slow_s = 0   # before the workload listens
    stop_within = "20s"

    def setUp(self):
        self.fly = FlyMachines(token=TOKEN)
        self.fly.command = self.command
        self.machine = self.fly.add("standby-1", "fra", services=[{"protocol": "tcp", "internal_port": 8080, "autostart": True}])
        super().setUp()

    def tearDown(self):
        self.stop()
        self.fly.close()  # its processes write to the folder that goes away now
        super().tearDown()
        self.assertEqual(self.fly.problems, [])

    def command(self, machine):
        """What its image would run."""
        env = {**os.environ, **(machine.config.get("env") or {})}
        words = [COUNTER, str(self.ports["spare"]), os.path.join(self.folder, "spare/state")]
        idle = env.get("UNDERSTUDY_IDLE_STOP_S")
        program = ["python3", "-c", IDLE, os.path.join(self.folder, "idle"), idle, *words] if idle else ["python3", *words]
        return {"args": ["sh", "-c", f'sleep {self.slow_s}; exec "$@"', "sh", *program] if self.slow_s else program, "env": env}

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
deactivate_timeout = "{self.stop_within}"
stop_grace = "1s"
settings = {{ {where}, started_after = "100ms", lease_ttl = "5s"{self.more} }}
[[service.counter.target.spare.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{self.ports['spare']}/health", json = {{ "$.status" = "healthy" }} }}
[[service.counter.target.spare.health]]
plugin = "flyio"
settings = {{ {where}{self.asleep} }}
"""

    def start(self, **more):
        super().start(env={"FLY_API_TOKEN": TOKEN}, **more)

    def kinds(self):
        return [json.loads(line)["kind"] for line in self.understudy("history", "--json").splitlines()]

    def no_secret(self):
        with open(self.log_path) as log, open(f"/proc/{self.process.pid}/cmdline") as words:
            told = log.read() + words.read() + self.understudy("history", "--json") + self.understudy("status", "--json")
        self.assertNotIn(TOKEN, told)
        for folder, _, names in os.walk(self.folder):
            for name in filter(lambda n: os.path.isfile(os.path.join(folder, n)), names):
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(TOKEN.encode(), file.read(), name)

    def test_fails_over_to_fly_with_its_state_and_comes_home_with_the_newer_one(self):
        self.write_config(stable_for=f"{paced(5000)}ms")  # long enough to be seen there
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

    def test_a_person_rolls_the_machine_back_and_warms_it(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.machine.config = {**self.machine.config, "image": "registry.fly.io/standby:v2"}
        self.machine.new_version()
        self.assertIn("went back from registry.fly.io/standby:v2 to registry.fly.io/standby:v1", self.understudy("target", "rollback", "counter", "spare", "--reason", "v2 is slow"))
        self.assertEqual(self.machine.config["image"], "registry.fly.io/standby:v1")
        self.assertEqual((self.machine.state, self.running()), ("stopped", ["home"]))
        self.assertIn("spare", self.understudy("target", "prewarm", "counter", "spare"))
        self.assertIn("does not offer logs", self.understudy("target", "logs", "counter", "spare", expect=1))
        for kind in ("rollback.asked", "rollback.done", "prewarm.asked", "prewarm.done"):
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
        self.no_secret()

    def test_a_stop_that_fly_only_claims_starts_nothing_at_home(self):
        self.stop_within = f"{paced(8000)}ms"  # is waited for
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

    def test_a_machine_that_runs_and_does_not_listen_yet_is_not_ready(self):
        self.slow_s = 2
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.assertEqual(self.running(), ["spare"])

    def test_a_machine_that_is_killed_by_hand_is_seen(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.machine.process.kill()
        self.serving("home")
        self.assertEqual((self.running(), self.machine.state), (["home"], "stopped"))

    def test_with_a_token_that_has_ended_home_is_tried_again_and_it_is_said(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.fly.token = "fo1_another"
        self.kill_site("home")
        wait_for("home to be tried again", lambda: self.service()["epoch"] >= 2)  # 3, when the end of the token was not seen before
        self.serving("home")
        self.assertEqual((self.running(), self.machine.boots), (["home"], 0))
        wait_for("the spare to be looked at", lambda: any("the token is not accepted" in t["observed"]["detail"] for t in self.service()["targets"] if t["target"] == "spare"))
        self.assertIn("the token is not accepted", self.understudy("history"))
        self.fly.token = TOKEN
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.assertEqual((self.running(), self.machine.boots), (["spare"], 1))
        self.no_secret()


class FromNothing(FlyStandby):
    """No machine exists: nothing is paid for until there is a failover."""

    more = ', image = "registry.fly.io/standby:v1", regions = ["fra", "ams"]'

    def test_a_machine_is_made_where_there_is_room(self):
        self.fly.machines.clear()
        self.fly.full = {"fra"}
        self.write_config(stable_for=f"{paced(5000)}ms")  # long enough to be seen there
        self.start()
        self.serving("home")
        self.kill_site("home")
        wait_for("the machine to serve", lambda: self.count("spare")["epoch"] == "2")
        (machine,) = self.fly.machines.values()
        self.assertEqual((machine.region, machine.config["image"]), ("ams", "registry.fly.io/standby:v1"))
        wait_for("home again", lambda: self.service()["epoch"] >= 3)
        self.serving("home")
        self.assertEqual((self.running(), machine.state, len(self.fly.machines)), (["home"], "stopped", 1))


class Inactive(FlyStandby):
    """What ends by itself after inactivity is asleep, and no reason for a failover."""

    more = ', idle_stop = "2s"'
    asleep = ', asleep = "degraded"'

    def test_asleep_after_inactivity_until_it_is_taken_home(self):
        self.write_config(policy="manual")
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        with open(os.path.join(self.folder, "idle"), "w"):
            pass
        wait_for("its sleep", lambda: self.machine.boots == 1 and self.machine.state == "stopped")
        with open(os.path.join(self.folder, "spare/state/count.json")) as file:
            count = json.load(file)["count"]
        wait_for("degraded", lambda: self.service()["verdict"] == "degraded")
        self.assertIn("asleep after inactivity", json.dumps(self.status()))
        self.assertEqual((self.service()["phase"], self.service()["active"], self.running(), self.machine.boots), ("active", "spare", [], 1))
        self.understudy("failback", "counter")
        self.serving("home")
        self.assertEqual(self.running(), ["home"])
        self.assertGreaterEqual(self.count("home")["count"], count)


for inherited in [name for name in vars(FlyStandby) if name.startswith("test_")]:
    setattr(FromNothing, inherited, None)
    setattr(Inactive, inherited, None)


if __name__ == "__main__":
    unittest.main()
