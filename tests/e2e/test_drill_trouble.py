"""What comes between a drill and its end: a pause, a kill, a file that changed, a stop that is not confirmed. Nothing is left without a word, and the
service is not moved by a drill of long ago."""
import json
import os
import sqlite3
import unittest

from drill_site import DrillSite
from harness import paced, runs, wait_for


class DrillTrouble(DrillSite):
    def alerts(self, kind):
        with open(self.log_path) as log:
            return [line for line in log if kind in line]

    def told(self, kind, words):
        return wait_for(f"{kind}: {words}", lambda: [line for line in self.alerts(kind) if words in line])

    def away(self, stay):
        """The service is at the spare, for a drill."""
        self.begin(more=f'[service.counter.drill]\nstay = "{stay}"\n')
        self.understudy("drill", "counter", "spare", "--switchover", "--yes", "--no-wait")
        self.serving("spare")

    def drill_is_over(self):
        wait_for("the drill's end", lambda: self.service()["drill"] is None)

    def change_file(self, old, new):
        with open(self.config) as file:
            text = file.read()
        self.assertIn(old, text)
        with open(self.config, "w") as out:
            out.write(text.replace(old, new))

    def test_a_pause_in_a_stay_leaves_it_there_and_says_so(self):
        self.away(stay=f"{paced(15000)}ms")
        self.understudy("pause", "counter")
        self.drill_is_over()
        said, = self.told("drill.failed", "counter stays at spare (paused)")
        self.assertIn("understudy promote counter home", said)
        self.assertNotIn("as it was before", said)
        self.understudy("resume", "counter")
        self.assertEqual(self.serving("spare")["epoch"], 2)

    def test_a_kill_and_a_pause_leave_it_there_and_say_so(self):
        self.away(stay="60s")
        self.understudy("pause", "counter")
        self.kill()
        self.start()
        self.drill_is_over()
        self.told("drill.failed", "counter stays at spare (paused)")
        self.understudy("resume", "counter")
        self.serving("spare")

    def test_a_kill_in_a_stay_brings_it_home(self):
        self.away(stay="60s")
        self.kill()
        self.start()
        self.assertEqual(self.serving("home")["epoch"], 3)
        self.drill_is_over()
        self.assertEqual(self.alerts("drill.left_running"), [])

    def test_a_drill_of_long_ago_moves_nobody(self):
        """Its end could not be written; a person has promoted the spare since."""
        self.begin()
        self.understudy("promote", "counter", "spare")
        self.serving("spare")
        self.stop()
        with sqlite3.connect(os.path.join(self.folder, "var/journal.db")) as journal:
            table, = journal.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'document%'").fetchone()
            old = {"id": "counter-spare-drill-1", "target": "spare", "origin": "home", "mode": "switchover", "who": "x", "move": 1}
            journal.execute(f"INSERT INTO {table} VALUES ('drilling', 'counter', ?, 1)", (json.dumps(old),))
        journal.close()
        self.start()
        self.told("drill.failed", "it was moved since")
        self.assertEqual(self.serving("spare")["epoch"], 2)

    def test_a_copy_of_a_service_that_left_the_file_is_told(self):
        self.begin(before="test -z $UNDERSTUDY_DRILL || sleep 100;")
        self.understudy("drill", "counter", "spare", "--no-wait")
        copy = wait_for("the copy", self.copy_pid)
        self.kill()
        self.change_file("service.counter", "service.other")
        self.start()
        self.told("drill.left_running", "a drill's copy of counter may still run at spare")
        self.assertEqual(os.listdir(os.path.join(self.folder, "var/drills")), [])
        self.assertTrue(runs(copy))
        self.kill_site("spare")
        os.kill(copy, 9)

    def test_a_copy_that_cannot_be_confirmed_stopped_does_not_keep_the_file_from_being_mended(self):
        self.begin(before="test -z $UNDERSTUDY_DRILL || sleep 100;")
        self.understudy("drill", "counter", "spare", "--no-wait")
        copy = wait_for("the copy", self.copy_pid)
        record = os.path.join(self.folder, "run/counter-spare.drill.json")
        with open(record) as file:
            good = file.read()
        with open(record, "w") as out:
            out.write("{")
        self.understudy("pause", "counter")
        self.understudy("resume", "counter")
        self.told("drill.left_running", "is not confirmed stopped")
        self.understudy("reload")
        with open(record, "w") as out:
            out.write(good)
        self.nothing_is_left()
        self.assertFalse(runs(copy))
        self.serving("home")

    def test_paths_without_a_store_are_not_given_to_a_copy(self):
        self.write_config()
        with open(self.config) as file:
            text = file.read()
        self.change_file(text[text.index("[service.counter.state]"):text.index("[service.counter.failback]")], "")
        self.start()
        self.serving("home")
        self.assertIn("a copy could only work on them", self.understudy("drill", "counter", "spare", expect=2))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "spare/state")))


if __name__ == "__main__":
    unittest.main()
