"""A service at home whose spare can be drilled: its copy runs a shell command that a story may hold up."""
import json
import os

from harness import COUNTER, Site, wait_for


class DrillSite(Site):
    weak_check = False
    before = ""  # what the spare's shell does before the counter
    state = "spare/state"
    more = ""

    def target(self, name):
        text = super().target(name)
        if name == "home":
            return text
        plain = f'command = ["python3", "{COUNTER}", "{self.ports[name]}", "{name}/state"]'
        shell = f'env > spare.env; {self.before} exec python3 {COUNTER} {self.ports[name]} $0'
        self.assertIn(plain, text)
        # Longer than a story has to do with a copy that only sleeps.
        return text.replace(plain, f'command = ["sh", "-c", "{shell}", "{self.state}"]').replace('activate_timeout = "20s"', 'activate_timeout = "100s"')

    def begin(self, before="", **more):
        self.before = before
        for name, value in more.items():
            setattr(self, name, value)
        self.write_config(policy="manual", extra=self.more)
        self.start()
        self.serving("home")
        self.understudy("snapshot", "push", "counter")

    def copy_pid(self):
        try:
            with open(os.path.join(self.folder, "run/counter-spare.drill.json")) as record:
                return json.load(record)["pid"]
        except FileNotFoundError:
            return 0

    def spare(self):
        return next(t for t in self.service()["targets"] if t["target"] == "spare")

    def history(self):
        return [json.loads(line) for line in self.understudy("history", "--json").splitlines()]

    def kinds(self):
        return [line["kind"] for line in self.history()]

    def samples(self):
        ranked, = json.loads(self.understudy("plan", "counter", "--json"))["ranked"]
        return ranked

    def nothing_is_left(self):
        wait_for("the drill's end", lambda: self.service()["drill"] is None)
        self.assertFalse(self.copy_pid(), "a copy is still recorded")
        drills = os.path.join(self.folder, "var/drills")
        self.assertEqual(os.listdir(drills) if os.path.exists(drills) else [], [])
        self.assertNotIn("second.site", self.kinds())

    def untouched(self, pid, epoch=1):
        """Home is the process that it was, with its own state, and nobody used the spare's."""
        self.assertEqual((self.pid("home"), self.service()["epoch"]), (pid, epoch))
        self.assertEqual(self.count("home")["epoch"], str(epoch))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "spare/state")))
        with open(os.path.join(self.folder, "home/state/count.json")) as state:
            self.assertEqual(json.load(state)["site"], "home")
