"""Never two: an orchestrator, an agent with the primary and an agent with the standby, each a host of its own, and a witness.

Random faults: links cut one way and both, processes suspended for longer than the lease, killed, started again. After each round
all is healed, and exactly one site must serve. Whatever happens, the workloads' writes must not overlap.

`python3 tests/e2e/test_split_brain.py --rounds 200 [--seed N]` for more than CI does."""
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from harness import BUILD, ROOT, wait_for
from hosts import Hosts, possible

ROUNDS, WORLDS = 10, 2  # in CI: of each world, and worlds side by side
SEED = int.from_bytes(os.urandom(4), "big")
KEYS = {"AGENT_KEY": "the-key-of-both-agents-here", "LEASE_KEY": "the-key-of-the-lease-here"}
WRITER = os.path.join(ROOT, "tests/e2e/writer.py")
PROGRAM = os.path.join(BUILD, "bin/understudy")
LEASE_S = 3.0  # longer than it takes to notice: else every lease would be over before it counts
CHECK_S = 0.6  # a check's time. Two of them, with what lies between, are less than a lease
LONGER_THAN_W_S = 7.0  # W is 6 s
PATIENCE_S = 300  # this suite is never repeated, so it must wait for what comes late on a loaded machine
SITES = ("home", "spare")
PARTS = ("orchestrator", *SITES)
BESIDE = {"watchdog": "agent-watchdog", "workload": "writer.py"}  # an agent's children, by a word of their command lines


class Witness:
    """Hears every write, in its own host, in the order of arrival."""

    def __init__(self, hosts):
        code = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('0.0.0.0',9000))\n"
                "while True:\n d,a=s.recvfrom(200)\n sys.stdout.write(a[0]+' '+d.decode())\n sys.stdout.flush()\n")
        self.process = subprocess.Popen(hosts.inside("witness", "python3", "-c", code), stdout=subprocess.PIPE, text=True)
        self.heard = []
        self.thread = threading.Thread(target=lambda: [self.heard.append(line.split()) for line in self.process.stdout], daemon=True)
        self.thread.start()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


