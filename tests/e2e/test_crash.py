"""The orchestrator is killed with SIGKILL before and after every journal write of a failover and of a failback, and started
again: each time it ends with exactly one site running."""
import os
import signal
import unittest

from harness import BUILD, Site, wait_for


class Crash(Site):
    program = os.path.join(BUILD, "bin/understudy_crashtest")
    good_ends = (*Site.good_ends, -signal.SIGKILL)  # the kill may also come while it is stopped

    def commits(self):
        path = os.path.join(self.folder, "faults")
        return sum(1 for line in open(path) if line.startswith("after")) if os.path.exists(path) else 0

    def reset(self):
        self.stop()
        for target in self.ports:
            self.kill_site(target)
        self.tearDown()
        self.setUp()

    def begin(self, move, env):
        """Brings the service to where the move begins, with an orchestrator that will be killed."""
        self.write_config(policy="manual", extra="")
        self.start(env={"UNDERSTUDY_FAULT_LOG": os.path.join(self.folder, "faults")})
        self.serving("home")
        if move == "failback":
            self.understudy("promote", "counter", "spare")
            wait_for("spare to answer: its process was enough to be verified", lambda: self.running() == ["spare"])
        where = "home" if move == "failover" else "spare"
        before = self.count(where)["count"]
        self.stop()
        faults = os.path.join(self.folder, "faults")
        if os.path.exists(faults):
            os.remove(faults)
        if move == "failover":
            self.kill_site("home")
        self.start(env={"UNDERSTUDY_FAULT_LOG": faults, **env}, wait=False)
        if move == "failback":
            try:
                wait_for("the API or the end", lambda: self.process.poll() is not None or self.status())
                self.understudy("failback", "counter", "--no-wait", expect=None)
            except (AssertionError, RuntimeError):
                pass
        return before

    def arrived(self, move):
        s = self.service()
        return s["phase"] == "active" and s["active"] == ("spare" if move == "failover" else "home")

    def ends_well(self, move, before):
        to = "spare" if move == "failover" else "home"
        self.start()
        if move == "failback":
            # The command may have died with the process that was to journal it: then it is given again.
            def asked():
                s = self.service()
                if s["phase"] == "active" and s["active"] == "spare":
                    self.understudy("failback", "counter", expect=None)
                return s["phase"] == "active" and s["active"] == "home"
            wait_for("the service at home", asked)
        self.serving(to)
        self.assertEqual(self.running(), [to])
        self.assertGreaterEqual(self.count(to)["count"], before - 1)

    def go_through(self, move):
        # Without a kill first: how many journal writes are there?
        before = self.begin(move, {})
        self.serving("spare" if move == "failover" else "home")
        writes = self.commits()
        self.assertGreater(writes, 4)
        # Under a sanitizer each run takes several times as long: every third point, and all of them in the plain build.
        step = 1 if os.path.basename(BUILD) == "build" else 3
        for number in range(1, writes + 1, step):
            for when in ("before", "after"):
                with self.subTest(move=move, kill_at=f"{when}:{number}"):
                    self.reset()
                    before = self.begin(move, {"UNDERSTUDY_KILL_AT": f"{when}:{number}"})
                    # Deliveries are stored in batches, so that this run may need a few writes less than the first.
                    wait_for("the kill, or the move's end", lambda: self.process.poll() is not None or (number > writes - 6 and self.arrived(move)))
                    if self.process.poll() is not None:
                        self.assertEqual(self.process.returncode, -9)
                    self.stop()
                    self.assertLessEqual(len(self.running()), 1)
                    try:
                        self.ends_well(move, before)
                    except AssertionError as missed:
                        raise AssertionError(f"{missed}\n{self.understudy('history', expect=None)}\n{self.understudy('status', expect=None)}") from missed

    def test_killed_at_every_journal_write_of_a_failover(self):
        self.go_through("failover")

    def test_killed_at_every_journal_write_of_a_failback(self):
        self.go_through("failback")


if __name__ == "__main__":
    unittest.main()
