"""What `promote` and `failback` say when the service did not end where it was asked to, or had nowhere to go."""
import os
import subprocess
import unittest

from harness import COUNTER, Site, free_port, wait_for


class TakenInPlace(Site):
    def run_by_hand(self, target):
        """As the plugin `process` would run it: what carries this variable is the target's."""
        record = os.path.join(self.folder, f"run/counter-{target}.run.json")
        command = ["python3", COUNTER, str(self.ports[target]), os.path.join(self.folder, target, "state")]
        process = subprocess.Popen(command, env={**os.environ, "UNDERSTUDY_RUN": record})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_who_says_which_of_two_running_sites_it_is_waits_for_no_move(self):
        sites = {target: self.run_by_hand(target) for target in self.ports}
        wait_for("both to serve", lambda: self.running() == ["home", "spare"])
        self.start()
        wait_for("the question", lambda: (self.service()["blocked"] or {}).get("by") == "two_active")
        said = self.understudy("promote", "counter", "spare", "--force", "--yes")
        self.assertIn("counter runs at spare (epoch ", said)
        self.serving("spare")
        wait_for("home to be stopped", lambda: self.running() == ["spare"])
        self.assertIsNone(sites["spare"].poll(), "it was taken as it ran")


class Elsewhere(Site):
    """A spare that never starts, a home that starts once, and a third that is well."""

    def setUp(self):
        super().setUp()
        self.ports["third"] = free_port()
        self.write_config(policy="manual", extra=self.target("third"))

    def target(self, name):
        whole = super().target(name)
        command = f'["python3", "{COUNTER}", "{self.ports[name]}", "{name}/state"]'
        if name == "spare":
            return whole.replace(command, '["false"]')
        if name == "home":
            return whole.replace(command, f'["sh", "-c", "test ! -e broken && exec python3 {COUNTER} {self.ports[name]} home/state"]')
        return whole

    def test_who_asked_for_one_target_and_got_another_is_told(self):
        self.start()
        self.serving("home")
        with open(os.path.join(self.folder, "broken"), "w"):
            pass
        said = self.understudy("promote", "counter", "spare", expect=6)
        self.assertIn("counter did not come to spare; it runs at third", said)
        self.serving("third")


class NobodyThere(Site):
    def target(self, name):
        if name == "home":
            return super().target(name)
        return super().target(name) + f"""[[service.counter.target.{name}.ready]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{free_port()}/" }}
"""

    def test_who_has_no_standby_to_go_to_stays_as_it_is_and_says_so(self):
        self.start()
        before, pid = self.serving("home")["epoch"], self.pid("home")
        said = self.understudy("promote", "counter", expect=6)
        self.assertIn("no standby can be promoted: counter stays at home, as it was\n    = `understudy plan counter` says", said)
        self.assertEqual(self.serving("home")["epoch"], before)
        self.assertEqual(self.pid("home"), pid)


if __name__ == "__main__":
    unittest.main()
