"""Secrets that a plugin fetches, named in orchestrator.toml: `{ gcp_secret = "projects/…" }`."""
import unittest

from gcp import GcpTest  # noqa: F401: sets the path of the fakes
from google_cloud import GoogleCloud
from harness import Site
from telegram_api import TelegramApi

del GcpTest
TOKEN = "987654:planted-secret_AbCdEf0123456789"
SECRET = "projects/demo/secrets/bot-token/versions/latest"
CHAT = 42


class Sources(Site):
    def setUp(self):
        self.cloud = GoogleCloud()
        self.cloud.secrets.add("bot-token", TOKEN)
        self.api = TelegramApi(TOKEN)
        self.api.add_chat(CHAT)
        super().setUp()
        self.write(self.table())

    def tearDown(self):
        self.stop()
        with open(self.log_path, "a+") as log:
            log.seek(0)
            self.assertNotIn(TOKEN, log.read())
        super().tearDown()
        self.api.close()
        self.cloud.close()
        self.cloud.identity.close()
        self.assertEqual(self.cloud.problems, [])

    def table(self, name="gcp_secret"):
        key = self.cloud.identity.service_account_file()
        return f"""
[secrets.{name}]
plugin = "gcp_cloudrun"
settings = {{ credentials = "{key}", oauth_api = "{self.cloud.base}", api = "{self.cloud.base}" }}
"""

    def write(self, sources, key="gcp_secret"):
        self.write_config(extra=f"""{sources}
[notifier.telegram]
plugin = "telegram"
settings = {{ token = {{ {key} = "{SECRET}" }}, chat = {CHAT}, api = "{self.api.url}", pace = "5ms" }}
""")

    def asked(self):
        return len(self.cloud.asked("GET", ":access$"))

    def test_a_notifier_uses_it_and_it_is_asked_once(self):
        self.start()
        self.serving("home")
        for _ in range(3):
            self.understudy("alert", "test")
        self.assertGreaterEqual(len(self.api.history), 3)
        self.assertEqual(1, self.asked())

    def test_two_accounts_by_two_names(self):
        self.write(self.table() + self.table("other_secret"), "other_secret")
        self.start()
        self.understudy("alert", "test")
        self.assertTrue(self.api.history)

    def test_what_cannot_be_fetched_is_said_with_what_to_do(self):
        self.cloud.secrets.add("bot-token", TOKEN, state="DISABLED")
        self.start()
        said = self.understudy("alert", "test", expect=None)
        self.assertIn("bot-token", said)
        self.assertFalse(self.api.history)

    def test_the_file_is_checked(self):
        self.write("", "gcp_sercet")
        self.assertIn("is a secret", self.understudy("check", expect=2))
        self.write(self.table("vault"), "env")
        self.assertIn("ends with _secret", self.understudy("check", expect=2))
        self.write(self.table().replace('plugin = "gcp_cloudrun"', 'plugin = "http"'))
        self.assertIn("cannot be used as a secrets", self.understudy("check", expect=2))

    def test_without_a_table_the_plugin_that_offers_it_is_used(self):
        self.write("")
        self.understudy("check")


if __name__ == "__main__":
    unittest.main()
