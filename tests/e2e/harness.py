"""What the end-to-end tests share: a folder with a configuration, the orchestrator as a process, and waiting for what
should come. Standard library only. The programs come from $UNDERSTUDY_BUILD (default: build)."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("UNDERSTUDY_BUILD", os.path.join(ROOT, "build"))
COUNTER = os.path.join(ROOT, "examples/counter/counter.py")
# How much longer than on an idle machine a thing may take before it fails: scripts/run_tests.py raises it under a sanitizer, and when a case is
# tried again.
PACE = float(os.environ.get("UNDERSTUDY_TEST_PACE", "1"))
PATIENCE_S = 120 * min(max(PACE, 1), 3)


def paced(ms):
    """For budgets: those that should run out come as far as that on a slow machine, and the others last."""
    return int(ms * PACE)


def runs(pid):
    """It is there, and is not only waited for by its parent."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def wait_for(what, condition, patience=PATIENCE_S):
    end, last = time.time() + patience, None
    while time.time() < end:
        try:
            found = condition()
            if found:
                return found
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired) as problem:  # TypeError: what is looked into is not there yet
            last = problem
        time.sleep(0.05 if time.time() < end - patience + 1 else 0.2)  # a look may be a program that has to start
    raise AssertionError(f"waited {patience} s in vain for: {what}" + (f" (the last problem: {last!r})" if last else ""))


class Site(unittest.TestCase):
    """One service, `counter`, with a home and a spare on this host, and its state in a folder."""

    program = os.path.join(BUILD, "bin/understudy")
    weak_check = True  # a last check that a live process keeps degraded what answers nothing
    good_ends = (0, -signal.SIGTERM)  # of the orchestrator; the second when it is stopped before it listens to signals

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-test-")
        self.config = os.path.join(self.folder, "orchestrator.toml")
        self.ports = {"home": free_port(), "spare": free_port()}
        self.process, self.bad_ends = None, []
        self.addCleanup(self.assertEqual, self.bad_ends, [])
        self.log_path = os.path.join(self.folder, "log")
        self.write_config()

    def tearDown(self):
        self.stop()
        for target in self.ports:
            self.kill_site(target)
        if self.bad_ends or not self.passed():
            print(open(self.log_path).read() if os.path.exists(self.log_path) else "no log")
        shutil.rmtree(self.folder, ignore_errors=True)

    def passed(self):
        """Until now. Before Python 3.11 a test's outcome has its problems, since then the result has those of all tests."""
        outcome = getattr(self, "_outcome", None)
        result = getattr(outcome, "result", None)
        problems = outcome.errors if hasattr(outcome, "errors") else [*getattr(result, "failures", []), *getattr(result, "errors", [])]
        return not any(problem for case, problem in problems if getattr(case, "test_case", case) is self)

    def target(self, name):
        weak = f"""[[service.counter.target.{name}.health]]
plugin = "process"
settings = {{ run_dir = "run", weak = true }}
"""
        return f"""
[service.counter.target.{name}]
plugin = "process"
paths = ["{name}/state"]
declared = {{ ready_in = "1s" }}
activate_timeout = "20s"
stop_grace = "3s"
settings = {{ command = ["python3", "{COUNTER}", "{self.ports[name]}", "{name}/state"], cwd = ".", run_dir = "run" }}
[[service.counter.target.{name}.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{self.ports[name]}/health", json = {{ "$.status" = "healthy" }} }}
{weak if self.weak_check else ""}
"""

    def write_config(self, stable_for="1h", extra="", policy="auto"):
        with open(self.config, "w") as out:
            out.write(f"""
[orchestrator]
data_dir = "var"
[service.counter]
primary = "home"
observe_every = "300ms"
[service.counter.detect]
interval = "300ms"
fast_interval = "100ms"
timeout = "{paced(3000)}ms"
fall = 2
[service.counter.limits]
max_failovers = 100
retry_initial = "100ms"
[service.counter.state]
plugin = "local_dir"
paths = ["home/state"]
every = "1s"
settings = {{ dir = "snapshots", fsync = false }}
[service.counter.failback]
policy = "{policy}"
stable_for = "{stable_for}"
{self.target("home")}
{self.target("spare")}
{extra}
""")

    def start(self, env=None, wait=True):
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen([self.program, "-c", self.config, "run"], stdout=log, stderr=log, env={**os.environ, **(env or {})})
        if wait:
            wait_for("the API to answer", lambda: self.status())

    def stop(self):
        """What ends in another way than it should fails the test at its end, when all of it has been cleaned up."""
        if not self.process:
            return
        asked = self.process.poll() is None
        if asked:
            self.process.terminate()
        try:
            code = self.process.wait(timeout=PATIENCE_S)
            if code not in self.good_ends:
                self.bad_ends.append(f"the orchestrator ended with {code}, {'when it was stopped' if asked else 'by itself'}")
        except subprocess.TimeoutExpired:
            self.bad_ends.append(f"the orchestrator did not end within {PATIENCE_S:g} s of SIGTERM")
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self):
        """The orchestrator, as a power cut does."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def understudy(self, *words, expect=0):
        done = subprocess.run([os.path.join(BUILD, "bin/understudy"), "-c", self.config, *words], capture_output=True, text=True, timeout=2 * PATIENCE_S)
        if expect is not None and done.returncode != expect:
            raise RuntimeError(f"understudy {' '.join(words)} exited {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
        return done.stdout if expect == 0 else done.stdout + done.stderr

    def status(self):
        return json.loads(self.understudy("status", "--json"))

    def service(self):
        return self.status()["services"][0]

    def serving(self, target):
        def serves():
            s = self.service()
            return s if s["phase"] == "active" and s["active"] == target and s["verdict"] == "up" else None
        return wait_for(f"the service at {target}", serves)

    def count(self, target):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[target]}/health", timeout=30) as answer:
            return json.load(answer)

    def pid(self, target):
        with open(os.path.join(self.folder, f"run/counter-{target}.run.json")) as record:
            return json.load(record)["pid"]

    def running(self):
        """The sites whose web server answers: the truth, whatever the orchestrator believes."""
        found = []
        for target, port in self.ports.items():
            with socket.socket() as s:
                s.settimeout(20)
                # Where nobody listens, a connection may by chance be made to itself.
                if s.connect_ex(("127.0.0.1", port)) == 0 and s.getsockname() != s.getpeername():
                    found.append(target)
        return found

    def kill_site(self, target):
        try:
            pid = self.pid(target)
            if pid:
                os.killpg(os.getpgid(pid), signal.SIGKILL)
        except (OSError, ValueError):
            pass
