"""Web servers of many kinds for one test: plain, TLS with certificates of several ages, IPv6, a unix socket, credentials,
redirects. Prints where they are as one line of JSON, and ends when its standard input does."""
import base64
import http.server
import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HITS = {"connections": 0}


class Zoo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        HITS["connections"] += 1
        super().setup()

    def reply(self, status, body=b"ok", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        said = self.headers.get("Authorization", "")
        if self.path.startswith("/redirect/"):
            left = int(self.path.split("/")[2])
            return self.reply(302, Location=f"/redirect/{left - 1}" if left else "/ok")
        if self.path == "/to-file":
            return self.reply(302, Location="file:///etc/passwd")
        if self.path == "/basic":
            return self.reply(200 if said == "Basic " + base64.b64encode(b"ann:s3cret").decode() else 401)
        if self.path == "/bearer":
            return self.reply(200 if said == "Bearer t0ken" else 401)
        if self.path == "/key":
            return self.reply(200 if self.headers.get("X-API-Key") == "k3y" else 403)
        if self.path == "/header":
            return self.reply(200, X_Role="primary")
        if self.path == "/slow":
            time.sleep(0.3)
        if self.path == "/connections":
            return self.reply(200, json.dumps(HITS).encode())
        if self.path == "/long":
            return self.reply(200, b"a" * 400_000)
        return self.reply(200, json.dumps({"status": "healthy"}).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.reply(200 if body == b"ping" else 400)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass

    def address_string(self):
        return "somebody"


class Threaded(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class Six(Threaded):
    address_family = socket.AF_INET6


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def certificate(folder, name, days):
    """Of an authority of our own; `days` from now it ends, also when that is past."""
    key, request, out, ca = (os.path.join(folder, f) for f in (name + ".key", name + ".csr", name + ".pem", "ca"))
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)
    if not os.path.exists(ca + ".pem"):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", "/CN=zoo", "-keyout", ca + ".key", "-out", ca + ".pem")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", request)
    extensions = os.path.join(folder, "ext")
    with open(extensions, "w") as out_file:
        out_file.write("subjectAltName = DNS:localhost, IP:127.0.0.1\n")
    if days > 0:
        run("x509", "-req", "-in", request, "-CA", ca + ".pem", "-CAkey", ca + ".key", "-days", str(days), "-extfile", extensions, "-out", out)
    else:
        with open(os.path.join(folder, "index.txt"), "w"):
            pass
        with open(os.path.join(folder, "ca.cnf"), "w") as cnf:
            cnf.write(f"[ca]\ndefault_ca = c\n[c]\ndatabase = {folder}/index.txt\nnew_certs_dir = {folder}\nrand_serial = yes\ndefault_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n")
        run("ca", "-batch", "-config", f"{folder}/ca.cnf", "-in", request, "-cert", ca + ".pem", "-keyfile", ca + ".key", "-startdate", "200101000000Z", "-enddate", "210101000000Z",
            "-extfile", extensions, "-out", out)
    return key, out


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main():
    folder = tempfile.mkdtemp(prefix="zoo-")
    where = {"plain": serve(Threaded(("127.0.0.1", 0), Zoo)).server_address[1], "ca": folder + "/ca.pem", "unix": folder + "/s"}
    for name, days in (("long", 90), ("short", 5), ("expired", -1)):
        key, chain = certificate(folder, name, days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        server = Threaded(("127.0.0.1", 0), Zoo)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        where[name] = serve(server).server_address[1]
    serve(Unix(where["unix"], Zoo))
    try:
        where["six"] = serve(Six(("::1", 0), Zoo)).server_address[1]
    except OSError:
        where["six"] = 0
    print(json.dumps(where), flush=True)
    sys.stdin.read()
    subprocess.run(["rm", "-rf", folder])


main()
