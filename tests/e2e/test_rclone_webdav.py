"""The state store over rclone's own WebDAV server, which knows neither hashes nor times: also when it is gone."""
import os
import unittest

import harness
from rclone_cases import RoundTrip, Upkeep
from rclone_site import PASSWORD, RcloneSite, rclone, snapshot_id


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
        p.send("store.push/1", self.push_params(2), 2 * self.BUDGET_MS)
        harness.wait_for("a retry", lambda: "trying again" in p.said())
        self.server.start()
        self.good(p.receive(self.BUDGET_MS / 300))
        self.assertEqual(snapshot_id(2), self.latest())

    def test_a_server_that_goes_while_files_are_sent(self):
        for n in range(3):
            self.put(f"part{n}", os.urandom(2 << 20))  # 6 s in all, at that rate
        p = self.plugin(retries=20, bandwidth_limit="1M", transfers=1)
        p.send("store.push/1", self.push_params(1), 2 * self.BUDGET_MS)
        harness.wait_for("the first files", lambda: os.path.isdir(self.there("data")) and self.rclones(["copy", "--bwlimit"]))
        self.server.stop()
        harness.wait_for("a retry", lambda: "trying again" in p.said())
        self.assertIsNone(self.latest())
        self.server.start()
        self.good(p.receive(self.BUDGET_MS / 300))
        self.good(self.verify(p, 1))

    def test_a_server_that_stays_gone(self):
        self.put("a", "1")
        p = self.plugin(retries=0)
        self.pushed(p, 1)
        self.server.stop()
        self.bad(self.push(p, 2), "transient", "far: cannot be reached", "unreachable")
        self.bad(p.call("store.list/1", {"service": "svc"}, self.BUDGET_MS), "transient", "cannot be reached", "unreachable")
        patient = self.plugin(retries=50, retry_wait=1)
        self.bad(patient.call("store.list/1", {"service": "svc"}, harness.paced(10000)), "transient", "cannot be reached", "unreachable")

    def test_a_wrong_password_is_denied_and_not_told(self):
        hidden = rclone("obscure", "wrong-" + PASSWORD).stdout.strip()
        with open(self.config, "a") as out:
            out.write(f"\n[other]\ntype = webdav\nurl = http://127.0.0.1:{self.server.port}\nvendor = other\nuser = u\npass = {hidden}\n")
        p = self.plugin(remote="other:NeoLight")
        self.bad(p.call("store.list/1", {"service": "svc"}, self.BUDGET_MS), "denied", "credentials", "denied")
        self.assertNotIn(PASSWORD, p.said())


if __name__ == "__main__":
    unittest.main()
