"""The examples as a stranger has them: built out of tree against the installed SDK, held against the conformance kit, and
used in a failover: services that are started by ssh (a real sshd), their state in a real S3 server."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import s3_server
import sshd
from harness import BUILD, COUNTER, PACE, ROOT, Site, free_port, paced, runs, wait_for
from plugin_driver import Plugin

WORK = os.path.join(BUILD, "examples")
PREFIX = os.path.join(WORK, "prefix")
PROGRAM = os.path.join(BUILD, "bin/understudy")


def library(name):
    return os.path.join(WORK, name, f"{name}.so")


def run(*words, cwd=WORK):
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} exited {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def setUpModule():
    if "asan" in BUILD or "tsan" in BUILD:
        raise unittest.SkipTest("a plugin is built without sanitizers; the release run does this")
    os.makedirs(WORK, exist_ok=True)
    run("cmake", "--install", BUILD, "--component", "sdk", "--prefix", PREFIX)
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    for name in ("ssh_vps", "s3_store"):
        run("cmake", "-S", os.path.join(ROOT, "examples", name), "-B", name, f"-DCMAKE_PREFIX_PATH={PREFIX}", *generator,
            "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wshadow -Wconversion -Werror")
        run("cmake", "--build", name)


def records(lines):
    return dict(line.strip().split("=", 1) for line in lines if "=" in line)


def environment(pid):
    with open(f"/proc/{pid}/environ") as text:
        return records(text.read().split("\0"))


class Kept(unittest.TestCase):
    def kit(self, name, settings, env, may_skip=()):
        with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="understudy-kit-") as file:
            file.write(settings)
            file.flush()
            done = subprocess.run([PROGRAM, "plugin", "test", library(name), "--settings", file.name, "--json"], capture_output=True, text=True, timeout=900,
                                  env={**os.environ, **env})
        report = json.loads(done.stdout)
        failed = [f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"]
        self.assertEqual(failed, [])
        self.assertLessEqual({c["name"] for c in report["cases"] if c["verdict"] == "skipped"}, set(may_skip))
        self.assertGreater(report["passed"], 30)
        self.assertLessEqual({"loop", "process"}, {c["isolation"] for c in report["cases"] if c["verdict"] == "passed"})

    def needs_nothing_of_the_source_tree(self, name):
        if not shutil.which("ninja"):
            return  # only ninja tells
        used = {line.strip() for line in run("ninja", "-C", name, "-t", "deps").splitlines() if line.startswith("    ")}
        used = {os.path.realpath(os.path.join(WORK, name, path)) for path in used}
        self.assertTrue(any(path.startswith(os.path.realpath(PREFIX)) for path in used))
        places = [os.path.realpath(place) + "/" for place in (os.path.join(ROOT, "examples", name), WORK)]
        self.assertEqual([path for path in used if path.startswith(os.path.realpath(ROOT) + "/") and not path.startswith(tuple(places))], [])

    def own_tests(self, name):
        self.assertIn("100% tests passed", run("ctest", "--test-dir", name, "--output-on-failure"))


@unittest.skipIf(sshd.MISSING, sshd.MISSING)
class OnAVps(Kept):
    """One plugin instance, one account on one host."""

    @classmethod
    def setUpClass(cls):
        cls.sshd = sshd.Sshd()

    @classmethod
    def tearDownClass(cls):
        cls.sshd.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="us-vps-")
        self.plugins = []

    def tearDown(self):
        self.sshd.know("host")
        for plugin in self.plugins:
            plugin.close()
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and environment(name).get("UNDERSTUDY_RUN", "").startswith(self.folder):
                    os.kill(int(name), 9)
            except OSError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def vps(self, *command, granted=None, **more):
        settings = {**self.sshd.settings(), "command": command or ["sleep", "1000"], "dir": self.folder + "/run", "started_after": 300, **more}
        plugin = Plugin(library("ssh_vps")[:-3], "target", settings, granted)
        self.plugins.append(plugin)
        return plugin

    def shell(self, text, **more):
        return self.vps("sh", "-c", text, **more)

    def activate(self, plugin, epoch=1, budget_ms=paced(30000)):
        return plugin.call("standby.activate/1", {"service": "service", "target": "target", "epoch": epoch, "operation": f"op{epoch}", "snapshot": "snap", "reason": "drill"}, budget_ms)

    def deactivate(self, plugin, epoch=1, grace_ms=2000, budget_ms=paced(30000)):
        return plugin.call("standby.deactivate/1", {"service": "service", "target": "target", "epoch": epoch, "operation": f"stop{epoch}", "grace_ms": grace_ms}, budget_ms)

    def state(self, plugin):
        return plugin.call("standby.observe/1", {"service": "service", "target": "target"}, paced(30000))["result"]

    def record(self):
        with open(self.folder + "/run/service-target.record") as record:
            return records(record)

    def read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()

    def started(self, plugin, epoch=1):
        answer = self.activate(plugin, epoch)
        self.assertEqual(answer["status"], "ok", answer)
        self.assertEqual((answer["result"]["state"], answer["result"]["epoch"]), ("active", epoch))
        return int(self.record()["pid"])

    def assert_stops(self, plugin, epoch=1, **more):
        answer = self.deactivate(plugin, epoch, **more)
        self.assertEqual((answer["status"], answer.get("result", {}).get("stopped")), ("ok", True), answer)
        self.assertEqual(self.state(plugin)["state"], "stopped")

    def test_its_own_tests(self):
        self.own_tests("ssh_vps")
        self.needs_nothing_of_the_source_tree("ssh_vps")

    def test_the_kit(self):
        s = {**self.sshd.settings(), "dir": self.folder + "/run"}
        settings = ", ".join(f"{key} = {json.dumps(value)}" for key, value in s.items())
        self.kit("ssh_vps", f'[target]\nsettings = {{ {settings}, command = ["sleep", "1000"], started_after = "100ms" }}\n', {}, {"protocol/secrets"})

    def test_the_workload_gets_its_variables_and_a_session_of_its_own(self):
        plugin = self.vps(env={"GREETING": "it's $HOME; `x`\nyes"}, cwd=self.folder, secret_env={"TOKEN": {"$secret": {"env": "VPS_TOKEN"}}},
                          granted={"VPS_TOKEN": "swordfish"})
        pid = self.started(plugin, 7)
        variables = environment(pid)
        self.assertEqual((variables["GREETING"], variables["TOKEN"]), ("it's $HOME; `x`\nyes", "swordfish"))
        self.assertNotIn("swordfish", plugin.said())
        self.assertEqual([variables["UNDERSTUDY_" + k] for k in ("EPOCH", "SERVICE", "TARGET", "SNAPSHOT")], ["7", "service", "target", "snap"])
        self.assertEqual((os.getsid(pid), os.getpgid(pid)), (pid, pid))
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), os.path.realpath(self.folder))
        self.assertEqual(self.record()["epoch"], "7")
        self.assert_stops(plugin, 7)
        self.assertFalse(runs(pid))

    def test_epochs(self):
        plugin = self.vps()
        pid = self.started(plugin, 5)
        self.assertEqual(self.started(plugin, 5), pid)  # the same again
        for answer in (self.activate(plugin, 4), self.activate(plugin, 6), self.deactivate(plugin, 4)):
            self.assertEqual(answer["status"], "conflict", answer)
        self.assertTrue(runs(pid))
        self.assert_stops(plugin, 6)
        self.assertEqual(self.activate(plugin, 4)["status"], "conflict")  # also when nothing runs
        self.assert_stops(plugin, 1)

    def test_what_hides_is_found_and_what_ignores_term_is_killed(self):
        hidden = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ >{0}/escaped; sleep 1000' & env -i sh -c 'trap \"\" TERM; echo $$ >{0}/bare; sleep 1000' & wait".format(self.folder)
        plugin = self.shell(hidden)
        pids = [self.started(plugin)] + [int(wait_for(name, lambda n=name: self.read(n))) for name in ("escaped", "bare")]
        self.assertTrue(all(runs(p) for p in pids))
        self.assert_stops(plugin, grace_ms=500)
        self.assertFalse(any(runs(p) for p in pids))

    def test_term_comes_first(self):
        plugin = self.shell(f"trap 'sleep 0.5; echo well >{self.folder}/ended; exit 0' TERM; while true; do sleep 0.1; done")
        self.started(plugin)
        self.assert_stops(plugin, grace_ms=20000, budget_ms=60000)
        self.assertTrue(os.path.exists(self.folder + "/ended"))

    def test_a_number_that_was_given_to_somebody_else_is_not_ours(self):
        plugin = self.vps()
        self.started(plugin)
        self.assert_stops(plugin)
        stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        try:
            record = {**self.record(), "pid": stranger.pid, "start": 1}
            with open(self.folder + "/run/service-target.record", "w") as out:
                out.write("".join(f"{key}={value}\n" for key, value in record.items()))
            self.assertEqual(self.state(plugin)["state"], "stopped")
            self.assert_stops(plugin)
            self.assertIsNone(stranger.poll())
        finally:
            stranger.kill()
            stranger.wait()

    def test_without_its_record_it_is_still_seen(self):
        plugin = self.vps()
        pid = self.started(plugin, 3)
        os.unlink(self.folder + "/run/service-target.record")
        seen = self.state(plugin)
        self.assertEqual((seen["state"], seen["epoch"]), ("active", 3))
        self.assertEqual(self.activate(plugin, 9)["status"], "conflict")
        self.assert_stops(plugin, 9)
        self.assertFalse(runs(pid))

    def test_a_command_that_ends_at_once_is_told_with_its_last_words(self):
        answer = self.activate(self.shell("echo out of cheese; exit 3", started_after=20000))  # which is over as soon as it has ended
        self.assertEqual(answer["status"], "transient")
        self.assertIn("exit code 3: out of cheese", answer["error"]["message"])
        logs = self.plugins[-1].call("standby.logs/1", {"lines": 5}, paced(30000))
        self.assertEqual(logs["result"]["lines"], ["out of cheese"])

    def test_the_host_key_is_checked(self):
        plugin = self.vps(ssh_options=["StrictHostKeyChecking=no"])  # which cannot switch it off
        self.sshd.know("stranger")
        for answer in (self.activate(plugin), plugin.call("standby.observe/1", budget_ms=paced(30000))):
            self.assertEqual(answer["status"], "denied", answer)
            self.assertIn("fingerprint", answer["error"]["hint"])
        self.sshd.know("host")
        self.assertEqual(self.state(plugin)["state"], "stopped")

    def test_a_wrong_key_and_a_host_that_is_away_have_no_effect(self):
        answer = self.activate(self.vps(identity_file=self.sshd.path("stranger")))
        self.assertEqual(answer["status"], "denied")
        self.assertIn("authorized_keys", answer["error"]["hint"])
        self.sshd.stop()
        try:
            plugin = self.vps()
            for answer in (self.activate(plugin), self.deactivate(plugin), plugin.call("standby.observe/1", budget_ms=paced(30000))):
                self.assertEqual((answer["status"], answer["error"].get("kind")), ("transient", "refused"), answer)
        finally:
            self.sshd.start()

    def test_a_shared_connection_is_reused(self):
        plugin = self.vps(control_path=self.folder + "/%C")
        pid = self.started(plugin)
        sockets = [n for n in os.listdir(self.folder) if len(n) == 40]
        self.assertEqual(len(sockets), 1)
        self.assertTrue(runs(pid))
        self.assert_stops(plugin)
        run("ssh", "-O", "exit", "-o", f"ControlPath={self.folder}/{sockets[0]}", "-p", str(self.sshd.port), "127.0.0.1", cwd="/")

    @unittest.skipUnless(shutil.which("busybox"), "no busybox is installed")
    def test_a_vps_with_busybox(self):
        os.mkdir(self.folder + "/bin")
        run("busybox", "--install", "-s", self.folder + "/bin")
        os.symlink(shutil.which("flock"), self.folder + "/bin/flock")  # Alpine's busybox has it, Debian's has not
        self.wrapper(f"""#!{sys.executable}
