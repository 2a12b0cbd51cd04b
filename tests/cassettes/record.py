"""Records the cassettes anew, over real parts where a test can have them and else over the stateful fakes: all, or those of the
plugins that are named."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from recording import BEARER, FLY, FOLDER, HOOK, RCLONE, SIGNING, TELEGRAM, Recording, make_state, record

from agent_site import KEY, Agent
from engine import Engine
from fly_machines import FlyMachines
from google_cloud import GoogleCloud
from harness import ROOT
from telegram_api import TelegramApi
from webhook_receiver import Receiver

WHERE = {"service": "shop", "target": "here"}
LOOK = ("standby.observe/1", WHERE)


def act(epoch, expect="ok"):
    return ("standby.activate/1", {**WHERE, "epoch": epoch, "operation": f"op-{epoch}", "snapshot": "", "reason": "drill"}, expect)


def stop(epoch, expect="ok"):
    return ("standby.deactivate/1", {**WHERE, "epoch": epoch, "operation": f"stop-{epoch}", "grace_ms": 1000}, expect)


def agent():
    """The real one."""
    with tempfile.TemporaryDirectory(prefix="understudy-agent-") as folder:
        one = Agent(folder, command=["sleep", "1000"], state=False).start()
        try:
            settings = {"url": f"http://127.0.0.1:{one.port}", "service": "counter"}
            record("agent.target.json", "agent", "target", {**settings, "api_key": {"$secret": {"env": "KEY"}}},
                   [LOOK, act(5), LOOK, act(5), act(4, "conflict"), LOOK, stop(4, "conflict"), stop(5), LOOK, stop(5), act(5, "conflict"), ("target.diagnose/1", WHERE), ("standby.quote/1", {})], KEY=KEY)
            record("agent.health.json", "agent", "health", settings, [("health.check/1", {"timeout_ms": 2000})])
        finally:
            one.stop()


def docker_compose():
    engine = Engine()
    link = "/tmp/understudy-cassette.sock"
    try:
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(engine.socket, link)
        settings = {"project_dir": os.path.join(FOLDER, "shop"), "project": "shop", "host": "unix://" + link}
        record("docker_compose.target.json", "docker_compose", "target", settings,
               [LOOK, act(5), LOOK, act(5), act(4, "conflict"), LOOK, ("standby.logs/1", {"lines": 5}), stop(4, "conflict"), stop(5), LOOK, stop(5)])
        record("docker_compose.health.json", "docker_compose", "health", settings, [("health.check/1", {"timeout_ms": 2000})])
    finally:
        os.unlink(link)
        engine.close()


def http():
    zoo = subprocess.Popen([sys.executable, os.path.join(ROOT, "tests/fakes/http_zoo.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    where = f"127.0.0.1:{json.loads(zoo.stdout.readline())['plain']}"
    check = ("health.check/1", {"timeout_ms": 2000})
    record("http.health.json", "http", "health", {"url": f"http://{where}/ok", "bearer": {"$secret": {"env": "TOKEN"}}, "body_contains": "healthy"}, [check, check], TOKEN=BEARER)
    record("http.refused.json", "http", "health", {"url": "http://127.0.0.1:1/"}, [check])
    record("http.tcp.json", "http", "health", {"url": f"tcp://{where}"}, [check])
    zoo.stdin.close()
    zoo.wait(timeout=10)


def send(n, title, expect="ok", **more):
    return ("notify.send/1", {"alert": {"id": f"a{n}", "kind": "service.down", "severity": "critical", "state": "event", "service": "shop", "target": "here", "title": title,
                                        "text": "home does not answer <502> & so on", "at_ms": 1_795_262_400_000 + n, "facts": {}, **more}}, expect)


def telegram():
    chat, ann = 42, 7
    api = TelegramApi(TELEGRAM)
    api.add_chat(chat)
    settings = {"token": {"$secret": {"env": "TOKEN"}}, "chat": chat, "api": api.url, "pace": 5, "time_zone": "utc"}
    given = {"stand_ins": ["token=123456:what-stands-for-the-token"], "TOKEN": TELEGRAM}
    with Recording("telegram.notifier.json", "telegram", "notifier", settings, **given) as recording:
        thread = recording.call(*send(1, "shop is down", state="firing", incident="i1"))["result"]["thread"]
        recording.call(*send(2, "failover to spare", incident="i1", thread=thread))
        recording.call(*send(3, "shop serves again", state="resolved", incident="i1", thread=thread))
        api.fault("sendMessage", 429, "Too Many Requests: retry after 3", retry_after=3)
        recording.call(*send(4, "one too many"))  # it waits, which costs a replay nothing
        api.fault("sendMessage", 502, "Bad Gateway")
        recording.call(*send(5, "in trouble", "transient"))
        api.chats[chat]["gone"] = "Forbidden: bot was blocked by the user"
        recording.call(*send(6, "to nobody", "denied"))
    api.chats[chat]["gone"] = None
    with Recording("telegram.commands.json", "telegram", "notifier", {**settings, "commands": True, "users": [ann], "poll_timeout": 1000}, **given) as recording:
        api.wait_for("a poll", lambda: api.count("getUpdates"))
        recording.call(*send(7, "shop is down", state="firing", incident="i2"))
        # No button is pressed: what a button carries is random, and so another in each replay.
        asked = api.user_says(chat, ann, "/status")
        api.wait_for("the answer", lambda: any(m["reply_to"] == asked for m in api.messages.values()))
        time.sleep(0.5)
        recording.call(*send(8, "a last one"))
    finish(api, "telegram.commands.json")


def finish(server, name):
    server.close()
    if server.problems:
        raise RuntimeError(f"the fake has found fault with a request: {server.problems}")
    print(name)


def webhook():
    receiver = Receiver("json", SIGNING)
    receiver.answers = ["drop", (200, {}, "ok"), (503, {"Retry-After": "7"}, "busy"), (403, {}, f"nobody posts to /{HOOK}"), (200, {}, "ok")]
    settings = {"url": {"$secret": {"env": "URL"}}, "signing_secret": {"$secret": {"env": "SIGNING"}}, "bearer": {"$secret": {"env": "BEARER"}},
                "secret_headers": {"X-Room": {"$secret": {"env": "BEARER"}}}}
    record("webhook.notifier.json", "webhook", "notifier", settings,
           [send(1, "dropped", "unknown"), send(1, "dropped", possible_duplicate=True), send(2, "busy", "transient"), send(3, "not let in", "denied"), send(4, "let in")],
           ["url=http://127.0.0.1:1/hook"], URL=f"http://127.0.0.1:{receiver.port}/{HOOK}", SIGNING=SIGNING, BEARER=BEARER)
    finish(receiver, "webhook.notifier.json")


def flyio():
    fly = FlyMachines(token=FLY)
    fly.add(metadata={"fly_process_group": "bot"})
    settings = {"app": "standby", "token": {"$secret": {"env": "TOKEN"}}, "api": fly.url, "process_group": "bot"}
    record("flyio.target.json", "flyio", "target", {**settings, "started_after": 100, "lease_ttl": 5000},
           [LOOK, act(5), LOOK, act(5), act(4, "conflict"), LOOK, stop(4, "conflict"), stop(5), LOOK, ("standby.quote/1", {})], TOKEN=FLY)
    record("flyio.health.json", "flyio", "health", settings, [("health.check/1", {"timeout_ms": 2000})], TOKEN=FLY)
    finish(fly, "flyio.health.json")


def snapshot(n, epoch):
    return f"20261120T1015{n:02}.000Z-e{epoch}"


def push(n, epoch, state, expect="ok"):
    return ("store.push/1", {"service": "shop", "id": snapshot(n, epoch), "epoch": epoch, "paths": [{"name": "state", "path": state}]}, expect)


LIST = ("store.list/1", {"service": "shop"})
FENCE = ("store.fence/1", {"service": "shop", "epoch": 6})


def gcp_cloudrun():
    cloud = GoogleCloud()
    cloud.run.add()
    cloud.storage.add()
    apis = {f"{name}api": cloud.base for name in ("", "oauth_", "iam_", "metadata_")}
    service = {"project": "demo", "region": "europe-west1", "service": "svc", **apis}
    record("gcp_cloudrun.target.json", "gcp_cloudrun", "target", {**service, "quiet_after_stop": 50, "idle_for": 100},
           [LOOK, act(5), LOOK, act(5), act(4, "conflict"), LOOK, stop(5), LOOK, stop(5), ("standby.quote/1", {})])
    record("gcp_cloudrun.health.json", "gcp_cloudrun", "health", service, [("health.check/1", {"timeout_ms": 2000})])
    state, staging = make_state(FOLDER), os.path.join(FOLDER, "staging")
    os.makedirs(staging)
    try:
        record("gcp_cloudrun.state.json", "gcp_cloudrun", "state", {"bucket": "gs://snapshots/some/prefix", "project": "demo", "parallel": 1, **apis},
               [LIST, push(1, 5, state), push(2, 5, state), LIST, push(3, 4, state, "conflict"), FENCE, FENCE, push(4, 5, state, "conflict"), LIST, ("store.verify/1", {"service": "shop", "id": snapshot(2, 5)}),
                ("store.pull/1", {"service": "shop", "id": snapshot(2, 5), "staging": staging}), ("store.prune/1", {"service": "shop", "keep_days": 0, "keep_at_least": 1, "dry_run": False}), LIST])
    finally:
        shutil.rmtree(state)
        shutil.rmtree(staging)
    finish(cloud, "gcp_cloudrun.state.json")
    cloud.identity.close()


def rclone_gdrive():
    """The real rclone over a folder: what it says depends on the remote in its hashes only."""
    far = tempfile.mkdtemp(prefix="understudy-rclone-")
    state, config, work = make_state(FOLDER), os.path.join(FOLDER, "rclone.conf"), os.path.join(FOLDER, "work")
    with open(config, "w") as out:
        out.write(f"[far]\ntype = alias\nremote = {far}\n")
    try:
        record("rclone_gdrive.state.json", "rclone_gdrive", "state", {"remote": "far:shops", "config": config, "work_dir": work, "config_password": {"$secret": {"env": "PASSWORD"}}},
               [LIST, push(1, 5, state), push(2, 5, state), LIST, push(3, 4, state, "conflict"), FENCE, FENCE, push(4, 5, state, "conflict"), LIST, ("store.prune/1", {"service": "shop", "keep_days": 0, "keep_at_least": 1, "dry_run": False}), LIST],
               PASSWORD=RCLONE)
    finally:
        os.unlink(config)
        for folder in (far, state, work):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    known = {f.__name__: f for f in (agent, docker_compose, http, telegram, webhook, flyio, gcp_cloudrun, rclone_gdrive)}
    for name in sys.argv[1:] or known:
        known[name]()
