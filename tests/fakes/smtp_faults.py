"""A mail server that fails where a test wants it to. It is strict about what it hears: the order of commands, CRLF, the
length of lines. `at` maps a moment (greeting, ehlo, starttls, auth, mail, rcpt, data, body, quit) to what it answers there (auth_answer for auth),
in turn (None: as usual): a line of SMTP, "drop" to close, or "hang" to say nothing, or "flood" to talk for ever. "half" at body closes before the message has ended."""
import base64
import socketserver
import ssl
import threading

USUAL = {"greeting": "220 fake ESMTP", "starttls": "220 go ahead", "auth": "235 welcome", "mail": "250 ok", "rcpt": "250 ok", "data": "354 go on", "body": "250 queued as 1", "quit": "221 bye"}


class Gone(Exception):
    pass


class Talk(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.answer("greeting")
            while True:
                line = self.line()
                word = line.split(" ")[0].split(":")[0].upper()
                getattr(self, "on_" + word.lower(), self.unknown)(line)
        except (Gone, ConnectionError, ssl.SSLError, ValueError):
            pass

    def setup(self):
        super().setup()
        self.server.owner.sessions += 1
        self.encrypted, self.message, self.logged_in = False, None, False

    def line(self):
        raw = self.rfile.readline(2000)
        if not raw:
            raise Gone
        if not raw.endswith(b"\r\n") or b"\r" in raw[:-2] or len(raw) > 512:
            self.server.owner.problems.append(f"a command {raw!r}")
        return raw[:-2].decode()

    def answer(self, moment, before=lambda: None):
        """True when it was the usual kind of answer, 2xx or 3xx; before() is called before it is said."""
        owner = self.server.owner
        planned = owner.at.get(moment)
        if isinstance(planned, list):
            planned = planned.pop(0) if planned else None
        text = planned or USUAL.get(moment, "")
        while text == "flood" and not owner.released.is_set():
            self.wfile.write(b"250-and another thing\r\n" * 100)
        if text == "hang":
            owner.released.wait(300)
        if text in ("hang", "drop", "half"):
            raise Gone
        if text[0] in "23":
            before()
        self.wfile.write(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n")
        return text[0] in "23"

    def on_ehlo(self, line):
        owner = self.server.owner
        owner.hellos.append(line[5:])
        if "ehlo" in owner.at:
            return self.answer("ehlo")
        offers = ["fake"] + (["STARTTLS"] if owner.certificate and not self.encrypted else []) + (["AUTH " + owner.auth] if owner.auth else []) + ["SIZE 1000000"]
        lines = [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n")

    def on_helo(self, line):
        self.wfile.write(b"250 fake\r\n")

    def on_starttls(self, line):
        if not self.answer("starttls"):
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.server.owner.certificate)
        self.request = self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.encrypted = True

    def on_auth(self, line):
        kind = line.split(" ")[1]
        for prompt in {"PLAIN": [b""], "LOGIN": [b"Username:", b"Password:"], "CRAM-MD5": [b"<1.2@fake>"]}[kind]:
            self.wfile.write(b"334 " + base64.b64encode(prompt) + b"\r\n")
            self.server.owner.credentials.append((kind, base64.b64decode(self.line()).decode()))
        self.logged_in = self.answer("auth")

    def on_mail(self, line):
        if self.message is not None:
            self.server.owner.problems.append("MAIL twice")
        if self.answer("mail"):
            self.message = {"from": line[10:], "to": []}

    def on_rcpt(self, line):
        if self.message is None:
            self.server.owner.problems.append("RCPT before MAIL")
        if self.answer("rcpt"):
            self.message["to"].append(line[8:])

    def on_data(self, line):
        if not self.message or not self.message["to"]:
            self.server.owner.problems.append("DATA without a recipient")
        if not self.answer("data"):
            return
        if self.server.owner.at.get("body") == "half":
            raise Gone
        self.message["content"] = self.content()
        self.server.owner.heard.append(self.message)
        message, self.message = self.message, None
        self.answer("body", lambda: self.server.owner.accepted.append(message))

    def content(self):
        out = []
        while True:
            raw = self.rfile.readline(20_000)
            if not raw:
                raise Gone
            if not raw.endswith(b"\r\n") or b"\r" in raw[:-2] or len(raw) > 1000 or any(c > 126 for c in raw):
                self.server.owner.problems.append(f"a line {raw[:80]!r}…")
            if raw == b".\r\n":
                return b"".join(out)
            if raw.startswith(b"."):
                self.server.owner.problems.append(f"a line begins with a dot: {raw[:80]!r}")
            out.append(raw)

    def on_quit(self, line):
        self.server.owner.quits += 1
        self.answer("quit")
        raise Gone

    def unknown(self, line):
        self.server.owner.problems.append("unknown command " + line)
        self.wfile.write(b"502 what?\r\n")


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True


class FaultyServer:
    def __init__(self, auth="", certificate=None, auth_answer=None, **at):
        self.auth, self.certificate, self.at = auth, certificate, {**at, "auth": auth_answer}
        self.hellos = []
        self.problems, self.heard, self.accepted, self.credentials = [], [], [], []
        self.sessions = self.quits = 0
        self.released = threading.Event()
        self.server = Server(("127.0.0.1", 0), Talk)
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
