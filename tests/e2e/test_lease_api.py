"""POST /v1/services/S/lease as an agent sees it, and what status and plan tell of it."""
import contextlib
import json
import os
import subprocess
import unittest
import urllib.error
import urllib.request

from harness import Site, free_port, wait_for

KEY = "the-key-of-the-lease-here"


class Lease(Site):
    def write_config(self, **more):
        self.lease_port = free_port()
        super().write_config(extra=f"""
[service.counter.lease]
key = {{ env = "LEASE_KEY" }}
""", **more)
        with open(self.config) as file:
            text = file.read()
        text = text.replace("[orchestrator]\n", f'[orchestrator]\nlease_listen = "127.0.0.1:{self.lease_port}"\n')
        text = text.replace('[service.counter.target.home]\n', "[service.counter.target.home]\nlease = true\n")
        with open(self.config, "w") as file:
            file.write(text)

    def setUp(self):
        os.environ["LEASE_KEY"] = KEY
        super().setUp()
        self.start()
        self.epoch = self.serving("home")["epoch"]

    def ask(self, body=None, key=KEY, path="/v1/services/counter/lease", method="POST"):
        data = body if isinstance(body, bytes) else json.dumps(body or {"target": "home", "epoch": self.epoch, "kill_time_ms": 5000, "holds_over": False}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.lease_port}{path}", data=data if method == "POST" else None, method=method, headers={"X-API-Key": key})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def home(self):
        return next(t for t in self.service()["targets"] if t["target"] == "home")

    def fence(self):
        offer = self.home()["fence"]
        return offer["by"], offer["lease"], offer["wait_ms"]

    def test_the_holder_renews_and_is_seen(self):
        self.assertEqual(self.fence(), ("stop", "unseen", None))
        self.assertIn("has not renewed a lease yet", self.understudy("plan", "counter"))
        self.assertEqual(self.ask(), (200, {"epoch": self.epoch, "ttl_ms": 12000}))
        self.assertEqual(self.fence(), ("lease", "held", 20000))
        self.assertIn("has run out for certain after 20 s", self.understudy("plan", "counter"))
        self.assertIn("lease: out of reach, it has ended after 20s", self.understudy("status"))
        slow = {"target": "home", "epoch": self.epoch, "kill_time_ms": 15000, "holds_over": False}
        self.assertEqual(self.ask(slow)[0], 200)
        self.assertEqual(self.home()["fence"]["wait_ms"], 30000)  # (12 / 0.99 + 15) * 1.01 + 2 = 29.4
        self.assertEqual(self.ask({**slow, "holds_over": True})[0], 200)
        self.assertEqual(self.fence(), ("stop", "holds_over", None))

    def test_what_is_seen_of_an_agent_survives_a_restart(self):
        self.assertEqual(self.ask()[0], 200)
        self.stop()
        self.start()
        self.serving("home")
        self.assertEqual(self.home()["fence"]["lease"], "held")
        self.assertEqual(self.ask()[0], 200)

    def test_others_are_refused_and_told_why(self):
        def refused(**change):
            status, body = self.ask({"target": "home", "epoch": self.epoch, **change})
            return status, body["error"]["code"]
        self.assertEqual(refused(epoch=self.epoch - 1), (409, "stale"))
        self.assertEqual(refused(epoch=self.epoch + 1), (409, "stale"))
        self.assertEqual(refused(target="spare"), (501, "no_lease"))
        self.assertEqual(refused(target="nowhere"), (404, "no_such_target"))
        self.understudy("promote", "counter", "spare", "--yes")
        self.serving("spare")
        self.assertEqual(refused(), (409, "stale"))

    @unittest.skipUnless(os.geteuid() == 0, "a small disk of our own needs root")
    def test_a_full_disk_does_not_keep_a_holder_from_renewing(self):
        self.stop()
        disk = os.path.join(self.folder, "var")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        self.addCleanup(self.stop)
        self.start()
        self.epoch = self.serving("home")["epoch"]
        self.assertEqual(self.ask()[0], 200)
        with open(os.path.join(disk, "ballast"), "wb", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(b"x" * 512)
        self.kill_site("home")  # a step that cannot be stored now stands first in line
        wait_for("the complaint", lambda: "full" in open(self.log_path).read().lower())
        self.assertEqual(self.ask()[0], 200)
        os.unlink(os.path.join(disk, "ballast"))
        self.serving("spare")
        self.assertEqual(self.ask()[0], 409)

    def test_who_has_no_key_learns_nothing(self):
        wrong = self.ask(key="wrong")
        self.assertEqual((wrong[0], wrong[1]["error"]["code"]), (401, "key"))
        self.assertEqual(self.ask(path="/v1/services/other/lease", key="wrong"), wrong)
        self.assertEqual(self.ask(path="/v1/services/other/lease")[0], 401)

    def test_nothing_else_is_served_there(self):
        for path in ("/v1/status", "/v1/services/counter/promote", "/v1/services/counter/x/lease", "/"):
            self.assertEqual(self.ask(path=path)[0], 404, path)
        self.assertEqual(self.ask(method="GET")[0], 405)
        for body in (b"", b"[]", b"{}", b'{"target": 1, "epoch": 2}', b'{"target": "home", "epoch": -1}', b'{"target": "home", "epoch": 1, "kill_time_ms": 1e99}'):
            self.assertEqual(self.ask(body)[0], 400, body)

    def test_an_instance_is_named_as_an_agent_names_itself(self):
        for instance in ("a", "0123456789abcdef01234567-0123456789ab", "Z" * 64):
            self.assertNotEqual(self.renewed_as(instance), 400, instance)
        for instance in ("", "Z" * 65, "a_b", "a b", "ä", "a\n", 7, None, ["a"]):
            self.assertEqual(self.renewed_as(instance), 400, instance)

    def renewed_as(self, instance):
        return self.ask({"target": "home", "epoch": self.epoch, "instance": instance})[0]

    def test_while_the_lease_is_revoked_and_nobody_has_the_next_one(self):
        self.assertEqual(self.ask()[0], 200)
        self.understudy("promote", "counter", "spare", "--yes")
        seen = set()
        wait_for("the move to be over", lambda: seen.add(self.ask()[1].get("error", {}).get("code")) or self.service()["active"] == "spare")
        self.assertLessEqual(seen, {"revoked", "stale", None})
        self.assertEqual(self.ask()[1]["error"]["code"], "stale")


if __name__ == "__main__":
    unittest.main()
