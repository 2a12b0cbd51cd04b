"""Hosts of a test's own: network namespaces joined by a bridge, whose links can be cut, one way or both. Needs root and `ip`.

A link A -> B is cut by a wrong hardware address for B at A: what A sends to B is lost in silence, as on a broken network."""
import os
import shutil
import subprocess

NOBODY = "02:00:00:00:00:ff"


def possible():
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"us-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return made


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Hosts:
    def __init__(self, tag, *names):
        self.prefix = f"us-{os.getpid()}-{tag}"
        self.names = names
        self.cuts = set()
        self.switch = f"{self.prefix}-switch"
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
        ip("-n", self.switch, "link", "set", "br0", "up")
        for i, name in enumerate(names):
            self._add(i, name)
        for a in names:
            for b in names:
                if a != b:
                    self._reach(a, b, self.hardware(b))

    def _add(self, i, name):
        space = self.space(name)
        ip("netns", "add", space)
        ip("-n", self.switch, "link", "add", f"p{i}", "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("-n", self.switch, "link", "set", f"p{i}", "master", "br0", "up")
        ip("-n", space, "link", "set", "eth0", "address", self.hardware(name))
        ip("-n", space, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        ip("-n", space, "link", "set", "lo", "up")

    def space(self, name):
        return f"{self.prefix}-{name}"

    def address(self, name):
        return f"10.77.0.{self.names.index(name) + 1}"

    def hardware(self, name):
        return f"02:00:00:00:01:{self.names.index(name) + 1:02x}"

    def _reach(self, a, b, hardware):
        ip("-n", self.space(a), "neigh", "replace", self.address(b), "lladdr", hardware, "nud", "permanent", "dev", "eth0")

    def cut(self, a, b, both=True):
        self._reach(a, b, NOBODY)
        self.cuts.add((a, b))
        if both:
            self.cut(b, a, both=False)

    def heal(self):
        for a, b in self.cuts:
            self._reach(a, b, self.hardware(b))
        self.cuts.clear()

    def inside(self, name, *words):
        """The words of a command that runs there."""
        return ["ip", "netns", "exec", self.space(name), *words]

    def remove(self):
        for name in [*(self.space(n) for n in self.names), self.switch]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
