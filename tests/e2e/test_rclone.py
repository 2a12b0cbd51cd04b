"""The state store over the real rclone: round trips through a folder, rclone's WebDAV server and its SFTP server; killed, cut off,
refused, full, corrupted, changing while it is saved; and a whole failover with it."""
import json
import os
import pty
import shutil
import subprocess
import tempfile
import threading
import time
import sys
import unittest

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tests/fakes"))
import rclone_drive
import s3_server
from rclone_site import PASSWORD, RcloneSite, S3Site, Server, rclone, snapshot_id


class RoundTrip:
    """For each kind of remote."""

    def test_the_state_comes_back_as_it_was(self):
        self.put("a.txt", "one", 0o640)
        self.put("deep/er/b.bin", os.urandom(70000), 0o600)
        self.put("empty", "")
        self.put("sp ace/ü%41 #?.txt", "names")
        self.put("new\nline", "control")
        self.put("~hex~00", "mark")
        with open(os.path.join(self.state.encode(), b"raw-\xff"), "wb") as out:
            out.write(b"no utf-8")
        os.makedirs(os.path.join(self.state, "hollow"))
        os.symlink("../elsewhere", os.path.join(self.state, "link"))
        p = self.plugin()
        made = self.pushed(p, 1)
        self.assertEqual((7, snapshot_id(1), 1, True), (made["files"], made["id"], made["epoch"], made["valid"]))
        self.assertEqual(snapshot_id(1), self.latest())
        staging, answer = self.pull(p, 1)
        self.good(answer)
        self.assertEqual(["state"], os.listdir(staging))
        self.assertEqual(self.contents(self.state), self.contents(os.path.join(staging, "state")))
        self.good(self.verify(p, 1))
        self.assertEqual([snapshot_id(1)], [s["id"] for s in self.listed(p)])
        self.assertEqual(made, self.listed(p)[0])

    def test_a_single_file_is_a_state_path_too(self):
        path = self.put("db.sqlite", "x" * 1000, 0o600)
        p = self.plugin()
        self.good(p.call("store.push/1", self.push_params(1, paths=[{"name": "db", "path": path}]), 30000))
        staging, answer = self.pull(p, 1)
        self.good(answer)
        with open(os.path.join(staging, "db")) as file:
            self.assertEqual("x" * 1000, file.read())

    def test_a_change_of_the_same_length_and_time_is_saved(self):
        path = self.put("count", "1")
        p = self.plugin()
        self.pushed(p, 1)
        before = os.stat(path)
        self.put("count", "2")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.pushed(p, 2)
        for n, expected in ((1, b"1"), (2, b"2")):
            staging, answer = self.pull(p, n)
            self.good(answer)
            self.assertEqual(expected, self.contents(staging)["state/count"][3])

    def test_a_corrupted_file_is_found_and_never_given_out(self):
        self.put("a", "good bytes")
        self.put("b", "more")
        p = self.plugin()
        self.pushed(p, 1)
        self.spoil(f"data/{snapshot_id(1)}/files/state/a", "evil bytes")
        self.bad(self.verify(p, 1), "invalid", "state/a in snapshot")
        staging, answer = self.pull(p, 1)
        self.bad(answer, "invalid", "state/a in snapshot")
        self.assertEqual([], os.listdir(staging))


