"""A Docker engine that obeys the API's contract and may be told to misbehave. On a unix socket. Not for starting things:
its containers are what the test says."""
import http.server
import json
import re
import socketserver
import threading
import time
import urllib.parse

from contract import Contract


class DockerEngine:
    def __init__(self, socket, api_version="1.41", oldest="1.12"):
        self.contract = Contract("docker-engine-1.41.swagger2.json")
        self.api_version, self.oldest = api_version, oldest
        self.containers = {}   # id → {"status", "labels", "health"}
        self.requests, self.problems = [], []
        self.stop_works = self.kill_works = True
        self.reply_instead = None  # (status, text) for everything but a ping
        self.server = Server(socket, Handler)
        self.server.engine = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, container, project, service="web", status="running", epoch=None, depends_on=""):
        labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
        if epoch is not None:
            labels["understudy.epoch"] = str(epoch)
        if depends_on:
            labels["com.docker.compose.depends_on"] = f"{depends_on}:service_started:false"
        self.containers[container] = {"status": status, "labels": labels}

    def answer(self, method, target, headers, body):
        path = urllib.parse.urlsplit(target).path
        if path == "/_ping":
            return 200, "OK"
        said = re.match(r"/v(\d+)\.(\d+)/", path)
        if not said or tuple(map(int, said.groups())) < tuple(map(int, self.oldest.split("."))):
            return 400, {"message": f"client version is too old. Minimum supported API version is {self.oldest}"}
        if tuple(map(int, said.groups())) > tuple(map(int, self.api_version.split("."))):
            return 400, {"message": f"client version is too new. Maximum supported API version is {self.api_version}"}
        target = re.sub(r"^/v\d+\.\d+", "/v1.41", target)
        self.problems += self.contract.request_problems(method, target, headers, body)
        if self.reply_instead:
            return self.reply_instead
        status, value = self.serve(method, urllib.parse.urlsplit(target))
        self.problems += self.contract.reply_problems(method, urllib.parse.urlsplit(target).path, status, value)
        return status, value

    def serve(self, method, url):
        query = urllib.parse.parse_qs(url.query)
        if url.path.endswith("/containers/json"):
            wanted = dict(x.split("=", 1) for x in json.loads(query.get("filters", ["{}"])[0]).get("label", []))
            return 200, [{"Id": i, "State": c["status"]} for i, c in self.containers.items()
                         if wanted.items() <= c["labels"].items() and (c["status"] == "running" or query.get("all") == ["true"])]
        container, verb = url.path.split("/")[3:5]
        it = self.containers.get(container)
        if it is None:
            return 404, {"message": f"No such container: {container}"}
        if verb == "json":
            return 200, {"Id": container, "Name": "/" + container, "State": {"Status": it["status"], "ExitCode": 0}, "Config": {"Labels": it["labels"]},
                         "HostConfig": {"RestartPolicy": {"Name": "no"}}}
        if verb in ("stop", "kill"):
            if it["status"] != "running":
                return (304, None) if verb == "stop" else (409, {"message": "is not running"})
            if self.stop_works if verb == "stop" else self.kill_works:
                it["status"] = "exited"
            return 204, None
        return 500, {"message": "not made for this"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self):
        engine = self.server.engine
        if self.path.split("?")[0].endswith("/events"):
            time.sleep(60)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        engine.requests.append((self.command, self.path))
        status, value = engine.answer(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        data = b"" if value is None else value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Api-Version", engine.api_version)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(data)

    do_GET = do_POST = do_HEAD = respond

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
