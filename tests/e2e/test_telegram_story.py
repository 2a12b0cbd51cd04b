"""Telegram with parts that were not made for each other: a Bot API server that others wrote, and the orchestrator."""
import glob
import os
import subprocess
import sys
import unittest

from harness import BUILD, ROOT, Site, free_port, wait_for
from plugin_driver import Plugin

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
import telegram_test_api  # noqa: E402
from telegram_api import TelegramApi  # noqa: E402

TOKEN = "987654:planted-secret_AbCdEf0123456789"
CHAT, ANN = 42, 7


@unittest.skipIf(telegram_test_api.missing(), telegram_test_api.missing())
class OthersServer(unittest.TestCase):
    def setUp(self):
        self.server = telegram_test_api.TelegramTestApi(BUILD, free_port(), TOKEN)
        self.plugin = Plugin("telegram", "notifier", {"token": {"$secret": {"env": "TELEGRAM_TEST_TOKEN"}}, "chat": CHAT, "api": self.server.url, "pace": 5,
                                                      "commands": True, "users": [ANN], "poll_timeout": 1000}, {"TELEGRAM_TEST_TOKEN": TOKEN})

    def tearDown(self):
        self.plugin.close()
        self.server.close()
        self.assertNotIn(TOKEN, self.plugin.said())

    def tell(self, title, thread, **more):
        alert = {"id": title, "kind": "service.down", "severity": "critical", "state": "firing", "service": "trader", "title": title, "at_ms": 1795262400000,
                 "incident": "i", "thread": thread, **more}
        answer = self.plugin.call("notify.send/1", {"alert": alert})
        self.assertEqual(answer["status"], "ok", answer)
        return answer["result"]["thread"]

    def test_an_incident_is_told_edited_and_closed(self):
        thread = self.tell("trader is down", {})
        thread = self.tell("trader runs at spare", thread, kind="failover.done", state="event")
        first, = self.server.bot_messages()
        self.assertTrue(first["text"].startswith("🔴 <b>trader runs at spare</b>"))
        self.assertIn("trader is down", first["text"])
        self.assertEqual([b["text"] for b in first["reply_markup"]["inline_keyboard"][0]], ["Fail back…"])
        self.tell("trader is home", thread, state="resolved")
        edited, reply = self.server.bot_messages()
        self.assertEqual(edited["reply_markup"]["inline_keyboard"], [])
        self.assertEqual(reply["reply_parameters"]["message_id"], edited["id"])

    def test_commands_and_presses_come_through(self):
        self.server.command(CHAT, ANN, "/status")
        answer = wait_for("an answer", lambda: self.server.bot_messages())[0]
        self.assertIn("Commands are not available", answer["text"])
        self.tell("trader is down", {})
        alert = self.server.bot_messages()[-1]
        data = alert["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        self.server.press(CHAT, ANN, alert["id"], data)
        wait_for("new buttons", lambda: self.server.bot_messages()[-1]["reply_markup"]["inline_keyboard"][0][0]["callback_data"] != data)


class Story(Site):
    """The orchestrator tells a failover and the way home."""

    def setUp(self):
        self.api = TelegramApi(TOKEN)
        self.api.add_chat(CHAT)
        super().setUp()
        self.write_config(stable_for="1s", extra=f"""
[notifier.telegram]
plugin = "telegram"
settings = {{ token = {{ env = "TELEGRAM_TEST_TOKEN" }}, chat = {CHAT}, api = "{self.api.url}", pace = "5ms" }}
""")

    def tearDown(self):
        super().tearDown()
        self.api.close()
        self.assertEqual(self.api.problems, [])

    def told(self, words):
        return wait_for(f"a message with \"{words}\"", lambda: any(words in text for _, _, text, _ in self.api.history))

    def test_a_failover_and_the_way_home_are_told_and_the_token_is_nowhere(self):
        self.start({"TELEGRAM_TEST_TOKEN": TOKEN})
        self.serving("home")
        self.api.fault("sendMessage", 502, "Bad Gateway")
        self.kill_site("home")
        self.told("counter is down at home")
        self.told("counter runs at spare")
        self.told("counter runs at home")
        arguments = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(TOKEN, arguments)
        self.stop()
        secret = TOKEN.split(":")[1].encode()
        files = [f for f in glob.glob(os.path.join(self.folder, "**"), recursive=True) if os.path.isfile(f)]
        self.assertTrue(any("journal" in f or f.endswith(".db") for f in files), files)
        for file in files:
            with open(file, "rb") as content:
                self.assertNotIn(secret, content.read(), file)


if __name__ == "__main__":
    unittest.main()
