"""The state store over the real rclone: round trips through a folder, rclone's SFTP server and an S3 server."""
import os
import unittest

import s3_server
from rclone_cases import RoundTrip, Upkeep
from rclone_site import PASSWORD, RcloneSite, S3Site, rclone, snapshot_id


class LocalRemote(RoundTrip, Upkeep, RcloneSite):
    kind = "local"

    def test_an_encrypted_remote_over_it(self):
        hidden = rclone("obscure", PASSWORD).stdout.strip()
        with open(self.config, "a") as out:
            out.write(f"\n[secret]\ntype = crypt\nremote = far:closed\npassword = {hidden}\n")
        self.put("deep/a", "plain words")
        p = self.plugin(remote="secret:x")
        for n in (1, 2):
            self.pushed(p, n)
        self.good(self.verify(p, 2))
        staging, answer = self.pull(p, 2)
        self.good(answer)
        self.assertEqual(b"plain words", self.contents(staging)["state/deep/a"][3])
        self.assertEqual([snapshot_id(2), snapshot_id(1)], [s["id"] for s in self.listed(self.plugin(remote="secret:x"))])
        for base, _, names in os.walk(os.path.join(self.far, "closed")):
            for name in names:
                with open(os.path.join(base, name), "rb") as file:
                    self.assertNotIn(b"plain words", file.read())


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
        self.pushed(p, 2)
        totals = [n["params"]["total"] for n in p.notices if n["topic"] == "progress" and n["params"]["operation"] == "push " + snapshot_id(2)]
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
        self.assertEqual([snapshot_id(1)], self.good(p.call("store.prune/1", ask, self.BUDGET_MS))["removed"])
        self.assertEqual({snapshot_id(2)}, {k.split("/")[1] for k in self.keys() if k.startswith("data/")})
        self.good(self.verify(p, 2))
        self.good(p.call("store.prune/1", {**ask, "keep_at_least": 0}, self.BUDGET_MS))
        self.assertEqual(["note.txt"], list(self.keys()))
        self.assertEqual("mine", self.rclone("cat", outside).stdout)

    def test_wrong_keys_are_denied(self):
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace(f"secret_access_key = {s3_server.SECRET_KEY}", "secret_access_key = planted-wrong"))
        p = self.plugin()
        self.bad(p.call("store.list/1", {"service": "svc"}, self.BUDGET_MS), "denied", "refuses our credentials: error listing: SignatureDoesNotMatch", "denied")
        self.assertNotIn("planted-wrong", p.said())


if __name__ == "__main__":
    unittest.main()
