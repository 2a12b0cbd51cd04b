"""The documentation holds what is true: tables from the schema, code that compiles, TOML and JSON that parse, links that lead
somewhere; and what travelled when the cassettes were recorded obeys the schema."""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest

from harness import BUILD, ROOT

PAGES = sorted(glob.glob(os.path.join(ROOT, "docs/**/*.md"), recursive=True)) + sorted(glob.glob(os.path.join(ROOT, "examples/*/README.md"))) + [os.path.join(ROOT, f) for f in ("README.md", "CONTRIBUTING.md")]
PRELUDE = """#include <memory>
#include <string>
#include "understudy/plugin.hpp"
#include "understudy/testing.hpp"
using namespace understudy::sdk;
"""
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def told_kinds():
    """Of alerts, as the core's sources name them."""
    out = set()
    for path in glob.glob(os.path.join(ROOT, "core/failover/*.cpp")) + glob.glob(os.path.join(ROOT, "core/runtime/*.cpp")):
        with open(path) as file:
            text = file.read()
        out |= set(re.findall(r'(?:tell\(|(?:alert|over)\.kind = )"([a-z_.]+)"', text))
    return out


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def blocks(language):
    for page in PAGES:
        with open(page) as text:
            for n, block in enumerate(re.findall(r"^```" + language + r"\n(.*?)^```", text.read(), re.S | re.M)):
                yield f"{os.path.relpath(page, ROOT)} #{n + 1}", block


def schemas():
    out = {}
    for path in glob.glob(os.path.join(ROOT, "sdk/schema/*.json")):
        with open(path) as file:
            out[os.path.basename(path)[:-5]] = json.load(file)
    return out


