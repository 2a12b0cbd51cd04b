"""Secret Manager as a source of secrets: what is read, what is refused and what is then said."""
import json
import os
import subprocess
import unittest

from gcp import GcpTest, error, knows_secrets
from google_identity import EMAIL
from google_run import error_info
from harness import BUILD, paced

VALUE = "planted-secret-value"


@unittest.skipUnless(knows_secrets(), "this core does not know the interface `secrets`")
class Secrets(GcpTest):
    def setUp(self):
        super().setUp()
        self.cloud.secrets.add("key", VALUE)

    def source(self, **settings):
        return self.plugin("secrets", **settings)

    def value(self, answer):
        return self.ok(answer)["value"]

    def fetched(self, plugin, *words, **more):
        """The value, which then is in this answer only."""
        answer = plugin.fetch(*words, **more)
        plugin.answers_kept = plugin.answers_kept.replace(str(answer), "")
        return self.value(answer)

    def test_latest_and_a_number(self):
        self.cloud.secrets.add("key", VALUE + "-2")
        plugin = self.source()
        self.assertEqual(self.fetched(plugin), VALUE + "-2")
        self.assertEqual(self.fetched(plugin, version="1"), VALUE)
        self.assertEqual(self.fetched(plugin, name="projects/demo/locations/europe-west3/secrets/key/versions/2"), VALUE + "-2")
        self.assertEqual(len(self.cloud.asked("GET", ":access$")), 3)

    def test_a_new_version_counts_at_once(self):
        plugin = self.source()
        self.fetched(plugin)
        self.cloud.secrets.add("key", VALUE + "-rotated")
        self.assertEqual(self.fetched(plugin), VALUE + "-rotated")
        self.assertEqual(len(self.cloud.identity.grants), 1)

    def test_text_as_it_is_but_for_the_line_end(self):
        for stored, wanted in (("planted-ü € 💾\n", "planted-ü € 💾"), ("planted-1\r\n\n", "planted-1"), (" planted-a b\nplanted-c ", " planted-a b\nplanted-c "), ("planted-" + "x" * 65000, "planted-" + "x" * 65000)):
            self.cloud.secrets.add("text", stored)
            self.assertEqual(self.fetched(self.source(), "text"), wanted)

    def test_what_is_no_text(self):
        self.cloud.secrets.add("binary", b"planted-\xff\xfe")
        self.refused(self.source().fetch("binary"), "invalid", "no text", "gcloud secrets versions add binary", "--project=demo")
        self.cloud.secrets.add("empty", "\n")
        self.refused(self.source().fetch("empty"), "invalid", "is empty")

    def test_in_a_process_of_its_own(self):
        self.assertEqual(self.fetched(self.source(isolation="process")), VALUE)

    def test_every_kind_of_credentials(self):
        user = self.cloud.identity.authorized_user_file()
        nowhere = {"GOOGLE_APPLICATION_CREDENTIALS": "", "CLOUDSDK_CONFIG": self.cloud.identity.folder}
        for settings in ({"credentials": user}, {"credentials": user, "impersonate": EMAIL}, {"credentials": None, "env": nowhere}):
            self.assertEqual(self.fetched(self.source(**settings)), VALUE)
        self.assertLessEqual({"user", EMAIL, "machine"}, {t["who"] for t in self.cloud.identity.issued.values()})

    def test_the_checksum_is_compared(self):
        self.cloud.secrets.spoil = 1  # once: it is asked for again
        self.assertEqual(self.fetched(self.source()), VALUE)
        self.cloud.secrets.spoil = 99
        self.refused(self.source().fetch(), "transient", "came damaged", "it is not used")
        self.cloud.secrets.spoil, self.cloud.secrets.without_checksum = 0, True
        self.assertEqual(self.fetched(self.source()), VALUE)

    def test_an_answer_that_is_none(self):
        for reply in ({"payload": {"data": "***"}}, {"payload": {"data": "QQ==="}}, b"<html>a portal</html>", []):
            self.cloud.fault("GET", ":access", (200, reply), times=3)
            self.refused(self.source().fetch(), "transient", "damaged")

    def test_no_such_secret_and_no_such_version(self):
        self.refused(self.source().fetch("nothing"), "invalid", "not found or has no versions", "gcloud secrets versions list nothing --project=demo")
        self.refused(self.source().fetch(version="9"), "invalid", "Secret Version", "not found", "versions list key")

    def test_not_permitted(self):
        self.cloud.secrets.denied.add("key")
        self.refused(self.source().fetch(), "denied", "secretmanager.versions.access", f"gcloud secrets add-iam-policy-binding key --member=serviceAccount:{EMAIL}",
                     "--role=roles/secretmanager.secretAccessor", "--project=demo")
        self.refused(self.source(credentials=self.cloud.identity.authorized_user_file()).fetch(), "denied", "roles/secretmanager.secretAccessor")

    def test_a_version_that_is_switched_off(self):
        self.cloud.secrets.add("key", "planted-2", "DISABLED")
        said = self.refused(self.source().fetch(), "invalid", "DISABLED", "gcloud secrets versions enable 2 --secret=key --project=demo")
        self.assertEqual(said["kind"], "disabled")
        self.cloud.secrets.add("key", "planted-3", "DESTROYED")
        self.refused(self.source().fetch(version="3"), "invalid", "gone for good", "gcloud secrets versions add key")

    def test_the_interface_or_billing_is_off(self):
        off = error(403, "Secret Manager API has not been used in project 4242 before or it is disabled.", "PERMISSION_DENIED", error_info("SERVICE_DISABLED", service="secretmanager.googleapis.com"))
        self.cloud.fault("GET", ":access", off)
        self.refused(self.source().fetch(), "denied", "gcloud services enable secretmanager.googleapis.com --project demo")
        self.cloud.fault("GET", ":access", error(403, "This API method requires billing to be enabled.", "PERMISSION_DENIED", error_info("BILLING_DISABLED")))
        self.refused(self.source().fetch(), "denied", "billing is off")

    def test_names_that_are_none(self):
        plugin = self.source()
        for name in ("key", "projects/demo/secrets/key", "projects/demo/secrets/key/versions/", "projects/demo/secrets/../versions/1", "projects/demo/secrets/a?b/versions/1",
                     "projects//secrets/key/versions/1", "projects/demo/locations/secrets/key/versions/1", "projects/demo/secrets/key/versions/1/x", "/projects/demo/secrets/key/versions/1"):
            self.refused(plugin.fetch(name=name), "invalid", "names no version of a secret", "projects/PROJECT/secrets/SECRET/versions/latest")
        self.refused(plugin.call("secret.fetch/1", {}), "invalid", "names no version of a secret")
        self.assertEqual(self.cloud.asked("*", ":access"), [])

    def test_trouble_at_google_is_waited_out(self):
        self.cloud.fault("GET", ":access", error(503, "The service is currently unavailable.", "UNAVAILABLE"), times=2)
        self.cloud.fault("GET", ":access", "drop")
        self.cloud.fault("GET", ":access", error(429, "Quota exceeded for quota metric 'Access requests'.", "RESOURCE_EXHAUSTED"), headers={"Retry-After": "1"})
        self.assertEqual(self.fetched(self.source()), VALUE)
        self.cloud.fault("GET", ":access", error(503, "The service is currently unavailable.", "UNAVAILABLE"), times=99)
        self.refused(self.source().fetch(budget_ms=paced(4000)), "transient", "unavailable")

    def test_an_answer_that_does_not_come(self):
        self.cloud.fault("GET", ":access", "hang", times=9)
        answer = self.source().fetch(budget_ms=paced(1000))
        self.assertIn(answer["status"], ("transient", "unknown"), answer)

    def test_a_token_that_runs_out(self):
        plugin = self.source()
        self.fetched(plugin)
        self.cloud.identity.expire_all()
        self.assertEqual(self.fetched(plugin), VALUE)
        self.cloud.identity.revoked.add(EMAIL)
        self.cloud.identity.expire_all()
        self.refused(plugin.fetch(), "denied", "account not found", "make a new key")

    def test_the_manifest_names_the_key_of_the_configuration(self):
        done = subprocess.run([os.path.join(BUILD, "bin/understudy"), "plugin", "info", "gcp_cloudrun", "--json"], capture_output=True, text=True, timeout=60)
        manifest = json.loads(done.stdout)
        self.assertEqual(manifest.get("manifest", manifest)["secret_source"], "gcp_secret")


if __name__ == "__main__":
    unittest.main()
