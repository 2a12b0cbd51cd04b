#!/usr/bin/env python3
"""A small stateful web service: counts, keeps the count in a folder, and tells it over HTTP.

    counter.py PORT STATE_FOLDER

With UNDERSTUDY_IDLE_STOP_S in its environment it ends, with exit code 0, when nobody asked it for anything for so many
seconds. Health checks go on for ever, so they do not count.
"""
import http.server
import json
import os
import sys
import threading
import time

port, folder = int(sys.argv[1]), sys.argv[2]
path = os.path.join(folder, "count.json")
os.makedirs(folder, exist_ok=True)
try:
    with open(path) as file:
        count = json.load(file)["count"]
except FileNotFoundError:
    count = 0
idle_stop_s = float(os.environ.get("UNDERSTUDY_IDLE_STOP_S") or 0)
asked_at = time.monotonic()


def keep_counting():
    global count
    while True:
        time.sleep(0.05)
        with open(path + ".new", "w") as file:
            json.dump({"count": count + 1, "site": os.environ.get("UNDERSTUDY_TARGET", "?")}, file)
        os.rename(path + ".new", path)
        count += 1


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global asked_at
        if self.path != "/health":
            asked_at = time.monotonic()
        body = json.dumps({"status": "healthy", "count": count, "site": os.environ.get("UNDERSTUDY_TARGET"),
                           "epoch": os.environ.get("UNDERSTUDY_EPOCH")}).encode()
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def end_when_idle():
    while True:
        left = asked_at + idle_stop_s - time.monotonic()
        if left <= 0:
            return server.shutdown()
        time.sleep(left)


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
threading.Thread(target=keep_counting, daemon=True).start()
if idle_stop_s > 0:
    threading.Thread(target=end_when_idle, daemon=True).start()
server.serve_forever()
