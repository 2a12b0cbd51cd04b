"""The conformance kit over telegram: every rule of a notifier, in process and isolated, against a server that checks each
request by the API's own description; with commands on, so that an instance that polls is under test too. Nothing that the
kit prints or keeps holds the token."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import unittest

from harness import BUILD, ROOT

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from telegram_api import TelegramApi  # noqa: E402

TOKEN = "987654:planted-secret_AbCdEf0123456789"
HOME, ANN = 42, 7
MEANINGS = {"notifier/send", "notifier/again", "notifier/odd-text", "notifier/long-text", "notifier/resolve", "protocol/for-real"}


class Kit(unittest.TestCase):
    def kit(self, *settings):
        api = TelegramApi(TOKEN)
        api.add_chat(HOME)
        try:
            report = self.run_kit(api, settings)
        finally:
            api.close()
        self.assertEqual(api.problems, [])
        failed = [f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"]
        self.assertEqual(failed, [])
        self.assertEqual([c["name"] for c in report["cases"] if c["verdict"] == "skipped"], [])
        for isolation in ("loop", "process"):
            passed = {c["name"] for c in report["cases"] if c["isolation"] == isolation and c["verdict"] == "passed"}
            self.assertLessEqual(MEANINGS, passed)
        return api

    def run_kit(self, api, settings):
        common = [f"chat = {HOME}", 'token = { env = "PLANTED" }', f'api = "{api.url}"', 'pace = "5ms"', "per_minute = 1000", *settings]
        with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="understudy-kit-") as file:
            file.write(f"[notifier]\nsettings = {{ {', '.join(common)} }}\n")
            file.flush()
            words = [os.path.join(BUILD, "bin/understudy"), "plugin", "test", os.path.join(BUILD, "plugins/telegram.so"), "--settings", file.name, "--json"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=900, env={**os.environ, "PLANTED": TOKEN})
        for secret in (TOKEN, TOKEN.split(":")[1]):
            self.assertNotIn(secret, done.stdout + done.stderr)
        try:
            return json.loads(done.stdout)
        except ValueError:
            self.fail(f"exit {done.returncode}: {done.stdout}{done.stderr}")

    def test_every_rule(self):
        with concurrent.futures.ThreadPoolExecutor() as both:  # side by side, for they mostly wait
            for done in [both.submit(self.alerts), both.submit(self.alerts_and_commands)]:
                done.result()

    def alerts(self):
        api = self.kit()
        self.assertEqual(api.count("getUpdates"), 0)
        self.arrived(api)

    def alerts_and_commands(self):
        api = self.kit("commands = true", f"users = [{ANN}]", 'poll_timeout = "1s"')
        self.assertGreater(api.count("getUpdates"), 0)
        self.arrived(api)

    def arrived(self, api):
        """The kit asks whether a call succeeds; that people see the words is looked up here."""
        seen = "\n".join(api.texts(HOME))
        self.assertIn("<b>&amp; \"quotes\" 'and' \\backslash `code` *stars* _lines_ [x](y) ä€🚀", seen)
        self.assertIn("line 999 €", seen)


if __name__ == "__main__":
    unittest.main()
