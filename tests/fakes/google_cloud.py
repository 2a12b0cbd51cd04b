"""Google Cloud on loopback, stateful: token endpoints, Cloud Run Admin v2 with a supervisor inside its services, Cloud
Storage, Secret Manager. Every request and reply is checked by Google's own descriptions; what it does is checked by Google's own clients
(tests/e2e/test_gcp_clients.py). Faults are told to it by the test. Standard library only."""
import http.server
import json
import re
import socket
import socketserver
import threading
import time
import urllib.parse

from contract import Contract
from google_identity import Identity
from google_run import CloudRun
from google_secrets import Secrets
from google_storage import Storage

GLOBAL_PARAMETERS = ("alt", "$alt", "fields", "prettyPrint", "quotaUser", "key", "oauth_token")


def error(code, message, status="", details=None, reason=""):
    """Google's envelope."""
    body = {"code": code, "message": message}
    if status:
        body["status"] = status
    if details:
        body["details"] = details
    if reason:
        body["errors"] = [{"reason": reason, "message": message, "domain": "global"}]
    return code, {"error": body}


class Fault:
    """What the next `times` requests that fit get instead: a reply, "drop" (nothing, closed), "hang", or, with
    `after`, only once the request has had its effect."""

    def __init__(self, method, pattern, what, times=1, after=False, headers=None, skip=0):
        self.method, self.pattern, self.what, self.times = method, re.compile(pattern), what, times
        self.after, self.headers, self.skip = after, headers or {}, skip

    def fits(self, method, target):
        if self.times <= 0 or self.method not in ("*", method) or not self.pattern.search(target):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class GoogleCloud:
    def __init__(self):
        self.contracts = {"run": Contract("google-run-v2.openapi3.json"), "storage": Contract("google-storage-v1.openapi3.json"),
                          "iam": Contract("google-iamcredentials-v1.openapi3.json"), "secrets": Contract("google-secretmanager-v1.openapi3.json")}
        self.lock = threading.RLock()
        self.requests, self.problems, self.faults = [], [], []
        self.hooks = {}                # path → what a test lets another program do here by a GET
        self.open = threading.Event()  # set: hanging requests are let go
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.cloud = self
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.identity = Identity(self)
        self.run = CloudRun(self)
        self.storage = Storage(self)
        self.secrets = Secrets(self)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()

    def fault(self, method, pattern, what, **how):
        self.faults.append(Fault(method, pattern, what, **how))

    def asked(self, method="*", pattern=""):
        return [r for r in self.requests if method in ("*", r[0]) and re.search(pattern, r[1])]

    def answer(self, method, target, headers, body):
        """(status, value or bytes or None, headers) or "drop"."""
        with self.lock:
            fault = next((f for f in self.faults if f.fits(method, target)), None)
        if fault and not fault.after:
            return self.spoiled(fault)
        with self.lock:
            reply = self.serve(method, target, headers, body)
        return self.spoiled(fault) if fault else reply

    def spoiled(self, fault):
        if fault.what == "hang":
            self.open.wait(120)
            return "drop"
        if fault.what == "drop":
            return "drop"
        status, value = fault.what
        return status, value, fault.headers

    def serve(self, method, target, headers, body):
        path = urllib.parse.urlsplit(target).path
        if path in self.hooks:
            return (200, None, {}) if self.hooks[path](dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))) else (500, None, {})
        for part, prefix in ((self.identity, self.identity.PATHS), (self.run, "/app/"), (self.run, "/v2/"), (self.storage, ("/storage/", "/upload/", "/download/")), (self.secrets, "/v1/projects/")):
            if path.startswith(prefix):
                return part.serve(method, target, headers, body)
        return (*error(404, f"no such path: {path}"), {})

    def check(self, name, method, target, headers, body):
        """The request against the provider's contract; JSON bodies also for fields that do not exist."""
        contract = self.contracts[name]
        split = urllib.parse.urlsplit(target)
        query = [(k, v) for k, v in urllib.parse.parse_qsl(split.query, keep_blank_values=True) if k not in GLOBAL_PARAMETERS]
        if "gcloud" in headers.get("user-agent", ""):  # Python's words, which Google takes
            query = [(k, v.lower() if v in ("True", "False") else v) for k, v in query]
        plain = urllib.parse.urlunsplit(split._replace(query=urllib.parse.urlencode(query)))
        self.problems += contract.request_problems(method, plain, headers, body)
        found = contract.find(method, split.path)
        if found and body:
            schema, _ = contract.body_schema(found[1], found[2])
            if schema is not None:
                self.problems += [f"{method} {found[0]}: {p}" for p in unknown_fields(contract, schema, json.loads(body))]

    def check_reply(self, name, method, target, status, value):
        path = urllib.parse.urlsplit(target).path
        if isinstance(value, dict):
            self.problems += self.contracts[name].reply_problems(method, path, status, value)


def unknown_fields(contract, schema, value, where="body"):
    schema = contract.resolve(schema)
    if isinstance(value, list):
        return [p for i, inner in enumerate(value) for p in unknown_fields(contract, schema.get("items", {}), inner, f"{where}[{i}]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    out = []
    for key, inner in value.items():
        if key in schema["properties"]:
            out += unknown_fields(contract, schema["properties"][key], inner, f"{where}.{key}")
        elif not schema.get("additionalProperties"):
            out.append(f"{where}.{key} does not exist")
    return out


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self):
        cloud = self.server.cloud
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "chunked" not in self.headers.get("Transfer-Encoding", "") else self.chunks()
        cloud.requests.append((self.command, self.path, time.monotonic()))
        reply = cloud.answer(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        if reply == "drop":
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            return
        status, value, more = reply
        data = b"" if value is None else value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        for key, text in more.items():
            self.send_header(key, text)
        if "Content-Type" not in more:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status not in (204, 304) and self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = respond

    def chunks(self):
        data = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that went away
