"""Compose projects on a real Docker engine: failover and failback with the state, stops that are confirmed by the
engine, what a person started by hand, an engine that is away, and an engine reached by ssh."""
import getpass
import json
import os
import shutil
import subprocess
import time
import unittest

from engine import IMAGE, MISSING, Engine
from harness import PACE, Site, free_port, paced, wait_for

# Counts in its state folder, and shows the count over HTTP from there. It goes on where the file leaves it.
WORKLOAD = """cd /state; n=$$(cat count 2>/dev/null || echo 0); httpd -p 127.0.0.1:{port} -h /state;
while true; do n=$$((n + 1)); echo $$n > next; mv next count; sleep 0.1; done"""


@unittest.skipIf(MISSING, MISSING)
class OnTheEngine(Site):
    weak_check = False
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.engine = Engine()

    @classmethod
    def tearDownClass(cls):
        cls.engine.close()

    def tearDown(self):
        super().tearDown()
        for container in self.engine.ids("--all"):
            self.engine.docker("rm", "--force", container, check=False)

    def write_config(self, **more):
        for target in self.ports:
            self.write_project(target)
        super().write_config(**more)

    def project(self, target):
        return os.path.basename(self.folder).lower() + target

    def write_project(self, target, command=None, extra=""):
        folder = os.path.join(self.folder, target)
        os.makedirs(os.path.join(folder, "state"), exist_ok=True)
        os.makedirs(os.path.join(folder, "health"), exist_ok=True)
        service = {"image": IMAGE, "network_mode": "host", "volumes": ["./state:/state", "./health:/health:ro"], "command": ["/bin/sh", "-c", command or WORKLOAD.format(port=self.ports[target])]}
        with open(os.path.join(folder, "docker-compose.yml"), "w") as out:
            out.write(f'version: "3.8"\nservices:\n  web: {json.dumps(service)[:-1]}{extra}}}\n')

    def target(self, name):
        common = f'project_dir = "{name}", project = "{self.project(name)}", host = "{self.engine_host()}"'
        more = "".join(f", {key} = {json.dumps(value)}" for key, value in self.options.items())
        return f"""
[service.counter.target.{name}]
plugin = "docker_compose"
paths = ["{name}/state"]
activate_timeout = "60s"
stop_grace = "1s"
settings = {{ {common}{more} }}
[[service.counter.target.{name}.health]]
plugin = "docker_compose"
settings = {{ {common}{self.health_options()} }}
"""

    def engine_host(self):
        return self.engine.host

    def health_options(self):
        return ""

    def web(self, target):
        found = self.engine.running(self.project(target))
        self.assertEqual(len(found), 1)
        return found[0]

    def sites(self):
        return [t for t in self.ports if self.engine.running(self.project(t))]

    def counted(self, target):
        with open(os.path.join(self.folder, target, "state/count")) as count:
            return int(count.read())


class ComposeTargets(OnTheEngine):
    def test_a_dead_container_fails_over_with_its_state_and_comes_home(self):
        self.write_config(stable_for="1s", policy="manual")
        self.start()
        self.serving("home")
        wait_for("a count", lambda: self.counted("home") > 5)
        wait_for("a snapshot", lambda: json.loads(self.understudy("snapshot", "list", "counter", "--json")))
        environment = self.engine.environment(self.web("home"))
        self.assertEqual((environment["UNDERSTUDY_EPOCH"], environment["UNDERSTUDY_TARGET"]), ("1", "home"))
        before = self.counted("home")
        self.engine.docker("kill", self.web("home"))
        self.serving("spare")
        self.assertEqual(self.sites(), ["spare"])
        wait_for("the count to go on", lambda: self.counted("spare") >= before)
        environment = self.engine.environment(self.web("spare"))
        self.assertEqual((environment["UNDERSTUDY_EPOCH"], environment["UNDERSTUDY_SERVICE"]), ("2", "counter"))
        self.assertTrue(environment["UNDERSTUDY_SNAPSHOT"])
        away = self.counted("spare")
        self.understudy("failback", "counter")
        self.serving("home")
        self.assertEqual(self.sites(), ["home"])
        wait_for("the newer count to have come home", lambda: self.counted("home") >= away)

    def test_a_frozen_container_is_stopped_before_the_standby_starts(self):
        self.start()
        self.serving("home")
        self.engine.docker("pause", self.web("home"))
        self.serving("spare")
        self.assertEqual(self.sites(), ["spare"])

    def test_a_dying_container_is_noticed_by_the_engine_s_event(self):
        with open(self.config) as config:
            slow = config.read().replace('interval = "300ms"', 'interval = "120s"')
        with open(self.config, "w") as config:
            config.write(slow)
        self.start()
        self.serving("home")
        time.sleep(2 * PACE)  # it listens to the engine by now
        self.engine.docker("kill", self.web("home"))
        self.serving("spare")
        with open(self.log_path) as log:
            self.assertIn("container of web: die", log.read())

    def test_what_was_started_by_hand_is_adopted_and_can_be_stopped_for_good(self):
        self.write_project("home", extra=', "restart": "always"')
        self.engine.compose(os.path.join(self.folder, "home"), "-p", self.project("home"), "up", "-d")
        by_hand = self.web("home")
        self.start()
        self.serving("home")
        self.assertEqual(self.web("home"), by_hand)
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.assertEqual(self.sites(), ["spare"])
        self.stop()
        # The host of the old site starts again: what was fenced must not come back by its restart policy.
        self.engine.stop()
        self.engine.start()
        time.sleep(2)
        self.assertNotIn("home", self.sites())

    def test_an_engine_that_is_away_is_no_dead_service(self):
        self.start()
        self.serving("home")
        self.engine.kill()
        time.sleep(3)
        kinds = [json.loads(line)["kind"] for line in self.understudy("history", "--json").splitlines()]
        self.assertNotIn("failover.started", kinds)
        self.engine.start()
        wait_for("one site, whichever", lambda: len(self.sites()) == 1 and self.service()["verdict"] == "up")

    def test_a_standby_that_ends_at_once_is_told_with_its_last_words(self):
        self.options = {"started_after": f"{paced(3000)}ms"}  # longer than it takes to end
        self.write_config()
        self.write_project("spare", command="echo out of cheese; exit 3")
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test", expect=None)
        self.serving("home")
        history = self.understudy("history", "--json")
        self.assertIn("out of cheese", history)
        self.assertEqual(self.sites(), ["home"])

    def test_a_healthcheck_decides(self):
        check = ', "healthcheck": {"test": ["CMD", "cat", "/health/well"], "interval": "1s", "retries": 1}'
        for target in self.ports:
            self.write_project(target, extra=check)
            with open(os.path.join(self.folder, target, "health/well"), "w") as well:
                well.write("yes")
        self.start()
        self.serving("home")
        os.unlink(os.path.join(self.folder, "home/health/well"))
        self.serving("spare")
        self.assertEqual(self.sites(), ["spare"])


