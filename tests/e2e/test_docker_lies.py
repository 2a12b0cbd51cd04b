"""An engine that says "stopped" and goes on, one that refuses old API versions, one that answers nonsense: against a
server that checks each request by the Docker Engine API's own description."""
import os
import sys
import unittest

from harness import ROOT, Site, paced, wait_for

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from docker_engine import DockerEngine  # noqa: E402


class LyingEngine(Site):
    """Home is a compose project on the engine, the spare a real process."""

    weak_check = False

    def setUp(self):
        self.engine = None
        super().setUp()
        self.begin()

    def begin(self, **how):
        if self.engine:
            self.engine.close()
            os.unlink(self.socket())
        self.engine = DockerEngine(self.socket(), **how)

    def tearDown(self):
        super().tearDown()
        self.engine.close()
        self.assertEqual(self.engine.problems, [])

    def socket(self):
        return os.path.join(self.folder, "engine.sock")

    def target(self, name):
        if name != "home":
            return super().target(name)
        settings = f'{{ project_dir = "home", project = "site", host = "unix://{self.socket()}" }}'
        return f"""
[service.counter.target.home]
plugin = "docker_compose"
paths = ["home/state"]
deactivate_timeout = "{paced(8000)}ms"
stop_grace = "1s"
settings = {settings}
[[service.counter.target.home.health]]
plugin = "docker_compose"
settings = {settings}
"""

    def write_config(self, **more):
        os.makedirs(os.path.join(self.folder, "home/state"), exist_ok=True)
        super().write_config(**more)

    def test_a_stop_that_the_engine_only_claims_starts_no_second_site(self):
        self.engine.add("c1", "site")
        self.engine.stop_works = self.engine.kill_works = False
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test", expect=None)
        blocked = wait_for("the failover to be held", lambda: self.service()["blocked"] or None)
        wait_for("its reason", lambda: "still shows web running" in str(self.service()) + self.understudy("history"))
        self.assertTrue(blocked["by"])
        self.assertEqual(self.running(), [])

    def test_what_ignores_the_stop_is_killed(self):
        self.engine.add("c1", "site")
        self.engine.stop_works = False
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.assertEqual(self.running(), ["spare"])
        self.assertEqual(self.engine.containers["c1"]["status"], "exited")
        self.assertIn(("POST", "/v1.41/containers/c1/kill"), self.engine.requests)

    def test_what_others_need_is_stopped_last(self):
        self.engine.add("app", "site", "app", depends_on="db")
        self.engine.add("db", "site", "db")
        self.engine.add("other", "elsewhere", "db")
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        stops = [path.split("/")[3] for method, path in self.engine.requests if "/stop" in path]
        self.assertEqual(stops, ["app", "db"])
        self.assertEqual(self.engine.containers["other"]["status"], "running")

    def test_an_engine_that_refuses_old_versions_is_spoken_to_in_a_newer_one(self):
        self.begin(api_version="1.52", oldest="1.44")
        self.engine.add("c1", "site")
        self.start()
        self.serving("home")
        self.assertTrue(any(path.startswith("/v1.47/") for _, path in self.engine.requests))

    def test_nonsense_is_no_verdict(self):
        self.engine.add("c1", "site")
        self.start()
        self.serving("home")
        for reply in ((500, {"message": "out of order"}), (200, "<html>"), (200, {"what": "is this"}), (403, {"message": "no"})):
            self.engine.reply_instead = reply
            seen = len(self.engine.requests)
            wait_for("a few checks", lambda before=seen: len(self.engine.requests) > before + 4)
            self.assertEqual(self.running(), [])
        self.engine.reply_instead = None
        self.serving("home")


if __name__ == "__main__":
    unittest.main()
