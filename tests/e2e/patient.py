"""A service whose spare is run by a third-party plugin that offers everything, and suffers from what a test says."""
import json
import os

from harness import BUILD, Site

TOKEN = "planted-token-of-the-patient"


class Patient(Site):
    suffers_from = ""
    slow_ms = 0
    mode = "act"
    plugin = "patient"

    def target(self, name):
        if name == "home":
            return super().target(name)
        return f"""
[service.counter.target.spare]
plugin = "{self.plugin}"
settings = {{ dir = "provider", token = {{ env = "PATIENT_TOKEN" }}, suffers_from = "{self.suffers_from}", slow_ms = {self.slow_ms} }}
[[service.counter.target.spare.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{self.ports['spare']}/health" }}
"""

    def write_config(self, **more):
        super().write_config(**more)
        with open(self.config) as config:
            text = config.read()
        head = f'[orchestrator]\nmode = "{self.mode}"\nplugin_path = ["{os.path.join(BUILD, "wrong_plugins")}"]'
        with open(self.config, "w") as config:
            config.write(text.replace("[orchestrator]", head))

    def suffer(self, what="", **more):
        self.suffers_from = what
        for name, value in more.items():
            setattr(self, name, value)
        self.write_config(policy="manual")

    def start(self, env=None, **more):
        super().start(env={"PATIENT_TOKEN": TOKEN, **(env or {})}, **more)

    def provider(self, name):
        path = os.path.join(self.folder, "provider/counter-spare", name)
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return file.read().split("\n")[:-1]

    def history(self):
        return [json.loads(line) for line in self.understudy("history", "--json").splitlines()]
