"""Runs the test programs of the given presets and counts their cases: `N passed, N failed, N skipped` is the last line.
`--build` builds each preset first, `--discard` removes its folder afterwards (all of them together need 10 GB)."""
import argparse
import concurrent.futures
import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

LIMIT_S = 1200
# Release runs everything. Under a sanitizer runs what can find something there: memory in every plugin, races in the core and in
# the plugins that its tests use (all plugins share one class for their threads).
UNDER_ASAN = {"test_main_job", "test_operations", "test_isolation", "test_agent", "test_alerts", "test_cassettes", "test_live_check", "test_secret_sources",
              "test_docker_lies", "test_flyio", "test_gcp_cloudrun", "test_gcp_credentials", "test_gcp_store", "test_local_dir", "test_rclone", "test_agent_lease", "test_lease_api",
              "test_telegram", "test_webhook", "test_smtp", "test_crash", "test_drill_process", "test_sdk", "test_agent_target", "test_flyio_faults", "test_rclone_faults"}
UNDER_TSAN = {"test_main_job", "test_operations", "test_isolation", "test_agent", "test_alerts", "test_crash", "test_telegram", "test_docker_lies"}
os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ONLY = {"tsan": "checked_for_races"}  # what of a preset is built; the others wholly
CORES = os.cpu_count() or 2
LANES = 2 * CORES  # suites wait more than they work
LONG = {"test_split_brain", "test_examples", "test_sdk", "test_conformance", "test_flyio_story", "test_rclone", "test_rclone_webdav", "test_gcp_kit", "test_docker_compose"}  # begin first
ENGINE = {"test_docker_compose", "test_docker_kit", "test_swap", "test_crash"}  # a container engine is alone, and so is what is killed at each write
engine = threading.Lock()
telling = threading.Lock()
totals = {"passed": 0, "failed": 0, "skipped": 0}
failures = []
repeated = []  # failed, and passed when they were tried again


