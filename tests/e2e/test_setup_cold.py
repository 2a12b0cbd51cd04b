"""Setup B, whole: examples/cold_fly as it is there, against the fake of Fly's Machines API, whose machine really runs an
`understudy agent` with the environment that it was given, and with the real rclone and a WebDAV server as its remote."""
import base64
import glob
import json
import os
import secrets
import socket
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

from harness import ROOT, free_port, wait_for
from setup_site import SetupSite, clean_environment

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from fly_machines import FlyMachines  # noqa: E402

# A workload that has nothing to do any more once a file is there, and then ends by itself after the seconds that its provider names.
IDLE = """
import os, runpy, sys, threading, time
def idle(file):
    while not os.path.exists(file):
        time.sleep(0.05)
    time.sleep(float(os.environ["UNDERSTUDY_IDLE_STOP_S"]))
    os._exit(0)
threading.Thread(target=idle, args=[sys.argv[1]], daemon=True).start()
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Drive:
    """A WebDAV server in Google Drive's place. Its password is in no argument."""

    def __init__(self, folder, password):
        self.port = free_port()
        words = ["rclone", "serve", "webdav", folder, "--addr", f"127.0.0.1:{self.port}", "--dir-cache-time", "0s"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "RCLONE_USER": "u", "RCLONE_PASS": password})
        wait_for("the drive", self.answers)

    def answers(self):
        with socket.socket() as s:
            s.settimeout(1)
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.kill()
        self.process.wait()


