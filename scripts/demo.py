"""The demonstration behind scripts/demo: real processes, real files, in a folder of its own.

    demo.py UNDERSTUDY ORCHESTRATOR_TOML COUNTER_PY
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

program, example, counter = sys.argv[1:4]
colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
folder = tempfile.mkdtemp(prefix="understudy-demo-")
config = os.path.join(folder, "orchestrator.toml")
DEADLINE = 60


def say(text, colour="1;36"):
    print(f"\n\x1b[{colour}m== {text}\x1b[0m" if colours else f"\n== {text}", flush=True)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return dict(zip(("8101", "8102", "8103"), ports))


def write_config(ports):
    """The shipped example, with free ports and a quicker pace, in the demo's own folder."""
    text = open(example).read()
    for written, free in ports.items():
        text = text.replace(written, str(free))
    text = text.replace("examples/counter/counter.py", counter)
    open(config, "w").write(text)
    overlay = os.path.join(folder, "pace.toml")
    open(overlay, "w").write("""
[service.counter]
observe_every = "1s"
[service.counter.detect]
interval = "500ms"
fast_interval = "200ms"
[service.counter.state]
every = "2s"
save_on_failover = false   # as if home's disk were gone too: the standby starts from the last snapshot
[service.counter.failback]
stable_for = "8s"
""")
    return ["-c", config, "-c", overlay]


def ask(*words):
    out = subprocess.run([program, *files, *words], capture_output=True, text=True)
    if out.returncode not in (0, 3):
        raise RuntimeError(f"understudy {' '.join(words)}: {out.stderr}")
    return out.stdout


def service():
    return json.loads(ask("status", "--json"))["services"][0]


def wait(what, condition):
    end = time.time() + DEADLINE
    while time.time() < end:
        try:
            found = condition()
            if found:
                return found
        except (RuntimeError, OSError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"waited {DEADLINE} s in vain for: {what}")


def count_at(target):
    port = ports[{"home": "8101", "spare": "8102", "cloud": "8103"}[target]]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
        return json.load(answer)["count"]


def show(*words):
    for line in ask(*words).rstrip().splitlines():
        print("   " + line)


def serving_at(target):
    return wait(f"the service at {target}", lambda: (s := service())["phase"] == "active" and s["active"] == target and s["verdict"] == "up" and s)


def saved_count():
    newest = os.path.join(folder, "var/snapshots/counter")
    name = open(os.path.join(newest, "latest")).read().strip()
    return json.load(open(os.path.join(newest, "snapshots", name, "data/state/count.json")))["count"]


def play():
    say("1. Understudy starts the service at its primary place and watches it")
    serving_at("home")
    wait("two snapshots", lambda: len(json.loads(ask("snapshot", "list", "counter", "--json"))["snapshots"]) >= 2)
    wait("control planes to answer", lambda: len(json.loads(ask("plan", "counter", "--json"))["ranked"]) == 2)
    show("status")
    say("2. Where would it go if home failed now, and what would that cost?")
    show("plan", "counter")
    before, saved = count_at("home"), saved_count()
    say(f"3. The primary is killed (its count: {before}; in the last snapshot: {saved})", "1;31")
    record = json.load(open(os.path.join(folder, "var/run/counter-home.run.json")))
    killed = time.time()
    os.killpg(os.getpgid(record["pid"]), signal.SIGKILL)
    serving_at("spare")
    took = time.time() - killed
    now = count_at("spare")
    assert now >= saved, (now, saved)
    say(f"4. It serves at the standby again after {took:.1f} s; the count goes on: {now}", "1;32")
    show("status")
    say("5. Home is well again: it answers, and nothing runs there. After some quiet seconds the service goes home")
    serving_at("home")
    home = count_at("home")
    assert home >= now, (home, now)
    say(f"6. It is home, with the newer state: {home}", "1;32")
    show("status")
    say("7. What happened, from the journal")
    show("history", "counter", "-n", "40")


ports = free_ports(3)
files = write_config(ports)
log = open(os.path.join(folder, "orchestrator.log"), "w")
orchestrator = subprocess.Popen([program, *files, "run"], stdout=log, stderr=log)
code = 0
try:
    play()
except Exception as error:  # shown with the log, since a newcomer has nothing else to go by
    code = 1
    print(f"\nThe demo failed: {error}\n--- the orchestrator's log:\n{open(log.name).read()}", file=sys.stderr)
finally:
    orchestrator.terminate()
    orchestrator.wait()
    for target in ("home", "spare", "cloud"):
        try:
            record = json.load(open(os.path.join(folder, f"var/run/counter-{target}.run.json")))
            if record["pid"]:
                os.killpg(os.getpgid(record["pid"]), signal.SIGKILL)
        except (OSError, ValueError):
            pass
    shutil.rmtree(folder, ignore_errors=True)
if code == 0:
    say("Done. Nothing is left running. Next: README.md, orchestrator.toml, docs/")
sys.exit(code)