def count(name, passed, failed, skipped=0):
    totals["passed"] += passed
    totals["failed"] += failed
    totals["skipped"] += skipped
    print(f"   {name}: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    if failed:
        failures.append(name)


def environment(preset):
    env = dict(os.environ)
    symbolizer = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
    names = f":external_symbolizer_path={symbolizer}" if symbolizer else ""
    env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1" + names
    env["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1" + names
    env["TSAN_OPTIONS"] = "halt_on_error=1:second_deadlock_stack=1" + names
    env["UNDERSTUDY_BUILD"] = os.path.abspath(folder(preset))
    return env


def folder(preset):
    return "build" if preset == "release" else f"build-{preset}"


def run_catch(preset, program, **settings):
    """Catch2's JUnit report counts assertions, so its XML report is read: one TestCase a case, in versions 2 and 3."""
    name = " ".join([f"{preset}/{program}", *settings.values()])
    path = os.path.join(folder(preset), "bin", program)
    report = path + ".xml"
    try:
        done = subprocess.run([os.path.abspath(path), "-r", "xml", "-o", os.path.abspath(report)], env={**environment(preset), **settings},
                              cwd=folder(preset), timeout=LIMIT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = f"not done in {LIMIT_S} s\n{late.stdout}", 1
    passed = failed = 0
    try:
        for case in ElementTree.parse(report).iter("TestCase"):
            ok = case.find("OverallResult").get("success") == "true"
            passed, failed = passed + ok, failed + (not ok)
            if not ok:
                print(ElementTree.tostring(case, encoding="unicode"))
    except (OSError, ElementTree.ParseError):
        pass
    if code != 0 and not failed:  # a crash, or what a sanitizer found
        failed += 1
    with telling:
        if failed:
            print(output[-20000:])
        count(name, passed, failed)


def run_script(preset, path, *only):
    """Its output, exit code and failed cases by name."""
    try:
        done = subprocess.run([sys.executable, "-W", "ignore", path, "-v", *only], env=environment(preset), timeout=LIMIT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except subprocess.TimeoutExpired as late:
        return f"not done in {LIMIT_S} s\n{late.stdout}", 1, []
    return done.stdout, done.returncode, sorted(set(re.findall(r"\((?:__main__\.)?(\w+\.\w+)\)(?: [\[(].*[\])])* \.\.\. (?:FAIL|ERROR)$", done.stdout, re.M)))


def run_python(preset, path):
    """A case that fails is tried once more, by itself, and both outcomes are told: on a loaded machine a story can miss its moment. What a
    sanitizer finds is not tried again."""
    name = f"{preset}/{os.path.basename(path)}"
    began = time.monotonic()
    output, code, names = run_script(preset, path)
    again, second = "", 1
    if names and len(names) <= 3 and "Sanitizer" not in output:
        again, second, _ = run_script(preset, path, *names)
    with telling:
        tell(name, time.monotonic() - began, output, code, names, again, second)


def tell(name, took, output, code, names, again, second):
    lines = output.splitlines()
    passed = sum(line.endswith("... ok") for line in lines)
    skipped = [line for line in lines if "... skipped" in line]
    failed = max(len(names), int(code != 0))
    if failed:
        print(output[-20000:])
    if failed and second == 0:
        passed, failed = passed + failed, 0
        repeated.extend(f"{name} {one}" for one in names)
    elif again:
        print("and again:\n" + again[-20000:])
    for line in skipped:
        print("   " + line)
    count(f"{name} ({took:.0f} s)", passed, failed, len(skipped))


def run_layers():
    done = subprocess.run(["scripts/check-layers"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
    count("layers", int(done.returncode == 0), int(done.returncode != 0))


def belongs(preset, test):
    chosen = {"asan": UNDER_ASAN, "tsan": UNDER_TSAN}.get(preset)
    return chosen is None or test in chosen


def run_alone_if_needed(preset, script):
    with engine if script[:-3] in ENGINE else contextlib.nullcontext():
        run_python(preset, os.path.join("tests/e2e", script))


def run_fuzzers():
    """Replays every kept corpus and fuzzes each reader a little."""
    began = time.monotonic()
    done = subprocess.run(["scripts/fuzz", "5", "--no-build", "--jobs", str(CORES)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    said = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", done.stdout, re.M)
    passed, failed, skipped = map(int, said[-1]) if said else (0, 1, 0)
    if failed or done.returncode:
        print(done.stdout[-20000:])
    count(f"fuzz ({time.monotonic() - began:.0f} s)", passed, max(failed, int(done.returncode != 0)), skipped)


def run_preset(preset):
    if preset == "fuzz":
        return run_fuzzers()
    programs = sorted(p for p in os.listdir(os.path.join(folder(preset), "bin")) if p.endswith("_tests"))
    for program in programs:
        if program != "sim_tests":  # minutes on one core
            run_catch(preset, program)
    run_catch(preset, "plugins_tests", UNDERSTUDY_TEST_ISOLATION="process")
    scripts = [s for s in os.listdir("tests/e2e") if s.startswith("test_") and s.endswith(".py") and belongs(preset, s[:-3])]
    with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        work = [lanes.submit(run_catch, preset, "sim_tests")] if "sim_tests" in programs else []
        work += [lanes.submit(run_alone_if_needed, preset, s) for s in sorted(scripts, key=lambda s: (s[:-3] not in LONG, s))]
        for done in work:
            done.result()


def build(preset):
    """Whether it is built; what fails to be counts as one failure."""
    done = subprocess.run(["scripts/build", preset, *ONLY.get(preset, "").split()])
    if done.returncode:
        count(f"{preset}: the build", 0, 1)
    return done.returncode == 0


options = argparse.ArgumentParser(description=__doc__)
options.add_argument("presets", nargs="*", default=["release"])
options.add_argument("--build", action="store_true")
options.add_argument("--discard", action="store_true")
given = options.parse_args()
run_layers()
for preset in given.presets:
    if not given.build or build(preset):
        run_preset(preset)
    if given.discard:
        shutil.rmtree(folder(preset), ignore_errors=True)
for one in repeated:
    print("failed at first, passed when repeated: " + one)
if failures:
    print("failed: " + ", ".join(failures))
print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
sys.exit(1 if totals["failed"] or not totals["passed"] else 0)
