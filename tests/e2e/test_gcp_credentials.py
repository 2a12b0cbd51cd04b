"""Every kind of Google credentials, their renewal and their failures, against token endpoints that check signatures."""
import json
import os
import tempfile
import time
import unittest

from gcp import GcpTest
from google_identity import EMAIL
from harness import PACE, PATIENCE_S, paced

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class Credentials(GcpTest):
    def grants(self):
        return self.cloud.identity.grants

    def seen_by(self):
        """Whose tokens were used."""
        return {t["who"] for t in self.cloud.identity.issued.values()}

    def test_a_service_accounts_key_signs_and_the_token_is_kept(self):
        plugin = self.plugin("target")
        for _ in range(3):
            self.ok(plugin.observe())
        self.assertEqual(self.grants(), [JWT])
        self.assertEqual(self.seen_by(), {EMAIL})

    def test_an_authorized_user(self):
        self.ok(self.plugin("target", credentials=self.cloud.identity.authorized_user_file()).observe())
        self.assertEqual(self.grants(), ["refresh_token"])

    def test_the_metadata_server(self):
        home = tempfile.mkdtemp(prefix="understudy-home-", dir=self.cloud.identity.folder)
        nowhere = {"GOOGLE_APPLICATION_CREDENTIALS": "", "CLOUDSDK_CONFIG": home}
        self.ok(self.plugin("target", env=nowhere, credentials=None).observe())
        self.assertEqual(self.seen_by(), {"machine"})

    def test_application_default_credentials_are_found(self):
        found = {"GOOGLE_APPLICATION_CREDENTIALS": self.cloud.identity.authorized_user_file()}
        self.ok(self.plugin("target", env=found, credentials=None).observe())
        self.assertEqual(self.seen_by(), {"user"})

    def test_federation_with_a_token_in_a_file(self):
        subject = os.path.join(self.cloud.identity.folder, "subject")
        with open(subject, "w") as out:
            out.write("subject-1\n")
        plugin = self.plugin("target", credentials=self.cloud.identity.external_file({"file": subject}))
        self.ok(plugin.observe())
        self.assertEqual((self.grants(), self.seen_by()), ([EXCHANGE], {"federated"}))
        self.cloud.identity.subject_token = "subject-2"  # its writer renews the file; the token of the cloud runs out
        with open(subject, "w") as out:
            out.write("subject-2\n")
        self.cloud.identity.expire_all()
        self.ok(plugin.observe())

    def test_federation_with_a_token_from_an_address_and_impersonation(self):
        source = {"url": self.cloud.base + "/oidc", "headers": {"X-Caller": "me"}, "format": {"type": "json", "subject_token_field_name": "value"}}
        self.ok(self.plugin("target", credentials=self.cloud.identity.external_file(source, impersonate=True)).observe())
        self.assertEqual(self.grants(), [EXCHANGE, "generateAccessToken"])

    def test_impersonation_by_setting(self):
        self.ok(self.plugin("target", credentials=self.cloud.identity.authorized_user_file(), impersonate=EMAIL).observe())
        self.assertEqual(self.grants(), ["refresh_token", "generateAccessToken"])
        other = self.plugin("target", credentials=self.cloud.identity.authorized_user_file(), impersonate="other@demo.iam.gserviceaccount.com")
        self.refused(other.observe(), "denied", "roles/iam.serviceAccountTokenCreator")

    def test_two_accounts_are_two_targets(self):
        user, key = self.plugin("target", credentials=self.cloud.identity.authorized_user_file()), self.plugin("target")
        self.ok(user.observe())
        self.ok(key.observe())
        self.assertEqual(self.seen_by(), {"user", EMAIL})
        self.cloud.identity.revoked.add("user")
        self.cloud.identity.expire_all()
        self.refused(user.observe(), "denied", "expired or revoked", "gcloud auth application-default login")
        self.ok(key.observe())

    def test_a_private_service_is_shown_an_identity_token(self):
        self.cloud.run.private = True
        self.refused(self.supervised().call("standby.prewarm/1"), "denied", "private = true", "roles/run.invoker")
        self.ok(self.supervised(private=True).activate(1))
        audiences = {t["audience"] for t in self.cloud.identity.issued.values()}
        self.assertEqual(audiences, {"", self.service.doc["uri"]})

    def test_identity_tokens_of_the_other_kinds(self):
        self.cloud.run.private = True
        user = self.cloud.identity.authorized_user_file()
        self.refused(self.supervised(private=True, credentials=user).call("standby.prewarm/1"), "denied", "impersonate")
        self.ok(self.supervised(private=True, credentials=user, impersonate=EMAIL).call("standby.prewarm/1"))
        self.assertIn("generateIdToken", self.grants())
        nowhere = {"GOOGLE_APPLICATION_CREDENTIALS": "", "CLOUDSDK_CONFIG": self.cloud.identity.folder}
        self.ok(self.supervised(private=True, env=nowhere, credentials=None).call("standby.prewarm/1"))

    def test_tokens_are_renewed_before_they_end(self):
        self.cloud.identity.life_s = max(4, int(3 * PACE))  # of the last quarter no request may need all
        plugin = self.plugin("target")
        end = time.time() + PATIENCE_S
        while len(self.grants()) < 3 and time.time() < end:
            self.ok(plugin.observe())
        self.assertEqual(len(self.grants()), 3)
        self.assertEqual(self.cloud.asked("POST", "/token")[0][0], "POST")
        refused = [r for r in plugin.log if "401" in r]
        self.assertEqual(refused, [])

    def test_a_renewal_that_fails_early_does_no_harm(self):
        self.cloud.identity.life_s = max(8, int(4 * PACE))  # it must be asked for in the last quarter, but for half a second
        plugin = self.plugin("target")
        self.ok(plugin.observe())
        self.cloud.fault("POST", "^/token", (400, {"error": "invalid_grant", "error_description": "not now"}), times=1)
        end = time.time() + PATIENCE_S
        while not any("could not be renewed early" in line for line in plugin.log) and time.time() < end:
            self.ok(plugin.observe())
        self.ok(plugin.observe())

    def test_one_renewal_at_a_time(self):
        folder = tempfile.mkdtemp(prefix="state-", dir=self.cloud.identity.folder)
        for i in range(24):
            with open(os.path.join(folder, str(i)), "w") as out:
                out.write(str(i))
        self.ok(self.plugin("state").push({"state": folder}))
        self.assertEqual(self.grants(), [JWT])

    def test_a_token_that_is_refused_is_renewed_once(self):
        plugin = self.plugin("target")
        self.ok(plugin.observe())
        self.cloud.identity.expire_all()
        self.ok(plugin.activate(1))
        self.assertEqual(self.grants(), [JWT, JWT])
        self.cloud.fault("GET", "/v2/", (401, {"error": {"code": 401, "message": "no", "status": "UNAUTHENTICATED"}}), times=9)
        self.refused(plugin.observe(), "denied", "not accepted", EMAIL)

    def test_a_revoked_key(self):
        plugin = self.plugin("target")
        self.ok(plugin.observe())
        self.cloud.identity.revoked.add(EMAIL)
        self.cloud.identity.expire_all()
        self.refused(plugin.observe(), "denied", "account not found", "make a new key", EMAIL)

    def test_the_token_endpoint_in_trouble(self):
        self.cloud.fault("POST", "^/token", (503, {"error": "internal_failure"}), times=2)
        self.cloud.fault("POST", "^/token", "drop", times=1)
        plugin = self.plugin("target")
        self.ok(plugin.observe(paced(20000)))
        self.cloud.identity.expire_all()
        self.cloud.fault("POST", "^/token", (503, {"error": "internal_failure"}), times=99)
        self.refused(plugin.observe(), "transient", "no token for")

    def test_files_that_cannot_serve(self):
        identity = self.cloud.identity
        with open(identity.service_account_file()) as source:
            good = json.load(source)
        cases = [({**good, "type": "gdch_service_account"}, "unknown type"), ({**good, "private_key": "-----BEGIN NONSENSE-----"}, "no RSA key"),
                 ({**good, "client_email": ""}, 'no "client_email"'), ({**good, "private_key_id": "k2"}, "invalid_grant"),
                 ({"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": self.cloud.base + "/sts/v1/token", "credential_source": {"environment_id": "aws1"}}, "AWS and executable"),
                 ({"type": "external_account", "audience": "wrong", "subject_token_type": "t", "token_url": self.cloud.base + "/sts/v1/token", "credential_source": {"file": "/etc/hostname"}}, "workload identity pool")]
        for number, (content, words) in enumerate(cases):
            with self.subTest(words):
                self.refused(self.plugin("target", credentials=identity.write(f"bad{number}.json", content)).observe(), "denied", words)
        self.refused(self.plugin("target", credentials="/no/such/file.json").observe(), "denied", "cannot read the credentials file /no/such/file.json")
        with open(os.path.join(identity.folder, "text"), "w") as out:
            out.write("hello")
        self.refused(self.plugin("target", credentials=os.path.join(identity.folder, "text")).observe(), "denied", "is not JSON")

    def test_a_clock_that_is_wrong(self):
        self.cloud.fault("POST", "^/token", (400, {"error": "invalid_grant", "error_description": "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}))
        self.refused(self.plugin("target").observe(), "denied", "clock")


if __name__ == "__main__":
    unittest.main()
