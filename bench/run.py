"""Whole runs of the built program, measured from outside. Prints a table a measurement; nothing here asserts a time."""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("UNDERSTUDY_BUILD", os.path.join(ROOT, "build"))
UNDERSTUDY = os.path.join(BUILD, "bin/understudy")
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from harness import free_port, wait_for  # noqa: E402

TICKS_NS = 1_000_000_000


def cpu_ns(pid):
    """Time on a processor of all threads that live; schedstat counts nanoseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total


def memory_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        rows = dict((line.split(":")[0], line.split()[1]) for line in rollup if ":" in line and line.split()[-1] == "kB")
    return {"rss": int(rows["Rss"]), "anonymous": int(rows["Anonymous"]), "pss": int(rows["Pss"])}


def percentiles(values, unit):
    values = sorted(values)
    at = lambda q: values[min(len(values) - 1, int(q * len(values)))]
    return f"n {len(values)}  p50 {at(0.5):.2f}  p90 {at(0.9):.2f}  p99 {at(0.99):.2f}  max {values[-1]:.2f} {unit}"


class Run:
    """An orchestrator on a configuration in a folder of its own."""

    def __init__(self, config, log_level="error", plugin_path=False):
        self.folder = tempfile.mkdtemp(prefix="understudy-bench-", dir=os.environ.get("UNDERSTUDY_BENCH_DIR"))
        self.config = os.path.join(self.folder, "orchestrator.toml")
        path = f'plugin_path = ["{BUILD}/bench_plugins"]\n' if plugin_path else ""
        with open(self.config, "w") as out:
            out.write(f'[orchestrator]\ndata_dir = "var"\nlog = {{ level = "{log_level}" }}\n{path}' + config(self.folder))
        self.started = time.monotonic()
        with open(os.path.join(self.folder, "log"), "w") as log:
            self.process = subprocess.Popen([UNDERSTUDY, "-c", self.config, "run"], stdout=log, stderr=log)

    def wait_ready(self):
        socket = os.path.join(self.folder, "var/understudy.sock")
        while not os.path.exists(socket):
            if self.process.poll() is not None or time.monotonic() - self.started > 120:
                with open(os.path.join(self.folder, "log")) as log:
                    raise RuntimeError(log.read()[-4000:])
            time.sleep(0.0005)
        return time.monotonic() - self.started

    def trace(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.folder, "log")) as log:
                raise SystemExit("the orchestrator ended:\n" + log.read()[-4000:])
        path = os.path.join(self.folder, "trace")
        if not os.path.exists(path):
            return []
        with open(path) as lines:
            return [(int(at), what, target) for at, what, target in (line.split() for line in lines if line.endswith("\n"))]

    def status(self):
        done = subprocess.run([UNDERSTUDY, "-c", self.config, "status", "--json"], capture_output=True, text=True)
        return json.loads(done.stdout)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


LIMITS = """[service.s.limits]
max_failovers = 10000
breaker_failures = 100
[service.s.failback]
policy = "manual"
"""


def target(name, settings, health, isolation="thread"):
    return f"""[service.s.target.{name}]
plugin = "bench_site"
isolation = "{isolation}"
settings = {settings}
[[service.s.target.{name}.health]]
{health}
"""


def to_and_fro(isolation):
    """A service whose site fails by itself after three checks: it moves for ever."""
    def config(folder):
        shared = f'trace = "{folder}/trace", world = "{folder}/world"'
        health = f'plugin = "bench_site"\nisolation = "{isolation}"\nsettings = {{ {shared}, fail_after = 3 }}'
        return f"""[service.s]
