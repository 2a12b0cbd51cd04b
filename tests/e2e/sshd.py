"""A real sshd of the test's own, as the user who runs the test: on a free port, with keys of its own."""
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time

from harness import free_port

PROGRAM = shutil.which("sshd") or next((p for p in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if os.path.exists(p)), None)
MISSING = None if PROGRAM and shutil.which("ssh") and shutil.which("ssh-keygen") else "no sshd is installed"
PATIENCE_S = 60


class Sshd:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="us-sshd-")
        self.user, self.port, self.process = getpass.getuser(), free_port(), None
        self.known_hosts, self.identity = self.path("known_hosts"), self.path("user")
        for key in ("host", "user", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", self.path(key)], check=True)
        self.know("host")
        os.mkdir(self.path("home"))  # a home without files that a shell reads: it would read them at each command, and some take longer than the command
        with open(self.path("config"), "w") as out:
            out.write(f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.path("host")}
AuthorizedKeysFile {self.path("user.pub")}
PidFile none
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
UsePAM no
SetEnv HOME={self.path("home")}
MaxStartups 100
""")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def know(self, key):
        """Writes the file of known hosts: with the host's key, or a stranger's."""
        with open(self.path(f"{key}.pub")) as public, open(self.known_hosts, "w") as out:
            out.write(f"[127.0.0.1]:{self.port} " + " ".join(public.read().split()[:2]) + "\n")

    def start(self):
        with open(self.path("log"), "a") as log:
            self.process = subprocess.Popen([PROGRAM, "-D", "-e", "-f", self.path("config")], stderr=log)
        end = time.time() + PATIENCE_S
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None or time.time() > end:
                with open(self.path("log")) as log:
                    raise RuntimeError("sshd did not start: " + log.read()[-2000:])
            time.sleep(0.02)

    def stop(self):
        """The listener; what is logged in stays."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=PATIENCE_S)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self):
        return {"host": "127.0.0.1", "port": self.port, "user": self.user, "identity_file": self.identity, "known_hosts": self.known_hosts}
