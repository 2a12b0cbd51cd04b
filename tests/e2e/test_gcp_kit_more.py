"""The conformance kit over gcp_cloudrun: a target with a supervisor, and the state store."""
import unittest

from gcp_kit import KitTest


class Kit(KitTest):
    def test_supervisor_and_state(self):
        self.at_once(self.supervisor, self.state)

    def supervisor(self):
        self.service.doc["scaling"] = {"scalingMode": "MANUAL", "manualInstanceCount": 1}
        self.cloud.run.restore_s = 1.1  # the kit's epochs rise by the second, and a supervisor forgets none
        settings = self.common(**self.SERVICE, mode="supervisor", api_key='{ env = "KEY" }', url=self.service.doc["uri"])
        self.kit(f"[target]\nsettings = {{ {settings} }}\n", "--only", "target/", at_least=12)

    def state(self):
        def tamper(asked):
            names = [n for n in self.bucket if asked["id"] in n and n.endswith("/state/large.db")]
            for name in names:
                self.cloud.storage.put("snapshots", name, self.bucket[name]["data"] + b"x")
            return names
        self.cloud.hooks["/_tamper"] = tamper
        ask = f"import os, urllib.request; urllib.request.urlopen('{self.cloud.base}/_tamper?id=' + os.environ['SNAPSHOT'])"
        self.bucket["other/thing"] = self.cloud.storage.put("snapshots", "other/thing", b"not ours")
        self.kit(f"[state]\nsettings = {{ {self.common(bucket='gs://snapshots/some/prefix')} }}\n[kit]\ntamper = ['python3', '-c', '''{ask.replace(chr(39), chr(34))}''']\n", "--only", "state/", at_least=12)
        self.assertEqual(set(self.bucket), {"other/thing"}, "the sweeper left something, or removed what is not ours")


if __name__ == "__main__":
    unittest.main()
