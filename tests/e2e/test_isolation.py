"""The main job with every plugin in a process of its own, while those processes are killed at random."""
import os
import random
import signal
import subprocess
import time
import unittest

from harness import PATIENCE_S, Site, wait_for


class IsolatedPlugins(Site):
    def target(self, name):
        return super().target(name).replace("\nsettings =", '\nisolation = "process"\nsettings =')

    def hosts(self):
        found = subprocess.run(["pgrep", "-P", str(self.process.pid), "-f", "plugin-host"], capture_output=True, text=True).stdout
        return [int(pid) for pid in found.split()]

    def moved(self):
        s = self.service()
        return s["epoch"] >= 2 and s["phase"] == "active" and s["verdict"] == "up"

    def test_a_failover_completes_while_plugins_are_killed(self):
        seed = random.randrange(1 << 30)
        chance = random.Random(seed)
        self.start()
        self.serving("home")
        wait_for("the plugins' processes", lambda: len(self.hosts()) >= 4)
        self.kill_site("home")
        end = time.time() + 3
        while time.time() < end:
            hosts = self.hosts()
            if hosts:
                try:
                    os.kill(chance.choice(hosts), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(chance.uniform(0.05, 0.4))
        # Of a new epoch: as long as no check could answer, home counts as up. A plugin that was killed five times in a row rests for 30 s.
        wait_for(f"the service somewhere (seed {seed})", self.moved, 2 * PATIENCE_S)
        self.assertEqual(len(self.running()), 1, f"seed {seed}")
        self.assertEqual(self.running(), [self.service()["active"]])

    def test_plugins_end_with_the_orchestrator_even_when_that_is_killed(self):
        self.start()
        self.serving("home")
        hosts = self.hosts()
        self.kill()
        wait_for("the plugins to be gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in hosts))
        self.assertEqual(self.running(), ["home"])  # the service itself is not theirs to take along


if __name__ == "__main__":
    unittest.main()
