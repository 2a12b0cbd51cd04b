"""Providers swap by configuration: one service and one test body, run with pairs of a target and a state store that are named
only in TOML. `orchestrator.toml` knows the service and its home; `target.toml` and `store.toml` lie over it."""
import json
import os
import subprocess
import sys
import unittest
import urllib.request

import engine
import gcp  # noqa: F401: sets the path of the fakes
from fly_machines import FlyMachines
from google_cloud import GoogleCloud
from harness import COUNTER, PATIENCE_S, Site, free_port, paced, wait_for
from setup_site import clean_environment

del gcp
KEY, TOKEN = "planted-standby-key-0123", "fo1_planted_token"


# ---- state stores: the lines of `store.toml`, for the orchestrator and for an agent alike ----------------------------------
class LocalDir:
    def open(self, site):
        return f'plugin = "local_dir"\nsettings = {{ dir = "{site.path("snapshots")}", fsync = false }}'

    def close(self):
        pass


class Rclone(LocalDir):
    def open(self, site):
        os.makedirs(site.path("far"))
        with open(site.path("rclone.conf"), "w") as out:
            out.write(f"[neo_remote]\ntype = alias\nremote = {site.path('far')}\n")
        return f'plugin = "rclone_gdrive"\nsettings = {{ remote = "neo_remote:NeoLight", config = "{site.path("rclone.conf")}", work_dir = "{site.path("work")}", retry_wait = "200ms" }}'


class Bucket(LocalDir):
    def open(self, site):
        site.cloud.storage.add("counter-state")
        return f'plugin = "gcp_cloudrun"\nsettings = {{ bucket = "gs://counter-state/prod", {site.google()} }}'


# ---- targets: the lines of `target.toml`, and what stands behind them ------------------------------------------------------
class Process:
    """Beside home, on this host."""

    def open(self, site):
        return f"""
paths = ["{site.path("spare/state")}"]
plugin = "process"
settings = {{ command = ["python3", "{COUNTER}", "{site.ports['spare']}", "{site.path("spare/state")}"], cwd = "{site.folder}", run_dir = "run" }}
[[service.counter.target.spare.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{site.ports['spare']}/health", json = {{ "$.status" = "healthy" }} }}
"""

    def close(self):
        pass


class Compose(Process):
    """A container of a real Docker engine, with this host's Python and the same service."""

    def open(self, site):
        self.engine = engine.Engine()
        os.makedirs(site.path("spare/state"))
        mounts = [f"{place}:{place}:ro" for place in {"/usr", "/lib", "/lib64", sys.base_prefix, os.path.dirname(COUNTER)} if os.path.exists(place)]
        service = {"image": engine.IMAGE, "network_mode": "host", "volumes": [*mounts, "./state:/state"], "command": [os.path.realpath(sys.executable), COUNTER, str(site.ports["spare"]), "/state"]}
        with open(site.path("spare/docker-compose.yml"), "w") as out:
            out.write(f'version: "3.8"\nservices:\n  counter: {json.dumps(service)}\n')
        common = f'project_dir = "{site.path("spare")}", project = "{os.path.basename(site.folder).lower()}", host = "{self.engine.host}"'
        return f"""
paths = ["{site.path("spare/state")}"]
plugin = "docker_compose"
settings = {{ {common} }}
[[service.counter.target.spare.health]]
plugin = "docker_compose"
settings = {{ {common} }}
"""

    def close(self):
        self.engine.close()


class Agent(Process):
    """A place of its own: `understudy agent` fetches the state by itself from the same store."""

    def words(self, site, listen):
        os.makedirs(site.path("spare"))
        self.log = open(site.path("spare/log"), "a")
        with open(site.path("spare/agent.toml"), "w") as out:
            out.write(f"""
[agent]
service = "counter"
listen = "127.0.0.1:{listen}"
api_key = {{ env = "STANDBY_KEY" }}
health_interval = "200ms"
stop_grace = "2s"
[agent.state]
paths = ["state"]
every = "1s"
{site.store_lines}
[[agent.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{site.ports['spare']}/health", json = {{ "$.status" = "healthy" }} }}
""")
        command = ["python3", COUNTER, str(site.ports["spare"]), site.path("spare/state")]
        return {"args": [site.program, "-c", site.path("spare/agent.toml"), "agent", "--", *command], "cwd": site.path("spare"), "stdin": subprocess.DEVNULL, "stdout": self.log,
                "stderr": subprocess.STDOUT, "env": {**clean_environment(), "HOME": site.path("spare"), "STANDBY_KEY": KEY}}


class CloudRun(Agent):
    """Always up behind the fake Cloud Run."""

    def open(self, site):
        listen = free_port()
        self.process = subprocess.Popen(**self.words(site, listen))
        remote = site.cloud.run.add("counter", "demo")
        remote.doc["scaling"] = {"minInstanceCount": 1}
        site.cloud.run.backend = f"http://127.0.0.1:{listen}"
        wait_for("the agent", lambda: urllib.request.urlopen(remote.doc["uri"] + "/healthz", timeout=5).close() is None)
        where = f'project = "demo", region = "europe-west1", service = "counter", api_key = {{ env = "STANDBY_KEY" }}, {site.google()}'
        return f"""
plugin = "gcp_cloudrun"
settings = {{ {where}, mode = "supervisor" }}
[[service.counter.target.spare.health]]
plugin = "gcp_cloudrun"
settings = {{ {where} }}
"""

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_S)
        self.log.close()


