"""rclone killed, ended, refused, full, overtaken, and what a person can get wrong in its setup."""
import contextlib
import os
import pty
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import PACE, paced
from plugin_driver import by_itself
from rclone_site import PASSWORD, RcloneSite, rclone, snapshot_id


class Faults(RcloneSite):
    kind = "local"

    def big(self, megabytes=8):
        """So many files of one megabyte."""
        for n in range(megabytes):
            self.put(f"part{n}", os.urandom(1 << 20))

    def test_a_killed_rclone_is_started_again(self):
        self.big(max(4, int(4 * PACE)))
        p = self.plugin(bandwidth_limit="2M", transfers=2)
        p.send("store.push/1", self.push_params(1), self.BUDGET_MS)
        self.kill_one(["copy", "--bwlimit"])
        self.good(p.receive())
        self.assertIn("killed by signal 9", p.said("killed by signal 9"))
        self.good(self.verify(p, 1))

    def test_an_interrupted_push_is_no_snapshot_and_never_latest(self):
        self.put("a", "1")
        p = self.plugin(bandwidth_limit="1M", retries=0)
        self.pushed(p, 1)
        self.big()
        p.send("store.push/1", self.push_params(2), self.BUDGET_MS)
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
        p.send("store.push/1", self.push_params(2), self.BUDGET_MS)
        harness.wait_for("files under their final names", lambda: os.listdir(self.there("data", snapshot_id(2), "files/state")))
        p.process.kill()
        for pid in self.rclones(["copy"]):
            with contextlib.suppress(ProcessLookupError):  # it goes with its parent, or by this
                os.kill(pid, 9)
        q = self.plugin()
        self.assertEqual([snapshot_id(1)], [s["id"] for s in self.listed(q)])
        self.pushed(q, 3)
        self.assertEqual(snapshot_id(3), self.latest())
        harness.wait_for("an empty work folder", lambda: not [n for n in os.listdir(self.work) if not n.endswith(".lock")])  # after the answer

    def test_a_push_past_its_budget_is_ended(self):
        self.big(int(8 * PACE))
        p = self.plugin(bandwidth_limit="1M")
        self.bad(by_itself(lambda: self.push(p, 1, budget_ms=paced(2500))), "transient", "did not finish in time")
        self.assertIsNone(self.latest())
        harness.wait_for("rclone to end", lambda: not self.rclones(["copy"]))

    def test_progress_is_told_with_files_bytes_and_time_left(self):
        size = max(4, int(4 * PACE))
        self.big(size)
        p = self.plugin(bandwidth_limit="1M", transfers=1)
        began = time.time()
        self.pushed(p, 1, budget_ms=self.BUDGET_MS)
        self.assertGreater(time.time() - began, 2.5)  # at least four of 1 MiB; the first may come at once

        def halfway():
            return [t for t in (n["params"] for n in p.notices if n["topic"] == "progress") if 0 < t["done"] < t["total"]]
        # What was told before the answer may be read after it.
        harness.wait_for("progress to be told twice", lambda: len(halfway()) >= 2)
        harness.wait_for("the time left to be told", lambda: any(t.get("eta_s", 0) > 0 for t in halfway()))
        harness.wait_for("the files to be told", lambda: any(0 < t["files"] < size + 1 for t in halfway()))
        self.assertEqual({(size + 1, "bytes", "push " + snapshot_id(1))}, {(t["files_total"], t["unit"], t["operation"]) for t in halfway()})  # and the manifest
        self.assertTrue(all(size << 20 < t["total"] < (size << 20) + 1000 * size for t in halfway()), halfway())

    def test_two_pushes_into_one_remote_take_turns(self):
        self.big(2)
        first, second = self.plugin(bandwidth_limit="1M"), self.plugin(bandwidth_limit="1M")
        first.send("store.push/1", self.push_params(1), self.BUDGET_MS)
        harness.wait_for("the first to send", lambda: os.path.exists(self.there("data", snapshot_id(1))))
        second.send("store.push/1", self.push_params(2), self.BUDGET_MS)
        most = 0
        while first.answers.empty():
            most = max(most, len(self.rclones([])))
            begun = os.path.exists(self.there("data", snapshot_id(2)))
            self.assertFalse(begun and not os.path.exists(self.there("latest.json")), "the second did not wait")  # the first's last word, before its answer
            time.sleep(0.02)
        self.assertLessEqual(most, 1)
        self.good(first.receive())
        self.good(second.receive())
        self.good(self.verify(first, 2))

    def test_a_pull_that_fails_at_its_end_leaves_nothing_in_the_staging_folder(self):
        self.put("a", "1")
        paths = [{"name": name, "path": self.state} for name in ("first", "second")]
        p = self.plugin()
        self.good(p.call("store.push/1", self.push_params(1, paths=paths), self.BUDGET_MS))
        staging = tempfile.mkdtemp(dir=self.folder, prefix="staging-")
        os.makedirs(os.path.join(staging, "second", "in the way"))
        self.bad(p.call("store.pull/1", {"service": "svc", "id": snapshot_id(1), "staging": staging}, self.BUDGET_MS), "transient", "cannot place")
        self.assertEqual(["second"], os.listdir(staging))

    def test_a_list_does_not_wait_for_a_push(self):
        self.put("a", "1")
        p = self.plugin(bandwidth_limit="1M")
        self.pushed(p, 1)
        self.big(max(6, int(6 * PACE)))
        p.send("store.push/1", self.push_params(2), self.BUDGET_MS)
        harness.wait_for("the push to send", lambda: self.rclones(["copy"]))
        p.send("store.list/1", {"service": "svc"}, self.BUDGET_MS)
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
            self.close_plugins()  # they tidy the folder after their answer
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
        slow = self.plugin(program=self.pauses("--hash*/svc/data/" + snapshot_id(2)))  # all is sent, and not yet looked at
        self.pushed(slow, 1)
        self.big(1)
        slow.send("store.push/1", self.push_params(2), self.BUDGET_MS)
        harness.wait_for("the push to come there", lambda: os.path.exists(os.path.join(self.folder, "waits")))
        shutil.copytree(self.state, self.state + "-other")
        other = self.plugin(work_dir=self.work + "-other")  # another work folder: as from another host
        self.good(other.call("store.push/1", self.push_params(3, epoch=2, paths=[{"name": "state", "path": os.path.join(self.state, "a")}]), self.BUDGET_MS))
        with open(os.path.join(self.folder, "go"), "w"):
            pass
        error = self.bad(slow.receive(), "conflict", "kept in", "old_epoch")
        self.assertIn("aside/" + snapshot_id(2), error["message"])
        self.assertEqual(snapshot_id(3, 2), self.latest())
        self.assertEqual([snapshot_id(3, 2), snapshot_id(1)], [s["id"] for s in self.listed(other)])
        self.assertEqual([snapshot_id(2)], os.listdir(self.there("aside")))

    def pauses(self, before):
        """rclone that waits, before the run whose words hold `before`, until the file `go` is there; `waits` tells that it does."""
        path = os.path.join(self.folder, "pausing-rclone")
        with open(path, "w") as out:
            out.write(f'#!/bin/sh\ncase "$*" in *{before}*)\n  touch {self.folder}/waits\n  while [ ! -e {self.folder}/go ]; do sleep 0.02; done ;;\nesac\nexec rclone "$@"\n')
        os.chmod(path, 0o755)
        return path

    def overtaken(self, before, fenced=None):
        """A push of epoch 5 and a fence of epoch 6, set by another host just before the push's step (or what `fenced` does then)."""
        self.put("a", "1")
        other = self.plugin(work_dir=self.work + "-other")
        self.pushed(other, 1, epoch=5)
        slow = self.plugin(program=self.pauses(before))
        slow.send("store.push/1", self.push_params(2, epoch=5), self.BUDGET_MS)
        harness.wait_for("the push to come there", lambda: os.path.exists(os.path.join(self.folder, "waits")))
        (fenced or self.fences)(other)
        then = [s["id"] for s in self.listed(other) if s["valid"]]
        with open(os.path.join(self.folder, "go"), "w"):
            pass
        answer = slow.receive()
        return answer, then, [s["id"] for s in self.listed(self.plugin()) if s["valid"]]

    def fences(self, plugin):
        self.good(plugin.call("store.fence/1", {"service": "svc", "epoch": 6}, self.BUDGET_MS))

    def becomes_nothing(self, before):
        answer, then, now = self.overtaken(before)
        error = self.bad(answer, "conflict", "epoch 5 is older than 6", "old_epoch")
        self.assertIn("aside/" + snapshot_id(2, 5), error["message"])
        self.assertEqual(([snapshot_id(1, 5)], [snapshot_id(1, 5)]), (then, now))
        self.assertEqual(snapshot_id(1, 5), self.latest())
        self.assertEqual([snapshot_id(1, 5) + ".json"], os.listdir(self.there("snapshots")))
        with open(self.there("aside", snapshot_id(2, 5), "files/state/a")) as file:
            self.assertEqual("1", file.read())

    def test_a_fence_while_the_files_are_sent(self):
        self.becomes_nothing("/svc/data/" + snapshot_id(2, 5))

    def test_a_fence_just_before_the_card_is_written(self):
        """After the push had looked for one: it looks again when the card is there."""
        self.becomes_nothing("/svc/snapshots/" + snapshot_id(2, 5) + ".json")

    def test_a_card_that_was_there_before_the_fence_counts(self):
        """The push had looked again and found none: it has its answer, and the fence has seen its card."""
        answer, then, now = self.overtaken("outgoing*/svc/latest.json")
        self.good(answer)
        self.assertEqual(([snapshot_id(2, 5), snapshot_id(1, 5)],) * 2, (then, now))

    def test_a_push_that_a_fence_has_counted_is_not_taken_back(self):
        """Its card is there, the fence finds it, the successor saves, and only then the push looks again."""
        def successor(plugin):
            self.fences(plugin)
            self.pushed(plugin, 3, epoch=6)
        answer, then, now = self.overtaken_after_its_card(successor)
        self.good(answer)
        self.assertEqual(([snapshot_id(3, 6), snapshot_id(2, 5), snapshot_id(1, 5)],) * 2, (then, now))
        self.assertEqual(snapshot_id(3, 6), self.latest())

    def overtaken_after_its_card(self, fenced):
        """As overtaken(), before the look that follows the card: the second listing of a run that knows of the card."""
        path = os.path.join(self.folder, "counting-rclone")
        with open(path, "w") as out:
            out.write(f"""#!/bin/sh
case "$*" in *lsjson*--max-depth=2*)
  if [ -e {self.there("snapshots", snapshot_id(2, 5) + ".json")} ] && [ ! -e {self.folder}/go ]; then
    touch {self.folder}/waits
    while [ ! -e {self.folder}/go ]; do sleep 0.02; done
  fi ;;
esac
exec rclone "$@"
""")
        os.chmod(path, 0o755)
        self.pauses = lambda before: path
        return self.overtaken("", fenced)

    def test_a_half_set_fence_is_waited_for(self):
        """It may have counted the card: its second file says so."""
        def half(plugin):
            slow = self.plugin(program=self.pauses_elsewhere("/svc/fence/6.5."), work_dir=self.work + "-third")
            slow.send("store.fence/1", {"service": "svc", "epoch": 6}, self.BUDGET_MS)
            harness.wait_for("half a fence", lambda: os.path.exists(os.path.join(self.folder, "half")))
            self.half = slow
        def finish():
            time.sleep(1.5)
            with open(os.path.join(self.folder, "whole"), "w"):
                pass
        finisher = threading.Thread(target=finish)
        try:
            answer, then, now = self.overtaken_after_its_card(lambda plugin: (half(plugin), finisher.start()))
        finally:
            finisher.join()
        self.good(self.half.receive())
        self.good(answer)
        self.assertEqual(([snapshot_id(2, 5), snapshot_id(1, 5)],) * 2, (then, now))

    def pauses_elsewhere(self, before):
        path = os.path.join(self.folder, "halving-rclone")
        with open(path, "w") as out:
            out.write(f'#!/bin/sh\ncase "$*" in *copyto*{before}*)\n  touch {self.folder}/half\n  while [ ! -e {self.folder}/whole ]; do sleep 0.02; done ;;\nesac\nexec rclone "$@"\n')
        os.chmod(path, 0o755)
        return path

    def test_a_card_that_the_listing_does_not_show_yet_counts_by_latest(self):
        self.put("a", "1")
        p = self.plugin()
        self.pushed(p, 1, epoch=5)
        self.pushed(p, 2, epoch=5)
        card = self.there("snapshots", snapshot_id(2, 5) + ".json")
        os.rename(card, self.there("kept"))
        self.fences(self.plugin())
        os.rename(self.there("kept"), card)
        self.assertEqual([(snapshot_id(2, 5), True), (snapshot_id(1, 5), True)], [(s["id"], s["valid"]) for s in self.listed(self.plugin())])

    def replaced(self, **settings):
        self.put("a", "1")
        p = self.plugin(**settings)
        self.pushed(p, 1, epoch=5)
        self.fences(p)
        return p

    def test_a_refusal_comes_in_time_and_leaves_nothing_aside_that_is_not_whole(self):
        p = self.replaced(bandwidth_limit="1M")
        self.big(int(8 * PACE))
        budget_ms = paced(13000)
        began = time.monotonic()
        error = self.bad(self.push(p, 2, epoch=5, budget_ms=budget_ms), "conflict", "could not be kept aside", "old_epoch")
        self.assertIn("lie at that site alone", error["message"])
        self.assertLess(time.monotonic() - began, 0.8 * budget_ms / 1000)
        self.assertFalse(os.path.exists(self.there("aside", snapshot_id(2, 5))))
        self.assertEqual([snapshot_id(1, 5)], [s["id"] for s in self.listed(p)])

    def test_what_cannot_be_moved_aside_is_refused_all_the_same(self):
        p = self.replaced()
        q = self.plugin(program=self.failing("moveto"))
        error = self.bad(self.push(q, 2, epoch=5), "conflict", "could not be moved to", "old_epoch")
        self.assertIn("data/" + snapshot_id(2, 5), error["message"])
        self.assertEqual([snapshot_id(1, 5)], [s["id"] for s in self.listed(p)])

    def failing(self, command):
        path = os.path.join(self.folder, "failing-rclone")
        with open(path, "w") as out:
            out.write(f'#!/bin/sh\ncase "$1" in {command}) echo "permission denied" >&2; exit 1 ;; esac\nexec rclone "$@"\n')
        os.chmod(path, 0o755)
        return path

    def test_two_hosts_that_fence_at_once_leave_the_higher_one(self):
        self.put("a", "1")
        other = self.plugin(work_dir=self.work + "-other")
        self.pushed(other, 1, epoch=5)
        slow = self.plugin(program=self.pauses("/svc/fence/6.json"))
        slow.send("store.fence/1", {"service": "svc", "epoch": 6}, self.BUDGET_MS)
        harness.wait_for("the first to come there", lambda: os.path.exists(os.path.join(self.folder, "waits")))
        self.good(other.call("store.fence/1", {"service": "svc", "epoch": 7}, self.BUDGET_MS))
        with open(os.path.join(self.folder, "go"), "w"):
            pass
        self.bad(slow.receive(), "conflict", "epoch 6 is older than 7")
        self.bad(self.push(other, 2, epoch=6), "conflict", "epoch 6 is older than 7", "old_epoch")

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
        return plugin.call("store.list/1", {"service": "svc"}, self.BUDGET_MS)

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
        dialogue.wait(timeout=60)
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
            p.process.wait(timeout=60)
            for reader in p.readers:
                reader.join(timeout=10)
            self.assertNotEqual(0, p.process.returncode, remote)
            self.assertIn("remote", p.said("remote"))
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

    def test_the_card_comes_after_the_check_and_latest_last(self):
        log = os.path.join(self.folder, "argv")
        fake = self.script(f'echo "$@" >> {log}; exec rclone "$@"')
        self.put("a", "1")
        self.pushed(self.plugin(program=fake), 1)
        with open(log) as file:
            lines = file.read().splitlines()

        def only(*words):
            found = [n for n, line in enumerate(lines) if all(w in line.split() or w in line for w in words)]
            self.assertEqual(1, len(found), (words, lines))
            return found[0]
        id = snapshot_id(1)
        order = [only("copy ", f"far:NeoLight/svc/data/{id}"), only("--hash", f"svc/data/{id}"), only("copyto", f"snapshots/{id}.json"), only("copyto", "latest.json")]
        self.assertEqual(sorted(order), order)
        self.assertFalse([line for line in lines[order[-1] + 1:] if not line.startswith("cat ")], lines)  # only read back

    def test_no_secret_is_on_a_command_line(self):
        log = os.path.join(self.folder, "argv")
        fake = self.script(f'echo "$@" >> {log}; exec rclone "$@"')
        self.put("a", "1")
        p = self.plugin(program=fake, config_password={"$secret": {"env": "CONFIG_WORD"}}, env={"CONFIG_WORD": PASSWORD})
        self.pushed(p, 1)
        with open(log) as file:
            self.assertNotIn(PASSWORD, file.read())
        self.assertNotIn(PASSWORD, p.said())


if __name__ == "__main__":
    unittest.main()