def problems(schema, value, where):
    kind = schema.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{where} is {value!r}, not {kind}"]
    out = []
    if "enum" in schema and value not in schema["enum"]:
        out.append(f"{where} is {value!r}, none of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        out.append(f"{where} is {value}, below {schema['minimum']}")
    if isinstance(value, dict) and "properties" in schema:
        out += [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
        out += [f"{where}.{name} is not in the schema" for name in value if name not in schema["properties"]]
        for name, inner in schema["properties"].items():
            if name in value:
                out += problems(inner, value[name], f"{where}.{name}")
    if isinstance(value, list):
        for i, item in enumerate(value):
            out += problems(schema["items"], item, f"{where}[{i}]")
    return out


class Schema(unittest.TestCase):
    def test_the_tables_are_as_the_schema_says(self):
        done = subprocess.run([os.path.join(ROOT, "scripts/generate-docs"), "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_kind_of_alert_is_told_of(self):
        with open(os.path.join(ROOT, "docs/alerts.md")) as page:
            known = set(re.findall(r"`([a-z_.]+)`", "".join(line.split("|")[1] for line in page if line.startswith("| `"))))
        self.assertGreater(len(told_kinds()), 15)
        self.assertEqual(set(), told_kinds() - known)

    def test_the_sdk_and_the_schema_know_the_same_methods(self):
        with open(os.path.join(ROOT, "sdk/include/understudy/plugin.hpp")) as header:
            sdk = set(re.findall(r'method == "([a-z.]+/\d+)"', header.read()))
        described = {m for name, s in schemas().items() if name != "host" for m in s["methods"]}
        self.assertEqual(sdk, described)

    def test_the_host_and_the_schema_know_the_same_services(self):
        offered = set()
        for path in ("core/host/real_services.cpp", "core/runtime/operator_services.cpp"):
            with open(os.path.join(ROOT, path)) as source:
                offered |= set(re.findall(r'"([a-z]+\.[a-z]+/\d+)"', source.read()))
        self.assertEqual(offered, set(schemas()["host"]["methods"]))

    def test_examples_obey(self):
        for name, schema in schemas().items():
            for method, body in schema["methods"].items():
                if "example" in body:
                    self.assertEqual(problems(body["params"], body["example"]["params"], method), [])
                    self.assertEqual(problems(body["reply"], body["example"]["reply"], method), [])

    def test_what_was_recorded_obeys(self):
        methods = {m: body for s in schemas().values() for m, body in s["methods"].items()}
        seen = set()
        for path in glob.glob(os.path.join(ROOT, "tests/cassettes/*.json")):
            with open(path) as file:
                tape = json.load(file)
            for call in tape["steps"] + tape["host"]:
                body = methods[call["method"]]
                seen.add(call["method"])
                self.assertEqual(problems(body["params"], call["params"], f"{os.path.basename(path)} {call['method']} params"), [])
                if call.get("answer", {}).get("status") == "ok":
                    self.assertEqual(problems(body["reply"], call["answer"]["result"], f"{os.path.basename(path)} {call['method']} reply"), [])
        self.assertGreater(len(seen), 8)


class Environments(unittest.TestCase):
    def test_each_overlay_of_the_example_is_right_and_says_what_the_page_says(self):
        folder = os.path.join(ROOT, "examples/environments")
        with open(f"{folder}/base.toml", "rb") as file:
            base = tomllib.load(file)
        for name in ("dry-run", "staging", "production"):
            with self.subTest(name):
                checked = json.loads(run(os.path.join(BUILD, "bin/understudy"), "-c", f"{folder}/base.toml", "-c", f"{folder}/{name}.toml", "check", "--json"))
                self.assertEqual([d for d in checked["diagnostics"] if d["severity"] == "error"], [])
                self.assertEqual(checked["services"][0]["targets"], 2)
                with open(f"{folder}/{name}.toml", "rb") as file:
                    overlay = tomllib.load(file)
                self.assertLessEqual(set(overlay.get("service", {})), set(base["service"]))


def release_of_image():
    with open(os.path.join(ROOT, "examples/Dockerfile")) as file:
        return re.findall(r"^FROM debian:(\w+)-slim", file.read(), re.M)[-1]


def release_of_host():
    try:
        with open("/etc/os-release") as file:
            return dict(line.rstrip().split("=", 1) for line in file if "=" in line).get("VERSION_CODENAME", "").strip('"')
    except OSError:
        return ""


@unittest.skipUnless(release_of_host() == release_of_image() and shutil.which("dpkg-query"),
                     f"the image is Debian {release_of_image()}, whose libraries have other names than those of this host ({release_of_host() or 'unknown'})")
class Image(unittest.TestCase):
    def test_it_has_every_library_that_the_program_needs(self):
        with open(os.path.join(ROOT, "examples/Dockerfile")) as file:
            installed = set(file.read().split("FROM debian")[-1].split()) | {"libc6", "libstdc++6", "libgcc-s1", "libssl3"}  # libcurl4 brings libssl3
        programs = [os.path.join(BUILD, "bin/understudy"), *glob.glob(os.path.join(BUILD, "plugins/*.so"))]
        needed = {line.split()[2] for program in programs for line in run("ldd", program).splitlines() if "=> /" in line}
        direct = set(re.findall(r"NEEDED +(\S+)", "".join(run("objdump", "-p", program) for program in programs)))
        # /lib and /usr/lib are one folder, and a package may name either.
        paths = ["*/" + "/".join(os.path.realpath(path).split("/")[-2:]) for path in needed if os.path.basename(path) in direct]
        self.assertGreater(len(paths), 5)
        packages = {line.split(":")[0] for line in run("dpkg-query", "-S", *paths).splitlines()}
        self.assertEqual(packages - installed, set())


class Blocks(unittest.TestCase):
    def test_cpp_compiles(self):
        found = list(blocks("cpp"))
        self.assertGreater(len(found), 4)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "block.cpp")
            for where, block in found:
                with self.subTest(where):
                    with open(path, "w") as out:
                        out.write(("" if "#include" in block else PRELUDE) + block)
                    done = subprocess.run(["c++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-I", os.path.join(ROOT, "sdk/include"), path], capture_output=True, text=True, timeout=300)
                    self.assertEqual(done.returncode, 0, f"{where}:\n{done.stderr[:3000]}")

    def test_toml_and_json_parse(self):
        for where, block in blocks("toml"):
            with self.subTest(where):
                tomllib.loads(block)
        for where, block in blocks("json"):
            with self.subTest(where):
                json.loads(block)

    def test_links_lead_somewhere(self):
        for page in PAGES:
            with open(page) as text:
                prose = re.sub(r"^```.*?^```", "", text.read(), flags=re.S | re.M)
                for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose):
                    if "://" not in link:
                        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(page), link)), f"{os.path.relpath(page, ROOT)}: {link}")


if __name__ == "__main__":
    unittest.main()