class Fly(Agent):
    """A machine that is made when it is needed."""

    def open(self, site):
        listen = free_port()
        words = self.words(site, listen)
        self.fly = FlyMachines(token=TOKEN)
        self.fly.asks_to_end = True
        self.fly.command = lambda machine: {**words, "env": {**words["env"], **(machine.config.get("env") or {})}}
        where = f'app = "standby", token = {{ env = "FLY_API_TOKEN" }}, api = "{self.fly.url}"'
        return f"""
plugin = "flyio"
settings = {{ {where}, image = "registry.fly.io/counter:v1", regions = ["fra"], started_after = "100ms", lease_ttl = "5s" }}
[[service.counter.target.spare.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{site.ports['spare']}/health", json = {{ "$.status" = "healthy" }} }}
[[service.counter.target.spare.health]]
plugin = "flyio"
settings = {{ {where} }}
"""

    def close(self):
        self.fly.close()
        self.log.close()


class Swap(Site):
    def setUp(self):
        self.cloud = GoogleCloud()
        self.parts = []
        super().setUp()

    def tearDown(self):
        self.stop()
        for part in self.parts:
            part.close()
            self.assertEqual(getattr(getattr(part, "fly", None), "problems", []), [])
        super().tearDown()
        self.cloud.close()
        self.cloud.identity.close()
        self.assertEqual(self.cloud.problems, [])

    def google(self):
        return f'credentials = "{self.cloud.identity.service_account_file()}", oauth_api = "{self.cloud.base}", api = "{self.cloud.base}"'

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_config(self, **_):
        with open(self.config, "w") as out:
            out.write(f"""
[orchestrator]
data_dir = "var"
[service.counter]
primary = "home"
observe_every = "300ms"
detect = {{ interval = "300ms", fast_interval = "100ms", timeout = "{paced(3000)}ms", fall = 2 }}
failback = {{ policy = "manual" }}
[service.counter.state]
paths = ["home/state"]
every = "1s"
{Site.target(self, "home")}
""")

    def swap_in(self, target, store):
        """Nothing but two files."""
        self.parts = [store, target]
        self.store_lines = store.open(self)
        with open(self.path("store.toml"), "w") as out:
            out.write(f"[service.counter.state]\n{self.store_lines}\n")
        lines = target.open(self)
        with open(self.path("target.toml"), "w") as out:
            out.write(f'[service.counter.target.spare]\nactivate_timeout = "60s"\ndeactivate_timeout = "20s"\nstop_grace = "3s"\n{lines}')
        self.files = [word for name in ("orchestrator.toml", "store.toml", "target.toml") for word in ("-c", self.path(name))]
        self.env = {**os.environ, "STANDBY_KEY": KEY, "FLY_API_TOKEN": TOKEN}

    def start(self, env=None, wait=True):
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen([self.program, *self.files, "run"], stdout=log, stderr=log, env=self.env)
        wait_for("the API to answer", self.status)

    def understudy(self, *words, expect=0):
        done = subprocess.run([self.program, *self.files, *words], capture_output=True, text=True, timeout=2 * PATIENCE_S, env=self.env)
        if expect is not None and done.returncode != expect:
            raise RuntimeError(f"understudy {' '.join(words)} exited {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
        return done.stdout

    def written(self, target):
        with open(self.path(f"{target}/state/count.json")) as file:
            return json.load(file)["count"]

    def there_and_back(self):
        """The one body."""
        self.start()
        self.serving("home")
        wait_for("a snapshot", lambda: json.loads(self.understudy("snapshot", "list", "counter", "--json")))
        wait_for("a count", lambda: self.count("home")["count"] > 5)
        self.kill_site("home")
        before = self.written("home")
        epoch = self.serving("spare")["epoch"]
        there = wait_for("the spare to count", lambda: self.count("spare"))
        self.assertGreaterEqual(there["count"], before)
        self.assertEqual((there["epoch"], self.running()), (str(epoch), ["spare"]))
        self.understudy("failback", "counter")
        self.serving("home")
        self.assertGreaterEqual(self.count("home")["count"], self.written("spare"))
        self.assertGreater(self.written("spare"), before)
        self.assertEqual((self.count("home")["epoch"], self.running()), (str(self.service()["epoch"]), ["home"]))


def pair(target, store):
    def test(self):
        if target is Compose and engine.MISSING:
            self.skipTest(engine.MISSING)
        self.swap_in(target(), store())
        self.there_and_back()
    return test


# Each target and each store at least twice.
for target, store in ((Process, LocalDir), (Process, Rclone), (Compose, LocalDir), (Compose, Bucket), (Fly, Rclone), (Fly, Bucket), (CloudRun, LocalDir), (CloudRun, Rclone)):
    setattr(Swap, f"test_{target.__name__}_with_{store.__name__}".lower(), pair(target, store))


if __name__ == "__main__":
    unittest.main()