class Upkeep:
    """For those that differ most: one with hashes and times, one with neither."""

    def test_a_missing_file_or_a_changed_manifest_is_found(self):
        self.put("a", "good bytes")
        self.put("b", "more")
        p = self.plugin()
        self.pushed(p, 1)
        self.pushed(p, 2)
        os.remove(self.there("data", snapshot_id(1), "files/state/b"))
        self.bad(self.verify(p, 1), "invalid", "state/b")
        staging, answer = self.pull(p, 1)
        self.bad(answer, "invalid", "state/b")
        self.assertEqual([], os.listdir(staging))
        manifest = self.there("data", snapshot_id(2), "manifest.json")
        with open(manifest) as file:
            text = file.read()
        with open(manifest, "w") as file:
            file.write(text.replace('"size": 4', '"size": 5'))
        self.bad(self.verify(p, 2), "invalid", "manifest")

    def test_the_list_is_newest_first_and_shows_what_is_damaged(self):
        self.put("a", "1")
        p = self.plugin()
        for n in range(1, 5):
            self.pushed(p, n)
        with open(self.there("snapshots", snapshot_id(2) + ".json"), "r+") as file:
            file.truncate(40)
        shutil.rmtree(self.there("data", snapshot_id(3)))
        os.makedirs(self.there("data", snapshot_id(9), "files"))  # interrupted: no snapshot at all
        for instance in (p, self.plugin()):  # with and without what it remembers
            found = self.listed(instance)
            self.assertEqual({snapshot_id(n) for n in (1, 2, 3, 4)}, {s["id"] for s in found})
            self.assertEqual(snapshot_id(4), found[0]["id"])
            problems = {s["id"]: s["problem"] for s in found if not s["valid"]}
            self.assertEqual({snapshot_id(2), snapshot_id(3)}, set(problems))
            self.assertIn("card", problems[snapshot_id(2)])
            self.assertIn("data are missing", problems[snapshot_id(3)])
        os.remove(self.there("latest.json"))  # only a pointer: the cards are the truth
        self.assertEqual(snapshot_id(4), self.listed(self.plugin())[0]["id"])
        self.assertEqual(4, len(self.listed(self.plugin())))

    def test_prune_removes_old_snapshots_and_nothing_else(self):
        self.put("a", "1")
        outside = os.path.join(self.far, "NeoLight", "photos", "keep.jpg")
        os.makedirs(os.path.dirname(outside))
        with open(outside, "w") as file:
            file.write("mine")
        p = self.plugin()
        for n in range(1, 6):
            self.pushed(p, n)
        self.age(p, [1, 2, 3])
        old = self.there("data", "20200101T000000.000Z-e1/files")
        os.makedirs(old)
        q = self.plugin()
        self.assertEqual({"removed": [], "kept": 5}, self.good(q.call("store.prune/1", {"service": "svc", "keep_days": 5, "keep_at_least": 5})))
        os.makedirs(old, exist_ok=True)
        ask = {"service": "svc", "keep_days": 5, "keep_at_least": 3}
        self.assertEqual({"removed": [snapshot_id(2), snapshot_id(1)], "kept": 3}, self.good(q.call("store.prune/1", {**ask, "dry_run": True})))
        self.assertEqual(5, len(self.listed(q)))
        self.assertTrue(os.path.isdir(old))
        self.assertEqual({"removed": [snapshot_id(2), snapshot_id(1)], "kept": 3}, self.good(q.call("store.prune/1", ask, 60000)))
        self.assertEqual([snapshot_id(5), snapshot_id(4), snapshot_id(3)], [s["id"] for s in self.listed(q)])
        self.assertEqual({snapshot_id(n) for n in (3, 4, 5)}, set(os.listdir(self.there("data"))))
        self.assertTrue(os.path.exists(outside))
        self.good(self.verify(q, 3))
        with open(self.there("note.txt"), "w") as file:
            file.write("somebody else's")
        self.good(q.call("store.prune/1", {"service": "svc", "keep_days": 0, "keep_at_least": 0}, 60000))
        self.assertEqual([], self.listed(q))
        self.assertEqual(["note.txt"], os.listdir(self.there()))

    def age(self, plugin, numbers):
        """Makes snapshots ten days old, as far as their cards tell."""
        import hashlib
        os.remove(self.there("latest.json"))
        for n in numbers:
            path = self.there("snapshots", snapshot_id(n) + ".json")
            with open(path) as file:
                card = json.load(file)
            card["created_ms"] -= 10 * 86400000
            del card["check"]
            card["check"] = hashlib.sha256(json.dumps(card, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
            with open(path, "w") as file:
                file.write(json.dumps(card, sort_keys=True, indent=1) + "\n")

    def test_an_older_epoch_is_refused_and_its_data_are_kept_aside(self):
        self.put("a", "new")
        p = self.plugin()
        self.pushed(p, 1, epoch=7)
        self.put("a", "old")
        error = self.bad(self.push(p, 2, epoch=6), "conflict", "epoch 6 is older", "old_epoch")
        self.assertIn("aside/" + snapshot_id(2, 6), error["message"])
        with open(self.there("aside", snapshot_id(2, 6), "files/state/a")) as file:
            self.assertEqual("old", file.read())
        self.assertEqual(snapshot_id(1, 7), self.latest())
        self.assertEqual([snapshot_id(1, 7)], [s["id"] for s in self.listed(p)])
        self.put("a", "newer")
        self.pushed(p, 3, epoch=7)
        for n in range(10, 16):
            self.push(p, n, epoch=6)
        self.assertEqual(5, len(os.listdir(self.there("aside"))))

    def test_a_file_that_never_holds_still_makes_no_wrong_snapshot(self):
        path = self.put("busy", "0" * 200000)
        self.put("calm", "calm")
        stop = threading.Event()

        def scribble():
            n = 0
            while not stop.is_set():
                n += 1
                with open(path + ".new", "w") as out:
                    out.write(str(n % 10) * 200000)
                os.rename(path + ".new", path)
        writer = threading.Thread(target=scribble)
        writer.start()
        try:
            p = self.plugin()
            for n in range(1, 4):
                self.pushed(p, n)
        finally:
            stop.set()
            writer.join()
        for n in range(1, 4):
            self.good(self.verify(p, n))
            staging, answer = self.pull(p, n)
            self.good(answer)
            self.assertEqual(1, len(set(self.contents(staging)["state/busy"][3])))


class LocalRemote(RoundTrip, Upkeep, RcloneSite):
    kind = "local"


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


class SftpRemote(RoundTrip, RcloneSite):
    kind = "sftp"


class S3Remote(RoundTrip, S3Site):
    """rclone's S3 backend against a server that checks its signatures."""

    def test_the_bucket_copies_what_did_not_change(self):
        self.put("big", os.urandom(400000))
        self.put("small", "1")
        p = self.plugin()
        self.pushed(p, 1)
        self.put("small", "2")
        before = len(p.notices)
        self.pushed(p, 2)
        totals = [n["params"]["total"] for n in p.notices[before:] if n["topic"] == "progress"]
        self.assertTrue(all(total < 4000 for total in totals if total != 400000), totals)
        self.assertIn(f"data/{snapshot_id(2)}/files/state/big", self.keys())
        self.good(self.verify(p, 2))

    def test_prune_leaves_what_is_not_ours(self):
        self.put("a", "1")
        p = self.plugin()
        outside = os.path.dirname(self.root) + "/somebody/else.txt"
        for other in (outside, self.root + "/svc/note.txt"):
            self.assertEqual(0, self.rclone("rcat", other, input="mine").returncode)
        for n in (1, 2):
            self.pushed(p, n)
        ask = {"service": "svc", "keep_days": 0, "keep_at_least": 1}
        self.assertEqual([snapshot_id(1)], self.good(p.call("store.prune/1", ask, 30000))["removed"])
        self.assertEqual({snapshot_id(2)}, {k.split("/")[1] for k in self.keys() if k.startswith("data/")})
        self.good(self.verify(p, 2))
        self.good(p.call("store.prune/1", {**ask, "keep_at_least": 0}, 30000))
        self.assertEqual(["note.txt"], list(self.keys()))
        self.assertEqual("mine", self.rclone("cat", outside).stdout)

    def test_wrong_keys_are_denied(self):
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace(f"secret_access_key = {s3_server.SECRET_KEY}", "secret_access_key = planted-wrong"))
        p = self.plugin()
        self.bad(p.call("store.list/1", {"service": "svc"}, 30000), "denied", "refuses our credentials: error listing: SignatureDoesNotMatch", "denied")
        self.assertNotIn("planted-wrong", p.said())


class Faults(RcloneSite):
    kind = "local"

    def big(self, megabytes=8):
        for n in range(megabytes):
            self.put(f"part{n}", os.urandom(1 << 20))

    def test_a_killed_rclone_is_started_again(self):
        self.big(4)
        p = self.plugin(bandwidth_limit="2M", transfers=2)
        p.send("store.push/1", self.push_params(1), 60000)
        self.kill_one(["copy", "--bwlimit"])
        self.good(p.receive())
        self.assertIn("killed by signal 9", p.said())
        self.good(self.verify(p, 1))

    def test_an_interrupted_push_is_no_snapshot_and_never_latest(self):
        self.put("a", "1")
        p = self.plugin(bandwidth_limit="1M", retries=0)
        self.pushed(p, 1)
        self.big()
        p.send("store.push/1", self.push_params(2), 60000)
        harness.wait_for("files under their final names", lambda: os.listdir(self.there("data", snapshot_id(2), "files/state")))
        self.kill_one(["copy", "--bwlimit"])
        self.bad(p.receive(), "transient", "killed by signal 9", "killed")
        self.assertEqual(snapshot_id(1), self.latest())
        self.assertEqual([snapshot_id(1)], [s["id"] for s in self.listed(p)])
        self.bad(self.verify(p, 2), "invalid", "there is no snapshot")
        shutil.rmtree(self.state)
        self.put("a", "2")
        self.pushed(p, 2)  # the same name again: what lay there is of no use
        self.assertEqual(["state/a"], sorted(k for k, v in self.contents(self.there("data", snapshot_id(2), "files")).items() if v[0] == "file"))

    def test_a_killed_understudy_leaves_no_snapshot_either(self):
        self.put("a", "1")
        p = self.plugin(bandwidth_limit="1M")
        self.pushed(p, 1)
        self.big()
        p.send("store.push/1", self.push_params(2), 60000)
        harness.wait_for("files under their final names", lambda: os.listdir(self.there("data", snapshot_id(2), "files/state")))
        p.process.kill()
        for pid in self.rclones(["copy"]):
            os.kill(pid, 9)
        q = self.plugin()
        self.assertEqual([snapshot_id(1)], [s["id"] for s in self.listed(q)])
        self.pushed(q, 3)
        self.assertEqual(snapshot_id(3), self.latest())
        self.assertEqual([], [n for n in os.listdir(self.work) if not n.endswith(".lock")])

    def test_a_push_past_its_budget_is_ended(self):
        self.big()
        p = self.plugin(bandwidth_limit="1M")
        self.bad(self.push(p, 1, budget_ms=2500), "transient", "did not finish in time")
        self.assertIsNone(self.latest())
        harness.wait_for("rclone to end", lambda: not self.rclones(["copy"]))

    def test_progress_is_told_with_files_bytes_and_time_left(self):
        self.big(4)
        p = self.plugin(bandwidth_limit="1M", transfers=1)
        self.pushed(p, 1, budget_ms=60000)
        told = [n["params"] for n in p.notices if n["topic"] == "progress"]
        halfway = [t for t in told if 0 < t["done"] < t["total"]]
        self.assertGreaterEqual(len(halfway), 2)
        self.assertEqual({(5, "bytes", "push " + snapshot_id(1))}, {(t["files_total"], t["unit"], t["operation"]) for t in halfway})  # and the manifest
        self.assertTrue(all(4 << 20 < t["total"] < (4 << 20) + 4000 for t in halfway), halfway)
        self.assertTrue(any(t.get("eta_s", 0) > 0 for t in halfway), halfway)
        self.assertTrue(any(0 < t["files"] < 5 for t in halfway), halfway)

    def test_two_pushes_into_one_remote_take_turns(self):
        self.big(2)
        first, second = self.plugin(bandwidth_limit="1M"), self.plugin(bandwidth_limit="1M")
        first.send("store.push/1", self.push_params(1), 60000)
        harness.wait_for("the first to send", lambda: self.rclones(["copy"]))
        second.send("store.push/1", self.push_params(2), 60000)
        most = 0
        while first.answers.empty():
            most = max(most, len(self.rclones([])))
            self.assertFalse(os.path.exists(self.there("data", snapshot_id(2))))
            time.sleep(0.02)
        self.assertEqual(1, most)
        self.good(first.receive())
        self.good(second.receive())
        self.good(self.verify(first, 2))

    def test_a_list_does_not_wait_for_a_push(self):
        self.put("a", "1")
        p = self.plugin(bandwidth_limit="1M")
        self.pushed(p, 1)
        self.big(6)
        p.send("store.push/1", self.push_params(2), 60000)
        harness.wait_for("the push to send", lambda: self.rclones(["copy"]))
        p.send("store.list/1", {"service": "svc"}, 20000)
        answer = p.receive()
        self.assertEqual([snapshot_id(1)], [s["id"] for s in answer["result"]["snapshots"]])
        self.good(p.receive())

    @unittest.skipIf(os.getuid() != 0, "mounting needs root")
    def test_a_full_disk_is_told_and_leaves_the_last_snapshot(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", self.far], check=True)
        try:
            self.put("a", "1")
            p = self.plugin()
            self.pushed(p, 1)
            self.big(5)
            error = self.bad(self.push(p, 2), "transient", "far: is full", "full")
            self.assertIn("free space", error["hint"])
            self.assertNotIn("trying again", p.said())
            self.assertEqual([snapshot_id(1)], [s["id"] for s in self.listed(p)])
            self.good(self.verify(p, 1))
        finally:
            subprocess.run(["umount", self.far], check=True)

    @unittest.skipIf(os.getuid() != 0, "mounting needs root")
    def test_a_full_work_folder_is_told_apart(self):
        os.makedirs(self.work, mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", self.work], check=True)
        try:
            self.big(2)
            self.bad(self.push(self.plugin(), 1), "transient", "work_dir")
        finally:
            subprocess.run(["umount", self.work], check=True)

    def test_a_remote_that_may_not_be_written_to(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1)
        if os.getuid() == 0:  # root may write anywhere but on a file system that is read-only
            subprocess.run(["mount", "--bind", self.far, self.far], check=True)
            subprocess.run(["mount", "-o", "remount,ro,bind", self.far], check=True)
        else:
            os.chmod(self.there("data"), 0o500)
        try:
            self.bad(self.push(p, 2), "denied", "far: does not let us do that", "denied")
        finally:
            if os.getuid() == 0:
                subprocess.run(["umount", self.far], check=True)
            else:
                os.chmod(self.there("data"), 0o700)
        self.pushed(p, 3)

    def test_another_host_that_went_on_meanwhile_wins(self):
        self.put("a", "1")
        slow = self.plugin(bandwidth_limit="1M")
        self.pushed(slow, 1)
        self.big(4)
        slow.send("store.push/1", self.push_params(2), 60000)
        harness.wait_for("the push to send", lambda: self.rclones(["copy"]))
        shutil.copytree(self.state, self.state + "-other")
        other = self.plugin(work_dir=self.work + "-other")  # another work folder: as from another host
        self.good(other.call("store.push/1", self.push_params(3, epoch=2, paths=[{"name": "state", "path": os.path.join(self.state, "a")}]), 30000))
        error = self.bad(slow.receive(), "conflict", "kept in", "old_epoch")
        self.assertIn("aside/" + snapshot_id(2), error["message"])
        self.assertEqual(snapshot_id(3, 2), self.latest())
        self.assertEqual([snapshot_id(3, 2), snapshot_id(1)], [s["id"] for s in self.listed(other)])
        self.assertEqual([snapshot_id(2)], os.listdir(self.there("aside")))

    def test_the_same_id_twice_is_a_conflict(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1)
        self.bad(self.push(p, 1), "conflict", "already")

    def test_names_that_would_leave_our_folder_are_refused(self):
        self.put("a", "1")
        p = self.plugin()
        for what in ({"id": "../x"}, {"id": "a/b"}, {"id": ""}, {"id": ".x"}, {"service": "../other"}, {"service": ""}):
            self.bad(p.call("store.push/1", self.push_params(1, **what)), "invalid", "cannot be")
        self.bad(p.call("store.prune/1", {"service": ".."}), "invalid", "cannot be")
        self.bad(p.call("store.push/1", self.push_params(1, paths=[{"name": "..", "path": self.state}])), "invalid", "cannot be")
        self.assertEqual([], os.listdir(self.far))

    def test_a_missing_state_path(self):
        self.bad(self.plugin().call("store.push/1", self.push_params(1, paths=[{"name": "s", "path": "/nowhere/at/all"}])), "invalid", "/nowhere/at/all")

    def test_a_work_folder_that_others_may_write_is_refused(self):
        os.makedirs(self.work)
        os.chmod(self.work, 0o777)
        self.put("a", "1")
        self.bad(self.push(self.plugin(), 1), "denied", "work_dir")


class Setup(RcloneSite):
    """What a person can get wrong."""

    def list(self, plugin):
        return plugin.call("store.list/1", {"service": "svc"}, 30000)

    def test_a_remote_that_is_not_in_the_configuration(self):
        error = self.bad(self.list(self.plugin(remote="neo_remote:NeoLight")), "invalid", "knows no remote neo_remote:", "no_remote")
        self.assertIn(f"--config {self.config}", error["hint"])

    def test_no_rclone(self):
        self.bad(self.list(self.plugin(program="/nowhere/rclone")), "invalid", "install rclone")

    def test_a_program_that_is_no_rclone(self):
        fake = self.script('echo "Error: unknown flag: --use-json-log" >&2; exit 1')
        self.bad(self.list(self.plugin(program=fake)), "invalid", "1.60 or newer", "version")

    def test_an_encrypted_configuration(self):
        closed = os.path.join(self.folder, "closed.conf")
        made = rclone("--config", closed, "config", "create", "far", "alias", f"remote={self.far}")
        self.assertEqual(0, made.returncode, made.stderr)
        self.encrypt(closed)
        self.bad(self.list(self.plugin(config=closed)), "denied", "config_password", "config_password")
        wrong = self.plugin(config=closed, config_password={"$secret": {"env": "CONFIG_WORD"}}, env={"CONFIG_WORD": "wrong"})
        self.bad(self.list(wrong), "denied", "config_password", "config_password")
        p = self.plugin(config=closed, config_password={"$secret": {"env": "CONFIG_WORD"}}, env={"CONFIG_WORD": PASSWORD})
        self.put("a", "1")
        self.pushed(p, 1)
        self.assertNotIn(PASSWORD, p.said())

    def encrypt(self, path):
        """`rclone config` asks for the password on a terminal."""
        ours, theirs = pty.openpty()
        dialogue = subprocess.Popen(["rclone", "--config", path, "config"], stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = b""
        for awaited, typed in ((b"e/n/d/r/c/s/q>", "s"), (b"a/q>", "a"), (b"password:", PASSWORD), (b"password:", PASSWORD), (b"u/q>", "q"), (b"s/q>", "q")):
            while awaited not in seen:
                seen += os.read(ours, 4096)
            seen = b""
            os.write(ours, typed.encode() + b"\n")
        dialogue.wait(timeout=30)
        os.close(ours)
        with open(path) as file:
            self.assertIn("RCLONE_ENCRYPT", file.read())

    def script(self, body):
        path = os.path.join(self.folder, "fake-rclone")
        with open(path, "w") as out:
            out.write("#!/bin/sh\n" + body + "\n")
        os.chmod(path, 0o755)
        return path

    def test_options_in_the_remote_are_refused_since_they_would_show_in_the_process_list(self):
        for remote in (":webdav,url=http://x,pass=planted:y", "far,pass=planted:y", "nocolon", "far:../up", "-x:y"):
            p = self.plugin(remote=remote)
            p.process.stdin.close()
            p.process.wait(timeout=30)
            for reader in p.readers:
                reader.join(timeout=10)
            self.assertNotEqual(0, p.process.returncode, remote)
            self.assertIn("remote", p.said())
            self.assertNotIn("planted", p.said())

    def test_what_a_drive_says_is_told_with_what_to_do(self):
        """The words of rclone's Drive backend; the account of a test has no Drive."""
        said = {
            ("token", "denied", "rclone config reconnect far:"):
                "2026/11/20 20:54:29 Failed to create file system for \"far:\": couldn't find root directory ID: Get \"https://www.googleapis.com/drive/v3/files/root\": oauth2: cannot fetch token: 400 Bad Request\nResponse: {\"error\": \"invalid_grant\", \"error_description\": \"Token has been expired or revoked.\"}",
            ("full", "transient", "free space"):
                "{\"level\":\"error\",\"msg\":\"Failed to copy: googleapi: Error 403: The user's Drive storage quota has been exceeded., storageQuotaExceeded\",\"object\":\"x\"}",
            ("rate_limit", "transient", "client_id"):
                "{\"level\":\"error\",\"msg\":\"googleapi: Error 403: Rate Limit Exceeded, rateLimitExceeded\",\"object\":\"x\"}",
            ("upload_limit", "transient", "750 GB"):
                "{\"level\":\"error\",\"msg\":\"Received upload limit error: googleapi: Error 403: User rate limit exceeded., userRateLimitExceeded\",\"object\":\"x\"}",
            ("denied", "denied", "right to write"):
                "{\"level\":\"error\",\"msg\":\"googleapi: Error 403: The user does not have sufficient permissions for this file., insufficientFilePermissions\",\"object\":\"x\"}",
        }
        for (kind, status, hint), words in said.items():
            fake = self.script(f"cat >&2 <<'END'\n{words}\nEND\nexit 1")
            error = self.bad(self.list(self.plugin(program=fake, retries=0)), status, hint, kind)
            self.assertIn(hint, error["hint"])
            if kind == "rate_limit":
                self.assertGreaterEqual(error["retry_after_ms"], 1000)

    def test_only_what_may_pass_is_tried_again(self):
        log = os.path.join(self.folder, "calls")
        for exit_code, words, calls in ((7, "fatal", 1), (2, "usage", 1), (1, "connection reset by peer", 4), (5, "try later", 4), (1, "permission denied", 1)):
            if os.path.exists(log):
                os.remove(log)
            fake = self.script(f"echo x >> {log}; echo '2026/11/20 20:54:29 Failed to lsjson: {words}' >&2; exit {exit_code}")
            answer = self.list(self.plugin(program=fake, retries=3, retry_wait=1))
            self.assertNotEqual("ok", answer["status"])
            with open(log) as file:
                self.assertEqual(calls, len(file.readlines()), words)

    def test_aws_ca_bundle_does_not_reach_rclone(self):
        log = os.path.join(self.folder, "env")
        fake = self.script(f'echo "[$AWS_CA_BUNDLE]" >> {log}; exec rclone "$@"')
        self.list(self.plugin(program=fake, env={"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}))
        with open(log) as file:
            self.assertEqual({"[]\n"}, set(file.readlines()))

    def test_no_secret_is_on_a_command_line(self):
        log = os.path.join(self.folder, "argv")
        fake = self.script(f'echo "$@" >> {log}; exec rclone "$@"')
        self.put("a", "1")
        p = self.plugin(program=fake, config_password={"$secret": {"env": "CONFIG_WORD"}}, env={"CONFIG_WORD": PASSWORD})
        self.pushed(p, 1)
        with open(log) as file:
            self.assertNotIn(PASSWORD, file.read())
        self.assertNotIn(PASSWORD, p.said())


class GoogleDrive(RcloneSite):
    """rclone's own Drive backend against a fake of the Drive API: what the program says is its own."""

    def setUp(self):
        super().setUp()
        certificates = os.path.join(self.folder, "certificates")
        os.makedirs(certificates)
        self.drive = rclone_drive.Drive(certificates)
        self.addCleanup(self.drive.stop)
        self.write_token("2099-01-01T00:00:00Z")

    def write_token(self, expiry):
        token = json.dumps({"access_token": PASSWORD, "token_type": "Bearer", "refresh_token": PASSWORD + "-r", "expiry": expiry})
        with open(self.config, "w") as out:
            out.write(f"[neo_remote]\ntype = drive\nclient_id = c\nclient_secret = {PASSWORD}-s\nscope = drive.file\ntoken = {token}\n")

    def plugin(self, **settings):
        env = {"HTTPS_PROXY": self.drive.proxy, "RCLONE_CA_CERT": self.drive.ca, "NO_PROXY": "", "no_proxy": ""}
        return super().plugin(env=env, **{"remote": "neo_remote:NeoLight", **settings})

    def secret_free(self, plugin):
        self.assertNotIn(PASSWORD, plugin.said())

    def test_there_and_back_incrementally(self):
        self.put("big", os.urandom(300000))
        self.put("deep/small", "1")
        p = self.plugin()
        self.pushed(p, 1)
        self.put("deep/small", "2")
        uploads = self.drive.count("upload/drive/v3/files")
        self.pushed(p, 2)
        self.assertEqual(1, self.drive.count("/copy"))  # the big one, by Drive itself
        self.assertEqual(3, self.drive.count("POST /upload/drive/v3/files") - uploads)  # the small one, the manifest, the card
        self.assertIsNotNone(self.drive.at("NeoLight/svc/data/" + snapshot_id(2) + "/files/state/deep/small"))
        for n, expected in ((1, b"1"), (2, b"2")):
            staging, answer = self.pull(p, n)
            self.good(answer)
            self.assertEqual(expected, self.contents(staging)["state/deep/small"][3])
        self.good(self.verify(p, 2))
        self.assertEqual([snapshot_id(2), snapshot_id(1)], [s["id"] for s in self.listed(self.plugin())])
        files = [f for f in self.drive.files.values() if f["name"] == "latest.json" and not f["trashed"]]
        self.assertEqual(1, len(files))  # Drive would hold two of one name
        self.secret_free(p)

    def test_damage_is_seen_by_drives_own_hashes(self):
        self.put("a", "good bytes")
        p = self.plugin()
        self.pushed(p, 1)
        self.drive.fill(self.drive.at("NeoLight/svc/data/" + snapshot_id(1) + "/files/state/a"), b"evil bytes")
        self.bad(self.verify(p, 1), "invalid", "state/a in snapshot")
        self.bad(self.pull(p, 1)[1], "invalid", "state/a in snapshot")

    def test_prune_goes_to_the_trash_and_leaves_the_rest(self):
        self.put("a", "1")
        p = self.plugin()
        self.drive.add({"name": "photo.jpg"}, b"mine")
        self.pushed(p, 1)
        self.pushed(p, 2)
        self.assertEqual([snapshot_id(1)], self.good(p.call("store.prune/1", {"service": "svc", "keep_days": 0, "keep_at_least": 1}, 30000))["removed"])
        self.assertIsNone(self.drive.at("NeoLight/svc/data/" + snapshot_id(1)))
        self.assertIsNotNone(self.drive.at("photo.jpg"))
        self.assertEqual([snapshot_id(2)], [s["id"] for s in self.listed(p)])
        self.good(self.verify(p, 2))

    def test_an_expired_token_is_renewed_and_a_withdrawn_one_is_told(self):
        self.put("a", "1")
        self.write_token("2020-01-01T00:00:00Z")
        p = self.plugin()
        self.pushed(p, 1)
        with open(self.config) as file:
            self.assertIn("fresh", file.read())
        self.write_token("2020-01-01T00:00:00Z")
        self.drive.revoked = True
        error = self.bad(self.push(p, 2), "denied", "has expired or was withdrawn", "token")
        self.assertIn("rclone config reconnect neo_remote:", error["hint"])
        self.assertNotIn("trying again", p.said())
        self.secret_free(p)

    def test_a_full_drive(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1)
        self.drive.quota = self.drive.used() + 10000
        self.put("big", os.urandom(200000))
        self.bad(self.push(p, 2), "transient", "neo_remote: is full", "full")
        self.assertNotIn("trying again", p.said())
        self.assertEqual([snapshot_id(1)], [s["id"] for s in self.listed(p)])

    def test_a_short_rate_limit_passes_by_itself(self):
        self.put("a", "1")
        p = self.plugin()
        left = [1]

        def limited(method, path):
            if method == "POST" and left[0] > 0:
                left[0] -= 1
                return 403, "userRateLimitExceeded", "User Rate Limit Exceeded"
        self.drive.fail = limited
        self.pushed(p, 1)
        self.assertEqual(0, left[0])

    def test_a_lasting_failure_of_the_account(self):
        self.put("a", "1")
        for status, reason, message, kind in ((403, "rateLimitExceeded", "Rate Limit Exceeded", "rate_limit"), (403, "insufficientFilePermissions", "The user does not have sufficient permissions for this file.", "denied")):
            self.drive.fail = lambda method, path: (status, reason, message) if method == "POST" else None
            p = self.plugin(retries=0)
            self.assertEqual(kind, self.push(p, 1, budget_ms=60000)["error"].get("kind"))


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
