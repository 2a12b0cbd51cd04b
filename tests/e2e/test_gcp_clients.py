"""The fake cloud is checked by Google's own clients: what they send is understood, what it answers is understood."""
import json
import os
import shutil
import subprocess
import unittest

import npm
from gcp import GcpTest

HERE = os.path.dirname(os.path.abspath(__file__))


class Clients(GcpTest):
    def client(self, which, package, version):
        folder = npm.package(package, version)
        if not shutil.which("node"):
            raise unittest.SkipTest("node is not installed")
        done = subprocess.run(["node", os.path.join(HERE, "gcp_clients.js"), which, folder, self.cloud.base], capture_output=True, text=True, timeout=120,
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


if __name__ == "__main__":
    unittest.main()
