"""Tokens: OAuth (service account JWT, refresh token), STS, service account credentials, the metadata server. A JWT's
signature is really verified, by the openssl program."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.parse

EMAIL = "ops@demo.iam.gserviceaccount.com"


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Identity:
    PATHS = ("/token", "/sts/", "/v1/projects/-/serviceAccounts/", "/computeMetadata/", "/oidc")

    def __init__(self, cloud):
        self.cloud = cloud
        self.life_s = 3600
        self.issued = {}          # token → {"expires", "who", "audience"}
        self.revoked = set()      # who
        self.required = True      # a token, for Google's interfaces
        self.subject_token = "subject-1"
        self.grants = []          # what was asked for, in order
        self.folder = tempfile.mkdtemp(prefix="understudy-keys-")
        self.key = os.path.join(self.folder, "key.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key], check=True, capture_output=True)
        self.public = os.path.join(self.folder, "public.pem")
        subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-out", self.public], check=True, capture_output=True)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- files for the plugin ----
    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            json.dump(content, out)
        return path

    def service_account_file(self, email=EMAIL):
        with open(self.key) as key:
            return self.write("service_account.json", {"type": "service_account", "client_email": email, "private_key": key.read(), "private_key_id": "k1",
                                                       "token_uri": self.cloud.base + "/token"})

    def authorized_user_file(self):
        return self.write("user.json", {"type": "authorized_user", "client_id": "client", "client_secret": "planted-client-secret", "refresh_token": "planted-refresh-token"})

    def external_file(self, source, impersonate=False):
        content = {"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/o",
                   "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": self.cloud.base + "/sts/v1/token", "credential_source": source}
        if impersonate:
            content["service_account_impersonation_url"] = f"{self.cloud.base}/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
        return self.write("external.json", content)

    # ---- tokens ----
    def issue(self, who, audience=""):
        now = time.time()
        name = f"planted-token-{len(self.issued)}"
        if audience:
            name = ".".join((text(b'{"alg":"none"}'), text(json.dumps({"aud": audience, "exp": int(now + self.life_s), "email": who}).encode()), text(name.encode())))
        self.issued[name] = {"expires": now + self.life_s, "who": who, "audience": audience}
        return name

    def expire_all(self):
        for token in self.issued.values():
            token["expires"] = 0

    def holder(self, headers, audience=""):
        """Whose token it is; None when there is no good one."""
        value = headers.get("authorization", "")
        token = self.issued.get(value[7:]) if value.startswith("Bearer ") else None
        good = token and token["expires"] > time.time() and token["audience"] == audience and token["who"] not in self.revoked
        return token["who"] if good else None

    # ---- endpoints ----
    def serve(self, method, target, headers, body):
        path = urllib.parse.urlsplit(target).path
        if path == "/token" and method == "POST":
            return self.oauth(dict(urllib.parse.parse_qsl(body.decode())))
        if path == "/sts/v1/token" and method == "POST":
            return self.exchange(dict(urllib.parse.parse_qsl(body.decode())))
        if path == "/oidc" and headers.get("x-caller") == "me":
            return 200, {"value": self.subject_token}, {}
        if path.startswith("/computeMetadata/"):
            return self.metadata(target, headers)
        if path.startswith("/v1/projects/-/serviceAccounts/") and method == "POST":
            return self.generate(target, headers, body)
        return 404, {"error": {"code": 404, "message": "no such path"}}, {}

    def bearer(self, who):
        return 200, {"access_token": self.issue(who), "expires_in": self.life_s, "token_type": "Bearer"}, {}

    @staticmethod
    def refuse(code, said, status=400):
        return status, {"error": code, "error_description": said}, {}

    def oauth(self, form):
        self.grants.append(form.get("grant_type"))
        if form.get("grant_type") == "refresh_token":
            if (form.get("client_id"), form.get("client_secret")) != ("client", "planted-client-secret"):
                return self.refuse("invalid_client", "The OAuth client was not found.", 401)
            if form.get("refresh_token") != "planted-refresh-token" or "user" in self.revoked:
                return self.refuse("invalid_grant", "Token has been expired or revoked.")
            return self.bearer("user")
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self.refuse("unsupported_grant_type", "Invalid grant_type")
        return self.jwt(form.get("assertion", ""))

    def jwt(self, assertion):
        parts = assertion.split(".")
        if len(parts) != 3 or not self.verified(".".join(parts[:2]), raw(parts[2])):
            return self.refuse("invalid_grant", "Invalid JWT Signature.")
        header, claims = json.loads(raw(parts[0])), json.loads(raw(parts[1]))
        now = time.time()
        if header.get("alg") != "RS256" or header.get("kid") != "k1" or claims["aud"] != self.cloud.base + "/token":
            return self.refuse("invalid_grant", "Invalid JWT: wrong header or audience")
        if not now - 300 < claims["iat"] < now + 60 or not now < claims["exp"] <= claims["iat"] + 3600:
            return self.refuse("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values")
        if claims["iss"] in self.revoked:
            return self.refuse("invalid_grant", "Invalid grant: account not found")
        if "target_audience" in claims:
            return 200, {"id_token": self.issue(claims["iss"], claims["target_audience"])}, {}
        if "https://www.googleapis.com/auth/cloud-platform" not in claims.get("scope", ""):
            return self.refuse("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return self.bearer(claims["iss"])

    def verified(self, signed, signature):
        with tempfile.TemporaryDirectory(prefix="understudy-jwt-") as folder:
            for name, data in (("text", signed.encode()), ("sig", signature)):
                with open(os.path.join(folder, name), "wb") as out:
                    out.write(data)
            done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public, "-signature", os.path.join(folder, "sig"), os.path.join(folder, "text")], capture_output=True)
            return done.returncode == 0

    def exchange(self, form):
        self.grants.append(form.get("grant_type"))
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" or form.get("requested_token_type") != "urn:ietf:params:oauth:token-type:access_token":
            return self.refuse("invalid_request", "wrong grant or token type")
        if "/workloadIdentityPools/p/" not in form.get("audience", ""):
            return self.refuse("invalid_target", "The target service indicated by the \"audience\" parameters is invalid.")
        if form.get("subject_token") != self.subject_token:
            return self.refuse("invalid_grant", "ID Token issued at an invalid time or not by the provider.")
        return 200, {"access_token": self.issue("federated"), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": self.life_s}, {}

    def metadata(self, target, headers):
        if headers.get("metadata-flavor") != "Google":
            return 403, b"Missing Metadata-Flavor", {"Content-Type": "text/plain"}
        split = urllib.parse.urlsplit(target)
        if split.path.endswith("/token"):
            return self.bearer("machine")
        if split.path.endswith("/identity"):
            audience = urllib.parse.parse_qs(split.query)["audience"][0]
            return 200, self.issue("machine", audience).encode(), {"Content-Type": "text/plain"}
        return 404, b"not found", {"Content-Type": "text/plain"}

    def generate(self, target, headers, body):
        self.cloud.check("iam", "POST", target, headers, body)
        if self.holder(headers) is None:
            return 401, {"error": {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}}, {}
        email, verb = urllib.parse.unquote(urllib.parse.urlsplit(target).path).rsplit("/", 1)[1].split(":")
        if email != EMAIL:
            return 403, {"error": {"code": 403, "message": "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).", "status": "PERMISSION_DENIED"}}, {}
        asked = json.loads(body)
        self.grants.append(verb)
        if verb == "generateAccessToken":
            reply = {"accessToken": self.issue(email), "expireTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.life_s))}
        else:
            reply = {"token": self.issue(email, asked["audience"])}
        self.cloud.check_reply("iam", "POST", target, 200, reply)
        return 200, reply, {}
