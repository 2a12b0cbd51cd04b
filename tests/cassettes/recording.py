"""What recording and replaying share: one run of `understudy plugin record`, and the state that the stores save."""
import json
import os
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(FOLDER), part) for part in ("e2e", "fakes")]
from harness import BUILD  # noqa: E402

PROGRAM = os.path.join(BUILD, "bin/understudy")
# What stands for a secret where the recording is made. None of them may be in a cassette.
TELEGRAM, FLY, HOOK, SIGNING, BEARER, RCLONE = "987654:planted-telegram-AbCdEf0123456789", "fo1_planted_fly", "planted-hook-path", "planted signing/ü", "planted-bearer", "planted-rclone"
WHEN = 1_790_000_000  # of every file of the state


def environment(folder):
    """No credentials of whoever runs this, and a time zone and a language that are everybody's."""
    out = {k: v for k, v in os.environ.items() if not k.startswith(("GOOGLE_", "CLOUDSDK_", "RCLONE_", "AWS_", "DOCKER_")) and not k.lower().endswith("_proxy")}
    return {**out, "HOME": folder, "XDG_CONFIG_HOME": folder, "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def make_state(folder):
    """Some files to save, the same to the last bit and second wherever they are made."""
    place = os.path.join(folder, "state")
    for name, content in {"empty": b"", "text": b"one\ntwo\n", "below/bytes": bytes(range(256)) * 4}.items():
        path = os.path.join(place, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
        os.chmod(path, 0o640)
        os.utime(path, (WHEN, WHEN))
    for path in (os.path.join(place, "below"), place):
        os.chmod(path, 0o750)
        os.utime(path, (WHEN, WHEN))
    return place


class Recording:
    """`understudy plugin record`, driven step by step."""

    def __init__(self, cassette, plugin, interface, settings, stand_ins=(), **env):
        self.cassette = cassette
        self.home = tempfile.TemporaryDirectory(prefix="understudy-record-")
        with open(os.path.join(self.home.name, "settings.json"), "w") as file:
            json.dump(settings, file)
        words = [PROGRAM, "plugin", "record", plugin, "--interface", interface, "--settings", file.name, "--service", "shop", "--target", "here", "--to", os.path.join(FOLDER, cassette)]
        for stand_in in stand_ins:
            words += ["--stand-in", stand_in]
        self.driver = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**environment(self.home.name), **env})

    def __enter__(self):
        return self

    def call(self, method, params, expect="ok"):
        self.driver.stdin.write(json.dumps({"method": method, "params": params}) + "\n")
        self.driver.stdin.flush()
        answer = json.loads(self.driver.stdout.readline())
        if answer["status"] != expect:
            raise RuntimeError(f"{self.cassette}: {method} was answered {answer}, not {expect}")
        return answer

    def __exit__(self, *_):
        self.driver.stdin.close()
        self.driver.wait(timeout=60)
        self.driver.stdout.close()
        self.home.cleanup()


def record(cassette, plugin, interface, settings, steps, stand_ins=(), **env):
    """`steps`: (method, params), (method, params, status), or a number of seconds to wait."""
    with Recording(cassette, plugin, interface, settings, stand_ins, **env) as recording:
        for step in steps:
            if isinstance(step, (int, float)):
                time.sleep(step)
            else:
                recording.call(*step)
    print(cassette)
