"""Fly's Machines API with state: machines move through their states in time, leases exclude others, each update makes a
version. It may be told to misbehave. Each request and each of its own replies is checked against the API's contract."""
import copy
import http.server
import itertools
import json
import re
import secrets
import signal
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

from contract import Contract

RESTING = ("created", "stopped", "suspended", "failed")
CONTRACT = "fly-machines.mock.openapi3.json"
TICK_S = 0.02
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Refused(Exception):
    def __init__(self, http, error, status=None):
        super().__init__(error)
        self.http, self.body = http, {"error": error, **({"status": status} if status else {})}


class Machine:
    def __init__(self, fly, name, region, config, state):
        self.fly, self.name, self.region, self.config = fly, name, region, config
        self.id = f"{next(fly.counter):04d}" + secrets.token_hex(5)
        self.state, self.due, self.next_state = state, None, None
        self.settled_at = time.time()
        self.cordoned, self.host, self.snapshot = False, "ok", False
        self.checks, self.events, self.versions, self.lease = [], [], [], None
        self.boots = self.resumes = 0
        self.process, self.kill_at = None, 0
        self.new_version()

    def new_version(self):
        n, text = next(self.fly.counter) + int(time.time() * 1000) * 10000, ""
        while n:
            n, digit = divmod(n, 32)
            text = DIGITS[digit] + text
        self.version = text.rjust(26, "0")
        self.versions.append((self.version, copy.deepcopy(self.config)))
        self.snapshot = False

    def env(self, key):
        return (self.config.get("env") or {}).get(key)

    def meta(self, key):
        return (self.config.get("metadata") or {}).get(key)

    def event(self, kind, status, request=None):
        self.events.insert(0, {"type": kind, "status": status, "source": "flyd", "timestamp": int(time.time() * 1000), **({"request": request} if request else {})})

    def move(self, now, then, seconds):
        self.state, self.next_state, self.due = now, then, time.time() + seconds

    def arrive(self, state):
        """A state that it rests in is reached."""
        before, self.state, self.next_state, self.due = self.state, state, None, None
        self.settled_at = time.time()
        if state == "started":
            resumed, self.snapshot = self.snapshot, False
            self.resumes, self.boots = self.resumes + resumed, self.boots + (not resumed)
            self.event("start", "started")
            self.fly.run(self)
        if state == "suspended":
            self.snapshot = True
        if state == "stopped" and before in ("stopping", "started"):
            self.fly.halt(self)
            self.event("exit", "stopped", {"exit_event": {"exit_code": 0, "requested_stop": before == "stopping", "oom_killed": False}})

    def ends(self, code=0, oom=False):
        """Its main process ends by itself."""
        self.event("exit", "stopped", {"exit_event": {"exit_code": code, "requested_stop": False, "oom_killed": oom}})
        self.state, self.next_state, self.due, self.settled_at = "stopped", None, None, time.time()

    def shown(self, nulls):
        config = copy.deepcopy(self.config)
        if nulls:  # as the wire has it
            config = {"env": None, "metadata": None, "dns": {}, "restart": {"policy": ""}, "init": {"exec": None, "entrypoint": None, "cmd": None}, "mounts": None, **config}
        if self.fly.look and self.state == "started":
            self.checks = self.fly.look(self)
        out = {"id": self.id, "name": self.name, "state": self.state, "region": self.region, "instance_id": self.version, "private_ip": "fdaa::2", "config": config,
               "created_at": "2026-11-01T10:00:00Z", "updated_at": "2026-11-01T10:00:00Z", "events": self.events[:20], "checks": self.checks, "host_status": self.host, "cordoned": self.cordoned}
        if self.host == "unreachable":
            out["incomplete_config"] = {"metadata": config.get("metadata") or {}, "env": config.get("env") or {}}
            out["config"] = None
        return out


