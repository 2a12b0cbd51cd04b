"""A whole failover and failback with rclone_gdrive."""
import json
import os
import shutil
import tempfile
import unittest

import harness
from rclone_site import PASSWORD, Server, rclone


class Failover(harness.Site):
    """The counter's state travels over WebDAV: home is killed, the spare goes on from it, and home again from there."""

    def setUp(self):
        far = tempfile.mkdtemp(prefix="understudy-far-")
        self.addCleanup(shutil.rmtree, far, ignore_errors=True)
        self.far, self.server = far, Server("webdav", far)
        self.addCleanup(self.server.stop)
        super().setUp()
        hidden = rclone("obscure", PASSWORD).stdout.strip()
        with open(os.path.join(self.folder, "rclone.conf"), "w") as out:
            out.write(f"[neo_remote]\ntype = webdav\nurl = http://127.0.0.1:{self.server.port}\nvendor = other\nuser = u\npass = {hidden}\n")

    def write_config(self, **options):
        super().write_config(**options)
        with open(self.config) as file:
            text = file.read()
        local = 'plugin = "local_dir"', 'settings = { dir = "snapshots", fsync = false }'
        self.assertTrue(all(words in text for words in local), text)
        text = text.replace(local[0], 'plugin = "rclone_gdrive"')
        text = text.replace(local[1], 'settings = { remote = "neo_remote:NeoLight", config = "rclone.conf", work_dir = "work", retry_wait = "200ms" }')
        with open(self.config, "w") as out:
            out.write(text)

    def latest(self):
        with open(os.path.join(self.far, "NeoLight/counter/latest.json")) as file:
            return json.load(file)["latest"]

    def test_there_and_back_with_the_state(self):
        self.write_config(stable_for=f"{harness.paced(6000)}ms")  # long enough to be seen there
        self.start()
        self.serving("home")
        first = harness.wait_for("a snapshot", self.latest)
        harness.wait_for("another", lambda: self.latest()["id"] != first["id"])
        saved = self.saved_count()
        self.kill_site("home")
        self.serving("spare")
        at_spare = self.count("spare")
        self.assertEqual("spare", at_spare["site"])
        self.assertGreaterEqual(at_spare["count"], saved)
        self.assertGreater(self.service()["epoch"], first["epoch"])
        harness.wait_for("a snapshot of the spare", lambda: self.latest()["epoch"] > first["epoch"])
        self.serving("home")  # by itself, after stable_for
        self.assertGreaterEqual(self.count("home")["count"], at_spare["count"])
        self.assertEqual(["home"], self.running())
        with open(self.log_path) as log:
            self.assertNotIn(PASSWORD, log.read())

    def saved_count(self):
        with open(os.path.join(self.far, "NeoLight/counter/data", self.latest()["id"], "files/state/count.json")) as file:
            return json.load(file)["count"]


if __name__ == "__main__":
    unittest.main()
