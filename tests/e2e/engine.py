"""A real Docker engine of the test's own: its socket, data and containers are in one folder and end with it. It needs
root, and Debian's docker.io and busybox-static; no network, since the image is made from busybox."""
import os
import shutil
import subprocess
import tarfile
import tempfile
import time

PATIENCE_S = 180
IMAGE = "understudy-test-busybox"
MISSING = None
if os.geteuid() != 0:
    MISSING = "a Docker engine of our own needs root"
for program in ("dockerd", "docker", "busybox"):
    MISSING = MISSING or (None if shutil.which(program) else f"{program} is not installed")
if not MISSING and not (shutil.which("docker-compose") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0):
    MISSING = "neither docker-compose nor docker compose is installed"


class Engine:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="us-engine-")
        self.socket = os.path.join(self.folder, "d.sock")
        self.host = "unix://" + self.socket
        self.process = None
        self.start()
        self.make_image()

    def start(self):
        with open(os.path.join(self.folder, "log"), "a") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--host", self.host, "--data-root", self.path("data"), "--exec-root", self.path("exec"), "--pidfile", self.path("pid"),
                 "--iptables=false", "--ip6tables=false", "--bridge=none"], stdout=log, stderr=log)
        end = time.time() + PATIENCE_S
        while self.docker("version", check=False).returncode != 0:
            if time.time() > end or self.process.poll() is not None:
                with open(os.path.join(self.folder, "log")) as log:
                    raise RuntimeError("the Docker engine did not start:\n" + log.read()[-4000:])
            time.sleep(0.1)

    def stop(self):
        """As a reboot does it: the engine ends, and its containers with it."""
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_S)

    def kill(self):
        """The engine alone; its containers live on."""
        self.process.kill()
        self.process.wait(timeout=PATIENCE_S)

    def close(self):
        if self.process.poll() is not None:
            self.start()
        for container in self.ids("--all"):
            self.docker("rm", "--force", container, check=False)
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def docker(self, *words, check=True, **more):
        return subprocess.run(["docker", "--host", self.host, *words], capture_output=True, text=not more, check=check, timeout=PATIENCE_S, **more)

    def ids(self, *options):
        return self.docker("ps", "--quiet", *options).stdout.split()

    def running(self, project):
        return self.ids("--filter", f"label=com.docker.compose.project={project}")

    def environment(self, container):
        lines = self.docker("inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", container).stdout.split()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def compose(self, project_dir, *words):
        program = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        return subprocess.run([*program, *words], cwd=project_dir, env={**os.environ, "DOCKER_HOST": self.host}, capture_output=True, text=True, check=True, timeout=PATIENCE_S)

    def make_image(self):
        root = self.path("root")
        os.makedirs(os.path.join(root, "bin"))
        os.makedirs(os.path.join(root, "tmp"))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
        for applet in ("sh", "sleep", "cat", "echo", "httpd", "mv", "kill", "mkdir"):
            os.symlink("busybox", os.path.join(root, "bin", applet))
        archive = self.path("image.tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".")
        self.docker("import", archive, IMAGE)
        os.unlink(archive)
        shutil.rmtree(root)