import os, sys
assert sys.argv[-1] == "exec sh"
os.execvp("ssh", ["ssh", *sys.argv[1:-1], "PATH={self.folder}/bin exec sh"])
""")
        plugin = self.shell("trap '' TERM; sleep 1000 & sleep 1000; wait", ssh=self.folder + "/ssh")
        pid = self.started(plugin, 4)
        self.assertEqual(os.path.basename(os.readlink(f"/proc/{pid}/exe")), "busybox")
        self.assertEqual(self.started(plugin, 4), pid)
        self.assertEqual(self.activate(plugin, 3)["status"], "conflict")
        self.assert_stops(plugin, 4, grace_ms=300)
        self.assertFalse(runs(pid))

    # What a broken line does, with a program in ssh's place that breaks it at the second command (the first one is the look).

    def wrapper(self, text):
        with open(self.folder + "/ssh", "w") as out:
            out.write(text)
        os.chmod(self.folder + "/ssh", 0o755)

    def broken(self, second):
        self.wrapper(f'#!/bin/sh\ncd {self.folder}\nif [ ! -e looked ]; then : >looked; exec ssh "$@"; fi\n{second}\n')
        return self.vps(ssh=self.folder + "/ssh")

    def whole(self):
        plugin = self.vps()
        return plugin, self.state(plugin)

    def test_an_answer_that_is_lost_is_unknown_and_observe_tells(self):
        answer = self.activate(self.broken('ssh "$@" >/dev/null; exit 255'))
        self.assertEqual(answer["status"], "unknown", answer)
        plugin, seen = self.whole()
        self.assertEqual(seen["state"], "active")
        self.started(plugin)  # the same again finds it up
        os.unlink(self.folder + "/looked")
        answer = self.deactivate(self.broken('ssh "$@" >/dev/null; exit 255'))
        self.assertEqual(answer["status"], "unknown", answer)
        self.assertEqual(self.whole()[1]["state"], "stopped")

    def test_an_order_that_is_cut_short_is_not_followed(self):
        answer = self.activate(self.broken('head -c 5000 | ssh "$@"; exit 255'))
        self.assertEqual(answer["status"], "unknown", answer)
        self.assertEqual(self.whole()[1]["state"], "stopped")
        self.assertFalse(os.path.exists(self.folder + "/run/service-target.record"))

    def test_a_line_that_hangs_is_unknown_in_time_and_a_late_order_is_not_followed(self):
        # As a network does it: everything was sent, nothing comes back, and what was sent arrives much later. Half of the time is for the look.
        plugin = self.broken(f"""cat >order
