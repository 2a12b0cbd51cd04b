"""Cloud Run Admin API v2, and inside each service a supervisor that answers while an instance is kept."""
import copy
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

SERVICE = re.compile(r"/v2/projects/([^/]+)/locations/([^/]+)/services/([^/:]+)$")
REVISIONS = re.compile(r"/v2/projects/([^/]+)/locations/([^/]+)/services/([^/]+)/revisions(?:/([^/]+))?$")
OPERATION = re.compile(r"/v2/(projects/[^/]+/locations/[^/]+/operations/[^/:]+)(:wait)?$")


def stamp(moment=None):
    moment = time.time() if moment is None else moment
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1e6) % 1000000:06d}Z"


def camel(path):
    return re.sub(r"_([a-z])", lambda m: m.group(1).upper(), path)


def without_zeros(value):
    """proto3 JSON: false, 0 and empty are left out."""
    if isinstance(value, dict):
        return {k: without_zeros(v) for k, v in value.items() if v not in (0, False, "", None) and v != {} and v != []}
    return [without_zeros(v) for v in value] if isinstance(value, list) else value


def named_enums(contract, schema, value):
    schema = contract.resolve(schema)
    if isinstance(value, dict):
        return {k: named_enums(contract, schema.get("properties", {}).get(k, {}), v) for k, v in value.items()}
    if isinstance(value, list):
        return [named_enums(contract, schema.get("items", {}), v) for v in value]
    return schema["enum"][value] if "enum" in schema and isinstance(value, int) else value


def problem(code, message, status, details=None):
    body = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = details
    return code, {"error": body}, {}


def error_info(reason, **metadata):
    return [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}]


