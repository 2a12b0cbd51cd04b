"""Ports for what a test starts, and starts again: no other test is given one of them while this process lives."""
import fcntl
import os
import random
import socket
import tempfile

# Below what Linux, macOS and the BSDs give to connections by themselves: a workload that starts later finds its port as free as it was.
PORTS = range(15000, 32000)
# Its byte PORT is locked by the process that was given the port; such locks end with their process.
claims = open(os.path.join(tempfile.gettempdir(), f"understudy-test-ports-{os.getuid()}"), "a")
given = set()  # by this process, whose own locks do not stop it


def claim(port):
    try:
        fcntl.lockf(claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def free_port():
    for port in random.sample(PORTS, len(PORTS)):
        if port not in given and claim(port):
            given.add(port)
            return port
    raise RuntimeError(f"no port of {PORTS} is free")