class ColdFly(SetupSite):
    example = "cold_fly"
    secret_files = ("rclone.conf", "standby.conf")

    def setUp(self):
        token, password = f"fo1_{secrets.token_urlsafe(24)}", secrets.token_hex(16)
        self.fly = FlyMachines(app="trader-standby", token=token)
        self.agent_port = free_port()
        self.fly.command, self.fly.look, self.fly.asks_to_end = self.command, self.look, True
        super().setUp()
        self.output = open(self.agent_log(), "a")
        self.addCleanup(self.output.close)
        self.far = self.path("far")
        os.makedirs(self.far)
        self.drive = Drive(self.far, password)
        hidden = subprocess.run(["rclone", "obscure", "-"], input=password, capture_output=True, text=True, check=True).stdout.strip()
        for name in self.secret_files:
            with open(self.path(name), "w") as out:
                out.write(f"[neo_remote]\ntype = webdav\nurl = http://127.0.0.1:{self.drive.port}\nvendor = other\nuser = u\npass = {hidden}\n")
        with open(self.path("rclone.conf"), "rb") as source:
            self.app_secrets = {"STANDBY_KEY": self.planted["STANDBY_KEY"], "RCLONE_CONF": base64.b64encode(source.read()).decode()}
        os.remove(self.path("standby.conf"))
        self.planted.update({"FLY_API_TOKEN": token, "rclone's password": password, "the hidden password": hidden})

    def tearDown(self):
        super().tearDown()
        if self.passed():
            self.assertEqual(self.fly.problems, [])

    def end_agent(self):
        self.fly.close()
        self.drive.close()

    # ---- Fly ---------------------------------------------------------------------------------------------------------
    def command(self, machine):
        """What Fly does at a start: files from the app's secrets, and the image's command with the machine's environment."""
        for file in machine.config.get("files") or []:
            self.assertEqual(file["guest_path"], "/var/lib/understudy/rclone.conf")  # where the agent's own file looks for it
            with open(self.path("standby.conf"), "wb") as out:
                out.write(base64.b64decode(self.app_secrets[file["secret_name"]]))
        env = {**clean_environment(), "HOME": self.path("standby"), **(machine.config.get("env") or {}), "STANDBY_KEY": self.app_secrets["STANDBY_KEY"]}
        return {"args": self.agent_words(), "env": env, "cwd": self.path("standby"), "stdin": subprocess.DEVNULL, "stdout": self.output, "stderr": subprocess.STDOUT}

    def look(self, machine):
        """The checks of the machine's config, really asked; by Fly's port here by the test's."""
        out = []
        for name, check in (machine.config.get("checks") or {}).items():
            self.assertEqual((check["port"], check["type"]), (8760, "http"))
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.agent_port}{check['path']}", timeout=10) as answer:
                    status, text = "passing", answer.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    status, text = "critical", error.read().decode()
            except OSError as error:
                status, text = "critical", str(error)
            out.append({"name": name, "status": status, "output": text[:200], "updated_at": "2026-11-21T10:00:00Z"})
        return out

    def workload(self):
        return ["python3", "-c", IDLE, self.path("idle"), *super().workload()[1:]]

    # ---- overlays ----------------------------------------------------------------------------------------------------
    def replace(self, service, idle_stop=None, **more):
        base = self.base["service"]["trader"]["target"]["standby"]
        standby = service["target"]["standby"]
        standby["settings"] = {"api": self.fly.url, "started_after": "100ms", "lease_ttl": "5s", "idle_stop": idle_stop or "1h"}
        standby["health"] = [{**check, "settings": {**check["settings"], "api": self.fly.url}} for check in base["health"]]
        service["state"]["every"] = "2s"  # each takes rclone a second
        service["state"]["settings"] = {"config": self.path("rclone.conf"), "work_dir": self.path("work"), "retry_wait": "200ms"}

    def agent_overlay(self):
        over = super().agent_overlay()
        over["agent"]["listen"] = f"127.0.0.1:{self.agent_port}"
        over["agent"]["state"]["every"] = "2s"
        over["agent"]["state"]["settings"] = {"config": self.path("standby.conf"), "work_dir": self.path("standby/work"), "retry_wait": "200ms"}
        return over

    # ---- the story ---------------------------------------------------------------------------------------------------
    def saved(self, epoch=1):
        return [f for f in glob.glob(os.path.join(self.far, f"NeoLight/trader/snapshots/*-e{epoch}.json"))]

    def at_home(self):
        self.start()
        self.serving("home")
        wait_for("a snapshot on the drive", self.saved)
        wait_for("a count", lambda: self.count("home")["count"] > 5)
        self.assertEqual(self.fly.machines, {})  # nothing is paid for

    def machine(self):
        (machine,) = self.fly.machines.values()
        return machine

    def goes_on_at_standby(self, before):
        service = self.serving("standby")
        there = wait_for("the machine to count", lambda: self.count("standby"))
        self.assertEqual((there["epoch"], there["site"]), (str(service["epoch"]), "standby"))
        self.assertGreaterEqual(there["count"], before)
        self.assertEqual((self.running(), self.machine().state, self.machine().boots), (["standby"], "started", 1))
        self.assertEqual(self.machine().env("UNDERSTUDY_EPOCH"), str(service["epoch"]))
        return service["epoch"]

    def comes_home(self, epoch):
        wait_for("home again", lambda: self.service()["epoch"] > epoch)
        self.serving("home")
        self.assertGreaterEqual(self.count("home")["count"], self.counted("standby"))
        self.assertEqual((self.running(), self.machine().state), (["home"], "stopped"))

    def test_from_no_machine_to_one_and_back(self):
        self.write_config(stable_for=self.LONG_ENOUGH_TO_BE_SEEN)
        self.at_home()
        before = self.home_dies()
        epoch = self.goes_on_at_standby(before)
        self.assertEqual(self.machine().region, "fra")
        wait_for("a snapshot of the machine", lambda: self.saved(epoch))
        self.comes_home(epoch)
        self.told("trader runs at home")
        story = wait_for("the end of the incident", lambda: (lambda s: s if "trader runs at home" in s[-1] else None)(self.story()))
        self.assertIn("trader is down at home", story[0])
        self.assertNotIn("runs at standby", story[0])
        for words in ("trader is down at home", "trader runs at standby", "trader runs at home"):
            self.assertIn(words, story[-1])
        self.assertEqual((len(self.fly.machines), self.fly.count("POST .*/machines$")), (1, 1))

    def test_a_control_plane_in_trouble(self):
        """Each way in which it stumbles, and a room that is full: the next region."""
        self.fly.full = {"fra"}
        self.at_home()
        self.fly.fault(r"POST .*/lease", http=500)
        self.fly.fault(r"GET .*/machines$", http=502)
        self.fly.fault(r"POST \S*/machines/\w+$", http=409, body={"error": "current_version does not match"})
        self.fly.fault(r"POST .*/start", http=412, body={"error": "failed_precondition: unable to start machine from current state: 'replacing'"})
        self.fly.fault(r"POST .*/start", lost="after")
        self.fly.fault(r"GET .*/wait", http=408)
        self.fly.fault(r"GET .*/wait", http=429, headers={"Retry-After": "1"})
        before = self.home_dies()
        epoch = self.goes_on_at_standby(before)
        self.assertEqual(self.machine().region, "ams")
        self.assertEqual([f["pattern"].pattern for f in self.fly.faults if f["times"] > 0], [], "these faults met nobody")
        self.fly.fault(r"POST .*/stop", http=503, times=2)
        self.fly.fault(r"POST .*/stop", lost="after")
        self.understudy("failback", "trader")
        self.comes_home(epoch)
        self.assertEqual((self.kinds().count("failover.done"), self.machine().boots), (1, 1))

    def test_a_token_that_ends_midway_stops_and_starts_nothing_twice(self):
        self.write_config(stable_for=self.LONG_ENOUGH_TO_BE_SEEN)
        self.at_home()
        before = self.home_dies()
        epoch = self.goes_on_at_standby(before)
        token, self.fly.token = self.fly.token, "fo1_another"
        wait_for("the way home to be held", lambda: "the token is not accepted" in str(self.service()))
        self.assertEqual((self.running(), self.machine().state), (["standby"], "started"))
        self.fly.token = token
        self.comes_home(epoch)

    def test_inactivity_ends_the_machine(self):
        """The service ends after so long without work: its state is saved, the machine is off, and that is no failure."""
        self.write_config(idle_stop="2s")
        self.at_home()
        self.understudy("promote", "trader", "standby", "--reason", "test")
        with open(self.path("idle"), "w"):
            pass
        wait_for("its sleep", lambda: self.machine().boots == 1 and self.machine().state == "stopped")
        epoch = self.service()["epoch"]
        self.assertTrue(self.saved(epoch))
        wait_for("degraded", lambda: self.service()["verdict"] == "degraded")
        self.assertIn("asleep after inactivity", json.dumps(self.status()))
        self.assertEqual((self.service()["active"], self.running(), self.machine().boots), ("standby", [], 1))
        self.assertEqual(self.machine().events[0]["request"]["exit_event"]["exit_code"], 0)
        self.understudy("failback", "trader")
        self.comes_home(epoch)
        self.assertNotIn("failover.started", self.kinds())


if __name__ == "__main__":
    unittest.main()
