"""One instance of a plugin with the real host services, driven by `understudy plugin call`. Standard library only."""
import json
import os
import queue
import re
import subprocess
import tempfile
import threading
import time

from harness import BUILD, PATIENCE_S, paced


def by_itself(ask):
    """What a plugin says when its time is over. Should the machine stand still just then, its host answers in its place: then it is asked once more."""
    for _ in range(3):
        answer = ask()
        if not re.search(r"plugin \w+ did not answer in time", str(answer)):
            break
    return answer


class Plugin:
    def __init__(self, lib, interface, settings, env=None, service="service", target="target", isolation="loop"):
        self.notices, self.log = [], []
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json", prefix="understudy-settings-")
        json.dump(settings, self.file)
        self.file.flush()
        words = [os.path.join(BUILD, "bin/understudy"), "plugin", "call", os.path.join(BUILD, "plugins", f"{lib}.so"),
                 "--interface", interface, "--settings", self.file.name, "--service", service, "--target", target, "--isolation", isolation]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
                                        env={**os.environ, **(env or {})})
        self.answers, self.unread = queue.Queue(), []
        self.readers = [threading.Thread(target=self.read_answers, daemon=True), threading.Thread(target=self.read_notices, daemon=True)]
        for reader in self.readers:
            reader.start()

    def read_answers(self):
        for line in self.process.stdout:
            try:
                self.answers.put(json.loads(line))
            except ValueError:
                self.log.append(line)
        self.readers[1].join()  # what it said last is read before its end is told
        self.answers.put(None)

    def read_notices(self):
        for line in self.process.stderr:
            self.log.append(line)
            try:
                self.notices.append(json.loads(line))
            except ValueError:
                pass

    def send(self, method, params=None, budget_ms=paced(10000)):
        try:
            self.process.stdin.write(json.dumps({"method": method, "params": params or {}, "budget_ms": budget_ms}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: receive() tells why

    def receive(self, patience=PATIENCE_S):
        answer = self.answers.get(timeout=patience)
        if answer is None:
            raise RuntimeError("the plugin's host ended: " + "".join(self.log))
        return answer

    def call(self, method, params=None, budget_ms=paced(10000)):
        self.send(method, params, budget_ms)
        return self.receive(budget_ms / 1000 + PATIENCE_S)

    def said(self, awaited="", patience=30):
        """All that was logged, notified or answered so far. What is awaited may be read a moment after the answer: it comes another way."""
        until = time.monotonic() + patience
        while awaited not in "".join(self.log) and time.monotonic() < until:
            time.sleep(0.01)
        return "".join(self.log)

    def close(self):
        try:
            self.process.stdin.close()
            self.process.wait(timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join(timeout=10)
        self.process.stdout.close()
        self.process.stderr.close()
        self.file.close()
