"""rclone's own Google Drive backend against a fake of the Drive API."""
import json
import os
import sys
import unittest

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "tests/fakes"))
import rclone_drive
from rclone_site import PASSWORD, RcloneSite, snapshot_id


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
        self.assertEqual([snapshot_id(1)], self.good(p.call("store.prune/1", {"service": "svc", "keep_days": 0, "keep_at_least": 1}, self.BUDGET_MS))["removed"])
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
            self.assertEqual(kind, self.push(p, 1)["error"].get("kind"))


if __name__ == "__main__":
    unittest.main()