primary = "a"
[service.s.detect]
interval = "20ms"
fast_interval = "10ms"
fall = 1
rise = 1
start_grace = "0s"
flap_max = 1000
{LIMITS}""" + "".join(target(name, f"{{ {shared} }}", health, isolation) for name in ("a", "b"))
    return config


def isolation(rounds=8, failovers=50):
    """The same failovers with every plugin on the loop and with every plugin in a process of its own, in turn."""
    parts = {"activate": "deciding answer -> activation call", "serving": "deciding answer -> first good check of the new site"}
    took = {(mode, part): [] for mode in ("loop", "process") for part in parts}
    for _ in range(rounds):
        for mode in ("loop", "process"):
            run = Run(to_and_fro(mode), plugin_path=True)
            try:
                wait_for("enough failovers", lambda: sum(what == "serving" for _, what, _ in run.trace()) > failovers, patience=90)
                seen = sorted(run.trace())
                failed, left = None, set()
                for at, what, _ in seen[[what for _, what, _ in seen].index("serving") + 1:]:  # without the start
                    if what == "fail" and not left:  # later ones, on the way, decide nothing
                        failed, left = at, set(parts)
                    elif what in left:
                        left.remove(what)
                        took[mode, what].append((at - failed) / 1000)
            finally:
                run.close()
    print("isolation: a failover with all plugins on the loop and isolated, in turn (goal: adds under 1 ms)")
    for part, text in parts.items():
        print(f"  {text}")
        for mode in ("loop", "process"):
            print(f"    {mode:8s}" + percentiles(took[mode, part], "ms"))
        print(f"    adds {statistics.median(took['process', part]) - statistics.median(took['loop', part]):.2f} ms at the median")


def reaction(samples=1000):
    """From the deciding check's answer to the activation call leaving; between them lie the plan, a confirmed stop (which
    the target answers at once) and every journal commit that the move needs, on this disk."""
    run = Run(to_and_fro("thread"), plugin_path=True)
    try:
        wait_for("enough failovers", lambda: sum(what == "activate" for _, what, _ in run.trace()) > samples, patience=90)
        took, failed = [], None
        for at, what, _ in run.trace():
            if what == "fail":
                failed = at
            elif failed is not None:
                took.append((at - failed) / 1000)
                failed = None
        print("reaction: deciding answer -> activation call, journal on disk (goal: p99 under 2 ms)")
        print("  " + percentiles(took, "ms"))
    finally:
        run.close()


def kill_process(fall, rounds=25):
    def config(folder):
        settings = f'{{ trace = "{folder}/trace" }}'
        a = f'plugin = "process"\nsettings = {{ pid_file = "{folder}/pid" }}'
        b = f'plugin = "bench_site"\nsettings = {{ trace = "{folder}/trace" }}'
        with open(f"{folder}/pid", "w") as out:
            out.write(str(victim.pid))
        return f"""[service.s]
primary = "a"
[service.s.detect]
interval = "5s"
fast_interval = "100ms"
fall = {fall}
start_grace = "0s"
{LIMITS}""" + target("a", settings, a) + target("b", settings, b)
    took = []
    for _ in range(rounds):
        victim = subprocess.Popen(["sleep", "1000"])
        run = Run(config, plugin_path=True)
        try:
            run.wait_ready()
            wait_for("up at home", lambda: run.status()["services"][0]["verdict"] == "up")
            time.sleep(0.2)
            before = time.monotonic_ns()
            victim.kill()
            wait_for("the activation", lambda: [x for x in run.trace() if x[1:] == ("activate", "b")])
            at = [x for x in run.trace() if x[1:] == ("activate", "b")][0][0]
            took.append((at * 1000 - before) / 1e6)
        finally:
            victim.kill()
            victim.wait()
            run.close()
    return took


def kill():
    print("kill: SIGKILL of a watched process -> activation call (goal: under 50 ms at fall = 1)")
    print("  fall 1  " + percentiles(kill_process(1), "ms"))
    print("  fall 3  " + percentiles(kill_process(3, rounds=10), "ms") + "   (fast_interval 100 ms; goal: within one of it)")
    kill_container()


def kill_container(rounds=10):
    import engine
    if engine.MISSING:
        return print("  container: not measured: " + engine.MISSING)
    docker = engine.Engine()
    try:
        def config(folder):
            settings = f'{{ trace = "{folder}/trace" }}'
            a = f'plugin = "docker_compose"\nsettings = {{ project_dir = "{folder}", project = "bench", host = "{docker.host}" }}'
            b = f'plugin = "bench_site"\nsettings = {{ trace = "{folder}/trace" }}'
            with open(f"{folder}/docker-compose.yml", "w") as out:
                out.write("services: {}\n")
            return f"""[service.s]
