"""A folder with the real rclone: a configuration with remotes that are folders of this host, directly, through rclone's own
servers or an S3 server from npm (rclone serves S3 itself only since 1.65), and an instance of the plugin. Standard library only."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import harness
import plugin_driver
import s3_server

PASSWORD = "planted-rclone-secret"


def rclone(*words, **options):
    return subprocess.run(["rclone", *words], capture_output=True, text=True, timeout=120, **options)


def snapshot_id(n, epoch=1, day=20):
    return f"202611{day:02}T1000{n:02}.000Z-e{epoch}"


class Server:
    """`rclone serve KIND` over a folder. It can be stopped and started again at the same place."""

    def __init__(self, kind, folder, *words):
        self.kind, self.folder, self.words, self.port = kind, folder, words, harness.free_port()
        self.process = None
        self.start()

    def start(self):
        # Without its cache of listings: the tests change files behind its back.
        words = ["rclone", "serve", self.kind, self.folder, "--addr", f"127.0.0.1:{self.port}", "--user", "u", "--pass", PASSWORD,
                 "--dir-cache-time", "0s", *self.words]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_for(f"rclone serve {self.kind}", self.answers)

    def answers(self):
        with socket.socket() as s:
            s.settimeout(1)
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None


class RcloneSite(unittest.TestCase):
    BUDGET_MS = harness.paced(60000)  # of a call that runs rclone several times
    kind = "local"  # or webdav, sftp, s3: what the remote `far` is
    root = "far:NeoLight"

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-rclone-")
        self.far = os.path.join(self.folder, "far")  # what the remote really is
        self.state = os.path.join(self.folder, "state")
        self.work = os.path.join(self.folder, "work")
        self.config = os.path.join(self.folder, "rclone.conf")
        os.makedirs(self.far)
        os.makedirs(self.state)
        self.server, self.plugins = None, []
        self.serve()
        self.write_remotes()

    def tearDown(self):
        self.close_plugins()
        if self.server:
            self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close_plugins(self):
        while self.plugins:
            self.plugins.pop().close()

    def serve(self):
        if self.kind != "local":
            self.server = Server(self.kind, self.far)

    def write_remotes(self):
        hidden = rclone("obscure", PASSWORD).stdout.strip()
        if self.kind == "local":
            lines = ["type = alias", f"remote = {self.far}"]
        elif self.kind == "webdav":
            lines = ["type = webdav", f"url = http://127.0.0.1:{self.server.port}", "vendor = other", "user = u", f"pass = {hidden}"]
        else:
            lines = ["type = sftp", "host = 127.0.0.1", f"port = {self.server.port}", "user = u", f"pass = {hidden}", "md5sum_command = none",
                     "sha1sum_command = none"]
        with open(self.config, "w") as out:
            out.write("\n".join(["[far]", *lines, ""]))

    def plugin(self, env=None, **settings):
        given = {"remote": self.root, "config": self.config, "work_dir": self.work, "retry_wait": 100, **settings}
        made = plugin_driver.Plugin("rclone_gdrive", "state", given, env=env)
        self.plugins.append(made)
        return made

    # ---- the state, and calls ----------------------------------------------------------------------------------------
    def put(self, name, data, mode=None):
        path = os.path.join(self.state, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(data if isinstance(data, bytes) else data.encode())
        if mode is not None:
            os.chmod(path, mode)
        return path

    def push_params(self, n, epoch=1, day=20, **more):
        return {"service": "svc", "id": snapshot_id(n, epoch, day), "epoch": epoch, "paths": [{"name": "state", "path": self.state}], **more}

    def push(self, plugin, n, epoch=1, budget_ms=BUDGET_MS, **more):
        return plugin.call("store.push/1", self.push_params(n, epoch, **more), budget_ms)

    def pushed(self, plugin, n, epoch=1, **more):
        return self.good(self.push(plugin, n, epoch, **more))

    def good(self, answer):
        self.assertEqual("ok", answer["status"], answer)
        return answer["result"]

    def bad(self, answer, status, words, kind=None):
        self.assertEqual(status, answer["status"], answer)
        self.assertIn(words, answer["error"]["message"] + " " + answer["error"].get("hint", ""))
        if kind:
            self.assertEqual(kind, answer["error"].get("kind"))
        return answer["error"]

    def listed(self, plugin):
        return self.good(plugin.call("store.list/1", {"service": "svc"}, self.BUDGET_MS))["snapshots"]

    def pull(self, plugin, n, epoch=1):
        staging = tempfile.mkdtemp(dir=self.folder, prefix="staging-")
        return staging, plugin.call("store.pull/1", {"service": "svc", "id": snapshot_id(n, epoch), "staging": staging}, self.BUDGET_MS)

    def verify(self, plugin, n, epoch=1):
        return plugin.call("store.verify/1", {"service": "svc", "id": snapshot_id(n, epoch)}, self.BUDGET_MS)

    def there(self, *parts):
        return os.path.join(self.far, "NeoLight", "svc", *parts)

    def spoil(self, path, text):
        """Other bytes of the same length, behind the store's back."""
        with open(self.there(path), "r+") as file:
            file.write(text)

    def latest(self):
        try:
            with open(self.there("latest.json")) as file:
                return json.load(file)["latest"]["id"]
        except FileNotFoundError:
            return None

    def contents(self, folder):
        """Everything below a folder: what it is, its mode and bytes."""
        found = {}
        for base, folders, files in os.walk(folder):
            for name in folders + files:
                path = os.path.join(base, name)
                key = os.path.relpath(path, folder)
                if os.path.islink(path):
                    found[key] = ("link", os.readlink(path))
                elif os.path.isdir(path):
                    found[key] = ("folder", os.stat(path).st_mode & 0o777)
                else:
                    with open(path, "rb") as file:
                        found[key] = ("file", os.stat(path).st_mode & 0o777, os.stat(path).st_mtime_ns, file.read())
        return found

    def rclones(self, words):
        """The rclone processes of this test whose command line holds all of `words`."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline") as file:
                    line = file.read()
            except OSError:
                continue
            if line.startswith("rclone\0") and all(w in line for w in [self.config, *words]):
                found.append(int(pid))
        return found

    def kill_one(self, words):
        def kill():
            found = self.rclones(words)
            if found:
                os.kill(found[0], signal.SIGKILL)  # unless it has ended by itself since
            return found
        return harness.wait_for(f"rclone {words}", kill)[0]


class S3Site(RcloneSite):
    """One S3 server for all tests of a class, and a prefix in its bucket for each."""

    @classmethod
    def setUpClass(cls):
        cls.s3 = s3_server.S3Server()
        cls.addClassCleanup(cls.s3.close)

    def serve(self):
        self.root = "far:state/" + os.path.basename(self.folder)

    def write_remotes(self):
        with open(self.config, "w") as out:
            out.write(f"[far]\ntype = s3\nprovider = Other\nendpoint = {self.s3.endpoint}\nregion = us-east-1\nforce_path_style = true\n"
                      f"access_key_id = {s3_server.ACCESS_KEY}\nsecret_access_key = {s3_server.SECRET_KEY}\n")

    def rclone(self, *words, **options):
        return rclone("--config", self.config, *words, env={**os.environ, "AWS_CA_BUNDLE": ""}, **options)

    def keys(self):
        """Ours in the bucket, as in REMOTE/SERVICE/."""
        start = os.path.basename(self.folder) + "/svc/"
        return {k[len(start):]: path for k, path in self.s3.objects().items() if k.startswith(start)}

    def spoil(self, path, text):
        self.assertIn(path, self.keys())
        self.assertEqual(0, self.rclone("rcat", f"{self.root}/svc/{path}", input=text).returncode)

    def latest(self):
        path = self.keys().get("latest.json")
        if path is None:
            return None
        with open(path) as file:
            return json.load(file)["latest"]["id"]