setsid sh -c 'sleep {12 * PACE}; ssh "$@" <order >late 2>&1; : >over' ssh "$@" </dev/null >/dev/null 2>&1 &
exec sleep 1000""")
        answer = self.activate(plugin, budget_ms=paced(10000))
        self.assertEqual(answer["status"], "unknown", answer)
        self.assertFalse(os.path.exists(self.folder + "/late"), "it came after the late order")
        wait_for("the late order", lambda: os.path.exists(self.folder + "/over"))
        self.assertIn("came too late", self.read("late"))
        self.assertEqual(self.whole()[1]["state"], "stopped")

    def test_two_at_once_start_one(self):
        first, second = self.vps(), self.vps()
        order = {"service": "service", "target": "target", "epoch": 1, "operation": "op"}
        for plugin in (first, second):
            plugin.send("standby.activate/1", order, paced(30000))
        for plugin in (first, second):
            answer = plugin.receive()
            self.assertEqual((answer["status"], answer["result"]["state"]), ("ok", "active"), answer)
        self.assertEqual(len(self.state(first)["detail"].split()), 2)  # "pid N"
        self.assert_stops(first)

    def test_what_is_under_way_is_seen(self):
        plugin, other = self.vps(started_after=paced(6000)), self.vps()
        plugin.send("standby.activate/1", {"service": "service", "target": "target", "epoch": 1, "operation": "op"}, paced(60000))
        wait_for("it to be seen starting", lambda: self.state(other)["state"] == "starting")
        self.assertEqual(plugin.receive()["result"]["state"], "active")
        self.assert_stops(plugin)


class Door:
    """Before a server that is slow to start: closed it refuses, as where no server runs, and it is open at once."""

    def __init__(self, port):
        self.behind, self.port, self.listener = port, free_port(), None
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.let_in, daemon=True).start()

    def let_in(self):
        with contextlib.suppress(OSError):  # it was closed
            while True:
                ends = self.listener.accept()[0], socket.create_connection(("127.0.0.1", self.behind))
                for source, sink in (ends, ends[::-1]):
                    threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def carry(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        if self.listener:
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next one
            self.listener.close()


class InABucket(Kept):
    @classmethod
    def setUpClass(cls):
        cls.server = s3_server.S3Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="us-bucket-")
        os.makedirs(self.folder + "/state/deep")
        with open(self.folder + "/state/deep/data", "wb") as out:
            out.write(bytes(range(256)) * 8192)  # 2 MiB: curl asks with Expect
        self.plugins = []

    def tearDown(self):
        for plugin in self.plugins:
            plugin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def store(self, secret=s3_server.SECRET_KEY, **more):
        settings = {"endpoint": self.server.endpoint, "bucket": "state", "access_key": {"$secret": {"env": "S3_ACCESS_KEY"}},
                    "secret_key": {"$secret": {"env": "S3_SECRET_KEY"}}, "spool": self.folder, **more}
        plugin = Plugin(library("s3_store")[:-3], "state", settings, {**self.server.environment, "S3_SECRET_KEY": secret})
        self.plugins.append(plugin)
        return plugin

    def push(self, plugin, number, epoch=1, budget_ms=paced(30000)):
        return plugin.call("store.push/1", {"service": self.id(), "id": f"s{number}", "epoch": epoch, "paths": [{"name": "state", "path": self.folder + "/state"}]}, budget_ms)

    def listed(self, plugin):
        return plugin.call("store.list/1", {"service": self.id()}, paced(30000))["result"]["snapshots"]

    def id(self):
        return super().id().split(".")[-1]

    def test_its_own_tests(self):
        self.own_tests("s3_store")
        self.needs_nothing_of_the_source_tree("s3_store")

    def test_the_kit(self):
        tamper = f'f="{self.server.folder}/state/understudy/$SERVICE/$SNAPSHOT/files/000001._S3rver_object"; test -f "$f" && echo x >>"$f"'
        self.kit("s3_store", f"""[state]