primary = "a"
[service.s.detect]
interval = "5s"
fast_interval = "100ms"
fall = 1
start_grace = "0s"
{LIMITS}""" + target("a", settings, a) + target("b", settings, b)
        took = []
        for _ in range(rounds):
            container = docker.docker("run", "-d", "--network", "host", "--label", "com.docker.compose.project=bench", "--label",
                                      "com.docker.compose.service=web", engine.IMAGE, "sleep", "1000").stdout.strip()
            pid = int(docker.docker("inspect", "--format", "{{.State.Pid}}", container).stdout)
            run = Run(config, plugin_path=True)
            try:
                run.wait_ready()
                wait_for("up at home", lambda: run.status()["services"][0]["verdict"] == "up")
                time.sleep(0.5)
                before = time.monotonic_ns()
                os.kill(pid, signal.SIGKILL)
                wait_for("the activation", lambda: [x for x in run.trace() if x[1:] == ("activate", "b")])
                at = [x for x in run.trace() if x[1:] == ("activate", "b")][0][0]
                took.append((at * 1000 - before) / 1e6)
            finally:
                run.close()
                docker.docker("rm", "-f", container)
        print("  container, fall 1  " + percentiles(took, "ms") + "   (the engine's own time to notice is in it)")
    finally:
        docker.close()


def address(i):
    return f"127.{1 + i // 60000}.{(i // 250) % 240}.{1 + i % 250}"


def start_nginx(folder, port):
    with open(f"{folder}/nginx.conf", "w") as out:
        out.write(f"""worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_rlimit_nofile 65000;
events {{ worker_connections 30000; }}
http {{ access_log off; keepalive_timeout 3600; keepalive_requests 100000000;
  server {{ listen 0.0.0.0:{port} backlog=16384; location / {{ return 200 "ok"; }} }} }}
""")
    return subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)


def haproxy_config(folder, count, port):
    with open(f"{folder}/haproxy.cfg", "w") as out:
        out.write(f"""global
  nbthread 1
  stats socket {folder}/haproxy.sock
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  timeout check 5s
frontend f
  bind 127.0.0.1:{free_port()}
  default_backend b
backend b
  option httpchk
  http-check send meth GET uri /health ver HTTP/1.1 hdr Host bench
  default-server inter 1s
""" + "".join(f"  server s{i} {address(i)}:{port} check\n" for i in range(count)))
    return f"{folder}/haproxy.cfg"


def understudy_config(count, port):
    return "".join(f"""[service.s{i}]