class World:
    """`check_s`: where a test says when the outage begins, no slow answer may look like one before that."""

    def __init__(self, tag, seed, lease=True, check_s=CHECK_S, lease_s=LEASE_S):
        self.lease, self.check_s, self.lease_s = lease, check_s, lease_s
        self.dice = random.Random(seed)
        self.story = [f"seed {seed}"]
        self.folder = tempfile.mkdtemp(prefix="understudy-test-")
        self.hosts = Hosts(tag, *PARTS, "witness")
        self.processes, self.suspended, self.suspended_children = {}, set(), set()
        self.config = os.path.join(self.folder, "orchestrator.toml")
        for name in ("home", "spare"):
            os.makedirs(os.path.join(self.folder, name))
            self.write(f"{name}/agent.toml", self.agent_file(name))
        self.write("orchestrator.toml", self.orchestrator_file())
        self.witness = Witness(self.hosts)
        for site in SITES:
            self.start(site)
        # Before the orchestrator: a home that does not answer yet would be left at once, and the service would be at the spare.
        for site in SITES:
            wait_for(f"the agent at {site}", lambda: self.logged(site, "agent: ready"), PATIENCE_S)
        self.start("orchestrator")

    def logged(self, name, what):
        with open(os.path.join(self.folder, name + ".log")) as log:
            return what in log.read()

    def write(self, path, text):
        with open(os.path.join(self.folder, path), "w") as out:
            out.write(text)

    def agent_file(self, name):
        return f"""
[agent]
service = "writer"
listen = "0.0.0.0:8760"
api_key = {{ env = "AGENT_KEY" }}
data_dir = "var"
stop_grace = "200ms"
restart = ["200ms", "200ms", "200ms", "200ms", "200ms", "200ms"]
stable_after = "500ms"
plugin_path = ["{BUILD}/plugins"]
""" + (self.agent_lease(name) if self.lease else "")

    def agent_lease(self, name):
        return f"""
[agent.lease]
url = "http://{self.hosts.address("orchestrator")}:8751"
key = {{ env = "LEASE_KEY" }}
target = "{name}"
renew_every = "300ms"
op_timeout = "1s"
kill_time = "600ms"
"""

    def target(self, name):
        return f"""
[service.writer.target.{name}]
plugin = "agent"
lease = {str(self.lease).lower()}
declared = {{ ready_in = "2s" }}
activate_timeout = "10s"
deactivate_timeout = "2s"
stop_grace = "200ms"
settings = {{ url = "http://{self.hosts.address(name)}:8760", api_key = {{ env = "AGENT_KEY" }} }}
[[service.writer.target.{name}.health]]
plugin = "http"
settings = {{ url = "http://{self.hosts.address(name)}:8080/" }}
"""

    def orchestrator_file(self):
        """The margin is what agent and watchdog may be late together when the machine is busy. It is less than the lease, so that a wait which
        forgot the lease would be too short; one that forgot the kill time would not, which the simulator and test_agent_lease see."""
        return f"""
[orchestrator]
data_dir = "var"
lease_listen = "0.0.0.0:8751"
plugin_path = ["{BUILD}/plugins"]
[service.writer]
primary = "home"
observe_every = "500ms"
[service.writer.lease]
key = {{ env = "LEASE_KEY" }}
ttl = "{self.lease_s}s"
renew_every = "300ms"
op_timeout = "1s"
kill_time = "600ms"
margin = "2s"
[service.writer.detect]
interval = "150ms"
fast_interval = "50ms"
timeout = "{self.check_s * 1000:.0f}ms"
fall = 2
[service.writer.limits]
max_failovers = 10000
breaker_open = "1s"
retry_initial = "100ms"
retry_max = "1s"
plan_timeout = "2s"
[service.writer.failback]
policy = "manual"
{self.target("home")}
{self.target("spare")}
"""

    def start(self, name):
        if name == "orchestrator":
            words = [PROGRAM, "-c", self.config, "run"]
        else:
            words = [PROGRAM, "-c", os.path.join(self.folder, name, "agent.toml"), "agent", "--", "python3", WRITER,
                     os.path.join(self.folder, "written-by-" + name), self.hosts.address("witness"), "8080"]
        with open(os.path.join(self.folder, name + ".log"), "a") as log:
            self.processes[name] = subprocess.Popen(self.hosts.inside(name, *words), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                                    env={**os.environ, **KEYS})

    # ---- faults

    def tell(self, text):
        self.story.append(f"{time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1e9:.3f} {text}")

    def cut(self):
        a, b = self.dice.sample(PARTS, 2)
        both = self.dice.random() < 0.5
        self.tell(f"cut {a} {'<->' if both else '->'} {b}")
        self.hosts.cut(a, b, both)

    def suspend(self):
        name = self.dice.choice(PARTS)
        if name in self.suspended or self.processes[name].poll() is not None:
            return
        self.tell(f"suspend {name}")
        os.kill(self.processes[name].pid, signal.SIGSTOP)
        self.suspended.add(name)

    def kill(self):
        name = self.dice.choice(PARTS)
        self.tell(f"kill {name}")
        self.processes[name].kill()
        self.processes[name].wait()
        self.suspended.discard(name)

    def beside(self, site, what):
        """The pid of an agent's child, or nothing."""
        agent = self.processes[site]
        try:
            with open(f"/proc/{agent.pid}/task/{agent.pid}/children") as file:
                children = file.read().split()
            for pid in children:
                with open(f"/proc/{pid}/cmdline") as file:
                    if BESIDE[what] in file.read():
                        return int(pid)
        except OSError:
            pass
        return None

    def hurt_beside(self):
        """What stands beside an agent: its watchdog is killed, its workload killed or suspended."""
        site, (what, how) = self.dice.choice(SITES), self.dice.choice((("watchdog", signal.SIGKILL), ("workload", signal.SIGKILL), ("workload", signal.SIGSTOP)))
        pid = self.beside(site, what)
        if pid is None or (what == "watchdog" and site in self.suspended):  # who is frozen starts no other one
            return
        self.tell(f"{how.name} to the {what} at {site}")
        watchdogs = self.watchdogs(site)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        if how == signal.SIGSTOP:
            self.suspended_children.add(pid)
        if what == "watchdog":  # until there is another, nobody watches over an agent that is killed: docs/agent.md says so
            wait_for(f"another watchdog at {site}", lambda: self.watchdogs(site) > watchdogs or self.processes[site].poll() is not None, PATIENCE_S)

    def watchdogs(self, site):
        """How many came in place of another, as the agent tells once it has told them what they watch over."""
        with open(os.path.join(self.folder, site + ".log")) as log:
            return log.read().count("there is a watchdog again")

    def cut_off_for_long(self):
        """Chance may have moved nothing: this does."""
        active, epoch = self.status()["active"], self.status()["epoch"]
        self.tell(f"suspend {active} until it is left")
        os.kill(self.processes[active].pid, signal.SIGSTOP)
        self.suspended.add(active)
        wait_for("a failover", lambda: self.status()["epoch"] > epoch, PATIENCE_S)
        self.mend()
        wait_for("one site to serve", self.one_serves, PATIENCE_S)

    def heal_links(self):
        self.tell("all links are healed")
        self.hosts.heal()

    def mend(self):
        self.heal_links()
        self.wake()
        time.sleep(0.3)
        self.start_what_ended()

    def wake(self):
        for name in PARTS:
            if name in self.suspended:
                self.tell(f"wake {name}")
                self.suspended.discard(name)
                if self.processes[name].poll() is None:
                    os.kill(self.processes[name].pid, signal.SIGCONT)
        for pid in self.suspended_children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.suspended_children.clear()

    def start_what_ended(self):
        for name in PARTS:
            if self.processes[name].poll() is not None:
                self.tell(f"start {name}")
                self.start(name)

    def round(self):
        for _ in range(self.dice.randint(1, 5)):
            self.dice.choice((self.cut, self.cut, self.suspend, self.kill, self.hurt_beside, self.heal_links, self.wake, self.start_what_ended))()
            # Sometimes within a lease, sometimes for longer than W.
            time.sleep(self.dice.choice((0.1, 0.7, LEASE_S, LONGER_THAN_W_S)))
        self.mend()
        wait_for("one site to serve when all is well", self.one_serves, PATIENCE_S)
        self.tell("one site serves")

    # ---- what holds

    def status(self):
        done = subprocess.run([PROGRAM, "-c", self.config, "status", "--json"], capture_output=True, text=True, timeout=120, env={**os.environ, **KEYS})
        return json.loads(done.stdout)["services"][0]

    def understudy(self, *words):
        return subprocess.run([PROGRAM, "-c", self.config, *words], capture_output=True, text=True, timeout=120, env={**os.environ, **KEYS}).stdout

    def one_serves(self):
        service = self.status()
        if service["phase"] == "hold":  # a person would look, and go on
            self.understudy("resume", "writer")
        if service["phase"] != "active" or service["verdict"] != "up":
            return None
        recent = {address for address, *_ in self.witness.heard[-20:]}
        return service["active"] if recent == {self.hosts.address(service["active"])} else None

    def written(self):
        """Of each process that wrote: the first and the last time, in ns, its epoch and its site; the earliest first."""
        spans = {}
        for site in SITES:
            path = os.path.join(self.folder, "written-by-" + site)
            lines = []
            if os.path.exists(path):
                with open(path) as file:
                    lines = file.readlines()
            for line in lines:
                epoch, pid, at = map(int, line.split())
                low, high, _, _ = spans.get((site, epoch, pid), (at, at, epoch, site))
                spans[site, epoch, pid] = (min(low, at), max(high, at), epoch, site)
        return sorted(spans.values())

    def check_never_two(self):
        """How many epochs were written in."""
        spans = self.written()
        for before, after in zip(spans, spans[1:]):
            if before[1] >= after[0]:
                raise AssertionError(f"two writers at once: epoch {before[2]} at {before[3]} until {before[1] / 1e9:.3f}, "
                                     f"epoch {after[2]} at {after[3]} from {after[0] / 1e9:.3f}")
            if before[2] > after[2] or (before[2] == after[2] and before[3] != after[3]):
                raise AssertionError(f"epoch {after[2]} was written by both, or after a newer one: {before}, {after}")
        newest = 0
        for _, epoch, *_ in list(self.witness.heard):
            if int(epoch) < newest:
                raise AssertionError(f"the witness heard epoch {epoch} after epoch {newest}")
            newest = int(epoch)
        return len({epoch for _, _, epoch, _ in spans})

    def told(self):
        out = "\n".join(self.story)
        for name in PARTS:
            with open(os.path.join(self.folder, name + ".log")) as log:
                out += f"\n--- {name}\n" + log.read()[-6000:]
        return out

    def remove(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.witness.stop()
        self.hosts.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_rounds(tag, seed, rounds, problems):
    world = None
    try:
        world = World(tag, seed)
        wait_for("the service to start at home", world.one_serves, PATIENCE_S)
        for _ in range(rounds):
            world.round()
            world.check_never_two()
        if world.check_never_two() < 2:
            world.cut_off_for_long()
        if world.check_never_two() < 2:
            raise AssertionError("nothing ever moved: this shows nothing")
    except Exception as problem:  # told with its story by the test
        problems.append(f"{problem}\n{world.told() if world else 'there was no world'}")
    finally:
        if world:
            world.remove()


@unittest.skipUnless(possible(), "network namespaces need root and iproute2")
class NeverTwo(unittest.TestCase):
    def test_random_faults(self):
        problems = []
        worlds = [threading.Thread(target=run_rounds, args=(i, SEED + i, ROUNDS, problems)) for i in range(WORLDS)]
        for world in worlds:
            world.start()
        for world in worlds:
            world.join()
        print(f"{WORLDS * ROUNDS} rounds in {WORLDS} worlds, seed {SEED}", file=sys.stderr)
        if problems:
            self.fail("\n\n".join(problems))


@unittest.skipUnless(possible(), "network namespaces need root and iproute2")
class Control(unittest.TestCase):
    """That the witness would see two writers: without a lease a person's word can make them."""

    def test_without_a_lease_and_with_force_there_are_two_and_it_is_seen(self):
        world = World("c", SEED, lease=False, check_s=2)
        self.addCleanup(world.remove)
        wait_for("the service to start at home", world.one_serves, PATIENCE_S)
        world.hosts.cut("home", "orchestrator")
        wait_for("the outage to be noticed", lambda: world.status()["phase"] != "active", PATIENCE_S)
        world.understudy("promote", "writer", "spare", "--force", "--yes", "--no-wait")
        wait_for("a second writer", lambda: len({site for *_, site in world.written()}) == 2, PATIENCE_S)
        with self.assertRaisesRegex(AssertionError, "two writers at once"):
            world.check_never_two()


@unittest.skipUnless(possible(), "network namespaces need root and iproute2")
class WorstCase(unittest.TestCase):
    """What `understudy check` printed is kept when the primary's host cannot be reached by anybody."""

    def setUp(self):
        self.world = World("w", SEED, check_s=2, lease_s=6.0)
        self.addCleanup(self.world.remove)
        wait_for("the service to start at home", self.world.one_serves, PATIENCE_S)

    def test_a_cut_off_primary_ends_by_itself_and_the_standby_follows_in_the_time_that_check_printed(self):
        world = self.world
        printed = json.loads(world.understudy("check", "--json"))["services"][0]["worst_case"]
        wait_for("the lease to be seen", lambda: world.status()["targets"][0]["fence"]["by"] == "lease", PATIENCE_S)
        cut = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        world.hosts.cut("home", "orchestrator")
        wait_for("the standby to serve", lambda: world.one_serves() == "spare", PATIENCE_S)
        began, _, _, site = world.written()[-1]
        self.assertEqual(site, "spare")
        took_ms = (began - cut) / 1e6
        self.assertLessEqual(took_ms, printed["total_ms"])
        self.assertGreater(took_ms, world.lease_s * 1000 * 0.5)
        world.check_never_two()
        history = world.understudy("history")
        self.assertIn("its lease has run out", history)


def main():
    global ROUNDS, SEED
    words = sys.argv[1:]
    for name in ("--rounds", "--seed"):
        if name in words:
            at = words.index(name)
            value = int(words[at + 1])
            del words[at:at + 2]
            if name == "--rounds":
                ROUNDS = (value + WORLDS - 1) // WORLDS
            else:
                SEED = value
    unittest.main(argv=[sys.argv[0], *words])


if __name__ == "__main__":
    main()
