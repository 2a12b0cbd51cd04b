"""Checks requests and replies against an API description (Swagger 2 or OpenAPI 3, as JSON). Standard library only."""
import json
import os
import re
import urllib.parse

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "contracts")
PRIMITIVE = {"string": str, "boolean": bool, "object": dict, "array": list}


class Contract:
    def __init__(self, file):
        with open(os.path.join(FOLDER, file)) as text:
            self.root = json.load(text)
        self.operations = []
        for path, methods in self.root["paths"].items():
            pattern = "".join(re.escape(p) if not p.startswith("{") else "[^/]+?" for p in re.split(r"(\{[^}]*\})", path))
            shared = methods.get("parameters", [])
            for method, operation in methods.items():
                if method in ("get", "put", "post", "patch", "delete", "head"):
                    self.operations.append((len(re.findall(r"\{", path)), method.upper(), re.compile(pattern + "$"), path, operation, shared))
        self.operations.sort(key=lambda entry: entry[0])  # the most literal path wins

    def resolve(self, schema):
        while "$ref" in schema:
            node = self.root
            for part in schema["$ref"].lstrip("#/").split("/"):
                node = node[part.replace("~1", "/").replace("~0", "~")]
            schema = node
        return schema

    def find(self, method, path):
        for _, known, pattern, name, operation, shared in self.operations:
            if known == method and pattern.match(path):
                return name, operation, [self.resolve(p) for p in shared + operation.get("parameters", [])]
        return None

    def request_problems(self, method, target, headers, body):
        """What is wrong with a request, as sentences; none when it obeys."""
        split = urllib.parse.urlsplit(target)
        found = self.find(method, split.path)
        if not found:
            return [f"{method} {split.path}: no such operation"]
        name, operation, parameters = found
        said = f"{method} {name}"
        problems = []
        query = urllib.parse.parse_qs(split.query, keep_blank_values=True)
        known = {p["name"]: p for p in parameters if p["in"] == "query"}
        for key, values in query.items():
            open_ended = next((p for p in known if "{" in p and key.startswith(p.split("{")[0])), key)  # metadata.{key}
            known.setdefault(key, known.get(open_ended))
            if known[key] is None:
                problems.append(f"{said}: unknown query parameter {key}")
                continue
            kind = known[key].get("type") or self.resolve(known[key].get("schema", {})).get("type")
            if kind == "integer" and not all(re.fullmatch(r"-?\d+", v) for v in values):
                problems.append(f"{said}: {key} is no integer")
            if kind == "boolean" and not all(v in ("true", "false", "0", "1") for v in values):
                problems.append(f"{said}: {key} is no boolean")
        for parameter in parameters:
            if parameter["in"] == "query" and parameter.get("required") and parameter["name"] not in query:
                problems.append(f"{said}: {parameter['name']} is missing")
            if parameter["in"] == "header" and parameter.get("required") and parameter["name"].lower() not in headers:
                problems.append(f"{said}: header {parameter['name']} is missing")
        schema, required = self.body_schema(operation, parameters)
        if body and schema is not None:
            try:
                problems += [f"{said}: body{p}" for p in self.value_problems(schema, json.loads(body))]
            except ValueError:
                problems.append(f"{said}: the body is not JSON")
            if "json" not in headers.get("content-type", ""):
                problems.append(f"{said}: Content-Type is {headers.get('content-type')}")
        elif required and not body:
            problems.append(f"{said}: the body is missing")
        return problems

    def unknown_fields(self, method, target, body):
        """Fields of a request that the contract does not name: a slip of the pen, which it would not refuse."""
        found = self.find(method, urllib.parse.urlsplit(target).path)
        schema = self.body_schema(found[1], found[2])[0] if found and body else None
        return [] if schema is None else [f"{method} {found[0]}: body{where} is not in the contract" for where in self.strangers(schema, json.loads(body), "")]

    def strangers(self, schema, value, where):
        schema = self.resolve(schema)
        declared, rest = dict(schema.get("properties", {})), schema.get("additionalProperties")
        for part in map(self.resolve, schema.get("allOf", [])):
            declared.update(part.get("properties", {}))
            rest = rest or part.get("additionalProperties")
        out = []
        if isinstance(value, dict) and (declared or isinstance(rest, dict)):
            for key, inner in value.items():
                known = declared.get(key, rest)
                out += [f"{where}.{key}"] if not known else self.strangers(known, inner, f"{where}.{key}") if isinstance(known, dict) else []
        if isinstance(value, list) and "items" in schema:
            for i, inner in enumerate(value):
                out += self.strangers(schema["items"], inner, f"{where}[{i}]")
        return out

    def body_schema(self, operation, parameters):
        for parameter in parameters:
            if parameter["in"] == "body":
                return parameter["schema"], parameter.get("required", False)
        request = self.resolve(operation.get("requestBody", {}))
        for kind, content in request.get("content", {}).items():
            if "json" in kind:
                return content.get("schema", {}), request.get("required", False)
        return None, False

    def reply_problems(self, method, path, status, value):
        name, operation, _ = self.find(method, path)
        replies = operation["responses"]
        reply = replies.get(str(status)) or replies.get("default")
        if reply is None:
            return [f"{method} {name}: {status} is not declared"]
        reply = self.resolve(reply)
        schema = reply.get("schema")
        for kind, content in reply.get("content", {}).items():
            if "json" in kind:
                schema = content.get("schema")
        return [f"{method} {name} {status}: reply{p}" for p in self.value_problems(schema, value)] if schema and value is not None else []

    def value_problems(self, schema, value, where=""):
        schema = self.resolve(schema)
        for part in schema.get("allOf", []):
            found = self.value_problems(part, value, where)
            if found:
                return found
        for word in ("oneOf", "anyOf"):
            if word in schema and all(self.value_problems(part, value, where) for part in schema[word]):
                return [f"{where} fits none of the forms"]
        if value is None:
            return [] if schema.get("nullable") or schema.get("x-nullable") or not schema.get("type") else [f"{where} is null"]
        kind = schema.get("type")
        if kind in ("integer", "number"):
            fits = isinstance(value, (int, float) if kind == "number" else int) and not isinstance(value, bool)
            fits = fits or (schema.get("format") in ("int64", "uint64") and isinstance(value, str) and re.fullmatch(r"-?\d+", value))
        else:
            fits = kind not in PRIMITIVE or isinstance(value, PRIMITIVE[kind])
        if not fits:
            return [f"{where} is {json.dumps(value)[:60]}, not {kind}"]
        problems = []
        if "enum" in schema and value not in schema["enum"]:
            problems.append(f"{where} is {json.dumps(value)}, not one of {schema['enum']}")
        if isinstance(value, dict):
            problems += [f"{where}.{key} is missing" for key in schema.get("required", []) if key not in value]
            for key, inner in value.items():
                declared = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
                if isinstance(declared, dict):
                    problems += self.value_problems(declared, inner, f"{where}.{key}")
        if isinstance(value, list) and "items" in schema:
            for i, inner in enumerate(value):
                problems += self.value_problems(schema["items"], inner, f"{where}[{i}]")
        return problems