primary = "home"
observe_every = "1h"
[service.s{i}.detect]
interval = "1s"
[service.s{i}.target.home]
plugin = "bench_site"
settings = {{ trace = "/dev/null" }}
[[service.s{i}.target.home.health]]
plugin = "http"
settings = {{ url = "http://{address(i)}:{port}/health" }}
""" for i in range(count))


def measure_cpu(pid, seconds):
    before, began = cpu_ns(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_ns(pid) - before) / (time.monotonic() - began) / TICKS_NS


def requests_served(folder, port):
    import urllib.request
    return int(urllib.request.urlopen(f"http://127.0.0.1:{port}/status").read().split()[-1])


def checks(counts=(10, 1000, 10000), seconds=20):
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"checks: CPU of HTTP checks every 1 s of the same nginx, one after the other in this run, {seconds} s each (goal: below HAProxy)")
    rows = []
    base_memory = None
    for count in counts:
        folder = tempfile.mkdtemp(prefix="understudy-bench-")
        port = free_port()
        nginx = start_nginx(folder, port)
        row = {"count": count}
        try:
            haproxy = subprocess.Popen(["haproxy", "-f", haproxy_config(folder, count, port), "-db", "-q"], stderr=subprocess.DEVNULL)
            time.sleep(5)
            row["haproxy"] = measure_cpu(haproxy.pid, seconds) / count * 1e6
            haproxy.kill()
            haproxy.wait()
            run = Run(lambda _: understudy_config(count, port), plugin_path=True)
            row["start"] = run.wait_ready()
            wait_for("the alerts of the start to be delivered", lambda: run.status()["alerts"]["queued"] == 0, patience=300)
            time.sleep(3)
            row["understudy"] = measure_cpu(run.process.pid, seconds) / count * 1e6
            row["memory"] = memory_kb(run.process.pid)
            up = sum(s["verdict"] == "up" for s in run.status()["services"])
            if up != count:
                print(f"  {count}: only {up} are up")
            run.close()
        finally:
            nginx.terminate()
            nginx.wait()
            shutil.rmtree(folder, ignore_errors=True)
        rows.append(row)
        base_memory = base_memory or row["memory"]["rss"]
        each = (row["memory"]["rss"] - base_memory) / max(1, count - counts[0])
        print(f"  {count:6d} targets: understudy {row['understudy']:7.1f} us a check, haproxy {row['haproxy']:7.1f} us; ratio {row['understudy'] / row['haproxy']:.2f}"
              f"; rss {row['memory']['rss']} kB" + (f", {each:.1f} kB a target (goal: under 16)" if count > counts[0] else "") + f"; ready in {row['start']:.2f} s", flush=True)


def memory():
    """Idle, on the example, with every bundled plugin in use or at least loaded."""
    def config(folder):
        os.makedirs(f"{folder}/p")
        with open(f"{folder}/p/docker-compose.yml", "w") as out:
            out.write("services: {}\n")
        return f"""[service.s]
primary = "a"
[service.s.state]
plugin = "local_dir"
paths = ["state"]
settings = {{ dir = "snapshots" }}
[service.s.target.a]
plugin = "process"
paths = ["a/state"]
settings = {{ command = ["sleep", "1000"], run_dir = "run" }}
[[service.s.target.a.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:9/" }}
[[service.s.target.a.health]]
plugin = "process"
settings = {{ run_dir = "run" }}
[service.s.target.b]
plugin = "docker_compose"
paths = ["b/state"]
settings = {{ project_dir = "p", host = "unix:///nowhere" }}
"""
    starts = []
    for _ in range(10):
        run = Run(config)
        starts.append(run.wait_ready() * 1000)
        if len(starts) == 10:
            time.sleep(5)
            found = memory_kb(run.process.pid)
        else:
            time.sleep(0.3)
        run.understudy = subprocess.run([UNDERSTUDY, "-c", run.config, "status", "--json"], capture_output=True)
        subprocess.run(["pkill", "-f", "sleep 1000"])
        run.close()
    print(f"memory: idle, all bundled plugins: rss {found['rss']} kB, of it anonymous {found['anonymous']} kB, pss {found['pss']} kB (goal: under 20 MB)")
    print("start-up: exec -> API socket (goal: under 100 ms)\n  " + percentiles(starts, "ms"))


def functions():
    subprocess.run([os.path.join(BUILD, "bin/bench_functions"), "--benchmark_min_time=0.3"], check=True)


if __name__ == "__main__":
    every = {"functions": functions, "reaction": reaction, "isolation": isolation, "kill": kill, "memory": memory, "checks": checks}
    for name in sys.argv[1:] or every:
        every[name]()
