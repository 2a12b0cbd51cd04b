"""A name server that answers nobody: who looks up a name waits for it, and nobody else does. The same loop answers all renewals of leases and
all commands; it waited for the resolver at the end of each check that had a name."""
import os
import shutil
import subprocess
import sys
import time
import unittest

from harness import PACE, Site, wait_for
from hosts import possible

DEAF = """
import socket
heard = socket.socket(type=socket.SOCK_DGRAM)
heard.bind(("127.0.0.53", 53))
while True:
    print(flush=True)
    heard.recv(4096)
"""
LONGEST_S = 10 * PACE  # of one answer, and far less than the minute that the resolver takes


@unittest.skipUnless(possible(), "hosts of its own need root and ip")
class DeadResolver(Site):
    """In a host of its own, whose only name server does not answer."""

    def setUp(self):
        super().setUp()
        self.space = f"us-{os.getpid()}-deaf"
        self.addCleanup(subprocess.run, ["ip", "netns", "del", self.space], capture_output=True)
        for words in (["netns", "add", self.space], ["-n", self.space, "link", "set", "lo", "up"]):
            subprocess.run(["ip", *words], check=True, capture_output=True)
        with open(os.path.join(self.folder, "questions"), "wb") as out:
            deaf = subprocess.Popen(["ip", "netns", "exec", self.space, sys.executable, "-c", DEAF], stdout=out)
        self.addCleanup(deaf.wait)
        self.addCleanup(deaf.kill)
        wait_for("the name server", self.questions)
        names = os.path.join("/etc/netns", self.space)  # `ip netns exec` puts it in the place of /etc's
        self.addCleanup(shutil.rmtree, names, ignore_errors=True)
        os.makedirs(names)
        with open(os.path.join(names, "resolv.conf"), "w") as out:
            out.write("nameserver 127.0.0.53\noptions timeout:30 attempts:2\n")
        with open(os.path.join(names, "nsswitch.conf"), "w") as out:
            out.write("hosts: files dns\n")
        inside = os.path.join(self.folder, "inside")
        with open(inside, "w") as out:
            out.write(f'#!/bin/sh\nexec ip netns exec {self.space} {self.program} "$@"\n')
        os.chmod(inside, 0o755)
        self.program = inside

    def questions(self):
        """A line each, and one at the beginning."""
        with open(os.path.join(self.folder, "questions"), "rb") as file:
            return file.read()

    def test_a_check_of_a_name_holds_up_nobody(self):
        self.write_config(extra="""
[[service.counter.target.spare.ready]]
plugin = "http"
settings = { url = "http://named.example:8080/health" }
""")
        self.start()
        taken = []

        def asked_again():
            began = time.monotonic()
            self.status()
            taken.append(time.monotonic() - began)
            return len(self.questions()) > 6  # two a check (IPv4, IPv6): of three, two have ended
        wait_for("checks of the name, one after another", asked_again)
        self.assertLess(max(taken), LONGEST_S)


if __name__ == "__main__":
    unittest.main()
