"""A whole failover to Cloud Run and back, named only in the TOML file, with Google's control plane stumbling on the way.
Home is a real process; the service at Cloud Run is the fake's. State goes through Cloud Storage."""
import glob
import os
import signal
import unittest

from gcp import GcpTest  # noqa: F401: sets the path of the fakes
from google_cloud import GoogleCloud, error
from harness import Site, wait_for

del GcpTest
OVERLOADED = error(503, "The service is currently unavailable.", "UNAVAILABLE")


class Story(Site):
    def setUp(self):
        self.cloud = GoogleCloud()
        self.remote = self.cloud.run.add()
        self.bucket = self.cloud.storage.add()
        super().setUp()

    def tearDown(self):
        arguments = self.arguments()
        self.stop()
        kept = self.kept_on_disk()
        super().tearDown()
        self.cloud.close()
        self.cloud.identity.close()
        self.assertEqual(self.cloud.problems, [])
        for secret in ("planted-", "BEGIN PRIVATE KEY"):
            self.assertNotIn(secret, arguments)
            for file, content in kept.items():
                self.assertNotIn(secret.encode(), content, file)

    def arguments(self):
        """Of Understudy and what it has started."""
        out, pids = "", [self.process.pid] if self.process else []
        for pid in pids:
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as words:
                    out += words.read().replace(b"\0", b" ").decode(errors="replace") + "\n"
                for children in glob.glob(f"/proc/{pid}/task/*/children"):
                    with open(children) as line:
                        pids += line.read().split()
            except OSError:
                continue  # it has ended
        self.assertIn("understudy", out)
        return out

    def kept_on_disk(self):
        """Journal, logs, configuration, what the workload was given: by file."""
        out = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as source:
                    out[name] = source.read()
        self.assertTrue([n for n in out if "journal" in n], sorted(out))
        return out

    def log(self):
        with open(self.log_path) as log:
            return log.read()

    def common(self):
        return f'credentials = "{self.cloud.identity.service_account_file()}", oauth_api = "{self.cloud.base}", api = "{self.cloud.base}"'

    def target(self, name):
        if name == "home":
            return super().target(name)
        where = f'project = "demo", region = "europe-west1", service = "svc", {self.common()}'
        return f"""
[service.counter.target.spare]
plugin = "gcp_cloudrun"
declared = {{ ready_in = "5s" }}
activate_timeout = "60s"
deactivate_timeout = "20s"
settings = {{ {where}, quiet_after_stop = "200ms" }}
[[service.counter.target.spare.health]]
plugin = "gcp_cloudrun"
settings = {{ {where}, health_path = "" }}
"""

    def write_config(self, **more):
        super().write_config(**more)
        with open(self.config) as source:
            text = source.read()
        text = text.replace('plugin = "local_dir"', 'plugin = "gcp_cloudrun"').replace('settings = { dir = "snapshots", fsync = false }', f'settings = {{ bucket = "gs://snapshots/site", {self.common()} }}')
        with open(self.config, "w") as out:
            out.write(text)

    def saved(self):
        return [n for n in self.bucket if n.endswith("/manifest.json")]

    def test_failover_to_cloud_run_and_back(self):
        self.start()
        self.serving("home")
        wait_for("a snapshot in the bucket", self.saved)
        for method, pattern in (("PATCH", "svc"), ("GET", "/operations/")):
            self.cloud.fault(method, pattern, OVERLOADED)
        self.cloud.identity.expire_all()
        os.killpg(os.getpgid(self.pid("home")), signal.SIGKILL)
        service = self.serving("spare")
        env = self.remote.env()
        self.assertEqual(env["UNDERSTUDY_EPOCH"], str(service["epoch"]))
        self.assertIn(env["UNDERSTUDY_SNAPSHOT"], "\n".join(self.saved()))
        self.assertEqual((self.remote.kept(), self.running()), (1, []))
        self.cloud.fault("PATCH", "svc", "drop", after=True)
        self.understudy("promote", "counter", "home", "--reason", "test")
        self.serving("home")
        self.assertEqual((self.remote.kept(), self.running()), (0, ["home"]))

    def test_a_stop_that_cloud_run_does_not_make_brings_nobody_back(self):
        self.start()
        self.serving("home")
        self.understudy("promote", "counter", "spare", "--reason", "test")
        self.serving("spare")
        self.cloud.run.denied.add("run.services.update")
        self.understudy("promote", "counter", "home", "--reason", "test", expect=None)
        blocked = wait_for("the failback to be held", lambda: self.service()["blocked"] or None)
        self.assertTrue(blocked["by"])
        self.assertEqual((self.remote.kept(), self.running()), (1, []))
        self.assertIn("run.services.update", self.understudy("history") + str(self.service()) + self.log())


if __name__ == "__main__":
    unittest.main()
