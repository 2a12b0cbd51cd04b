"""Secret Manager: versions with their states, what their content is, and its checksum."""
import base64
import re
import urllib.parse

from google_run import error_info, problem
from google_storage import crc32c

VERSION = re.compile(r"/v1/projects/([^/]+)(?:/locations/([^/]+))?/secrets/([^/]+)/versions/([^/:]+):access$")
NUMBER = "4242"  # of the project: Google names it so in replies and refusals


class Secrets:
    def __init__(self, cloud):
        self.cloud = cloud
        self.versions = {}       # name of the secret → [{"data", "state"}], version 1 first
        self.denied = set()      # names of secrets
        self.spoil = 0           # so many replies come with content that its checksum is not of
        self.without_checksum = False

    def add(self, name, data, state="ENABLED"):
        data = data.encode() if isinstance(data, str) else data
        self.versions.setdefault(name, []).append({"data": data, "state": state})

    def serve(self, method, target, headers, body):
        described = re.sub(r"/locations/[^/]+", "", target)  # the description holds the global names only
        self.cloud.check("secrets", method, described, headers, body)
        if self.cloud.identity.required and self.cloud.identity.holder(headers) is None:
            return problem(401, "Request had invalid authentication credentials. Expected OAuth 2 access token.", "UNAUTHENTICATED", error_info("ACCESS_TOKEN_EXPIRED"))
        reply = self.access(*VERSION.match(urllib.parse.unquote(urllib.parse.urlsplit(target).path)).groups())
        self.cloud.check_reply("secrets", method, described, reply[0], reply[1])
        return reply

    def access(self, project, location, secret, version):
        where = f"projects/{NUMBER}" + (f"/locations/{location}" if location else "") + f"/secrets/{secret}"
        if project not in ("demo", NUMBER) or secret in self.denied:
            name = f"projects/{project}/secrets/{secret}/versions/{version}"
            return problem(403, f"Permission 'secretmanager.versions.access' denied for resource '{name}' (or it may not exist).", "PERMISSION_DENIED",
                           error_info("IAM_PERMISSION_DENIED", permission="secretmanager.versions.access", resource=name))
        kept = self.versions.get(secret)
        if not kept:
            return problem(404, f"Secret [{where}] not found or has no versions.", "NOT_FOUND")
        number = len(kept) if version == "latest" else int(version) if version.isdigit() else 0
        if not 1 <= number <= len(kept):
            return problem(404, f"Secret Version [{where}/versions/{version}] not found.", "NOT_FOUND")
        it = kept[number - 1]
        if it["state"] != "ENABLED":
            return problem(400, f"Secret Version [{where}/versions/{number}] is in {it['state']} state.", "FAILED_PRECONDITION")
        return 200, {"name": f"{where}/versions/{number}", "payload": self.payload(it["data"])}, {}

    def payload(self, data):
        sum32 = int.from_bytes(base64.b64decode(crc32c(data)), "big")
        if self.spoil > 0:
            self.spoil -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        out = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(sum32)}
        if self.without_checksum:
            del out["dataCrc32c"]
        return out
