"""The state store over rclone's own WebDAV server, which knows neither hashes nor times: also when it is gone, and a whole failover."""
import json
import os
import shutil
import tempfile
import unittest

import harness
from rclone_cases import RoundTrip, Upkeep
from rclone_site import PASSWORD, RcloneSite, Server, rclone, snapshot_id


class WebdavRemote(RoundTrip, Upkeep, RcloneSite):
    kind = "webdav"

    def test_the_remote_copies_what_did_not_change(self):
        self.put("big", os.urandom(400000))
        self.put("small", "1")
        p = self.plugin(bandwidth_limit="10M", check="size")
        self.pushed(p, 1)
        self.put("small", "2")
        before = len(p.notices)
        self.pushed(p, 2)
        totals = [n["params"]["total"] for n in p.notices[before:] if n["topic"] == "progress"]
        self.assertTrue(any(0 < total < 4000 for total in totals), totals)  # the small file and the manifest
        log = rclone("--config", self.config, "lsjson", "-R", "far:NeoLight/svc/data/" + snapshot_id(2)).stdout
        self.assertIn("files/state/big", log)
        self.good(self.verify(p, 2))

    def test_a_damaged_last_snapshot_is_no_basis_for_the_next(self):
        self.put("a", "good bytes")
        self.put("b", "b")
        p = self.plugin()
        self.pushed(p, 1)
        with open(self.there("data", snapshot_id(1), "files/state/a"), "r+") as file:
            file.write("evil")
        self.put("b", "c")
        self.pushed(p, 2)
        self.good(self.verify(p, 2))

    def test_a_server_that_is_gone_and_comes_back(self):
        self.put("a", "1")
        p = self.plugin(retries=20)
        self.pushed(p, 1)
        self.server.stop()
        p.send("store.push/1", self.push_params(2), 60000)
        harness.wait_for("a retry", lambda: "trying again" in p.said())
        self.server.start()
        self.good(p.receive())
        self.assertEqual(snapshot_id(2), self.latest())

    def test_a_server_that_goes_while_files_are_sent(self):
        for n in range(3):
            self.put(f"part{n}", os.urandom(1 << 20))
        p = self.plugin(retries=20, bandwidth_limit="1M", transfers=1)
        p.send("store.push/1", self.push_params(1), 60000)
        harness.wait_for("the first files", lambda: os.path.isdir(self.there("data")) and self.rclones(["copy", "--bwlimit"]))
        self.server.stop()
        harness.wait_for("a retry", lambda: "trying again" in p.said())
        self.assertIsNone(self.latest())
        self.server.start()
        self.good(p.receive())
        self.good(self.verify(p, 1))

    def test_a_server_that_stays_gone(self):
        self.put("a", "1")
        p = self.plugin(retries=0)
        self.pushed(p, 1)
        self.server.stop()
        self.bad(self.push(p, 2), "transient", "far: cannot be reached", "unreachable")
        self.bad(p.call("store.list/1", {"service": "svc"}, 30000), "transient", "cannot be reached", "unreachable")
        patient = self.plugin(retries=50, retry_wait=1)
        self.bad(patient.call("store.list/1", {"service": "svc"}, 7000), "transient", "cannot be reached", "unreachable")

    def test_a_wrong_password_is_denied_and_not_told(self):
        hidden = rclone("obscure", "wrong-" + PASSWORD).stdout.strip()
        with open(self.config, "a") as out:
            out.write(f"\n[other]\ntype = webdav\nurl = http://127.0.0.1:{self.server.port}\nvendor = other\nuser = u\npass = {hidden}\n")
        p = self.plugin(remote="other:NeoLight")
        self.bad(p.call("store.list/1", {"service": "svc"}, 30000), "denied", "credentials", "denied")
        self.assertNotIn(PASSWORD, p.said())


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
        self.write_config(stable_for="2s")
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
