"""A folder as a state store: which epoch may save does not depend on clocks, and what a replaced site brings is kept for a person."""
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import unittest

import harness
from harness import paced
from plugin_driver import Plugin, by_itself

DAY_MS = 86_400_000


def snapshot_id(n, epoch):
    return f"20261120T1000{n:02}.000Z-e{epoch}"


class LocalDir(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-local-dir-")
        self.state = os.path.join(self.folder, "state")
        os.makedirs(os.path.join(self.state, "deep"))
        self.put("count", "41")
        self.put("deep/data", "x" * 5000)
        self.plugins = []

    def tearDown(self):
        for plugin in self.plugins:
            plugin.close()
        shutil.rmtree(self.folder)

    def plugin(self):
        self.plugins.append(Plugin("local_dir", "state", {"dir": os.path.join(self.folder, "store")}))
        return self.plugins[-1]

    def put(self, name, text):
        with open(os.path.join(self.state, name), "w") as out:
            out.write(text)

    def there(self, *parts):
        return os.path.join(self.folder, "store", "svc", *parts)

    def read(self, *parts):
        with open(self.there(*parts)) as file:
            return file.read()

    def push_params(self, n, epoch, only=""):
        return {"service": "svc", "id": snapshot_id(n, epoch), "epoch": epoch, "paths": [{"name": "state", "path": os.path.join(self.state, only)}]}

    def push(self, plugin, n, epoch, only=""):
        return plugin.call("store.push/1", self.push_params(n, epoch, only), paced(30000))

    def fence(self, plugin, epoch, budget_ms=paced(10000)):
        return plugin.call("store.fence/1", {"service": "svc", "epoch": epoch}, budget_ms)

    def prune(self, plugin, keep_days=0, keep_at_least=1):
        return self.good(plugin.call("store.prune/1", {"service": "svc", "keep_days": keep_days, "keep_at_least": keep_at_least}))

    def good(self, answer):
        self.assertEqual("ok", answer["status"], answer)
        return answer["result"]

    def bad(self, answer, status, words, kind=None):
        self.assertEqual(status, answer["status"], answer)
        self.assertIn(words, answer["error"]["message"])
        if kind:
            self.assertEqual(kind, answer["error"].get("kind"))
        return answer["error"]

    def ids(self, plugin):
        return [s["id"] for s in self.good(plugin.call("store.list/1", {"service": "svc"}))["snapshots"] if s["valid"]]

    def move_clock(self, n, epoch, ms):
        """As if the host that saved it had had its clock ahead by so much."""
        self.rewrite(n, epoch, lambda said: {"created_ms": said["created_ms"] + ms})

    def rewrite(self, n, epoch, change):
        folder = self.there("snapshots", snapshot_id(n, epoch))
        with open(os.path.join(folder, "manifest.json")) as file:
            text = json.load(file)
        text["snapshot"].update(change(text["snapshot"]))
        data = json.dumps(text).encode()
        for name, content in (("manifest.json", data), ("manifest.sha256", hashlib.sha256(data).hexdigest().encode())):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(content)

    def hold(self, name):
        """The lock of another process."""
        file = open(self.there(name), "w")
        self.addCleanup(file.close)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file


class Fences(LocalDir):
    def test_an_older_epoch_is_refused_after_a_fence_also_by_a_new_instance(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        self.assertEqual({"epoch": 6}, self.good(self.fence(p, 6)))
        before = os.stat(self.there("fence")).st_ino
        self.assertEqual({"epoch": 6}, self.good(self.fence(p, 6)))
        self.assertEqual(before, os.stat(self.there("fence")).st_ino, "the same fence was written twice")
        p.close()
        q = self.plugin()
        self.bad(self.push(q, 2, 5), "conflict", "epoch 5 is older than 6", "old_epoch")
        self.bad(self.fence(q, 5), "conflict", "epoch 5 is older than 6")
        self.assertEqual([snapshot_id(1, 5)], self.ids(q))
        self.assertEqual(snapshot_id(1, 5), self.read("latest").strip())
        self.good(self.push(q, 3, 6))
        self.assertEqual("6", self.read("fence").strip())

    def test_each_new_epoch_that_saves_is_a_fence_by_itself(self):
        """So that it counts also when its snapshots are damaged or gone."""
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        self.good(self.push(p, 2, 6))
        shutil.rmtree(self.there("snapshots", snapshot_id(2, 6)))
        self.bad(self.push(p, 3, 5), "conflict", "epoch 5 is older than 6", "old_epoch")
        self.bad(self.fence(p, 5), "conflict", "epoch 5 is older than 6")

    def test_a_fence_does_not_wait_for_a_push_that_is_under_way(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        self.hold("lock")
        self.bad(self.push(p, 2, 5), "transient", "another process is writing")
        self.good(self.fence(p, 6))

    def test_a_push_that_a_fence_overtakes_becomes_nothing(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        commit = self.hold("commit.lock")
        self.put("count", "42")
        p.send("store.push/1", self.push_params(2, 5), paced(30000))
        harness.wait_for("all to be staged", lambda: os.path.exists(self.there("snapshots", ".incoming-" + snapshot_id(2, 5), "manifest.sha256")))
        with open(self.there("fence"), "w") as out:  # as the other process, which holds the lock, would
            out.write("6\n")
        commit.close()
        error = self.bad(p.receive(), "conflict", "epoch 5 is older than 6", "old_epoch")
        self.assertIn(self.there("aside", snapshot_id(2, 5)), error["message"])
        self.assertEqual("42", self.read("aside", snapshot_id(2, 5), "data/state/count"))
        self.assertEqual([snapshot_id(1, 5)], self.ids(p))
        self.assertEqual(snapshot_id(1, 5), self.read("latest").strip())
        self.assertEqual([snapshot_id(1, 5)], os.listdir(self.there("snapshots")))

    def test_a_fence_that_cannot_get_its_turn_says_so_in_time(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        self.hold("commit.lock")
        self.bad(by_itself(lambda: self.fence(p, 6, paced(300))), "transient", "did not finish in time")
        self.assertEqual("5", self.read("fence").strip())

    def test_a_fence_reads_no_manifests_where_a_fence_says_enough(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        manifest = self.there("snapshots", snapshot_id(1, 5), "manifest.json")
        os.remove(manifest)
        os.mkfifo(manifest)  # who reads it waits for ever
        self.good(self.fence(p, 6))
        self.assertEqual("6", self.read("fence").strip())

    def test_a_damaged_fence_lets_nobody_save(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        for text in ("", "six\n", "6", "6\n\n", "-6\n", "99999999999999999999999\n"):
            with open(self.there("fence"), "w") as out:
                out.write(text)
            self.bad(self.push(p, 2, 7), "invalid", "is damaged")
            self.bad(self.fence(p, 7), "invalid", "is damaged")
        self.assertEqual([snapshot_id(1, 5)], self.ids(p))


class Clocks(LocalDir):
    def ahead(self):
        """Epoch 5 had its clock ten days ahead of that of epoch 6."""
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        self.move_clock(1, 5, 10 * DAY_MS)
        self.good(self.push(p, 2, 6))
        os.remove(self.there("fence"))  # as in a store of an earlier version: the snapshots alone tell
        return p

    def test_the_newest_is_that_of_the_highest_epoch(self):
        self.assertEqual([snapshot_id(2, 6), snapshot_id(1, 5)], self.ids(self.ahead()))

    def test_an_older_epoch_is_refused_though_its_clock_is_ahead(self):
        p = self.ahead()
        self.bad(self.push(p, 3, 5), "conflict", "epoch 5 is older than 6", "old_epoch")
        self.bad(self.fence(p, 5), "conflict", "epoch 5 is older than 6")
        self.good(self.push(p, 4, 6))

    def test_prune_keeps_the_newer_epoch_and_not_the_later_clock(self):
        p = self.ahead()
        self.move_clock(1, 5, -9 * DAY_MS)
        self.move_clock(2, 6, -10 * DAY_MS)
        self.prune(p, keep_days=5)
        self.assertIn(snapshot_id(2, 6), self.ids(p))


class Aside(LocalDir):
    def replaced(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        self.good(self.fence(p, 6))
        return p

    def test_what_a_replaced_site_brings_is_kept_and_can_be_restored_by_hand(self):
        p = self.replaced()
        self.put("count", "42")
        error = self.bad(self.push(p, 2, 5), "conflict", "its data are kept in " + self.there("aside", snapshot_id(2, 5)), "old_epoch")
        self.assertIn("look at what it had", error["hint"])
        self.assertEqual("42", self.read("aside", snapshot_id(2, 5), "data/state/count"))
        self.assertEqual([snapshot_id(1, 5)], self.ids(p))
        self.bad(self.push(p, 2, 5), "conflict", "already")
        self.good(self.push(p, 3, 6))
        os.rename(self.there("aside", snapshot_id(2, 5)), self.there("snapshots", snapshot_id(2, 5)))  # what docs/formats/snapshot.md says
        self.assertEqual([snapshot_id(3, 6), snapshot_id(2, 5), snapshot_id(1, 5)], self.ids(p))
        staging = tempfile.mkdtemp(dir=self.folder)
        self.good(p.call("store.pull/1", {"service": "svc", "id": snapshot_id(2, 5), "staging": staging}))
        with open(os.path.join(staging, "state/count")) as file:
            self.assertEqual("42", file.read())
        self.good(self.push(p, 4, 6))

    def test_five_are_kept_and_what_is_old_makes_room(self):
        p = self.replaced()
        for n in range(10, 15):
            self.bad(self.push(p, n, 5), "conflict", "kept in")
        self.bad(self.push(p, 15, 5), "conflict", "nothing was stored: 5 are kept", "old_epoch")
        self.assertEqual([snapshot_id(n, 5) for n in range(10, 15)], sorted(os.listdir(self.there("aside"))))
        for n, days in ((10, 91), (11, 89)):
            then = os.stat(self.there("aside", snapshot_id(n, 5))).st_mtime - days * 86400
            os.utime(self.there("aside", snapshot_id(n, 5)), (then, then))
        self.assertEqual({"removed": [], "kept": 1}, self.prune(p, keep_days=100))
        self.assertEqual(5, len(os.listdir(self.there("aside"))))
        self.prune(p)
        harness.wait_for("the removal to be told", lambda: self.there("aside", snapshot_id(10, 5)) + " had been kept aside for long enough" in p.said())
        self.assertEqual([snapshot_id(n, 5) for n in range(11, 15)], sorted(os.listdir(self.there("aside"))))
        self.bad(self.push(p, 16, 5), "conflict", "kept in")

    def test_what_cannot_be_kept_is_refused_all_the_same(self):
        p = self.replaced()
        for spoil in (lambda: shutil.rmtree(self.state), lambda: self.write("aside", "no folder")):
            spoil()
            error = self.bad(self.push(p, 2, 5), "conflict", "could not be kept aside", "old_epoch")
            self.assertIn("lie at that site alone", error["message"])
            self.assertEqual([snapshot_id(1, 5)], os.listdir(self.there("snapshots")))
            shutil.rmtree(self.there("aside"), ignore_errors=True)

    def write(self, name, text):
        with open(self.there(name), "w") as out:
            out.write(text)

    def test_a_refusal_comes_in_time_whatever_there_is_to_copy(self):
        p = self.replaced()
        self.endless()
        budget_ms = min(paced(6000), 12000)  # of which it copies for a quarter, as much as the disk takes
        began = time.monotonic()
        p.send("store.push/1", self.push_params(2, 5), budget_ms)
        self.bad(p.receive(), "conflict", "there was not time enough", "old_epoch")
        self.assertLess(time.monotonic() - began, 0.75 * budget_ms / 1000)
        self.good(self.push(p, 3, 6, only="deep"))
        self.assertEqual([], os.listdir(self.there("aside")), "something was left")

    def endless(self):
        """What takes longer to copy than any of these tests."""
        with open(os.path.join(self.state, "endless"), "wb") as out:
            out.truncate(1 << 40)

    def test_a_replaced_site_is_refused_while_its_successor_saves(self):
        p = self.replaced()
        self.hold("lock")
        self.bad(self.push(p, 2, 5), "conflict", "its data are kept in", "old_epoch")

    # The copying lasts for a quarter of the 12 s, and for half of the 20: that long the other may take.
    COPYING_MS = min(paced(12000), 20000)

    def test_what_is_copied_aside_keeps_no_successor_waiting(self):
        p, q = self.replaced(), self.plugin()
        self.assertEqual([snapshot_id(1, 5)], self.ids(q))  # it has started
        self.endless()
        p.send("store.push/1", self.push_params(2, 5), self.COPYING_MS)
        harness.wait_for("the copying", lambda: os.path.exists(self.there("aside", ".incoming-" + snapshot_id(2, 5))))
        self.bad(self.push(q, 4, 5, only="deep"), "conflict", "another process is keeping something there", "old_epoch")
        self.good(self.push(q, 3, 6, only="deep"))
        self.prune(q)
        self.bad(p.receive(), "conflict", "there was not time enough", "old_epoch")

    def test_a_push_that_is_overtaken_notices_on_its_way_and_lets_its_successor_save(self):
        p, q = self.plugin(), self.plugin()
        self.good(self.push(p, 1, 5))
        self.assertEqual([snapshot_id(1, 5)], self.ids(q))  # it has started
        self.endless()
        p.send("store.push/1", self.push_params(2, 5), self.COPYING_MS)
        harness.wait_for("the copying", lambda: os.path.exists(self.there("snapshots", ".incoming-" + snapshot_id(2, 5))))
        began = time.monotonic()
        self.good(self.fence(q, 6))
        harness.wait_for("the successor to save", lambda: self.push(q, 3, 6, only="deep")["status"] == "ok")
        self.bad(p.receive(), "conflict", "there was not time enough", "old_epoch")
        self.assertLess(time.monotonic() - began, 0.8 * self.COPYING_MS / 1000)
        self.assertEqual([snapshot_id(3, 6), snapshot_id(1, 5)], self.ids(q))

    def test_a_push_that_fails_for_another_reason_is_told_that_it_was_overtaken(self):
        p = self.plugin()
        self.good(self.push(p, 1, 5))
        commit = self.hold("commit.lock")
        p.send("store.push/1", self.push_params(2, 5), paced(4000))
        harness.wait_for("all to be staged", lambda: os.path.exists(self.there("snapshots", ".incoming-" + snapshot_id(2, 5), "manifest.sha256")))
        self.write("fence", "6\n")
        self.bad(p.receive(), "conflict", "could not be kept aside", "old_epoch")
        commit.close()


class Unchanged(LocalDir):
    """What is linked from the snapshot before, and when that proves nothing."""

    def age(self, name, seconds):
        at = time.time() - seconds
        os.utime(os.path.join(self.state, name), (at, at))

    def inode(self, n):
        return os.stat(self.there("snapshots", snapshot_id(n, 1), "data/state/count")).st_ino

    def test_what_was_written_just_before_the_save_is_read_again(self):
        plugin = self.plugin()
        self.age("count", 5)
        self.good(self.push(plugin, 1, 1))
        before = os.stat(os.path.join(self.state, "count"))
        self.put("count", "42")  # as through a mapping: the time stays, until the pages are written out
        os.utime(os.path.join(self.state, "count"), ns=(before.st_atime_ns, before.st_mtime_ns))
        self.good(self.push(plugin, 2, 1))
        self.assertEqual("42", self.read("snapshots", snapshot_id(2, 1), "data/state/count"))
        self.age("count", 600)
        self.good(self.push(plugin, 3, 1))
        self.good(self.push(plugin, 4, 1))
        self.assertEqual(self.inode(3), self.inode(4))

    def test_a_stored_file_that_was_cut_short_spoils_no_later_snapshot(self):
        plugin = self.plugin()
        self.age("count", 600)
        self.good(self.push(plugin, 1, 1))
        with open(self.there("snapshots", snapshot_id(1, 1), "data/state/count"), "w"):
            pass
        self.good(self.push(plugin, 2, 1))
        self.good(plugin.call("store.verify/1", {"service": "svc", "id": snapshot_id(2, 1)}))
        self.assertEqual("invalid", plugin.call("store.verify/1", {"service": "svc", "id": snapshot_id(1, 1)})["status"])

    def test_of_one_epoch_the_later_save_is_the_newer_whatever_the_clock_says(self):
        plugin = self.plugin()
        self.good(self.push(plugin, 1, 1))
        self.move_clock(1, 1, 2 * 3_600_000)
        self.good(self.push(plugin, 2, 1))
        listed = self.good(plugin.call("store.list/1", {"service": "svc"}))["snapshots"]
        self.assertEqual([snapshot_id(2, 1), snapshot_id(1, 1)], [s["id"] for s in listed])

    def test_an_impossible_epoch_is_damage_and_refuses_nobody(self):
        plugin = self.plugin()
        for epoch in (-1, 2**64 - 1, 2**53 + 1, "1", None):
            with self.subTest(epoch):
                self.good(self.push(plugin, 1, 1))
                self.rewrite(1, 1, lambda _, epoch=epoch: {"epoch": epoch})
                os.remove(self.there("fence"))  # as in a store of an earlier version, where the manifests alone tell
                listed, = self.good(plugin.call("store.list/1", {"service": "svc"}))["snapshots"]
                self.assertFalse(listed["valid"])
                self.assertIn("its manifest is damaged", listed["problem"])
                self.good(self.push(plugin, 2, 2))
                shutil.rmtree(self.there())

    def test_a_manifest_that_cannot_be_read_now_is_not_passed_over(self):
        plugin = self.plugin()
        self.good(self.push(plugin, 1, 1))
        self.good(self.push(plugin, 2, 1))
        manifest = self.there("snapshots", snapshot_id(2, 1), "manifest.json")
        os.rename(manifest, manifest + ".away")
        os.symlink("manifest.json", manifest)  # to itself: it cannot be opened, as on a server that does not answer
        self.assertEqual("transient", plugin.call("store.list/1", {"service": "svc"})["status"])
        os.unlink(manifest)
        os.rename(manifest + ".away", manifest)
        listed = self.good(plugin.call("store.list/1", {"service": "svc"}))["snapshots"]
        self.assertEqual([True, True], [s["valid"] for s in listed])


if __name__ == "__main__":
    unittest.main()
