"""A Google Drive for the real rclone: as much of the Drive API v3 as rclone's `drive` backend asks for, behind a proxy that ends TLS
with a certificate of its own (the backend's address cannot be set). Files live in memory. `fail` makes it answer with an error."""
import email
import hashlib
import http.server
import json
import os
import re
import ssl
import subprocess
import threading
import urllib.parse

FOLDER = "application/vnd.google-apps.folder"
NAMES = ("www.googleapis.com", "oauth2.googleapis.com")


def make_certificates(folder):
    """ca.pem, and server.pem (key and certificate) signed by it."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test CA")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=drive")
    with open(os.path.join(folder, "ext"), "w") as out:
        out.write("subjectAltName=" + ",".join("DNS:" + n for n in NAMES))
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt", "-days", "2", "-extfile", "ext")
    with open(os.path.join(folder, "server.pem"), "w") as out:
        for name in ("server.key", "server.crt"):
            with open(os.path.join(folder, name)) as part:
                out.write(part.read())


class Drive:
    def __init__(self, folder):
        make_certificates(folder)
        self.ca = os.path.join(folder, "ca.pem")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(os.path.join(folder, "server.pem"))
        self.lock = threading.RLock()
        self.files = {"ROOT": {"id": "ROOT", "name": "My Drive", "mimeType": FOLDER, "parents": [], "trashed": False}}
        self.calls, self.next, self.quota = [], 1, None
        self.fail = lambda method, path: None  # or (HTTP status, reason, message)
        self.revoked = False
        drive = self

        class Handler(Conversation):
            pass
        Handler.drive = drive
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.proxy = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def count(self, ending):
        return sum(1 for c in self.calls if c.endswith(ending))

    # ---- what is stored ----------------------------------------------------------------------------------------------
    def add(self, meta, data=None):
        with self.lock:
            made = {"id": f"id{self.next}", "mimeType": "application/octet-stream", "modifiedTime": "2026-11-20T10:00:00.000Z",
                    "createdTime": "2026-11-20T10:00:00.000Z", "trashed": False, "parents": ["ROOT"], "capabilities": {"canDownload": True}}
            self.next += 1
            made.update({k: v for k, v in meta.items() if k in ("name", "mimeType", "parents", "modifiedTime", "description")})
            made["parents"] = ["ROOT" if p == "root" else p for p in made["parents"]]
            self.files[made["id"]] = made
            return self.fill(made, data)

    def fill(self, file, data):
        if data is not None:
            file["data"], file["size"], file["md5Checksum"] = data, str(len(data)), hashlib.md5(data).hexdigest()
        return file

    def used(self):
        return sum(len(f.get("data", b"")) for f in self.files.values())

    def find(self, query):
        parents = [("ROOT" if p == "root" else p) for p in re.findall(r"'([^']+)' in parents", query)]
        names = [n.replace("\\'", "'") for n in re.findall(r"name='((?:[^'\\]|\\.)*)'", query)]
        for file in list(self.files.values()):
            if file["trashed"] or file["id"] == "ROOT":
                continue
            if parents and not set(parents) & set(file["parents"]):
                continue
            if names and file["name"] not in names:
                continue
            if f"mimeType='{FOLDER}'" in query and file["mimeType"] != FOLDER:
                continue
            if f"mimeType!='{FOLDER}'" in query and file["mimeType"] == FOLDER:
                continue
            yield file

    def at(self, path):
        """The file of a path from the root, as a test sees it; None when it is not there."""
        here = self.files["ROOT"]
        for part in path.split("/"):
            here = next((f for f in self.files.values() if here and here["id"] in f["parents"] and f["name"] == part and not f["trashed"]), None)
        return here


class Conversation(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    drive = None

    def do_CONNECT(self):
        if self.path.split(":")[0] not in NAMES:
            return self.send_error(502)
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        try:
            self.connection = self.drive.tls.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def finish(self):
        super().finish()
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.close()

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if "chunked" not in self.headers.get("Transfer-Encoding", "") else self.chunks()
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[-1] for k, v in urllib.parse.parse_qs(url.query).items()}
        with self.drive.lock:
            self.drive.calls.append(f"{self.command} {url.path}")
            status, out = self.decide(url.path, query, body)
        raw = out if isinstance(out, bytes) else json.dumps(out).encode() if out is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if not isinstance(out, bytes) else "application/octet-stream")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer

    def chunks(self):
        out = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def decide(self, path, query, body):
        drive = self.drive
        if path == "/token":
            if drive.revoked:
                return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return 200, {"access_token": "fresh", "token_type": "Bearer", "expires_in": 3600}
        if problem := drive.fail(self.command, path):
            status, reason, message = problem
            return status, {"error": {"code": status, "message": message, "errors": [{"domain": "usageLimits", "reason": reason, "message": message}]}}
        found = re.fullmatch(r"(/upload)?/drive/v3/files(?:/([^/]+))?(/copy)?", path)
        if not found:
            return 404, {"error": {"code": 404, "message": "not found: " + path}}
        upload, name, copy = found.groups()
        file = drive.files.get("ROOT" if name == "root" else name) if name else None
        if name and not file:
            return 404, {"error": {"code": 404, "message": "File not found: " + name, "errors": [{"reason": "notFound", "message": "File not found"}]}}
        return self.act(bool(upload), file, bool(copy), query, body)

    def act(self, upload, file, copy, query, body):
        drive = self.drive
        if upload:
            meta, data = self.parts(body)
            if drive.quota is not None and drive.used() + len(data) > drive.quota:
                words = "The user's Drive storage quota has been exceeded."
                return 403, {"error": {"code": 403, "message": words, "errors": [{"domain": "usageLimits", "reason": "storageQuotaExceeded", "message": words}]}}
            if file:
                file.update({k: v for k, v in meta.items() if k in ("name", "modifiedTime", "mimeType")})
                return 200, self.show(drive.fill(file, data))
            return 200, self.show(drive.add(meta, data))
        if copy:
            meta = {**{k: file[k] for k in ("name", "mimeType", "modifiedTime", "parents")}, **json.loads(body or b"{}")}
            return 200, self.show(drive.add(meta, file["data"]))
        if self.command == "GET":
            if not file:
                return 200, {"files": [self.show(f) for f in drive.find(query.get("q", ""))], "incompleteSearch": False}
            return (200, file["data"]) if query.get("alt") == "media" else (200, self.show(file))
        if self.command == "POST":
            return 200, self.show(drive.add(json.loads(body)))
        if self.command == "DELETE":
            del drive.files[file["id"]]
            return 204, None
        changes = json.loads(body or b"{}")
        file.update({k: v for k, v in changes.items() if k in ("name", "modifiedTime", "trashed", "mimeType")})
        added, removed = query.get("addParents", "").split(","), query.get("removeParents", "").split(",")
        file["parents"] = [p for p in file["parents"] if p not in removed] + [("ROOT" if p == "root" else p) for p in added if p]
        return 200, self.show(file)

    def parts(self, body):
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        first, second = email.message_from_bytes(head + body).get_payload()
        boundary = b"--" + re.search('boundary="?([^";]+)', self.headers["Content-Type"]).group(1).encode()
        raw = body.split(boundary)[2].split(b"\r\n\r\n", 1)[1]  # the mail parser would change line ends
        return json.loads(first.get_payload()), raw[:-2] if second is not None else raw

    def show(self, file):
        return {k: v for k, v in file.items() if k != "data"}

    def log_message(self, *args):
        pass
