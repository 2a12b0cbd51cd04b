"""What status and plan tell of a target that nobody can stop from here, and that it is so."""
import http.server
import threading
import unittest

from harness import wait_for
from patient import Patient
from test_operations import Healthy


class FenceOffers(Patient):
    plugin = "unstoppable"
    on_unfenceable = "hold"

    def setUp(self):
        super().setUp()
        self.spare = http.server.ThreadingHTTPServer(("127.0.0.1", self.ports["spare"]), Healthy)
        self.addCleanup(self.end_spare)
        threading.Thread(target=self.spare.serve_forever, daemon=True).start()

    def end_spare(self):
        if self.spare:
            self.spare.shutdown()
            self.spare.server_close()
        self.spare = None

    def write_config(self, **more):
        super().write_config(**more)
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace('primary = "home"\n', f'primary = "home"\non_unfenceable = "{self.on_unfenceable}"\n'))

    def serve(self, on_unfenceable):
        self.on_unfenceable = on_unfenceable
        self.suffer()
        self.start()
        self.serving("home")

    def offers(self):
        return {t["target"]: {k: v for k, v in t["fence"].items() if k != "text"} for t in self.service()["targets"]}

    def test_the_file_must_say_what_is_done_with_what_nobody_can_stop(self):
        self.suffer()
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace('on_unfenceable = "hold"\n', ""))
        checked = self.understudy("check", expect=None)
        self.assertRegex(checked, r"needs on_unfenceable: nothing makes certain that spare \(unstoppable\) has ended")
        self.assertIn('write on_unfenceable = "hold"', checked)

    def test_each_target_says_how_it_is_stopped(self):
        self.serve("hold")
        self.assertEqual(self.offers(), {"home": {"by": "stop", "lease": "off", "wait_ms": None, "unfenceable": None},
                                         "spare": {"by": "neither", "lease": "off", "wait_ms": None, "unfenceable": "hold"}})
        status = self.understudy("status").splitlines()
        self.assertIn("[stop: its plugin confirms it]", next(line for line in status if " process " in line))
        self.assertIn("[neither stop nor lease: a person must end it]", next(line for line in status if " unstoppable " in line))
        plan = self.understudy("plan", "counter")
        self.assertRegex(plan, r"home +stop: its plugin confirms it; out of reach, it is held until then, or a person says --force\n")
        self.assertRegex(plan, r'spare +neither a stop nor a lease: a person must end it and say --force \(on_unfenceable = "hold"\)\n')
        self.assertIn("should nobody reach home: it keeps no lease, so it is held until its stop is confirmed", plan)

    def test_what_nobody_can_stop_is_held_as_plan_said(self):
        self.serve("hold")
        self.understudy("promote", "counter", "spare")
        self.assertIn("its plugin offers no stop, and it keeps no lease: a person must end it and say --force", self.understudy("plan", "counter"))
        self.end_spare()
        wait_for("a person to be asked for", lambda: (self.service()["blocked"] or {}).get("by") == "unfenceable")
        self.assertEqual(self.running(), [])

    def test_what_nobody_can_stop_is_left_running_when_the_file_says_so_as_plan_said(self):
        self.serve("promote")
        self.assertIn("[neither stop nor lease: left running, two may run]", self.understudy("status"))
        self.understudy("promote", "counter", "spare")
        self.assertIn('the standby is promoted all the same, and two may run (on_unfenceable = "promote")', self.understudy("plan", "counter"))
        self.end_spare()
        self.serving("home")
        self.assertIn("fence.skipped", [line["kind"] for line in self.history()])


if __name__ == "__main__":
    unittest.main()
