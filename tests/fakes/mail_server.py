"""A real mail server for one test: Debian's exim4 with a configuration, spool and Maildir of its own, as an ordinary user on
free ports: submission with STARTTLS, and a port that is TLS from the first byte. It takes mail from who is logged in."""
import email
import email.policy
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

PROGRAM = shutil.which("exim4") or "/usr/sbin/exim4"
USER, PASSWORD = "understudy@mail.test", "p4ss w0rd-of-mail+/=\\\"'"

CONFIG = """
exim_path = {folder}/exim
exim_user = {uid}
exim_group = {gid}
never_users =
deliver_drop_privilege = true
spool_directory = {folder}/spool
log_file_path = {folder}/log-%s
pid_file_path = {folder}/pid
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/chain.pem
tls_privatekey = {folder}/key.pem
host_lookup =
rfc1413_query_timeout = 0s
smtp_enforce_sync = true
acl_smtp_rcpt = rcpt
acl_smtp_data = data
message_size_limit = 1M
begin acl
rcpt:
  deny !authenticated = *
       message = relay not permitted
  deny local_parts = nobody-here
       message = no such mailbox
  defer local_parts = later
        message = greylisted, try again
  accept domains = mail.test
  deny message = not our domain
data:
  deny condition = ${{if !eq{{$h_auto-submitted:}}{{auto-generated}}}}
       message = no machine sent this
  accept verify = header_syntax
  deny message = a header is malformed: $acl_verify_message
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  create_directory
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{${{readfile{{{folder}/password}}}}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


def certificate(folder, name="localhost", stem=""):
    """Self-signed; returns (chain, key)."""
    chain, key = os.path.join(folder, stem + "chain.pem"), os.path.join(folder, stem + "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "5", "-subj", "/CN=" + name,
                    "-addext", "subjectAltName=DNS:" + name, "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def read(path):
    with open(path, "rb") as file:
        return file.read()


class MailServer:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-mail-")
        self.ca, _ = certificate(self.folder)
        with open(self.path("password"), "w") as out:
            out.write(PASSWORD)
        self.port, self.tls_port = free_ports(2)
        # A copy is not setuid, and root may not deliver: so it runs as an ordinary user wherever the test runs.
        shutil.copyfile(PROGRAM, self.path("exim"))
        os.chmod(self.path("exim"), 0o755)
        who = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        with open(self.path("conf"), "w") as out:
            out.write(CONFIG.format(folder=self.folder, uid=who.pw_uid, gid=who.pw_gid, port=self.port, tls_port=self.tls_port, user=USER))
        options = {}
        if os.geteuid() == 0:
            for place in [self.folder] + [self.path(name) for name in os.listdir(self.folder)]:
                os.chown(place, who.pw_uid, who.pw_gid)
            options = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        self.errors = open(self.path("stderr"), "w")
        self.process = subprocess.Popen([self.path("exim"), "-C", self.path("conf"), "-bdf"], cwd="/", stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors, **options)
        self.wait_until_up()

    def path(self, name):
        return os.path.join(self.folder, name)

    def wait_until_up(self):
        end = time.time() + 60
        while time.time() < end and self.process.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.tls_port)) == 0:
                    return
            time.sleep(0.05)
        said = read(self.path("stderr")).decode()
        self.close()
        raise AssertionError("the mail server does not start: " + said)

    def log(self):
        return "".join(read(self.path(name)).decode() for name in ("log-main", "log-reject", "log-panic") if os.path.exists(self.path(name)))

    def raw_mails(self, count=1, patience=60):
        """All that was delivered, oldest first; waits until there are so many."""
        end = time.time() + patience
        while True:
            new = self.path("mail/new")
            names = sorted(os.listdir(new), key=lambda n: os.stat(os.path.join(new, n)).st_mtime_ns) if os.path.isdir(new) else []
            if len(names) >= count:
                return [read(os.path.join(new, name)) for name in names]
            if time.time() > end:
                raise AssertionError(f"{len(names)} mails came, not {count}: {self.log()}")
            time.sleep(0.05)

    def mails(self, count=1):
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw_mails(count)]

    def forget(self):
        """What was delivered so far; none may be under way."""
        shutil.rmtree(self.path("mail"), ignore_errors=True)

    def running(self):
        """Are there processes of ours, deliveries too? Each is a copy that lies in our folder."""
        for place in glob.glob("/proc/[0-9]*/exe"):
            try:
                if os.readlink(place).startswith(self.path("exim")):
                    return True
            except OSError:  # it has ended
                continue
        return False

    def close(self):
        """May be called twice."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
        end = time.time() + 30
        while self.running() and time.time() < end:  # or what still runs would make the folder again
            time.sleep(0.02)
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)
