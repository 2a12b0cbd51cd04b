"""The third-party Bot API server `telegram-test-api` from npm (MIT), installed once into a cache below the build folder.

It checks little and never refuses, so it is for the happy path only; what it shows is that somebody else's reading of the
API understands what we send."""
import fcntl
import json
import os
import shutil
import subprocess
import time
import urllib.request

VERSION = "4.2.1"
SCRIPT = """
const TelegramServer = require('telegram-test-api');
const server = new TelegramServer({port: Number(process.argv[1]), host: '127.0.0.1'});
server.start().then(() => console.log('ready'));
process.stdin.on('end', () => process.exit(0)).resume();
"""


def missing():
    """Why it cannot run here, or nothing."""
    return "npm is not installed" if not (shutil.which("npm") and shutil.which("node")) else None


def installed(build):
    folder = os.path.join(build, "npm", f"telegram-test-api-{VERSION}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w") as lock:  # two test runs may come at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "node_modules/telegram-test-api/package.json")):
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, f"telegram-test-api@{VERSION}"],
                                  capture_output=True, text=True, timeout=600, cwd=folder)
            if done.returncode:
                raise RuntimeError("npm cannot install telegram-test-api: " + done.stderr)
    return folder


class TelegramTestApi:
    def __init__(self, build, port, token):
        self.token, self.url = token, f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(["node", "-e", SCRIPT, str(port)], cwd=installed(build), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            self.close()
            raise RuntimeError("telegram-test-api did not start")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def bot_messages(self):
        """What the bot sent, as it is now, oldest first."""
        history = self.post("/getUpdatesHistory", {"token": self.token})["result"]
        return [{"id": u["messageId"], **u["message"]} for u in sorted(history, key=lambda u: u["messageId"]) if "chat_id" in u.get("message", {})]

    def person(self, user):
        return {"id": user, "first_name": "Ann", "username": "ann", "is_bot": False}

    def command(self, chat, user, text):
        self.post("/sendCommand", {"botToken": self.token, "from": self.person(user), "chat": {"id": chat, "type": "private"}, "text": text,
                                   "date": int(time.time()), "entities": [{"type": "bot_command", "offset": 0, "length": len(text)}]})

    def press(self, chat, user, message, data):
        self.post("/sendCallback", {"botToken": self.token, "from": self.person(user), "data": data,
                                    "message": {"message_id": message, "chat": {"id": chat, "type": "private"}}})
