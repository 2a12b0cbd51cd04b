"""The conformance kit over gcp_cloudrun: the rules of every library, and those of target, health and secrets."""
import unittest

from gcp import knows_secrets
from gcp_kit import KitTest


class Kit(KitTest):
    def settings(self, service):
        self.cloud.run.add(service)
        where = {**self.SERVICE, "service": service}
        text = f"[target]\nsettings = {{ {self.common(**where, quiet_after_stop='100ms')} }}\n[health]\nsettings = {{ {self.common(**where, health_path='')} }}\n"
        return text + (f"[secrets]\nsettings = {{ {self.common()} }}\n" if knows_secrets() else "")

    def test_control_plane_and_health_and_secrets(self):
        one, two, three = (self.settings(name) for name in ("one", "two", "three"))
        self.at_once(lambda: self.kit(one, "--only", "target/", at_least=12), lambda: self.kit(two, "--only", "protocol/", both=False), lambda: self.kit(three, "--only", "health/", at_least=1),
                     lambda: self.kit(three, "--only", "library/", at_least=3, both=False))


if __name__ == "__main__":
    unittest.main()
