"""The fake cloud is checked by Google's own clients: what they send is understood, what it answers is understood."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import npm
from gcp import GcpTest
from google_storage import crc32c

HERE = os.path.dirname(os.path.abspath(__file__))


class Clients(GcpTest):
    def client(self, which, package, version):
        folder = npm.package(package, version)
        if not shutil.which("node"):
            raise unittest.SkipTest("node is not installed")
        done = subprocess.run(["node", os.path.join(HERE, "gcp_clients.js"), which, folder, self.cloud.base], capture_output=True, text=True, timeout=600,
                              env={**os.environ, "TOKEN": self.cloud.identity.issue("client")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def test_cloud_run_client(self):
        self.cloud.run.settle_s = 0.3
        seen = self.client("run", "@google-cloud/run", "3.3.0")
        self.assertEqual(seen["before"], {"image": "img:1", "ready": "CONDITION_SUCCEEDED", "generation": "1"})
        self.assertEqual(seen["updated"]["image"], "img:2")
        self.assertEqual(seen["after"], {"count": 1, "mode": "MANUAL", "generation": "2", "observed": "2", "reconciling": False})
        self.assertIn("Conflict for resource", seen["stale"])
        self.assertIn("does not exist", seen["missing"])
        self.assertEqual(seen["revisions"], ["img:2", "img:1"])

    def test_storage_client(self):
        self.cloud.identity.required = False  # with an address of its own it sends no token
        seen = self.client("storage", "@google-cloud/storage", "7.22.0")
        self.assertEqual(seen["epoch"], "7")
        self.assertEqual(seen["again"], "412 conditionNotMet")
        self.assertEqual(seen["content"], "second")
        self.assertEqual(seen["large"], 300000)
        self.assertEqual(seen["listed"], ["dir/large", "dir/one file+ü.txt"])
        self.assertEqual(seen["globbed"], ["dir/large"])
        self.assertEqual(seen["gone"], "404 notFound")
        self.assertEqual(seen["noBucket"], "404 notFound")

    def test_secret_manager_client(self):
        for value, state in (("planted-1", "ENABLED"), ("planted-2", "DISABLED"), ("planted-ü", "ENABLED")):
            self.cloud.secrets.add("key", value, state)
        seen = self.client("secrets", "@google-cloud/secret-manager", "6.1.1")
        number = int.from_bytes(base64.b64decode(crc32c(b"planted-1")), "big")
        self.assertEqual(seen["first"], f"projects/4242/secrets/key/versions/1 planted-1 {number}")
        self.assertIn("versions/3 planted-ü", seen["latest"])
        self.assertIn("is in DISABLED state", seen["disabled"])
        self.assertIn("not found", seen["missing"])


@unittest.skipUnless(shutil.which("gcloud"), "gcloud is not installed")
class Gcloud(GcpTest):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="understudy-gcloud-")

    def tearDown(self):
        super().tearDown()
        shutil.rmtree(self.folder)

    def gcloud(self, *words, fails=False):
        env = {**os.environ, "CLOUDSDK_CONFIG": os.path.join(self.folder, "config"), "CLOUDSDK_CORE_PROJECT": "demo", "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
               "CLOUDSDK_AUTH_ACCESS_TOKEN": self.cloud.identity.issue("gcloud"), "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
               "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": self.cloud.base + "/storage/v1/", "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": self.cloud.base + "/"}
        done = subprocess.run(["gcloud", *words], capture_output=True, text=True, timeout=600, env=env)
        self.assertEqual(done.returncode != 0, fails, done.stdout + done.stderr)
        return done.stderr if fails else done.stdout

    def test_secrets(self):
        for value, state in (("planted-1", "ENABLED"), ("planted-2", "DISABLED")):
            self.cloud.secrets.add("key", value, state)
        self.assertEqual(self.gcloud("secrets", "versions", "access", "1", "--secret=key").strip(), "planted-1")
        self.assertIn("DISABLED", self.gcloud("secrets", "versions", "access", "latest", "--secret=key", fails=True))
        self.cloud.secrets.spoil = 99
        self.assertIn("incorrect data_crc32c", self.gcloud("secrets", "versions", "access", "1", "--secret=key", fails=True))

    def test_storage(self):
        self.cloud.storage.put("snapshots", "dir/one", b"content")
        self.assertEqual(self.gcloud("storage", "cat", "gs://snapshots/dir/one"), "content")
        self.assertIn("gs://snapshots/dir/one", self.gcloud("storage", "ls", "gs://snapshots/dir/"))


if __name__ == "__main__":
    unittest.main()
