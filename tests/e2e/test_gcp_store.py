"""Cloud Storage as a state store: what is told to be saved is whole, races have one winner, nothing outside the prefix."""
import base64
import hashlib
import json
import os
import shutil
import tempfile
import time
import unittest

import harness
from harness import PACE, paced
from gcp import GcpTest, error

HOME = "some/prefix/counter/"
OVERLOADED = error(503, "We encountered an internal error. Please try again.", reason="backendError")


def read(path):
    with open(path, "rb") as source:
        return source.read()


class Store(GcpTest):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="understudy-store-")
        self.state = os.path.join(self.folder, "state")
        os.makedirs(os.path.join(self.state, "deep"))
        self.write("count", b"41")
        self.write("deep/data", os.urandom(5000))
        self.pulled = 0

    def tearDown(self):
        super().tearDown()
        shutil.rmtree(self.folder)

    def write(self, name, data):
        with open(os.path.join(self.state.encode(), name if isinstance(name, bytes) else name.encode()), "wb") as out:
            out.write(data)

    def push(self, plugin, number=1, epoch=1, **how):
        return plugin.push({"state": self.state}, epoch=epoch, snapshot=self.id(number, epoch), **how)

    @staticmethod
    def id(number=1, epoch=1):
        return f"20261120T1015{number:02d}.000Z-e{epoch}"

    def pull(self, plugin, *which):
        self.pulled += 1
        staging = os.path.join(self.folder, f"pulled-{self.pulled}")
        os.mkdir(staging)
        return plugin.pull(staging, self.id(*which)), staging

    def ids(self, plugin, valid=True):
        return [s["id"] for s in self.ok(plugin.list())["snapshots"] if s["valid"] == valid]

    def latest(self):
        return json.loads(self.bucket[HOME + "latest"]["data"])

    def same(self, staging):
        self.assertEqual(read(os.path.join(staging, "state/count")), read(os.path.join(self.state, "count")))
        self.assertEqual(read(os.path.join(staging, "state/deep/data")), read(os.path.join(self.state, "deep/data")))

    def test_the_pointer_is_moved_last(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin))
        self.assertEqual(self.latest(), {"id": self.id(), "epoch": 1})
        uploads = [r[1] for r in self.cloud.asked("POST", "/upload/")]
        self.assertTrue(all("ifGenerationMatch=0" in u for u in uploads))
        self.assertEqual(["uploadType=multipart" in u for u in uploads], [False, False, True, True])
        self.ok(self.push(plugin, 2))
        self.assertIn(f"ifGenerationMatch={self.cloud.storage.last_generation - 4}", self.cloud.asked("POST", "/upload/")[-1][1])

    def test_single_files_modes_links_and_names_of_any_bytes(self):
        self.write(b"not utf-8 \xff", b"bytes")
        self.write("x" * 240, b"long")
        os.makedirs(os.path.join(self.state, "ü" * 100, "ü" * 100))
        self.write("ü" * 100 + "/" + "ü" * 100 + "/leaf", b"longer than an object's name may be")
        self.write("deep/[a]*?#%", b"glob")
        os.chmod(os.path.join(self.state, "count"), 0o640)
        os.symlink("/etc/passwd", os.path.join(self.state, "link"))
        single = os.path.join(self.folder, "single.db")
        with open(single, "w") as out:
            out.write("alone")
        plugin = self.plugin("state")
        made = self.ok(plugin.push({"state": self.state, "db": single}, snapshot=self.id()))
        self.assertEqual(made["files"], 7)
        for name in self.bucket:
            self.assertLess(len(name.encode()), 1024)
            self.assertTrue(name.isascii())
        answer, staging = self.pull(plugin)
        self.ok(answer)
        self.same(staging)
        self.assertEqual(read(staging.encode() + b"/state/not utf-8 \xff"), b"bytes")
        self.assertEqual(read(os.path.join(staging, "state", "ü" * 100, "ü" * 100, "leaf")), b"longer than an object's name may be")
        self.assertEqual(read(os.path.join(staging, "state/deep/[a]*?#%")), b"glob")
        self.assertEqual(os.readlink(os.path.join(staging, "state/link")), "/etc/passwd")
        self.assertEqual(os.stat(os.path.join(staging, "state/count")).st_mode & 0o777, 0o640)
        self.assertEqual(read(os.path.join(staging, "db")), b"alone")
        self.assertEqual(sorted(os.listdir(staging)), ["db", "state"])

    def fence(self, plugin, epoch):
        return plugin.call("store.fence/1", {"service": "counter", "epoch": epoch})

    def prune(self, plugin, keep_days=0, keep_at_least=1):
        return self.ok(plugin.call("store.prune/1", {"service": "counter", "keep_days": keep_days, "keep_at_least": keep_at_least, "dry_run": False}))

    def kept(self, *which):
        """What lies of a push that was refused."""
        return sorted(n.rsplit("/", 1)[1] for n in self.bucket if n.startswith(f"{HOME}snapshots/{self.id(*which)}/"))

    def test_an_old_epoch_is_refused_and_its_data_are_kept_for_a_person(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        error = self.refused(self.push(plugin, 2, 4), "conflict", "epoch 4 is older than 5", "successor", f"kept in gs://snapshots/{HOME}snapshots/{self.id(2, 4)}")
        self.assertEqual(error["kind"], "old_epoch")
        self.assertEqual(self.kept(2, 4), ["count", "data", "refused.json"])
        self.assertEqual([s["id"] for s in self.ok(plugin.list())["snapshots"]], [self.id(1, 5)])
        before = len(self.bucket)
        self.refused(self.push(plugin, 2, 4), "conflict", "already")
        self.assertEqual(len(self.bucket), before)
        del self.bucket[HOME + "latest"]
        self.refused(self.push(plugin, 3, 4), "conflict", "older than")
        self.ok(self.push(plugin, 4, 5))
        self.assertEqual(self.latest()["id"], self.id(4, 5))
        self.refused(self.pull(plugin, 2, 4)[0], "invalid", "was refused")

    def test_what_was_refused_can_be_restored_by_hand(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.write("count", b"42")
        self.refused(self.push(plugin, 2, 4), "conflict", "kept in")
        self.ok(self.push(plugin, 3, 5))
        place = f"{HOME}snapshots/{self.id(2, 4)}/"
        self.bucket[place + "manifest.json"] = self.bucket.pop(place + "refused.json")  # gcloud storage mv, as the docs say
        self.assertEqual(self.ids(plugin), [self.id(3, 5), self.id(1, 5), self.id(2, 4)])
        answer, staging = self.pull(plugin, 2, 4)
        self.ok(answer)
        self.same(staging)

    def test_five_are_kept_and_what_is_old_makes_room(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        for number in range(10, 15):
            self.refused(self.push(plugin, number, 4), "conflict", "kept in")
        before = len(self.bucket)
        self.refused(self.push(plugin, 15, 4), "conflict", "nothing was sent: 5 are kept already")
        self.assertEqual(len(self.bucket), before)
        for name, it in self.bucket.items():
            if self.id(10, 4) in name:
                it["created"] = "2020-01-01T00:00:00Z"
        self.assertEqual(self.prune(plugin, keep_days=10_000)["removed"], [])
        self.assertEqual(len(self.bucket), before)
        self.prune(plugin)
        self.assertIn(f"snapshots/{self.id(10, 4)} had been kept aside for long enough", plugin.said(f"snapshots/{self.id(10, 4)} had been kept aside for long enough"))
        self.assertEqual((self.kept(10, 4), self.kept(11, 4)), ([], ["count", "data", "refused.json"]))
        self.refused(self.push(plugin, 16, 4), "conflict", "kept in")

    def test_what_cannot_be_kept_is_refused_all_the_same(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.cloud.fault("POST", "name=", OVERLOADED, times=10**6)
        began = time.monotonic()
        self.refused(self.push(plugin, 2, 4, budget_ms=paced(6000)), "conflict", "could not be kept aside", "lie at that site alone")
        self.assertLess(time.monotonic() - began, 4.5 * PACE, "the refusal waited for data that could not be kept")
        self.cloud.faults.clear()
        self.cloud.fault("POST", "multipart", OVERLOADED, times=10**6)
        self.refused(self.push(plugin, 3, 4, budget_ms=paced(6000)), "conflict", "could not be kept aside")
        self.cloud.faults.clear()
        self.cloud.fault("GET", "refused.json", OVERLOADED, times=10**6)
        self.refused(self.push(plugin, 4, 4, budget_ms=paced(6000)), "conflict", "epoch 4 is older than 5")

    def test_prune_keeps_the_newer_epoch_and_not_the_later_clock(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.ok(self.push(plugin, 2, 6))
        about = self.bucket[f"{HOME}snapshots/{self.id(2, 6)}/manifest.json"]["metadata"]
        about["created_ms"] = str(int(about["created_ms"]) - 10 * 86_400_000)
        self.assertEqual(self.ids(plugin), [self.id(2, 6), self.id(1, 5)])
        self.prune(plugin, keep_days=5)
        self.assertIn(self.id(2, 6), self.ids(plugin))

    def test_after_a_fence_no_older_epoch_is_taken(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.assertEqual(self.ok(self.fence(plugin, 6)), {"epoch": 6})
        written = self.bucket[HOME + "latest"]["generation"]
        self.assertEqual(self.ok(self.fence(plugin, 6)), {"epoch": 6})
        self.assertEqual(self.bucket[HOME + "latest"]["generation"], written, "the same fence was written twice")
        self.assertEqual(self.latest(), {"id": self.id(1, 5), "epoch": 6, "id_epoch": 5, "fences": [{"epoch": 6, "newest": {"id": self.id(1, 5), "epoch": 5}}]})
        other = self.plugin("state")
        self.refused(self.push(other, 2, 5), "conflict", "epoch 5 is older than 6")
        self.refused(self.fence(other, 5), "conflict", "epoch 5 is older than 6")
        self.ok(self.push(other, 3, 6))
        self.assertEqual((self.latest()["id"], self.latest()["fences"][0]["epoch"]), (self.id(3, 6), 6))
        self.assertEqual(self.ids(plugin), [self.id(3, 6), self.id(1, 5)])

    def test_a_fence_is_not_below_what_is_listed_though_latest_lags_behind(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.ok(self.push(plugin, 2, 6))
        self.set_latest(1, 5)
        self.refused(self.fence(plugin, 5), "conflict", "epoch 5 is older than 6")
        self.ok(self.fence(plugin, 6))
        self.assertEqual((self.latest()["id"], self.latest()["fences"][0]["newest"]["id"]), (self.id(2, 6), self.id(1, 5)))

    def overtaken(self, skip, more=lambda plugin: None):
        """A push of epoch 5 and a fence of epoch 6 that is set just before the push's manifest (skip 0) or `latest` (1) arrives, and what comes after it."""
        pushing, fencing = self.plugin("state"), self.plugin("state")
        self.ok(self.push(fencing, 1, 5))
        before = len(self.cloud.asked("POST", "multipart"))
        self.cloud.fault("POST", "multipart", "hang", skip=skip)
        pushing.send("store.push/1", {"service": "counter", "id": self.id(2, 5), "epoch": 5, "paths": [{"name": "state", "path": self.state}]}, paced(30000))
        harness.wait_for("the push to come there", lambda: len(self.cloud.asked("POST", "multipart")) == before + 1 + skip)
        self.ok(self.fence(fencing, 6))
        more(fencing)
        then = self.ids(fencing)
        self.cloud.open.set()  # the connection is cut, and the push asks again
        return pushing.receive(), then, self.ids(fencing)

    def test_a_push_whose_manifest_comes_after_the_fence_becomes_nothing(self):
        answer, then, now = self.overtaken(0)
        self.refused(answer, "conflict", "epoch 5 is older than 6", f"kept in gs://snapshots/{HOME}snapshots/{self.id(2, 5)}")
        self.assertEqual((then, now), ([self.id(1, 5)], [self.id(1, 5)]))
        self.assertEqual(self.latest()["id"], self.id(1, 5))
        self.assertEqual(self.kept(2, 5), ["count", "data", "refused.json"])

    def test_a_push_whose_manifest_was_there_before_the_fence_counts(self):
        answer, then, now = self.overtaken(1)
        self.ok(answer)
        self.assertEqual((then, now), ([self.id(2, 5), self.id(1, 5)], [self.id(2, 5), self.id(1, 5)]))
        self.assertEqual((self.latest()["id"], self.latest()["fences"][0]["newest"]["id"]), (self.id(2, 5), self.id(2, 5)))

    def test_what_a_fence_has_found_counts_also_when_its_successor_has_saved_by_then(self):
        answer, then, now = self.overtaken(1, lambda plugin: self.ok(self.push(plugin, 3, 6)))
        self.ok(answer)
        self.assertEqual((then, now), ([self.id(3, 6), self.id(2, 5), self.id(1, 5)],) * 2)
        self.assertEqual(self.latest()["id"], self.id(3, 6))
        self.assertEqual(self.kept(2, 5), ["count", "data", "manifest.json"])

    def test_a_push_overtaken_by_a_fence_is_a_conflict_though_it_cannot_be_written_down(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))

        def replaced():
            self.set_latest(2, 6)
            self.cloud.fault("POST", "multipart", OVERLOADED, times=10**6)
            self.cloud.fault("DELETE", "manifest.json", OVERLOADED, times=10**6)
        self.during(replaced, "latest")
        began = time.monotonic()
        self.refused(self.push(plugin, 3, 5, budget_ms=paced(6000)), "conflict", "epoch 5 is older than 6", "could not be written down")
        self.assertLess(time.monotonic() - began, 4.5 * PACE)

    def test_a_version_that_knows_no_fences_refuses_by_latest(self):
        """It reads nothing of it but `id` and `epoch`."""
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.ok(self.fence(plugin, 7))
        self.assertEqual((self.latest()["id"], self.latest()["epoch"]), (self.id(1, 5), 7))
        self.cloud.storage.put("snapshots", HOME + "latest", json.dumps({"id": self.id(2, 7), "epoch": 7}).encode())  # as its push leaves it
        self.refused(self.push(plugin, 3, 6), "conflict", "epoch 6 is older than 7")

    def test_what_the_first_version_with_fences_wrote_is_read(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.cloud.storage.put("snapshots", HOME + "latest", json.dumps({"id": self.id(1, 5), "epoch": 5, "fences": [{"epoch": 6, "newest": {"id": self.id(1, 5), "epoch": 5}}]}).encode())
        self.refused(self.push(plugin, 2, 5), "conflict", "epoch 5 is older than 6")
        self.ok(self.push(plugin, 3, 6))
        self.assertEqual(self.latest()["epoch"], 6)

    def test_a_latest_whose_fence_is_missing_is_damaged(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.cloud.storage.put("snapshots", HOME + "latest", json.dumps({"id": self.id(1, 5), "epoch": 7, "id_epoch": 5}).encode())
        self.refused(self.push(plugin, 2, 6), "invalid", "latest is damaged")

    def test_a_push_is_acknowledged_by_nothing_but_a_swap(self):
        """Also when `latest`, as it was read, names a newer one of the same site: a fence may have been set since."""
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 9, 5))
        before = self.bucket[HOME + "latest"]["generation"]
        self.ok(self.push(plugin, 2, 5))
        self.assertEqual(self.latest(), {"id": self.id(9, 5), "epoch": 5})
        self.assertNotEqual(self.bucket[HOME + "latest"]["generation"], before)

    def test_a_manifest_that_comes_after_the_fence_is_not_valid_though_its_push_has_died(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.ok(self.push(plugin, 2, 5))
        late = {n: self.bucket.pop(n) for n in list(self.bucket) if self.id(2, 5) in n}
        self.set_latest(1, 5)
        self.ok(self.fence(plugin, 6))
        self.bucket.update(late)
        self.assertEqual((self.ids(plugin), self.ids(plugin, valid=False)), ([self.id(1, 5)], [self.id(2, 5)]))
        self.ok(self.push(plugin, 3, 6))
        self.ok(self.fence(plugin, 7))
        self.assertEqual((self.ids(plugin), self.ids(plugin, valid=False)), ([self.id(3, 6), self.id(1, 5)], [self.id(2, 5)]))

    def test_a_fence_before_anything_was_saved(self):
        plugin = self.plugin("state")
        self.ok(self.fence(plugin, 3))
        self.refused(self.push(plugin, 1, 2), "conflict", "epoch 2 is older than 3")
        self.assertEqual(self.ids(plugin), [])
        self.ok(self.push(plugin, 2, 3))
        self.assertEqual(self.ids(plugin), [self.id(2, 3)])

    def test_a_fence_whose_answer_is_lost_is_unknown_and_repeats(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.cloud.fault("POST", "multipart", OVERLOADED, times=10**6)
        self.refused(plugin.call("store.fence/1", {"service": "counter", "epoch": 6}, paced(1500)), "unknown")
        self.cloud.faults.clear()
        self.ok(self.fence(plugin, 6))

    def test_an_old_epoch_is_refused_also_when_latest_lags_behind(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.ok(self.push(plugin, 2, 6))
        self.set_latest(1, 5)  # as if that push had ended between its manifest and `latest`
        self.refused(self.push(plugin, 3, 5), "conflict", "older than", "6")
        self.assertEqual(self.ids(plugin), [self.id(2, 6), self.id(1, 5)])

    def during(self, what, leaf):
        """Runs `what` once, just before an object whose name ends so is written."""
        def race(_bucket, name):
            if name.endswith(leaf):
                self.cloud.storage.before_write = None
                what()
        self.cloud.storage.before_write = race

    def set_latest(self, number, epoch):
        self.cloud.storage.put("snapshots", HOME + "latest", json.dumps({"id": self.id(number, epoch), "epoch": epoch}).encode())

    def test_an_impossible_epoch_is_damage(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        about = self.bucket[f"{HOME}snapshots/{self.id(1, 5)}/manifest.json"]["metadata"]
        for epoch in (-1, 2**64 - 1, 2**53 + 1):
            with self.subTest(epoch):
                about["epoch"] = str(epoch)
                self.assertEqual(self.ids(plugin), [])
                self.set_latest(2, epoch)
                self.refused(self.push(plugin, 3, 6), "invalid", "latest")

    def test_a_newer_epoch_that_begins_meanwhile_wins(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 5))
        self.during(lambda: self.set_latest(2, 6), "latest")
        self.refused(self.push(plugin, 3, 5), "conflict", "epoch 5 is older than 6", f"kept in gs://snapshots/{HOME}snapshots/{self.id(3, 5)}")
        self.assertEqual(self.latest()["epoch"], 6)
        self.assertEqual(self.ids(plugin), [self.id(1, 5)])
        self.assertEqual(len(self.ok(plugin.list())["snapshots"]), 1)
        self.assertTrue([n for n in self.bucket if self.id(3, 5) in n and n.endswith("/count")], "what was refused was thrown away")
        self.refused(self.pull(plugin, 3, 5)[0], "invalid", "was refused")

    def test_another_push_of_the_same_epoch_in_between(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1))
        self.during(lambda: self.set_latest(2, 1), "latest")
        self.ok(self.push(plugin, 3))
        self.assertEqual(self.latest()["id"], self.id(3))
        self.during(lambda: self.set_latest(9, 1), "latest")
        self.ok(self.push(plugin, 4))
        self.assertEqual(self.latest()["id"], self.id(9), "latest went back")

    def test_two_pushes_of_one_id(self):
        plugin = self.plugin("state")
        self.during(lambda: self.cloud.storage.put("snapshots", f"{HOME}snapshots/{self.id()}/manifest.json", b"{}"), "manifest.json")
        self.refused(self.push(plugin), "conflict", "already")
        self.refused(self.push(plugin), "conflict", "already")
        self.assertEqual(self.ids(plugin, valid=False), [self.id()])

    def test_lost_answers_are_looked_into(self):
        for pattern in ("/count", "manifest.json", "latest"):
            self.cloud.fault("POST", "/upload/.*" + ("name=" if pattern == "/count" else "multipart"), "drop", after=True)
        plugin = self.plugin("state")
        self.ok(self.push(plugin))
        self.assertEqual(self.latest()["id"], self.id())
        self.ok(self.push(plugin, 2))
        answer, staging = self.pull(plugin, 2)
        self.ok(answer)
        self.same(staging)

    def test_short_outages_are_sat_out(self):
        plugin = self.plugin("state", parallel=1)
        for method, pattern in (("GET", "latest"), ("POST", "name="), ("POST", "name="), ("POST", "multipart"), ("GET", "alt=media"), ("GET", "matchGlob")):
            self.cloud.fault(method, pattern, OVERLOADED)
        self.cloud.fault("POST", "name=", error(429, "The object exceeded the rate limit for object mutation operations.", reason="rateLimitExceeded"))
        self.ok(self.push(plugin))
        self.cloud.fault("GET", "data-.*alt=media", "drop", times=2)
        answer, staging = self.pull(plugin)
        self.ok(answer)
        self.same(staging)

    def test_credentials_that_end_midway_are_renewed(self):
        plugin = self.plugin("state")
        for leaf in ("/count", "manifest.json", "latest"):
            self.during(self.cloud.identity.expire_all, leaf)
            self.ok(self.push(plugin, 1 + len(self.cloud.asked("POST", "/token"))))
        self.assertGreaterEqual(len(self.cloud.asked("POST", "/token")), 3)

    def test_a_push_that_does_not_come_to_its_end_is_no_snapshot(self):
        plugin = self.plugin("state")
        self.cloud.fault("POST", "name=", OVERLOADED, times=10**6)
        self.refused(self.push(plugin, budget_ms=paced(1500)), "transient")
        self.cloud.faults.clear()
        self.cloud.fault("POST", "multipart", OVERLOADED, times=10**6)
        self.refused(self.push(plugin, budget_ms=paced(3000)), "unknown", "not known")
        self.cloud.faults.clear()
        self.assertEqual(self.ids(plugin), [])
        self.cloud.fault("POST", "multipart", OVERLOADED, times=10**6, skip=1)
        self.refused(self.push(plugin, budget_ms=paced(3000)), "unknown", "not known")
        self.cloud.faults.clear()
        self.ok(self.push(plugin, 2))
        self.assertEqual(self.latest()["id"], self.id(2))

    def test_a_file_that_changes_while_it_is_sent(self):
        plugin = self.plugin("state")
        first = self.cloud.storage.store
        def cut(bucket, name, query, data, content_type, metadata):
            self.cloud.storage.store = first
            return first(bucket, name, query, data[:1], content_type, metadata)  # as if it had been shorter
        self.cloud.storage.store = cut
        self.ok(self.push(plugin))
        answer, staging = self.pull(plugin)
        self.ok(answer)
        self.same(staging)
        self.assertTrue(self.cloud.asked("DELETE", "/o/"))

    def damaged(self, change, *words):
        plugin = self.plugin("state")
        if not self.ids(plugin):
            self.ok(self.push(plugin))
        kept = {k: dict(v) for k, v in self.bucket.items()}
        change({n.rsplit("/", 1)[1]: n for n in self.bucket})
        answer, staging = self.pull(plugin)
        self.refused(answer, "invalid", *words)
        self.assertEqual(os.listdir(staging), [], "something unverified was left")
        self.refused(plugin.call("store.verify/1", {"service": "counter", "id": self.id()}), "invalid")
        self.bucket.clear()
        self.bucket.update(kept)

    def test_damage_is_found(self):
        put = self.cloud.storage.put
        self.damaged(lambda n: put("snapshots", n["count"], b"42"), "is not what was saved")
        self.damaged(lambda n: self.bucket.pop(n["data"]), "is missing")
        self.damaged(lambda n: put("snapshots", n["manifest.json"], b"{}", metadata=self.bucket[n["manifest.json"]]["metadata"]), "was changed")
        self.damaged(lambda n: self.bucket[n["manifest.json"]].update(metadata={}), "was changed")
        self.damaged(lambda n: self.bucket[n["manifest.json"]]["metadata"].update(data="elsewhere/data"), "outside its snapshot")

    def test_a_manifest_cannot_lead_out_of_the_folder(self):
        plugin = self.plugin("state")
        self.ok(self.push(plugin))
        name = f"{HOME}snapshots/{self.id()}/manifest.json"
        evil = self.bucket[name]["data"].replace(b'"count"', b'"../../evil"')
        self.cloud.storage.put("snapshots", name, evil, metadata={**self.bucket[name]["metadata"], "sha256": hashlib.sha256(evil).hexdigest()})
        answer, staging = self.pull(plugin)
        self.refused(answer, "invalid", "leave the snapshot")
        self.assertEqual(os.listdir(staging), [])

    def test_lists_of_many_pages(self):
        self.cloud.storage.page = 3
        plugin = self.plugin("state")
        for i in range(5):
            self.ok(self.push(plugin, i))
        self.assertEqual(self.ids(plugin), [self.id(i) for i in (4, 3, 2, 1, 0)])
        done = self.ok(plugin.call("store.prune/1", {"service": "counter", "keep_days": 0, "keep_at_least": 2, "dry_run": False}))
        self.assertEqual((done["removed"], done["kept"]), ([self.id(2), self.id(1), self.id(0)], 2))
        self.assertFalse([n for n in self.bucket if self.id(0) in n])
        answer, staging = self.pull(plugin, 3)
        self.ok(answer)
        self.same(staging)

    def test_prune_touches_nothing_else(self):
        put = self.cloud.storage.put
        others = ["some/prefix/other/latest", "some/prefix/counter-2/snapshots/x/manifest.json", "some/prefixcounter/x", "counter/latest", "some/prefix/counterfeit"]
        for name in others:
            put("snapshots", name, b"not ours")
        plugin = self.plugin("state")
        self.ok(self.push(plugin, 1, 3))
        put("snapshots", f"{HOME}snapshots/{self.id(7)}/data-1/half", b"half")["created"] = "2020-01-01T00:00:00Z"
        put("snapshots", f"{HOME}snapshots/{self.id(8)}/data-1/half", b"under way")
        recent = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 80 * 86400))
        put("snapshots", f"{HOME}snapshots/{self.id(6)}/data-1/kept", b"for a person")["created"] = recent
        put("snapshots", f"{HOME}snapshots/{self.id(6)}/refused.json", b"{}", metadata={"epoch": "1", "newer": "2", "sha256": "x"})["created"] = recent
        self.ok(plugin.call("store.prune/1", {"service": "counter", "keep_days": 0, "keep_at_least": 1, "dry_run": False}))
        left = "\n".join(self.bucket)
        self.assertNotIn(self.id(7), left)
        for number in (8, 6):
            self.assertIn(self.id(number), left)
        self.ok(plugin.call("store.prune/1", {"service": "counter", "keep_days": 0, "keep_at_least": 0, "dry_run": False}))
        self.assertEqual(sorted(self.bucket), sorted(others))

    def test_mistakes_have_a_sentence_each(self):
        self.refused(self.plugin("state", bucket="gs://nothing").list(), "invalid", "bucket does not exist", "the bucket nothing")
        self.refused(self.push(self.plugin("state", bucket="gs://nothing")), "invalid", "bucket does not exist")
        for permission, role in (("storage.objects.create", "roles/storage.objectUser"), ("storage.objects.get", "roles/storage.objectViewer")):
            self.cloud.storage.denied = {permission}
            self.refused(self.push(self.plugin("state")), "denied", role, permission)
        self.cloud.storage.denied = {"storage.objects.list"}
        self.refused(self.plugin("state").list(), "denied", "roles/storage.objectViewer")
        self.cloud.storage.denied = set()
        self.cloud.fault("GET", "/storage/", error(403, "The billing account for the owning project is disabled in state absent", reason="accountDisabled"), times=9)
        self.refused(self.plugin("state").list(), "denied", "billing is off", "demo")
        self.cloud.faults.clear()
        for bucket in ("snapshots", "gs://", "gs://a/../b", "gs://a/b*c", "https://a/b"):
            with self.assertRaises(RuntimeError, msg=bucket):
                self.ok(self.plugin("state", bucket=bucket).list())
        plugin = self.plugin("state")
        self.refused(plugin.push({"state": os.path.join(self.folder, "nothing")}), "invalid", "cannot open the state path", "check `paths`")
        for service in ("..", "a/b", "", "*"):
            self.refused(plugin.call("store.list/1", {"service": service}), "invalid")
        self.bucket[HOME + "latest"] = self.cloud.storage.put("snapshots", HOME + "latest", b"nonsense")
        self.refused(self.push(plugin), "invalid", "latest is damaged", "remove it")

    def test_checksums_are_googles(self):
        self.cloud.storage.put("snapshots", "known", b"123456789")
        self.assertEqual(base64.b64decode(self.bucket["known"]["crc32c"]).hex(), "e3069283")


if __name__ == "__main__":
    unittest.main()
