"""One of the known setups of examples/, whole: its own orchestrator.toml and agent.toml, each under a file that only replaces
addresses, paths and intervals; home as a process, the supervisor as a process, Telegram's fake. Planted secrets are looked for
in all that was written, answered, or shown in the process list."""
import copy
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import tomllib
import urllib.error
import urllib.request

from harness import COUNTER, PATIENCE_S, ROOT, Site, free_port, paced, wait_for
from toml_text import leaves, toml_text

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from telegram_api import TelegramApi  # noqa: E402

CHAT = 987654321
# What an overlay of a test may say beside what the example says: where things are, and how often or long.
ADDRESSES = {"api", "oauth_api", "metadata_api", "url", "listen", "credentials", "remote"}
PATHS = {"data_dir", "run_dir", "cwd", "paths", "config", "work_dir"}
INTERVALS = {"interval", "fast_interval", "observe_every", "every", "stable_for", "health_interval", "pace", "idle_stop", "started_after", "lease_ttl", "retry_wait",
             "quiet_after_stop", "retry_initial", "breaker_open"}
WORKLOAD = {"command", "match"}


class Watch(threading.Thread):
    """Looks at the process list again and again: short-lived programs have arguments too."""

    def __init__(self, planted):
        super().__init__(daemon=True)
        self.planted, self.found, self.seen, self.done = planted, set(), set(), threading.Event()

    def run(self):
        while not self.done.wait(0.02):
            self.look()

    def look(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as words:
                    line = words.read()
            except OSError:
                continue  # it has ended
            self.seen.add(os.path.basename(line.split(b"\0")[0]).decode(errors="replace"))
            self.found |= {(name, line) for name, secret in self.planted.items() if secret.encode() in line}


class SetupSite(Site):
    example = ""
    secret_files = ()  # names of files that are there to hold a secret
    LONG_ENOUGH_TO_BE_SEEN = f"{paced(8000)}ms"  # at the standby, before it goes home by itself

    def setUp(self):
        token = f"987654:{secrets.token_urlsafe(24)}"
        self.planted = {"STANDBY_KEY": secrets.token_hex(24), "TELEGRAM_BOT_TOKEN": token, "the bot's secret": token.split(":")[1]}
        self.api = TelegramApi(token)
        self.api.add_chat(CHAT)
        with open(os.path.join(ROOT, "examples", self.example, "orchestrator.toml"), "rb") as file:
            self.base = tomllib.load(file)
        self.agent, self.answers, self.first_message = None, [], 0
        self.watch = Watch(self.planted)
        super().setUp()

    def tearDown(self):
        if self.watch.is_alive():
            self.watch.done.set()
            self.watch.join()
        if self.process:
            self.ask_for_everything()
        self.stop()
        self.end_agent()
        self.api.close()
        written = self.written()
        super().tearDown()
        if self.passed():
            self.assertEqual(self.api.problems, [])
            self.no_secret(written)

    # ---- files -------------------------------------------------------------------------------------------------------
    def write_config(self, stable_for=None, **more):
        """The overlay, made from the example so that it holds the same keys. Without `stable_for` the example's counts, which
        no test outlives: then a person asks for the way home."""
        if "standby" not in self.ports:
            self.ports = {"home": free_port(), "standby": free_port()}
        base_service = self.base["service"]["trader"]
        health = copy.deepcopy(base_service["target"]["home"]["health"])
        health[0]["settings"]["url"] = f"http://127.0.0.1:{self.ports['home']}/health"
        for check in health[1:]:
            place = {"http": ("url", f"http://127.0.0.1:{free_port()}/healthz"), "process": ("match", f"counter.py {self.ports['home']}")}[check["plugin"]]
            check["settings"][place[0]] = place[1]
        home = {"settings": {"command": ["python3", COUNTER, str(self.ports["home"]), self.path("home/state")], "cwd": self.folder, "run_dir": self.path("run")}, "health": health}
        over = {"orchestrator": {"data_dir": self.path("var")},
                "service": {"trader": {"observe_every": "300ms", "detect": {"interval": "400ms", "fast_interval": "200ms"},
                                       "target": {"home": home, "standby": {}}, "state": {"paths": [self.path("home/state")], "every": "1s", "settings": {}},
                                       "failback": {"stable_for": stable_for} if stable_for else {}}},
                "notifier": {"phone": {"settings": {"api": self.api.url, "pace": "5ms"}}}}
        self.replace(over["service"]["trader"], **more)
        self.only_places(over, self.base)
        with open(self.config, "w") as out:
            out.write(toml_text(over))
        self.write_agent()

    def replace(self, service, **more):
        """The provider's part of the overlay."""
        raise NotImplementedError

    def only_places(self, over, base):
        """An overlay that said more than that would test another setup than the example's."""
        told = dict(leaves(base))
        for where, value in leaves(over):
            if told.get(where) != value:
                self.assertIn(where[-1], ADDRESSES | PATHS | INTERVALS | WORKLOAD, where)

    def agent_overlay(self):
        return {"agent": {"data_dir": self.path("standby/var"), "health_interval": "200ms",
                          "state": {"paths": [self.path("standby/state")], "every": "1s", "settings": {}},
                          "health": [{"plugin": "http", "settings": {"url": f"http://127.0.0.1:{self.ports['standby']}/health", "json": {"$.status": "healthy"}}}]}}

    def write_agent(self):
        with open(os.path.join(ROOT, "examples", self.example, "agent.toml"), "rb") as file:
            base = tomllib.load(file)
        over = self.agent_overlay()
        self.only_places(over, base)
        os.makedirs(self.path("standby"), exist_ok=True)
        with open(self.path("standby/agent.toml"), "w") as out:
            out.write(toml_text(over))

    def path(self, name):
        return os.path.join(self.folder, name)

    def files(self, name, over):
        return ["-c", os.path.join(ROOT, "examples", self.example, name), "-c", over]

    # ---- processes ---------------------------------------------------------------------------------------------------
    def environment(self):
        """Of the orchestrator. A home of its own, so that nobody's credentials are found."""
        return {**os.environ, "HOME": self.folder, **{k: v for k, v in self.planted.items() if k.isupper()}}

    def start(self, env=None, wait=True):
        self.watch.start()
        self.understudy("check")
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen([self.program, *self.files("orchestrator.toml", self.config), "run"], stdout=log, stderr=log, env={**self.environment(), **(env or {})})
        if wait:
            wait_for("the API to answer", self.status)

    def understudy(self, *words, expect=0):
        done = subprocess.run([self.program, *self.files("orchestrator.toml", self.config), *words], capture_output=True, text=True, timeout=2 * PATIENCE_S, env=self.environment())
        self.answers.append(done.stdout + done.stderr)
        if expect is not None and done.returncode != expect:
            raise RuntimeError(f"understudy {' '.join(words)} exited {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
        return done.stdout if expect == 0 else done.stdout + done.stderr

    def agent_words(self):
        """The image's entry point and command, with this test's places."""
        return [self.program, *self.files("agent.toml", self.path("standby/agent.toml")), "agent", "--", *self.workload()]

    def workload(self):
        return ["python3", COUNTER, str(self.ports["standby"]), self.path("standby/state")]

    def agent_log(self):
        return self.path("standby/log")

    def end_agent(self):
        if self.agent and self.agent.poll() is None:
            self.agent.send_signal(signal.SIGTERM)
            try:
                self.agent.wait(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.agent.kill()
                self.agent.wait()

    def pid(self, target):
        with open(self.path(f"run/trader-{target}.run.json")) as record:
            return json.load(record)["pid"]

    def home_dies(self):
        """Returns what it had counted."""
        self.first_message = self.api.next_message
        self.kill_site("home")
        return self.counted("home")

    # ---- what is so --------------------------------------------------------------------------------------------------
    def counted(self, target):
        """What the service has written itself."""
        with open(self.path(f"{target}/state/count.json")) as file:
            return json.load(file)["count"]

    def kinds(self):
        return [json.loads(line)["kind"] for line in self.understudy("history", "--json").splitlines()]

    def ask(self, url, method="GET", body=None, key=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers={"X-API-Key": key} if key else {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        self.answers.append(text)
        return status, text

    # ---- the phone ---------------------------------------------------------------------------------------------------
    def told(self, words):
        return self.api.wait_for(f'"{words}"', lambda: any(words in text for _, _, text, _ in self.api.history), patience=PATIENCE_S)

    def story(self):
        """The one message since home was killed, in all its versions. Replies only make a sound; each points to it."""
        messages = {i: m for (chat, i), m in self.api.messages.items() if chat == CHAT and i >= self.first_message}
        heads = [i for i, m in messages.items() if m["reply_to"] is None]
        self.assertEqual(len(heads), 1, messages)
        self.assertEqual({m["reply_to"] for i, m in messages.items() if i not in heads} - set(heads), set(), messages)
        return [text for _, i, text, _ in self.api.history if i == heads[0]]

    # ---- secrets -----------------------------------------------------------------------------------------------------
    def ask_for_everything(self):
        for words in (("status", "--json"), ("status",), ("history", "--json"), ("history",), ("plan", "trader"), ("alert", "list"), ("target", "list")):
            self.understudy(*words, expect=None)

    def written(self):
        """Journal, logs, records, configuration, by file; not what is there to hold a secret."""
        out = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                if name not in self.secret_files and os.path.isfile(os.path.join(folder, name)):
                    with open(os.path.join(folder, name), "rb") as source:
                        out[os.path.relpath(os.path.join(folder, name), self.folder)] = source.read()
        return out

    def no_secret(self, written):
        for part in ("journal", "log", "standby/log"):
            self.assertTrue([n for n in written if part in n], (part, sorted(written)))
        self.assertTrue({"understudy", "python3"} <= self.watch.seen, self.watch.seen)
        self.assertEqual(self.watch.found, set())
        answers = "\n".join(self.answers) + "\n".join(text for _, _, text, _ in self.api.history)
        self.assertGreater(len(answers), 1000)
        for name, secret in self.planted.items():
            self.assertNotIn(secret, answers, name)
            for file, content in written.items():
                self.assertNotIn(secret.encode(), content, f"{name} in {file}")


def start_agent(site, env):
    with open(site.agent_log(), "a") as log:
        return subprocess.Popen(site.agent_words(), cwd=site.path("standby"), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)


def clean_environment():
    """Of a container: none of ours but where programs are."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
