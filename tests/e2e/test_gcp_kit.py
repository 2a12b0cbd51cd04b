"""The conformance kit over gcp_cloudrun: the rules of every library, and those of target, health and secrets."""
import unittest

from gcp import knows_secrets
from gcp_kit import KitTest


class Kit(KitTest):
    def test_control_plane_and_health_and_secrets(self):
        text = f"[target]\nsettings = {{ {self.common(**self.SERVICE, quiet_after_stop='100ms')} }}\n[health]\nsettings = {{ {self.common(**self.SERVICE, health_path='')} }}\n"
        self.kit(text + (f"[secrets]\nsettings = {{ {self.common()} }}\n" if knows_secrets() else ""))


if __name__ == "__main__":
    unittest.main()
