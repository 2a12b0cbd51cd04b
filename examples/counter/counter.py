#!/usr/bin/env python3
"""A small stateful web service: counts, keeps the count in a folder, and tells it over HTTP.

    counter.py PORT STATE_FOLDER
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
        body = json.dumps({"status": "healthy", "count": count, "site": os.environ.get("UNDERSTUDY_TARGET"),
                           "epoch": os.environ.get("UNDERSTUDY_EPOCH")}).encode()
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


threading.Thread(target=keep_counting, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
