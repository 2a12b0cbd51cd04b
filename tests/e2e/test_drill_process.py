"""The process plugin's copies: beside what it runs as the service, unseen and untouched by it, on folders of their own."""
import os
import shutil
import tempfile
import unittest

from harness import wait_for
from plugin_driver import Plugin

WHO = {"service": "service", "target": "target"}


class Copies(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="us-copy-")
        self.plugin = None
        self.folders = [{"from": self.path("own/state"), "to": self.path("scratch/state")}]

    def tearDown(self):
        self.end()
        self.call("standby.deactivate/1", epoch=9, operation="last", grace_ms=100)
        self.plugin.close()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def use(self, *command, **more):
        if self.plugin:
            self.plugin.close()
        self.plugin = Plugin("process", "target", {"command": list(command), "cwd": self.folder, "run_dir": self.path("run"), "started_after": 150,
                                                   "stop_signal": "TERM", **more})

    def call(self, method, **params):
        return self.plugin.call(method, {**WHO, **params})

    def drill(self, name="d1"):
        return self.call("drill.start/1", drill=name, snapshot="s1", folders=self.folders)

    def state(self, method):
        return self.call(method)["result"]["state"]

    def end(self):
        return self.call("drill.end/1", drill="d1", grace_ms=500)["result"]["stopped"]

    def lines(self, name):
        with open(self.path(name)) as file:
            return file.read().split("\n")[:-1]

    def test_a_copy_and_the_service_do_not_see_each_other(self):
        self.use("sh", "-c", "env > env; echo $0 > state; sleep 600", "own/state")
        self.call("standby.activate/1", epoch=4, operation="o1")
        first = self.drill()
        self.assertEqual(self.drill(), first)
        self.assertEqual(self.drill("d2")["status"], "conflict")
        wait_for("its words", lambda: self.lines("state") == [self.path("scratch/state")])
        self.assertLessEqual({"UNDERSTUDY_DRILL=d1", "UNDERSTUDY_EPOCH=0", "UNDERSTUDY_STATE=" + self.path("scratch/state")}, set(self.lines("env")))
        self.assertEqual(self.call("standby.observe/1")["result"]["epoch"], 4)
        self.call("standby.deactivate/1", epoch=4, operation="o2", grace_ms=500)
        self.assertEqual((self.state("standby.observe/1"), self.state("drill.observe/1")), ("stopped", "active"))
        self.call("standby.activate/1", epoch=5, operation="o3")
        self.assertTrue(self.end())
        self.assertEqual((self.state("standby.observe/1"), self.state("drill.observe/1")), ("active", "stopped"))
        self.assertTrue(self.end())

    def test_nothing_is_started_that_would_use_the_standby_s_own_state(self):
        self.use("sleep", "600")
        self.assertEqual(self.drill()["status"], "invalid")
        self.folders = []
        self.assertEqual(self.drill()["status"], "invalid")
        self.assertEqual(self.state("drill.observe/1"), "stopped")

    def test_a_folder_that_is_named_where_it_cannot_be_replaced_is_seen(self):
        own = self.path("own/state")
        os.makedirs(own)
        for command, env in ((["sh", "-c", "echo > own/state/f; sleep 600"], {"STATE": own}), (["sh", "-c", f"echo > '{own}/f'; sleep 600", own], {}),
                             (["sh", "-c", "sleep 600", own], {"OPTIONS": f"-v -d {own}"}),
                             (["sh", "-c", "echo > $PWD/own/state/f; sleep 600", own], {}), (["sh", "-c", "echo > ${PWD}/own/state/f; sleep 600", own], {})):
            for drill in ({}, {"env": {"PORT": "9101"}}):  # which says nothing of folders
                self.use(*command, env=env, drill=drill)
                answer = self.drill()
                self.assertEqual(answer["status"], "invalid", (command, drill))
                self.assertIn("cannot be replaced", str(answer))
        self.use("sleep", "600", drill={"env": {"PORT": "9101"}})
        self.assertIn("neither", str(self.drill()))
        self.assertEqual(os.listdir(own), [])

    def test_a_command_that_works_in_its_state_works_in_the_copy_s(self):
        own = self.path("own/state")
        for folder in (own, self.path("scratch/state")):
            os.makedirs(folder + "/deep")
        for cwd, told in ((own, "f"), (own + "/deep", "deep/f")):
            self.use("sh", "-c", "echo there > f; sleep 600", own, cwd=cwd)
            self.assertEqual(self.drill()["status"], "ok")
            wait_for("its words", lambda: self.lines("scratch/state/" + told) == ["there"])
            self.assertTrue(self.end())
            self.assertFalse(os.path.exists(self.path("own/state/" + told)))

    def test_a_variable_may_take_the_place_of_the_one_that_names_the_folder(self):
        self.use("sh", "-c", "echo $STATE. > words; sleep 600", env={"STATE": self.path("own/state")}, drill={"env": {"STATE": ""}})
        self.assertEqual(self.drill()["status"], "ok")
        wait_for("its words", lambda: self.lines("words") == ["."])

    def test_the_settings_may_say_how_a_copy_is_started(self):
        own = self.path("own/state")
        self.use("sleep", "600", drill={"command": ["sh", "-c", "echo $0 $1 $2 > words; sleep 600", "--state=" + own + "/a", own + "2", "./own/state"]})
        self.assertEqual(self.drill()["status"], "ok")
        # In each of its spellings; a longer name is another folder.
        wait_for("its words", lambda: self.lines("words"))
        self.assertEqual(self.lines("words"), [f"--state={self.path('scratch/state')}/a {own}2 {self.path('scratch/state')}"])


if __name__ == "__main__":
    unittest.main()
