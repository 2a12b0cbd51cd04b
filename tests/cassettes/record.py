"""Records the cassettes anew, over a real Docker engine and a real web server."""
import json
import os
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(FOLDER), "e2e"))
from engine import Engine  # noqa: E402
from harness import BUILD, ROOT  # noqa: E402

PROGRAM = os.path.join(BUILD, "bin/understudy")


def record(cassette, plugin, interface, settings, steps, **env):
    """`steps`: (method, params), or a number of seconds to wait."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(settings, file)
        file.flush()
        driver = subprocess.Popen([PROGRAM, "plugin", "record", plugin, "--interface", interface, "--settings", file.name, "--service", "shop", "--target", "here",
                                   "--to", os.path.join(FOLDER, cassette)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **env})
        for step in steps:
            if isinstance(step, (int, float)):
                time.sleep(step)
                continue
            driver.stdin.write(json.dumps({"method": step[0], "params": step[1]}) + "\n")
            driver.stdin.flush()
            print(cassette, step[0], driver.stdout.readline().strip())
        driver.stdin.close()
        driver.wait(timeout=60)


def docker_compose():
    engine = Engine()
    link = "/tmp/understudy-cassette.sock"
    try:
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(engine.socket, link)
        settings = {"project_dir": os.path.join(FOLDER, "shop"), "project": "shop", "host": "unix://" + link}
        where = {"service": "shop", "target": "here"}

        def act(epoch):
            return ("standby.activate/1", {**where, "epoch": epoch, "operation": f"op-{epoch}", "snapshot": "", "reason": "drill"})

        def stop(epoch):
            return ("standby.deactivate/1", {**where, "epoch": epoch, "operation": f"stop-{epoch}", "grace_ms": 1000})
        look = ("standby.observe/1", where)
        record("docker_compose.target.json", "docker_compose", "target", settings,
               [look, act(5), look, act(5), act(4), look, ("standby.logs/1", {"lines": 5}), stop(4), stop(5), look, stop(5)])
        record("docker_compose.health.json", "docker_compose", "health", settings, [("health.check/1", {"timeout_ms": 2000})])
    finally:
        os.unlink(link)
        engine.close()


def http():
    zoo = subprocess.Popen([sys.executable, os.path.join(ROOT, "tests/fakes/http_zoo.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    where = f"127.0.0.1:{json.loads(zoo.stdout.readline())['plain']}"
    check = ("health.check/1", {"timeout_ms": 2000})
    record("http.health.json", "http", "health", {"url": f"http://{where}/ok", "bearer": {"$secret": {"env": "TOKEN"}}, "body_contains": "healthy"}, [check, check], TOKEN="a-token-for-the-cassette")
    record("http.refused.json", "http", "health", {"url": "http://127.0.0.1:1/"}, [check])
    record("http.tcp.json", "http", "health", {"url": f"tcp://{where}"}, [check])
    zoo.stdin.close()
    zoo.wait(timeout=10)


if __name__ == "__main__":
    docker_compose()
    http()
