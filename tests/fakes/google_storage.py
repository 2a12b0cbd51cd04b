"""Cloud Storage JSON API: objects with generations, preconditions, media, multipart and resumable uploads, listing."""
import base64
import hashlib
import json
import re
import time
import urllib.parse

from google_run import stamp

OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/(.+)$")
BUCKET = re.compile(r"/storage/v1/b/([^/]+)$")
LIST = re.compile(r"/storage/v1/b/([^/]+)/o$")
UPLOAD = re.compile(r"/upload/storage/v1/b/([^/]+)/o$")


def make_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = make_table()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ TABLE[(value ^ byte) & 0xFF]
    return base64.b64encode((value ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


def problem(code, message, reason):
    return code, {"error": {"code": code, "message": message, "errors": [{"message": message, "domain": "global", "reason": reason}]}}, {}


def glob_pattern(glob):
    """`*` stays within a folder, `**` does not."""
    return re.compile("".join(".*" if p == "**" else "[^/]*" if p == "*" else re.escape(p) for p in re.split(r"(\*\*|\*)", glob)) + r"\Z")


class Storage:
    def __init__(self, cloud):
        self.cloud = cloud
        self.buckets = {}   # name → {object name: object}
        self.page = 1000
        self.last_generation = int(time.time() * 1e6)
        self.sessions = {}
        self.denied = set()
        self.before_write = None  # called with (bucket, name) before a write is looked at: a race

    def add(self, bucket="snapshots"):
        self.buckets[bucket] = {}
        return self.buckets[bucket]

    def put(self, bucket, name, data, content_type="application/octet-stream", metadata=None):
        self.last_generation += 1
        it = {"data": data, "generation": self.last_generation, "contentType": content_type, "metadata": metadata or {}, "created": stamp(),
              "crc32c": crc32c(data), "md5": base64.b64encode(hashlib.md5(data).digest()).decode()}
        self.buckets[bucket][name] = it
        return it

    def resource(self, bucket, name, it):
        out = {"kind": "storage#object", "id": f"{bucket}/{name}/{it['generation']}", "name": name, "bucket": bucket, "generation": str(it["generation"]), "metageneration": "1",
               "contentType": it["contentType"], "size": str(len(it["data"])), "md5Hash": it["md5"], "crc32c": it["crc32c"], "etag": "CAE=", "timeCreated": it["created"],
               "updated": it["created"], "storageClass": "STANDARD", "mediaLink": f"{self.cloud.base}/download/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media"}
        if it["metadata"]:
            out["metadata"] = it["metadata"]
        return out

    def serve(self, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        upload = UPLOAD.match(url.path)
        if method == "PUT" and upload:
            return self.resumed(headers, query, body)
        if not url.path.startswith("/download/"):
            self.cloud.check("storage", method, target, headers, b"" if upload else body)
        if self.cloud.identity.required and self.cloud.identity.holder(headers) is None:
            return problem(401, "Invalid Credentials", "authError")
        reply = self.upload(upload.group(1), query, headers, body) if upload else self.dispatch(method, url.path, query, body)
        if not url.path.startswith("/download/"):
            self.cloud.check_reply("storage", method, target, reply[0], reply[1])
        return reply

    def dispatch(self, method, path, query, body):
        for pattern, serve in ((OBJECT, self.object), (LIST, self.list), (BUCKET, self.bucket)):
            if found := pattern.match(path):
                bucket = urllib.parse.unquote(found.group(1))
                if bucket not in self.buckets:
                    return problem(404, "The specified bucket does not exist.", "notFound")
                return serve(method, bucket, urllib.parse.unquote(found.group(2)) if pattern is OBJECT else "", query, body)
        return problem(404, "Not Found", "notFound")

    def bucket(self, _method, bucket, _name, _query, _body):
        return 200, {"kind": "storage#bucket", "id": bucket, "name": bucket, "location": "EUROPE-WEST1", "storageClass": "STANDARD"}, {}

    def refused(self, permission):
        return problem(403, f"ops@demo.iam.gserviceaccount.com does not have {permission} access to the Google Cloud Storage object. Permission '{permission}' denied on resource "
                            "(or it may not exist).", "forbidden") if permission in self.denied else None

    def unmet(self, it, query):
        """The reply when a condition does not hold."""
        generation = it["generation"] if it else 0
        if "ifGenerationMatch" in query and int(query["ifGenerationMatch"]) != generation:
            return problem(412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet")
        if "ifGenerationNotMatch" in query and int(query["ifGenerationNotMatch"]) == generation:
            return 304, None, {}
        return None

    def object(self, method, bucket, name, query, body):
        it = self.buckets[bucket].get(name)
        if method == "DELETE":
            if (reply := self.refused("storage.objects.delete")) or (reply := self.unmet(it, query) if it else None):
                return reply
            if it is None:
                return problem(404, f"No such object: {bucket}/{name}", "notFound")
            del self.buckets[bucket][name]
            return 204, None, {}
        if reply := self.refused("storage.objects.get"):
            return reply
        if it is None:
            return problem(404, f"No such object: {bucket}/{name}", "notFound")
        if reply := self.unmet(it, query):
            return reply
        if query.get("alt") == "media":
            return 200, it["data"], {"Content-Type": it["contentType"], "x-goog-generation": str(it["generation"]), "x-goog-hash": f"crc32c={it['crc32c']},md5={it['md5']}",
                                     "x-goog-stored-content-encoding": "identity", "x-goog-stored-content-length": str(len(it["data"]))}
        return 200, self.resource(bucket, name, it), {}

    def list(self, _method, bucket, _name, query, _body):
        if reply := self.refused("storage.objects.list"):
            return reply
        names = sorted(n for n in self.buckets[bucket] if n.startswith(query.get("prefix", "")))
        if "matchGlob" in query:
            glob = glob_pattern(query["matchGlob"])
            names = [n for n in names if glob.match(n)]
        prefixes = set()
        if query.get("delimiter"):
            rest = {n: n[len(query.get("prefix", "")):] for n in names}
            prefixes = {query.get("prefix", "") + r.split(query["delimiter"])[0] + query["delimiter"] for r in rest.values() if query["delimiter"] in r}
            names = [n for n in names if query["delimiter"] not in rest[n]]
        size = min(self.page, int(query.get("maxResults", 1000)))
        start = int(query.get("pageToken", 0))
        out = {"kind": "storage#objects", "items": [self.resource(bucket, n, self.buckets[bucket][n]) for n in names[start:start + size]], "prefixes": sorted(prefixes)}
        if start + size < len(names):
            out["nextPageToken"] = str(start + size)
        return 200, {k: v for k, v in out.items() if v}, {}

    # ---- uploads ----
    def upload(self, bucket, query, headers, body):
        bucket = urllib.parse.unquote(bucket)
        if bucket not in self.buckets:
            return problem(404, "The specified bucket does not exist.", "notFound")
        if reply := self.refused("storage.objects.create"):
            return reply
        kind = query.get("uploadType")
        if kind == "media":
            return self.store(bucket, query["name"], query, body, headers.get("content-type", ""), {})
        if kind == "multipart":
            about, data, content_type = self.parts(headers["content-type"], body)
            self.cloud.problems += self.cloud.contracts["storage"].value_problems({"$ref": "#/components/schemas/Object"}, about)
            return self.store(bucket, about.get("name") or query["name"], query, data, about.get("contentType") or content_type, about.get("metadata", {}))
        session = f"s{len(self.sessions)}"
        about = json.loads(body) if body else {}
        self.sessions[session] = (bucket, about.get("name") or query["name"], query, about, headers.get("x-upload-content-type", ""))
        return 200, None, {"Location": f"{self.cloud.base}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={session}"}

    def resumed(self, _headers, query, body):
        bucket, name, first, about, content_type = self.sessions.pop(query["upload_id"])
        return self.store(bucket, name, first, body, about.get("contentType") or content_type, about.get("metadata", {}))

    @staticmethod
    def parts(content_type, body):
        boundary = re.search(r"boundary=[\"']?([^\"';]+)", content_type).group(1).encode()
        pieces = body.split(b"--" + boundary)[1:3]
        heads_and_data = [re.split(b"\r?\n\r?\n", p.lstrip(b"\r\n"), maxsplit=1) for p in pieces]
        data = heads_and_data[1][1]
        data = data[:-2] if data.endswith(b"\r\n") else data[:-1] if data.endswith(b"\n") else data
        kind = re.search(rb"(?i)content-type:\s*([^\r\n]+)", heads_and_data[1][0])
        return json.loads(heads_and_data[0][1]), data, kind.group(1).decode() if kind else ""

    def store(self, bucket, name, query, data, content_type, metadata):
        if self.before_write:
            self.before_write(bucket, name)
        if reply := self.unmet(self.buckets[bucket].get(name), query):
            return reply
        return 200, self.resource(bucket, name, self.put(bucket, name, data, content_type, metadata)), {}
