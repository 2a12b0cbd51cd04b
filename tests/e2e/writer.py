"""A workload that must never run twice: writes its epoch, its pid and the time to a file of its own and to the witness, over and over. A
polite stop does not move it.

The clock is the kernel's, so the lines of all writers of one machine can be compared. Usage: writer.py FILE WITNESS_ADDRESS PORT"""
import http.server
import os
import signal
import socket
import sys
import threading
import time

PAUSE_S = 0.01
signal.signal(signal.SIGTERM, signal.SIG_IGN)
file, witness, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
epoch = os.environ["UNDERSTUDY_EPOCH"]


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True


threading.Thread(target=Server(("0.0.0.0", port), Health).serve_forever, daemon=True).start()
out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    line = f"{epoch} {os.getpid()} {time.clock_gettime_ns(time.CLOCK_MONOTONIC)}\n".encode()
    os.write(out, line)
    try:
        wire.sendto(line, (witness, 9000))
    except OSError:
        pass
    time.sleep(PAUSE_S)
