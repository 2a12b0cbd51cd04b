"""An `understudy agent` as a process, with the counter as its workload and its snapshots in a folder."""
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

from harness import BUILD, COUNTER, PATIENCE_S, free_port, wait_for

KEY = "an-agent-key-that-nobody-knows"
CRASHES = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}  # no test sends these
ENVIRONMENT = {"UNDERSTUDY_EPOCH", "UNDERSTUDY_OPERATION", "UNDERSTUDY_SNAPSHOT", "PORT"}


class Agent:
    """`more`: further lines of [agent]; `tables`: further tables of the file."""

    def __init__(self, folder, name="agent", command=None, more="", tables="", state=True, snapshots=None):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.port, self.counter_port = free_port(), free_port()
        self.state = os.path.join(self.folder, "state")
        self.snapshots = snapshots or os.path.join(folder, "snapshots")
        self.command = command or ["python3", COUNTER, str(self.counter_port), self.state]
        self.log_path = os.path.join(self.folder, "log")
        self.process = None
        store = f"""
[agent.state]
plugin = "local_dir"
paths = ["state"]
every = "1s"
settings = {{ dir = "{self.snapshots}", fsync = false }}
""" if state else ""
        self.config = os.path.join(self.folder, "agent.toml")
        with open(self.config, "w") as out:
            out.write(f"""
[agent]
service = "counter"
listen = "127.0.0.1:{self.port}"
api_key = {{ env = "AGENT_KEY" }}
data_dir = "var"
stop_grace = "3s"
{more}
{store}
{tables}
""")

    def start(self, env=None, wait=True, output=None):
        """`output`: a descriptor in the place of the log."""
        inherited = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen([os.path.join(BUILD, "bin/understudy"), "-c", self.config, "agent", "--", *self.command],
                                            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output or log, stderr=output or log, env={**inherited, "AGENT_KEY": KEY, **(env or {})})
        if wait:
            wait_for("the agent to answer", lambda: self.ask("GET", "/healthz")[0] == 200)
        return self

    def stop(self, how=signal.SIGTERM, patience=PATIENCE_S):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=patience)
        if self.process and self.process.returncode in CRASHES:
            raise AssertionError(f"the agent ended with {self.process.returncode}:\n{self.log()[-10000:]}")
        return self.process.returncode if self.process else None

    def ask(self, method, path, body=None, key=KEY):
        """Status and body, parsed when it is JSON."""
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method)
        if key:
            request.add_header("X-API-Key", key)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def health(self):
        return self.ask("GET", "/health", key=None)[1]

    def until(self, **wanted):
        return wait_for(f"the agent to show {wanted}", lambda: (lambda h: h if all(h[k] == v for k, v in wanted.items()) else None)(self.health()))

    def counter(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.counter_port}/health", timeout=30) as answer:
            return json.load(answer)

    def log(self):
        with open(self.log_path) as file:
            return file.read()