class ComposeDrills(OnTheEngine):
    """A copy of the spare is another project, with a state of its own."""

    def write_project(self, target, **more):
        super().write_project(target, **more)
        path = os.path.join(self.folder, target, "docker-compose.yml")
        with open(path) as file:
            text = file.read()
        text = text.replace('"./state:/state"', '"${UNDERSTUDY_STATE:-./state}:/state"')
        with open(path, "w") as file:
            file.write(text.replace('{"image"', f'{{"container_name": "us-{self.project(target)}", "image"'))

    def begin(self, **drill):
        self.options = {"drill": None} if drill else {}
        self.write_config(policy="manual")
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace("drill = null", "drill = { ports = true }"))
        self.start()
        self.serving("home")
        wait_for("a count", lambda: self.counted("home") > 3)
        self.understudy("snapshot", "push", "counter")

    def drills(self):
        return self.engine.ids("--all", "--filter", f"label=com.docker.compose.project={self.project('spare')}-drill")

    def test_a_copy_comes_up_with_the_state_and_is_removed(self):
        self.begin(ports=True)
        home = self.web("home")
        report = json.loads(self.understudy("drill", "counter", "spare", "--json"))
        self.assertTrue(report["verified"], report)
        self.assertEqual((self.drills(), self.sites(), self.web("home")), ([], ["home"], home))
        self.assertEqual(os.listdir(os.path.join(self.folder, "spare/state")), [])
        self.assertNotIn("second.site", self.understudy("history", "--json"))
        self.assertEqual(self.service()["epoch"], 1)

    def test_a_copy_that_would_share_the_host_s_network_or_the_state_is_refused(self):
        self.begin()
        self.assertIn("the host's network (service web)", self.understudy("drill", "counter", "spare", expect=6))
        super().write_project("spare")
        self.assertIn("share the state in", self.understudy("drill", "counter", "spare", expect=6))
        self.assertEqual(self.drills(), [])


@unittest.skipUnless(shutil.which("sshd") or os.path.exists("/usr/sbin/sshd"), "no sshd is installed")
class BySsh(OnTheEngine):
    """The engine is reached as on another machine: through a real sshd, by key."""

    def setUp(self):
        self.keys = f"/tmp/us-ssh-{os.getpid()}"
        shutil.rmtree(self.keys, ignore_errors=True)
        os.makedirs(self.keys, mode=0o700)
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.keys}/{key}"], check=True)
        self.port = free_port()
        with open(f"{self.keys}/config", "w") as out:
            out.write(f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.keys}/host
AuthorizedKeysFile {self.keys}/user.pub
PidFile none
StrictModes no
PermitRootLogin yes
UsePAM no
""")
        os.makedirs("/run/sshd", exist_ok=True)
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.keys}/config"], stderr=subprocess.DEVNULL)
        self.options = {"ssh_options": ["-i", f"{self.keys}/user", "-o", f"UserKnownHostsFile={self.keys}/known", "-o", "StrictHostKeyChecking=no"]}
        super().setUp()

    def tearDown(self):
        super().tearDown()
        self.sshd.kill()
        self.sshd.wait()
        shutil.rmtree(self.keys, ignore_errors=True)

    def engine_host(self):
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{self.engine.socket}"

    def health_options(self):
        return f", ssh_options = {json.dumps(self.options['ssh_options'])}"

    def test_fails_over_through_ssh_and_leaves_no_tunnel(self):
        self.start()
        self.serving("home")
        self.engine.docker("kill", self.web("home"))
        self.serving("spare")
        self.assertEqual(self.sites(), ["spare"])
        self.stop()
        wait_for("the end of its tunnels", lambda: subprocess.run(["pgrep", "-f", f"ssh .*{self.keys}/user"], capture_output=True, text=True).stdout == "")


del OnTheEngine  # it holds no test of its own

if __name__ == "__main__":
    unittest.main()
