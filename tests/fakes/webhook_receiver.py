"""A receiver of webhooks that is stricter than most: it checks the signature by itself, the headers, and the body by what
Slack and ntfy say of theirs. What is wrong with a request stands in `problems`; `answers` are given in turn, then 200."""
import hashlib
import hmac
import http.server
import json
import re
import socketserver
import ssl
import threading
import time

SEVERITIES, STATES = ("info", "warning", "critical"), ("firing", "resolved", "event")
OWN_FIELDS = {"version": int, "id": str, "kind": str, "severity": str, "state": str, "service": str, "target": str, "title": str, "text": str,
              "at_ms": int, "at": str, "incident": str, "possible_duplicate": bool, "facts": dict}


def own_problems(body):
    out = [f"{name} is {body.get(name)!r}" for name, kind in OWN_FIELDS.items() if type(body.get(name)) is not kind]
    out += [f"{name} is not documented" for name in body if name not in OWN_FIELDS]
    if out:
        return out
    if body["version"] != 1 or body["severity"] not in SEVERITIES or body["state"] not in STATES:
        out.append(f"version, severity or state: {body}")
    if time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(body["at_ms"] // 1000)) != body["at"]:
        out.append(f"at is {body['at']}, at_ms {body['at_ms']}")
    return out


def slack_text_problems(text, limit):
    out = []
    if not text or len(text) > limit:
        out.append(f"a text of {len(text)} characters, of at most {limit}")
    bare = re.sub(r"<!date\^\d+\^[^|<>]+\|[^|<>]+>", "", text)
    if re.search(r"[<>]", bare) or re.search(r"&(?!amp;|lt;|gt;)", bare):
        out.append("not escaped: " + text)
    return out


def slack_problems(body):
    if set(body) != {"text", "blocks"}:
        return [f"fields {sorted(body)}"]
    out = slack_text_problems(body["text"], 40_000)
    if not 1 <= len(body["blocks"]) <= 50:
        out.append(f"{len(body['blocks'])} blocks")
    for block in body["blocks"]:
        texts = [(block["text"], 3000)] if "text" in block else []
        texts += [(t, 2000) for t in block.get("fields", [])] + [(t, 3000) for t in block.get("elements", [])]
        if block["type"] not in ("section", "context") or not texts or len(block.get("fields", [])) > 10:
            out.append(f"block {block}")
        for text, limit in texts:
            if text["type"] != "mrkdwn" or set(text) - {"type", "text", "verbatim"}:
                out.append(f"text object {text}")
            out += slack_text_problems(text["text"], limit)
    return out


def ntfy_problems(body):
    out = [f"{name} is not of ntfy" for name in body if name not in ("topic", "title", "message", "priority", "tags")]
    if not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", body.get("topic", "")):
        out.append(f"topic {body.get('topic')!r}")
    if len(body.get("message", "").encode()) > 4096 or not body.get("message"):
        out.append("a message that is empty or becomes an attachment")
    if body.get("priority") not in (1, 2, 3, 4, 5) or not all(isinstance(t, str) for t in body.get("tags", [])):
        out.append(f"priority or tags: {body}")
    return out


CHECKS = {"json": own_problems, "slack": slack_problems, "ntfy": ntfy_problems}


class Received:
    def __init__(self, path, headers, raw):
        self.path, self.headers, self.raw = path, headers, raw
        self.body = json.loads(raw)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        receiver = self.server.receiver
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        received = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, raw)
        receiver.take(received, len(self.headers) - len(set(k.lower() for k in self.headers)))
        answer = receiver.answers.pop(0) if receiver.answers else (200, {}, "ok")
        if answer == "hang":
            receiver.released.wait(120)
            return self.end()
        if answer == "drop":
            return self.end()
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def end(self):
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_):
        pass

    def address_string(self):
        return "somebody"


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *_):  # a connection that the test dropped
        pass


class Receiver:
    def __init__(self, form="json", secret=None, certificate=None):
        self.form, self.secret = form, secret
        self.requests, self.problems, self.answers = [], [], []
        self.released = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def take(self, request, repeated_headers):
        self.requests.append(request)
        if repeated_headers:
            self.problems.append("a header stands twice")
        if request.headers.get("content-type") != "application/json":
            self.problems.append(f"content type {request.headers.get('content-type')}")
        if not request.headers.get("idempotency-key"):
            self.problems.append("no idempotency key")
        self.problems += CHECKS[self.form](request.body)
        if self.secret:
            self.check_signature(request)

    def check_signature(self, request):
        match = re.fullmatch(r"t=(\d{10}),v1=([0-9a-f]{64})", request.headers.get("x-understudy-signature", ""))
        if not match:
            return self.problems.append(f"signature {request.headers.get('x-understudy-signature')}")
        right = hmac.new(self.secret.encode(), match[1].encode() + b"." + request.raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, match[2]):
            self.problems.append("the signature is wrong")
        if abs(time.time() - int(match[1])) > 60:
            self.problems.append("the signature is of another time")

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