class Service:
    def __init__(self, name, image, uri, cpu_idle):
        self.doc = {"name": name, "uid": "u-1", "generation": 1, "observedGeneration": 1, "createTime": stamp(), "updateTime": stamp(time.time() - 86400),
                    "ingress": "INGRESS_TRAFFIC_ALL", "launchStage": "GA", "uri": uri, "scaling": {"scalingMode": "MANUAL"},
                    "template": {"containers": [{"image": image, "name": "app", "ports": [{"containerPort": 8080}], "env": [{"name": "KEEP", "value": "me"}],
                                                 "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "cpuIdle": cpu_idle}}], "timeout": "300s"},
                    "traffic": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]}
        self.etag = 1
        self.revisions = []
        self.settles_at = 0
        self.observed = 1
        self.failed = ""
        self.new_supervisor()

    def new_supervisor(self):
        """A new instance: it remembers nothing."""
        self.mode, self.workload, self.epoch, self.ended, self.moved_at, self.last = "standby", "stopped", 0, False, 0, None
        self.instance, self.unsaved = "first", False

    def serving(self):
        target = self.doc["traffic"][0]
        return target.get("revision") or self.doc["latestReadyRevision"].rsplit("/", 1)[1]

    def short(self):
        return self.doc["name"].rsplit("/", 1)[1]

    def kept(self):
        scaling = self.doc.get("scaling", {})
        if scaling.get("scalingMode") == "MANUAL":
            return scaling.get("manualInstanceCount", 0)
        return max(scaling.get("minInstanceCount", 0), self.doc["template"].get("scaling", {}).get("minInstanceCount", 0))

    def settle(self):
        """Whether it still moves. A reconciliation that failed leaves the observed generation at the last one that served."""
        moving = time.monotonic() < self.settles_at
        if not moving and not self.failed:
            self.observed = self.doc["generation"]
        return moving

    def at_rest_since(self):
        """The time of the change, or of its arrival everywhere."""
        return max(self.doc["updateTime"], stamp(time.time() - time.monotonic() + self.settles_at)) if self.settles_at else self.doc["updateTime"]

    def env(self):
        return {e["name"]: e.get("value", "") for c in self.doc["template"]["containers"] for e in c.get("env", [])}


class CloudRun:
    API_KEY = "planted-api-key"

    def __init__(self, cloud):
        self.cloud = cloud
        self.services, self.operations = {}, {}
        self.broken_images, self.denied = set(), set()
        self.settle_s, self.operation_polls = 0.0, 1
        self.private = False         # callers must show an identity token
        self.supervisor_works = True  # what is asked is done
        self.restore_s, self.stop_s = 0.0, 0.0
        self.restore_fails = ""
        self.backend = ""            # address of a real supervisor that stands for the one in the containers

    def add(self, service="svc", project="demo", region="europe-west1", image="img:1", cpu_idle=False):
        name = f"projects/{project}/locations/{region}/services/{service}"
        self.services[name] = Service(name, image, f"{self.cloud.base}/app/{service}", cpu_idle)
        self.revise(self.services[name])
        return self.services[name]

    # ---- state ----
    def revise(self, s):
        number = len(s.revisions) + 1
        name = f"{s.doc['name']}/revisions/{s.short()}-{number:05d}-abc"
        broken = any(c["image"] in self.broken_images for c in s.doc["template"]["containers"])
        s.revisions.append({"name": name, "uid": f"r-{number}", "generation": "1", "createTime": stamp(), "service": s.short(), "containers": copy.deepcopy(s.doc["template"]["containers"]),
                            "conditions": [{"type": "Ready", "state": "CONDITION_FAILED" if broken else "CONDITION_SUCCEEDED"}]})
        s.doc["latestCreatedRevision"] = name
        s.failed = "The user-provided container failed to start and listen on the port defined by the PORT=8080 environment variable" if broken else ""
        if not broken:
            s.doc["latestReadyRevision"] = name

    def shown(self, s):
        out = copy.deepcopy(s.doc)
        out["etag"] = f'"e{s.etag}"'
        moving = s.settle()
        out["reconciling"] = moving
        out["observedGeneration"] = str(s.observed)
        out["generation"] = str(s.doc["generation"])
        state = "CONDITION_RECONCILING" if moving else "CONDITION_FAILED" if s.failed else "CONDITION_SUCCEEDED"
        out["terminalCondition"] = {"type": "Ready", "state": state, "lastTransitionTime": out["updateTime"] if moving else s.at_rest_since()}
        if s.failed and not moving:
            out["terminalCondition"].update(message=s.failed, revisionReason="HEALTH_CHECK_CONTAINER_ERROR")
        whole = {"percent": 100} if len(out["traffic"]) == 1 else {}
        out["trafficStatuses"] = [{**t, **whole, "revision": t.get("revision") or s.doc["latestReadyRevision"].rsplit("/", 1)[1]} for t in out["traffic"]]
        return without_zeros(out)

    def serve(self, method, target, headers, body):
        if target.startswith("/app/"):
            return self.app(method, target, headers, body)
        if "enum-encoding" in target and body:  # Google's own client sends numbers
            schema = {"$ref": "#/components/schemas/GoogleCloudRunV2Service"}
            body = json.dumps(named_enums(self.cloud.contracts["run"], schema, json.loads(body))).encode()
        self.cloud.check("run", method, target, headers, body)
        reply = self.allowed(headers, target) or self.dispatch(method, target, body)
        self.cloud.check_reply("run", method, target, reply[0], reply[1])
        return reply

    def allowed(self, headers, target):
        if self.cloud.identity.required and self.cloud.identity.holder(headers) is None:
            return problem(401, "Request had invalid authentication credentials. Expected OAuth 2 access token.", "UNAUTHENTICATED", error_info("ACCESS_TOKEN_EXPIRED"))
        return None

    def dispatch(self, method, target, body):
        url = urllib.parse.urlsplit(target)
        path = urllib.parse.unquote(url.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if found := SERVICE.match(path):
            return self.service(method, path[4:], found.group(1), query, body)
        if REVISIONS.match(path):
            return self.list_revisions(path[4:].split("/revisions")[0], query)
        if found := OPERATION.match(path):
            return self.operation(found.group(1))
        return problem(404, "The requested URL was not found on this server.", "NOT_FOUND")

    def service(self, method, name, project, query, body):
        permission = "run.services.get" if method == "GET" else "run.services.update"
        if permission in self.denied or not any(n.startswith(f"projects/{project}/") for n in self.services):
            return problem(403, f"Permission '{permission}' denied on resource '{name}' (or resource may not exist).", "PERMISSION_DENIED",
                           error_info("IAM_PERMISSION_DENIED", permission=permission, resource=name))
        s = self.services.get(name)
        if s is None:
            return problem(404, f"Resource '{name.rsplit('/', 1)[1]}' of kind 'SERVICE' in region '{name.split('/')[3]}' in project '{project}' does not exist.", "NOT_FOUND")
        if method == "GET":
            return 200, self.shown(s), {}
        return self.patch(s, query, json.loads(body))

    def patch(self, s, query, wanted):
        if wanted.get("etag") and wanted["etag"] != f'"e{s.etag}"':
            return problem(409, f"Conflict for resource '{s.short()}': version '{wanted['etag']}' was specified but current version is '\"e{s.etag}\"'.", "ABORTED")
        mask = [camel(p) for p in query.get("updateMask", "").split(",") if p]
        if not mask:
            return problem(400, "updateMask is required here: without it the whole service would be replaced", "INVALID_ARGUMENT")
        name = wanted.get("template", {}).get("revision")
        if name and any(r["name"].endswith("/" + name) for r in s.revisions):
            return problem(409, f"Revision named '{name}' with different configuration already exists.", "ALREADY_EXISTS")
        if query.get("validateOnly") == "true":
            return 200, {"name": "", "done": True}, {}
        s.settle()
        before, served = copy.deepcopy(s.doc["template"]), s.serving()
        for path in mask:
            self.merge(s.doc, wanted, path.split("."))
        s.doc["generation"] += 1
        s.etag += 1
        s.doc["updateTime"] = stamp()
        s.settles_at = time.monotonic() + self.settle_s
        if s.doc["template"] != before:
            self.revise(s)
        if s.kept() == 0 or s.serving() != served:
            s.new_supervisor()
        return 200, self.begun(s), {}

    @staticmethod
    def merge(there, wanted, path):
        for part in path[:-1]:
            there, wanted = there.setdefault(part, {}), wanted.get(part, {})
        if path[-1] in wanted:
            there[path[-1]] = copy.deepcopy(wanted[path[-1]])
        else:
            there.pop(path[-1], None)

    def begun(self, s):
        name = "/".join(s.doc["name"].split("/")[:4]) + f"/operations/op-{len(self.operations) + 1}"
        self.operations[name] = {"service": s, "polls": self.operation_polls, "ready_at": s.settles_at}
        return {"name": name, "metadata": {"@type": "type.googleapis.com/google.cloud.run.v2.Service", **self.shown(s)}}

    def arrive(self, s):
        """What is still on its way has arrived everywhere: for tests that let it settle when they have seen enough."""
        s.settles_at = time.monotonic()
        for it in self.operations.values():
            if it["service"] is s:
                it["ready_at"] = s.settles_at

    def operation(self, name):
        it = self.operations.get(name)
        if it is None:
            return problem(404, "Operation not found.", "NOT_FOUND")
        it["polls"] -= 1
        out = {"name": name, "metadata": {"@type": "type.googleapis.com/google.cloud.run.v2.Service", **self.shown(it["service"])}}
        if it["polls"] >= 0 or time.monotonic() < it["ready_at"]:
            return 200, out, {}
        out["done"] = True
        if it["service"].failed:
            out["error"] = {"code": 9, "message": f"Revision '{it['service'].doc['latestCreatedRevision'].rsplit('/', 1)[1]}' is not ready and cannot serve traffic. {it['service'].failed}"}
        else:
            out["response"] = {"@type": "type.googleapis.com/google.cloud.run.v2.Service", **self.shown(it["service"])}
        return 200, out, {}

    def list_revisions(self, name, query):
        s = self.services.get(name)
        if s is None:
            return problem(404, "no such service", "NOT_FOUND")
        all_of_them = sorted(s.revisions, key=lambda r: r["createTime"], reverse=True)
        start = int(query.get("pageToken", 0))
        page = all_of_them[start:start + 2]
        return 200, without_zeros({"revisions": page, "nextPageToken": str(start + 2) if start + 2 < len(all_of_them) else ""}), {}

    # ---- the service's own address ----
    def app(self, method, target, headers, body):
        path = urllib.parse.urlsplit(target).path
        _, _, name, leaf = path.split("/", 3)
        s = next((x for x in self.services.values() if x.short() == name), None)
        if s is None or s.kept() == 0:
            return 503, b"Service Unavailable", {"Content-Type": "text/plain"}
        if self.private and self.cloud.identity.holder(headers, s.doc["uri"]) is None:
            return 403, b"<html>Your client does not have permission</html>", {"Content-Type": "text/html"}
        if self.backend:
            return self.passed_on(method, "/" + leaf, headers, body)
        return self.supervisor(s, "/" + leaf, headers, json.loads(body) if body else {})

    def passed_on(self, method, path, headers, body):
        request = urllib.request.Request(self.backend + path, data=body or None, method=method, headers={k: v for k, v in headers.items() if k in ("x-api-key", "content-type")})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), {"Content-Type": answer.headers.get("Content-Type", "")}
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read(), {"Content-Type": refused.headers.get("Content-Type", "")}
        except OSError:
            return 503, b"upstream connect error", {"Content-Type": "text/plain"}

    # ---- the supervisor, as `understudy agent` answers ----
    def supervisor(self, s, path, headers, asked):
        self.move(s)
        if path == "/health":
            return (503 if s.workload in ("unhealthy", "failed", "restarting") else 200), self.facts(s), {}
        if path not in ("/activate", "/deactivate"):
            return self.refusal(404, "path", f"there is no {path}", "known are /health, /healthz, /metrics, /activate, /deactivate")
        if headers.get("x-api-key") != self.API_KEY:
            return self.refusal(401, "key", "the key is missing or wrong", "send it as X-API-Key")
        return self.activate(s, asked) if path == "/activate" else self.deactivate(s, asked)

    @staticmethod
    def refusal(status, code, message, hint=""):
        return status, {"error": {"code": code, "message": message, "hint": hint}, "message": message}, {"Retry-After": "1"} if code == "busy" else {}

    def facts(self, s):
        status = {"running": "healthy", "stopped": "standby"}.get(s.workload, s.workload)
        return {"service": s.short(), "instance": s.instance, "unsaved": s.unsaved, "unsaved_detail": "it lies in /state" if s.unsaved else None, "status": status, "mode": s.mode, "workload_status": s.workload, "workload": {"status": s.workload, "pid": None, "restarts": 0, "detail": ""},
                "epoch": s.epoch, "uptime_s": 5.0, "last_activation": s.last, "snapshot": None, "last_push": None}

    @staticmethod
    def replace(s, instance):
        """Another instance in place of the one that answered until now: it stands by and knows of nothing."""
        s.instance, s.mode, s.workload, s.epoch, s.ended, s.last, s.unsaved = instance, "standby", "stopped", 0, False, None, False

    def move(self, s):
        """What a restore or a stop has come to by now."""
        if time.monotonic() < s.moved_at:
            return
        if s.mode == "deactivating":
            s.mode, s.workload = "standby", "stopped"
        if s.mode == "activating":
            s.last.update(done=True, ok=not self.restore_fails, detail=self.restore_fails)
            s.mode, s.workload = ("standby", "stopped") if self.restore_fails else ("active", "running")

    def activate(self, s, asked):
        if s.mode == "deactivating":
            return self.refusal(503, "busy", "the workload is being stopped", "ask again in a moment")
        running = s.mode in ("activating", "active") and s.workload != "failed"
        if asked["epoch"] == s.epoch and running:
            return 200, self.facts(s), {}
        if asked["epoch"] < s.epoch or (asked["epoch"] == s.epoch and s.ended):
            return self.refusal(409, "stale_epoch", f"epoch {asked['epoch']} is over: epoch {s.epoch} was here", "ask for a newer epoch")
        s.asked = asked
        if self.supervisor_works:
            s.mode, s.workload, s.epoch, s.ended, s.moved_at = "activating", "restoring", asked["epoch"], False, time.monotonic() + self.restore_s
            s.last = {"epoch": asked["epoch"], "operation": asked["operation"], "at_ms": 1, "done": False, "ok": False, "detail": ""}
        return 202, self.facts(s), {}

    def deactivate(self, s, asked):
        if asked["epoch"] < s.epoch:
            return self.refusal(409, "stale_epoch", f"epoch {asked['epoch']} is over: epoch {s.epoch} was here")
        if s.mode == "standby":
            s.ended, s.epoch = True, asked["epoch"]
            return 200, self.facts(s), {}
        if self.supervisor_works:
            s.mode, s.workload, s.ended, s.epoch, s.moved_at = "deactivating", "stopping", True, asked["epoch"], time.monotonic() + self.stop_s
        return 202, self.facts(s), {}
