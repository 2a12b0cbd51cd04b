"""What holds for every kind of remote of rclone_gdrive: mixed into an RcloneSite."""
import json
import os
import shutil
import threading

from rclone_site import snapshot_id


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
        self.good(p.call("store.push/1", self.push_params(1, paths=[{"name": "db", "path": path}]), self.BUDGET_MS))
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
        self.assertEqual({"removed": [], "kept": 5}, self.good(q.call("store.prune/1", {"service": "svc", "keep_days": 5, "keep_at_least": 5}, self.BUDGET_MS)))
        os.makedirs(old, exist_ok=True)
        ask = {"service": "svc", "keep_days": 5, "keep_at_least": 3}
        self.assertEqual({"removed": [snapshot_id(2), snapshot_id(1)], "kept": 3}, self.good(q.call("store.prune/1", {**ask, "dry_run": True}, self.BUDGET_MS)))
        self.assertEqual(5, len(self.listed(q)))
        self.assertTrue(os.path.isdir(old))
        self.assertEqual({"removed": [snapshot_id(2), snapshot_id(1)], "kept": 3}, self.good(q.call("store.prune/1", ask, self.BUDGET_MS)))
        self.assertEqual([snapshot_id(5), snapshot_id(4), snapshot_id(3)], [s["id"] for s in self.listed(q)])
        self.assertEqual({snapshot_id(n) for n in (3, 4, 5)}, set(os.listdir(self.there("data"))))
        self.assertTrue(os.path.exists(outside))
        self.good(self.verify(q, 3))
        with open(self.there("note.txt"), "w") as file:
            file.write("somebody else's")
        self.good(q.call("store.prune/1", {"service": "svc", "keep_days": 0, "keep_at_least": 0}, self.BUDGET_MS))
        self.assertEqual([], self.listed(q))
        self.assertEqual(["note.txt"], os.listdir(self.there()))

    def age(self, plugin, numbers, days=10):
        """Makes snapshots so many days old, as far as their cards tell. Of `numbers` or of pairs with an epoch."""
        import hashlib
        os.remove(self.there("latest.json"))
        for n in numbers:
            path = self.there("snapshots", snapshot_id(*(n if isinstance(n, tuple) else (n,))) + ".json")
            with open(path) as file:
                card = json.load(file)
            card["created_ms"] -= days * 86400000
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

    def fence(self, plugin, epoch):
        return plugin.call("store.fence/1", {"service": "svc", "epoch": epoch}, self.BUDGET_MS)

    def test_after_a_fence_no_older_epoch_is_taken(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1, epoch=5)
        self.assertEqual({"epoch": 6}, self.good(self.fence(p, 6)))
        self.assertEqual({"6.json", f"6.5.{snapshot_id(1, 5)}.json"}, set(os.listdir(self.there("fence"))))
        self.assertEqual({"epoch": 6}, self.good(self.fence(p, 6)))
        q = self.plugin()
        error = self.bad(self.push(q, 2, epoch=5), "conflict", "epoch 5 is older than 6", "old_epoch")
        self.assertIn("aside/" + snapshot_id(2, 5), error["message"])
        self.bad(self.fence(q, 5), "conflict", "epoch 5 is older than 6")
        self.assertEqual(snapshot_id(1, 5), self.latest())
        self.pushed(q, 3, epoch=6)
        self.assertEqual([snapshot_id(3, 6), snapshot_id(1, 5)], [s["id"] for s in self.listed(p)])
        self.good(q.call("store.prune/1", {"service": "svc", "keep_days": 0, "keep_at_least": 0}, self.BUDGET_MS))
        self.assertFalse(os.path.exists(self.there()), "something was left")

    def test_a_card_that_comes_after_the_fence_is_not_valid_though_its_push_has_died(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1, epoch=5)
        self.pushed(p, 2, epoch=5)
        late = self.there("snapshots", snapshot_id(2, 5) + ".json")
        os.rename(late, self.there("kept"))
        os.remove(self.there("latest.json"))
        q = self.plugin()
        self.good(self.fence(q, 6))
        os.rename(self.there("kept"), late)
        for plugin in (q, p, self.plugin()):
            found = self.listed(plugin)
            self.assertEqual([(snapshot_id(2, 5), False), (snapshot_id(1, 5), True)], [(s["id"], s["valid"]) for s in found])
            self.assertIn("under way when a newer epoch had begun", found[0]["problem"])

    def test_a_fence_counts_and_not_the_clocks(self):
        """The site of epoch 5 had its clock ahead: without the fence its snapshot would be taken for a replaced site's late one."""
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1, epoch=5)
        self.age(p, [(1, 5)], days=-10)
        self.good(self.fence(self.plugin(), 6))
        q = self.plugin()
        self.pushed(q, 2, epoch=6)
        self.assertEqual([(snapshot_id(2, 6), True), (snapshot_id(1, 5), True)], [(s["id"], s["valid"]) for s in self.listed(q)])
        self.bad(self.push(q, 3, epoch=5), "conflict", "epoch 5 is older than 6", "old_epoch")

    def test_prune_keeps_the_newer_epoch_and_not_the_later_clock(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1, epoch=5)
        self.good(self.fence(p, 6))
        self.pushed(p, 2, epoch=6)
        self.age(p, [(2, 6)], days=10)
        q = self.plugin()
        self.assertEqual([snapshot_id(2, 6), snapshot_id(1, 5)], [s["id"] for s in self.listed(q)])
        self.good(q.call("store.prune/1", {"service": "svc", "keep_days": 5, "keep_at_least": 1}, self.BUDGET_MS))
        self.assertIn(snapshot_id(2, 6), [s["id"] for s in self.listed(q)])

    def test_what_lies_aside_for_long_makes_room_and_of_the_fences_the_highest_stay(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1, epoch=7)
        for name in ("20200101T000000.000Z-e6", snapshot_id(2, 6), "somebody's"):
            os.makedirs(self.there("aside", name, "files"))
        os.makedirs(self.there("fence"))
        for epoch in range(1, 21):
            with open(self.there("fence", f"{epoch}.json"), "w") as file:
                file.write("{}")
        ask = {"service": "svc", "keep_days": 0, "keep_at_least": 1}
        self.good(p.call("store.prune/1", {**ask, "dry_run": True}, self.BUDGET_MS))
        self.assertEqual((3, 20), (len(os.listdir(self.there("aside"))), len(os.listdir(self.there("fence")))))
        self.good(p.call("store.prune/1", ask, self.BUDGET_MS))
        self.assertIn("aside/20200101T000000.000Z-e6 had been kept aside for long enough", p.said("aside/20200101T000000.000Z-e6 had been kept aside for long enough"))
        self.assertEqual({snapshot_id(2, 6), "somebody's"}, set(os.listdir(self.there("aside"))))
        self.assertEqual({f"{epoch}.json" for epoch in range(5, 21)}, set(os.listdir(self.there("fence"))))
        self.bad(self.push(p, 3, epoch=19), "conflict", "epoch 19 is older than 20", "old_epoch")

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
                stop.wait(0.002)
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
