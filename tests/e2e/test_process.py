"""The plugin `process` with commands that make its work hard: who hides from it, who ends before what it has started."""
import os
import shutil
import signal
import tempfile
import unittest

from harness import paced, runs, wait_for
from plugin_driver import Plugin


class Process(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-process-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def target(self, script, **settings):
        plugin = Plugin("process", "target", {"command": ["sh", "-c", script], "run_dir": self.folder + "/run", **settings})
        self.addCleanup(plugin.close)
        return plugin

    def activate(self, plugin, epoch=1):
        return plugin.call("standby.activate/1", {"service": "service", "target": "target", "epoch": epoch, "operation": f"op-{epoch}", "snapshot": "", "reason": "failover"}, paced(30000))

    def deactivate(self, plugin, epoch=1, grace_ms=500):
        return plugin.call("standby.deactivate/1", {"service": "service", "target": "target", "epoch": epoch, "operation": f"end-{epoch}", "grace_ms": grace_ms}, paced(20000))["result"]

    def observe(self, plugin):
        return plugin.call("standby.observe/1", {"service": "service", "target": "target"}, paced(10000))["result"]

    def pid_in(self, name):
        def read():
            try:
                with open(os.path.join(self.folder, name)) as file:
                    return int(file.read() or 0)
            except FileNotFoundError:
                return 0
        pid = wait_for(name, read)
        self.addCleanup(lambda: runs(pid) and os.kill(pid, signal.SIGKILL))
        return pid

    def test_who_hides_and_ignores_term_is_ended_with_its_group(self):
        plugin = self.target(f"env -i sh -c 'trap \"\" TERM; echo $$ >{self.folder}/hidden; while true; do sleep 0.1; done' & echo $$ >{self.folder}/leader; exec sleep 1000")
        self.assertEqual(self.activate(plugin)["result"]["state"], "active")
        hidden, leader = self.pid_in("hidden"), self.pid_in("leader")
        os.kill(leader, signal.SIGKILL)
        wait_for("the leader's end", lambda: not runs(leader))
        self.assertEqual(self.observe(plugin)["state"], "active", "a member of its group lives")
        self.assertEqual(self.activate(plugin, 2)["status"], "conflict")
        report = self.deactivate(plugin, 2)
        self.assertTrue(report["stopped"], report)
        self.assertFalse(runs(hidden))
        self.assertEqual(self.observe(plugin)["state"], "stopped")

    def test_a_script_that_ends_when_it_has_started_something_has_started_it(self):
        plugin = self.target(f"(echo $$ >{self.folder}/script; exec sh -c 'echo $$ >{self.folder}/bot; exec sleep 1000') &")
        self.assertEqual(self.activate(plugin)["result"]["state"], "active")
        bot = self.pid_in("bot")
        self.assertTrue(self.deactivate(plugin)["stopped"])
        self.assertFalse(runs(bot))

    def test_what_ends_at_once_and_leaves_nothing_has_failed(self):
        answer = self.activate(self.target("echo no licence; exit 3", started_after=20000))  # which is over as soon as it has ended
        self.assertEqual(answer["status"], "transient")
        self.assertIn("no licence", answer["error"]["message"])


if __name__ == "__main__":
    unittest.main()