class FlyMachines:
    def __init__(self, app="standby", token="fo1_planted_token", nulls=True, limits=False):
        self.app, self.token, self.nulls, self.limits = app, token, nulls, limits
        self.contract = Contract(CONTRACT)
        self.counter = itertools.count(1)
        self.change = threading.Condition()
        self.machines, self.requests, self.problems, self.faults = {}, [], [], []
        self.regions = ["ams", "fra", "iad", "cdg"]
        self.full = set()           # regions without room
        self.full_machines = set()  # ids whose host has no room
        self.stuck = set()          # states that nothing leaves
        self.lies = set()           # verbs that are accepted and forgotten
        self.seconds = {"create": 0.05, "start": 0.1, "stop": 0.1, "suspend": 0.1, "update": 0.05, "settle": 0.1}
        self.crash_code = None      # what each start ends with, soon
        self.command = None         # machine → argv of what its start really starts
        self.asks_to_end = False    # a stop is a signal to it and a wait for its end, then SIGKILL
        self.look = None            # machine → what its checks show
        self.buckets, self.limited = {}, 0
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.fly = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.closing = threading.Event()
        self.threads = [threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True), threading.Thread(target=self.tick, daemon=True)]
        for thread in self.threads:
            thread.start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        for thread in self.threads:
            thread.join(10)
        for machine in self.machines.values():
            self.halt(machine)

    # -- what a test does to it ----------------------------------------------------------------------------------------
    def add(self, name="m", region="fra", state="stopped", image="registry.fly.io/standby:v1", epoch=None, **config):
        config.setdefault("guest", {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256})
        config["image"] = image
        if epoch is not None:
            config.setdefault("env", {})["UNDERSTUDY_EPOCH"] = str(epoch)
            config.setdefault("metadata", {})["understudy_epoch"] = str(epoch)
        with self.change:
            machine = Machine(self, name, region, config, state)
            machine.settled_at = 0
            self.machines[machine.id] = machine
        return machine

    def fault(self, pattern, http=None, body=None, times=1, lost=None, headers=None, delay=0, then=None):
        """The next `times` requests "METHOD /path" that match: answered so, or `lost` "before" or "after" their effect; `then` is called first."""
        self.faults.append({"pattern": re.compile(pattern), "http": http, "body": body, "times": times, "lost": lost, "headers": headers or {}, "delay": delay, "then": then})

    def count(self, pattern):
        return sum(1 for method, path, _ in self.requests if re.search(pattern, f"{method} {path}"))

    def running(self):
        with self.change:
            return [m for m in self.machines.values() if m.state not in RESTING]

    def lease_of(self, machine, seconds=60, owner="somebody@example.net"):
        machine.lease = {"nonce": secrets.token_hex(6), "expires_at": int(time.time() + seconds), "until": time.time() + seconds, "owner": owner, "description": "deploying", "version": machine.version}

    # -- time ----------------------------------------------------------------------------------------------------------
    def tick(self):
        while not self.closing.wait(TICK_S):
            with self.change:
                for machine in self.machines.values():
                    if machine.due and time.time() >= machine.due and machine.state not in self.stuck and not self.lingers(machine):
                        machine.arrive(machine.next_state)
                        if machine.state == "started" and self.crash_code is not None:
                            machine.ends(self.crash_code)
                    if machine.process and machine.process.poll() is not None and machine.state == "started":
                        code, machine.process = machine.process.returncode, None
                        machine.ends(abs(code))
                self.change.notify_all()

    def run(self, machine):
        if self.command and not machine.process:
            machine.process = subprocess.Popen(**self.command(machine))

    def lingers(self, machine):
        return machine.state == "stopping" and machine.process and machine.process.poll() is None and time.time() < machine.kill_at

    def halt(self, machine):
        if machine.process:
            machine.process.kill()
            machine.process.wait()
            machine.process = None

    # -- HTTP ----------------------------------------------------------------------------------------------------------
    def answer(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        self.requests.append((method, target, json.loads(body) if body else None))
        self.problems += self.contract.request_problems(method, target, headers, body) + self.contract.unknown_fields(method, target, body)
        fault = next((f for f in self.faults if f["times"] > 0 and f["pattern"].search(f"{method} {target}")), None)
        if fault:
            fault["times"] -= 1
            if fault["then"]:
                fault["then"]()
            time.sleep(fault["delay"])
            if fault["lost"] == "before":
                return None
            if fault["http"]:
                return fault["http"], fault["body"] if fault["body"] is not None else {"error": "as the test wishes"}, fault["headers"]
        status, value = self.serve(method, url, headers, body)
        if self.contract.find(method, url.path):
            self.problems += self.contract.reply_problems(method, url.path, status, without_nulls(value))
        return None if fault and fault["lost"] == "after" else (status, value, {})

    def serve(self, method, url, headers, body):
        try:
            if headers.get("authorization") != f"Bearer {self.token}":
                raise Refused(401, "unauthorized")
            match = re.fullmatch(r"/v1/apps/([^/]+)/machines(?:/([^/]+)(?:/(.+))?)?", url.path)
            if not match or match[1] != self.app:
                raise Refused(404, "app not found")
            query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
            if self.limits:
                self.limit(method, match[2] or self.app, match[3] or "")
            with self.change:
                return self.route(method, match[2], match[3], query, headers, json.loads(body) if body else {})
        except Refused as refused:
            return refused.http, refused.body

    def limit(self, method, subject, verb):
        rate, burst = (5, 10) if method == "GET" and not verb and subject != self.app else (1, 3)
        tokens, at = self.buckets.get((method, subject, verb), (burst, time.time()))
        tokens = min(burst, tokens + (time.time() - at) * rate)
        self.buckets[(method, subject, verb)] = (tokens - 1 if tokens >= 1 else tokens, time.time())
        if tokens < 1:
            self.limited += 1
            raise Refused(429, "rate limit exceeded")

    def route(self, method, machine_id, verb, query, headers, body):
        if machine_id is None:
            return self.create(body) if method == "POST" else (200, [m.shown(self.nulls) for m in self.machines.values() if m.state != "destroyed"])
        machine = self.machines.get(machine_id)
        if machine is None or machine.state == "destroyed":
            raise Refused(404, "machine not found")
        if verb == "wait":
            return self.wait(machine, query)
        if verb == "versions":
            return 200, [{"version": v, "user_config": c} for v, c in machine.versions]
        if verb == "lease":
            return self.leases(method, machine, headers, body)
        if method == "GET":
            return 200, machine.shown(self.nulls)
        if self.held(machine) and headers.get("fly-machine-lease-nonce") != machine.lease["nonce"]:
            raise Refused(409, f"machine ID {machine.id} lease currently held by {machine.lease['owner']}")
        if machine.host == "unreachable":
            raise Refused(500, "could not reach the machine's host")
        if verb in self.lies:
            return 200, {"previous_state": machine.state} if verb == "start" else {"ok": True}
        return {None: self.update, "start": self.start, "stop": self.stop, "suspend": self.suspend, "cordon": self.cordon, "uncordon": self.cordon,
                "metadata": self.metadata}[verb](machine, body, verb)

    def held(self, machine):
        return machine.lease is not None and machine.lease["until"] > time.time()

    # -- operations ----------------------------------------------------------------------------------------------------
    def create(self, body):
        config, region = body.get("config", {}), body.get("region") or self.regions[0]
        if not config.get("image"):
            raise Refused(422, "config.image is required")
        if region not in self.regions:
            raise Refused(422, f"region {region} not found")
        if any(m.name == body.get("name") for m in self.machines.values() if m.state != "destroyed"):
            raise Refused(422, "name is taken", "name_taken")
        if region in self.full:
            raise Refused(422, f"insufficient resources to create a machine in {region}", "insufficient_capacity")
        machine = Machine(self, body.get("name") or secrets.token_hex(4), region, config, "created")
        machine.event("launch", "created")
        machine.cordoned = body.get("skip_service_registration", False)
        self.machines[machine.id] = machine
        if not body.get("skip_launch"):
            machine.move("created", "started", self.seconds["start"])
        return 200, machine.shown(self.nulls)

    def update(self, machine, body, _):
        if "current_version" in body and body["current_version"] != machine.version:
            raise Refused(409, "current_version does not match")
        if machine.id in self.full_machines:
            raise Refused(409, "insufficient resources available on the host", "insufficient_capacity")
        before = machine.state
        machine.config = body["config"]  # what is left out is dropped
        machine.new_version()
        launch = before == "started" and not body.get("skip_launch")
        if before == "started":
            self.halt(machine)
        machine.move("replacing", "started" if launch else "stopped", self.seconds["update"])
        machine.event("update", "replacing")
        return 200, machine.shown(self.nulls)

    def start(self, machine, _, __):
        if machine.state not in RESTING or time.time() < machine.settled_at + self.seconds["settle"]:
            raise Refused(412, f"failed_precondition: unable to start machine from current state: '{machine.state}'")
        if machine.id in self.full_machines or machine.region in self.full:
            raise Refused(412, "insufficient resources available to fulfil the request", "insufficient_capacity")
        before = machine.state
        machine.move("starting", "started", self.seconds["start"])
        return 200, {"previous_state": before, "migrated": False, "new_host": ""}

    def stop(self, machine, body, _):
        if machine.state == "suspended":
            machine.snapshot = False
        if self.asks_to_end and machine.process:
            name = body.get("signal") or "SIGINT"
            machine.process.send_signal(getattr(signal, name))
            machine.kill_at = time.time() + float((body.get("timeout") or "5s").rstrip("s"))
        if machine.state in ("started", "starting", "suspended", "stopping", "replacing"):
            machine.move("stopping", "stopped", self.seconds["stop"])
        return 200, {"ok": True}

    def suspend(self, machine, _, __):
        if machine.state != "started":
            raise Refused(409, f"cannot suspend a machine that is {machine.state}")
        machine.move("suspending", "suspended", self.seconds["suspend"])
        return 200, {"ok": True}

    def cordon(self, machine, _, verb):
        machine.cordoned = verb == "cordon"
        return 200, {"ok": True}

    def metadata(self, machine, body, _):
        if body.get("machine_version", machine.version) != machine.version:
            raise Refused(412, "machine version does not match")
        machine.config = {**machine.config, "metadata": {**(machine.config.get("metadata") or {}), **body["metadata"]}}
        return 204, None

    def wait(self, machine, query):
        state, version = query.get("state", "started"), query.get("instance_id") or query.get("version")
        if state == "stopped" and not version:
            raise Refused(400, "instance_id is required")
        end = time.time() + min(60, int(query.get("timeout", 60)))
        while machine.state not in state.split(","):
            left = end - time.time()
            if left <= 0 or self.closing.is_set():
                raise Refused(408, f"deadline_exceeded: machine failed to reach desired state, {state}, currently {machine.state}")
            self.change.wait(left)
        return 200, {"ok": True}

    def leases(self, method, machine, headers, body):
        nonce = headers.get("fly-machine-lease-nonce")
        if method == "GET":
            if not self.held(machine):
                raise Refused(404, "lease not found")
            return 200, self.lease_reply(machine)
        if self.held(machine) and machine.lease["nonce"] != nonce:
            return 409, {"status": "error", "message": f"machine ID {machine.id} lease currently held by {machine.lease['owner']}, expires at {machine.lease['expires_at']}", "code": "invalid"}
        if method == "DELETE":
            machine.lease = None
            return 200, {"status": "success", "data": {"ok": True}}
        old = machine.lease if self.held(machine) else None
        self.lease_of(machine, body.get("ttl", 60), "deploy-token@example.net")
        machine.lease["description"] = body.get("description", "")
        if old:
            machine.lease["nonce"] = old["nonce"]
        return 201, self.lease_reply(machine)

    def lease_reply(self, machine):
        return {"status": "success", "data": {k: v for k, v in machine.lease.items() if k != "until"}}


def without_nulls(value):
    """The wire has nulls and empty words where the contract has none: README of the contracts."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None and not (k == "policy" and v == "")}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.fly.answer(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        if answer is None:  # the connection ends without an answer
            self.close_connection = True
            return
        status, value, headers = answer
        data = b"" if value is None else value.encode() if isinstance(value, str) else json.dumps(value).encode()
        try:
            self.send_response(status)
            self.send_header("fly-request-id", "01HZ-fake")
            for name, text in headers.items():
                self.send_header(name, text)
            if status != 204:
                self.send_header("Content-Type", "text/html" if isinstance(value, str) else "application/json")
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:  # the client has given up
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = respond

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may go away
            super().handle_error(request, client_address)