settings = {{ endpoint = "{self.server.endpoint}", bucket = "state", access_key = {{ env = "S3_ACCESS_KEY" }}, secret_key = {{ env = "S3_SECRET_KEY" }} }}
[kit]
tamper = ['sh', '-c', '''{tamper}''']
""", self.server.environment, {"state/fence", "state/fence-first", "state/fence-lasts", "state/fence-under-way"})  # an optional method

    def test_the_layout(self):
        store = self.store(prefix="site/a")
        self.assertEqual(self.push(store, 1)["status"], "ok")
        keys = {key for key in self.server.objects() if self.id() in key}
        self.assertEqual(keys, {f"site/a/{self.id()}/{rest}" for rest in ("s1/files/000001", "s1/manifest.json", "latest")})
        self.assertEqual(self.listed(self.store(prefix="site/b")), [])

    def test_wrong_keys_and_buckets_are_told(self):
        wrong = self.store(secret="hunter2-is-wrong")
        answer = self.push(wrong, 1)
        self.assertEqual((answer["status"], answer["error"]["kind"]), ("denied", "SignatureDoesNotMatch"))
        self.assertIn("secret_key", answer["error"]["hint"])
        self.assertNotIn("hunter2", json.dumps(answer) + wrong.said())
        answer = self.store(bucket="nowhere").call("store.list/1", {"service": "x"})
        self.assertEqual((answer["status"], answer["error"]["kind"]), ("invalid", "NoSuchBucket"))

    def test_a_server_that_is_away_for_a_while(self):
        door = Door(self.server.port)
        self.addCleanup(door.close)
        store = self.store(endpoint=door.endpoint)
        answer = self.push(store, 1)  # the plugin asks four times, within 2.8 s
        self.assertEqual((answer["status"], answer["error"]["kind"]), ("transient", "refused"), answer)
        store.send("store.list/1", {"service": self.id()}, 120000)
        time.sleep(0.3)
        door.open()
        listed = store.receive(150)
        self.assertEqual(listed.get("result", {}).get("snapshots"), [], listed)  # it was asked again

    def test_a_push_that_is_out_of_time_takes_away_what_it_sent(self):
        store = self.store()
        for name in range(300):
            with open(f"{self.folder}/state/{name}", "w") as out:
                out.write("x")
        answer = self.push(store, 1, budget_ms=400)
        self.assertEqual(answer["status"], "transient", answer)
        wait_for("the objects to be gone", lambda: not [k for k in self.server.objects() if self.id() in k])
        self.assertEqual(self.push(store, 1, budget_ms=120000)["status"], "ok")
        self.assertEqual([s["id"] for s in self.listed(store)], ["s1"])


@unittest.skipIf(sshd.MISSING, sshd.MISSING)
class Failover(Site):
    """Two VPS, each with its own sshd, and the state in a bucket."""

    weak_check = False

    @classmethod
    def setUpClass(cls):
        cls.server = s3_server.S3Server()
        cls.addClassCleanup(cls.server.close)
        cls.vps = {}
        for target in ("home", "spare"):
            cls.vps[target] = sshd.Sshd()
            cls.addClassCleanup(cls.vps[target].close)

    def target(self, name):
        settings = {**self.vps[name].settings(), "dir": f"{self.folder}/vps-{name}", "cwd": self.folder, "started_after": "300ms",
                    "command": [sys.executable, COUNTER, str(self.ports[name]), f"{name}/state"]}
        mine = ", ".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
        lines = super().target(name).replace('plugin = "process"', 'plugin = "ssh_vps"').split("\n")
        return "\n".join(f"settings = {{ {mine} }}" if line.startswith("settings = { command") else line for line in lines)

    def write_config(self, **more):
        super().write_config(**more)
        with open(self.config) as config:
            text = config.read()
        bucket = f'endpoint = "{self.server.endpoint}", bucket = "state", prefix = "{os.path.basename(self.folder)}", access_key = {{ env = "S3_ACCESS_KEY" }}, secret_key = {{ env = "S3_SECRET_KEY" }}'
        text = text.replace('plugin = "local_dir"', 'plugin = "s3_store"').replace('settings = { dir = "snapshots", fsync = false }', f"settings = {{ {bucket} }}")
        text = text.replace("[orchestrator]", f'[orchestrator]\nplugin_path = ["{WORK}/ssh_vps", "{WORK}/s3_store"]')
        with open(self.config, "w") as config:
            config.write(text)

    def understudy(self, *words, **more):
        os.environ.update(self.server.environment)  # read-only commands make instances of their own
        return super().understudy(*words, **more)

    def start(self, **more):
        super().start(env=self.server.environment, **more)

    def pid(self, target):
        with open(f"{self.folder}/vps-{target}/counter-{target}.record") as record:
            return int(records(record)["pid"])

    def saved(self):
        return json.loads(self.understudy("snapshot", "list", "counter", "--json"))["snapshots"]

    def test_a_dead_service_goes_on_at_the_other_vps_with_its_state_and_comes_home(self):
        self.write_config(stable_for="1s", policy="manual")
        self.start()
        self.serving("home")
        wait_for("a count that was saved", lambda: self.count("home")["count"] > 20 and self.saved())
        self.kill_site("home")
        self.serving("spare")
        self.assertEqual(self.running(), ["spare"])
        seen = self.count("spare")
        self.assertEqual((seen["site"], seen["epoch"]), ("spare", "2"))
        self.assertGreater(seen["count"], 5)  # it went on from the bucket
        self.assertTrue(environment(self.pid("spare"))["UNDERSTUDY_SNAPSHOT"])
        away = self.count("spare")["count"]
        self.understudy("failback", "counter")
        self.serving("home")
        self.assertEqual(self.running(), ["home"])
        self.assertGreaterEqual(self.count("home")["count"], away)
        self.assertLessEqual({1, 2}, {s["epoch"] for s in self.saved() if s["valid"]})

    def test_a_damaged_newest_snapshot_is_passed_over(self):
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace('every = "1s"', 'every = "1h"\nsave_on_failover = false'))
        self.start()
        self.serving("home")
        for _ in range(2):
            self.understudy("snapshot", "push", "counter")
        newest, older = [s["id"] for s in self.saved()][:2]
        with open(next(path for key, path in self.server.objects().items() if f"/{newest}/files/" in key), "a") as file:
            file.write("x")
        self.kill_site("home")
        self.serving("spare")
        self.assertEqual(environment(self.pid("spare"))["UNDERSTUDY_SNAPSHOT"], older)


del Site, Kept  # their own classes hold no test

if __name__ == "__main__":
    unittest.main()
