"""Runs the test programs of the given presets and counts their cases: `N passed, N failed, N skipped` is the last line.
`--build` builds each preset first; `--discard` removes its folder afterwards when nothing failed in it (all of them together need 10 GB),
but for what fuzzing has found and learnt. UNDERSTUDY_TEST_LIMIT_S is how long one program may take."""
import argparse
import collections
import concurrent.futures
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

LIMIT_S = int(os.environ.get("UNDERSTUDY_TEST_LIMIT_S", "1800"))
GRACE_S = 10  # for a program's children, once it took too long
# Release runs everything. Under a sanitizer runs what can find something there: memory in every plugin, races in the core and in
# the plugins that its tests use (all plugins share one class for their threads).
UNDER_ASAN = {"test_main_job", "test_operations", "test_isolation", "test_agent", "test_alerts", "test_cassettes", "test_live_check", "test_secret_sources",
              "test_docker_lies", "test_flyio", "test_gcp_cloudrun", "test_gcp_credentials", "test_gcp_store", "test_local_dir", "test_agent_lease", "test_lease_api",
              "test_telegram", "test_webhook", "test_smtp", "test_crash", "test_drill_process", "test_sdk", "test_agent_target", "test_flyio_faults", "test_rclone_faults"}
UNDER_TSAN = {"test_main_job", "test_operations", "test_isolation", "test_agent", "test_alerts", "test_crash", "test_telegram", "test_docker_lies"}
os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ONLY = {"tsan": "checked_for_races"}  # what of a preset is built; the others wholly
CORES = os.cpu_count() or 2
LANES = 2 * CORES  # suites wait more than they work, and those with more patience still more
LONG = {"test_split_brain", "test_examples", "test_sdk", "test_conformance", "test_flyio_story", "test_rclone", "test_rclone_webdav", "test_gcp_kit", "test_docker_compose"}  # begin first
ENGINE = {"test_docker_compose", "test_docker_kit", "test_swap", "test_crash"}  # a container engine is alone, and so is what is killed at each write
# These draw their faults anew in each process, or say whether two sites can ever run at once: what fails in one of a hundred runs is the very
# thing that they are there to find, and a second run without it shows nothing.
NEVER_REPEATED = {"test_split_brain", "test_crash", "test_model"}
PACE = {"asan": 2, "tsan": 2}  # how much longer than in a release things may take before a story fails (tests/e2e/harness.py)
AGAIN = 3  # so much more when a case is tried again
SAFETY = ("two writers", "was written by both", "the witness heard", "it ran after its lease")  # words of a broken promise, in whichever suite
MOST_REPEATED = 5  # cases of a suite
MOST_DOUBTFUL = 8  # suites of a preset: if more fail, it is not the machine
# All that is written when a process is killed while its leaks are looked for (lsan_common.cpp, ProcessThreads), if anything is: an isolated plugin goes
# with its core.
KILLED = re.compile(r"(==\d+==Unable to get registers from thread \d+\.\n)*")
OPTIONS = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
           "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}
engine = threading.Lock()
telling = threading.Lock()
groups = set()  # of processes that run, by their leaders
totals = {"passed": 0, "failed": 0, "skipped": 0}
failures = []
doubtful = []  # suites of which some cases failed and will be tried again: preset, path, the first run
repeated = []  # failed, and passed when they were tried again


def count(name, passed, failed, skipped=0):
    totals["passed"] += passed
    totals["failed"] += failed
    totals["skipped"] += skipped
    print(f"   {name}: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    if failed:
        failures.append(name)


def folder(preset):
    return "build" if preset == "release" else f"build-{preset}"


def took(seconds, cpu_s):
    return f"({seconds:.0f} s, {cpu_s:.0f} s of CPU)"


# ---- one program -----------------------------------------------------------------------------------------------------------

def reports(preset, suite):
    """Where sanitizers write what they find, each process into a file of its own: a program's stderr is often nobody's to read."""
    return os.path.abspath(os.path.join(folder(preset), "reports", suite))


def search_path():
    """With this Python first where `python3` is another file: a shim in shell takes ten times as long, and the tests start workloads by the hundred."""
    path, folder_of_this = os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)
    this = os.path.realpath(sys.executable)
    if os.path.realpath(shutil.which("python3") or "") == this or os.path.realpath(os.path.join(folder_of_this, "python3")) != this:
        return path
    return os.pathsep.join([folder_of_this, path])


def environment(preset, suite, pace=1):
    """Of two values of a sanitizer's option the later one counts: the caller's before ours, and the report's place in any case."""
    symbolizer = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
    pace *= PACE.get(preset, 1) * float(os.environ.get("UNDERSTUDY_TEST_PACE", "1"))
    env = {**os.environ, "UNDERSTUDY_BUILD": os.path.abspath(folder(preset)), "UNDERSTUDY_TEST_PACE": str(pace), "PATH": search_path()}
    for name, ours in OPTIONS.items():
        parts = [ours, symbolizer and f"external_symbolizer_path={symbolizer}", os.environ.get(name), f"log_path='{reports(preset, suite)}'"]
        env[name] = ":".join(filter(None, parts))
    return env


def end_group(started):
    """The leader and its children, some of which clean up when they are asked to end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_S
        while time.monotonic() < until:
            started.poll()
            os.killpg(started.pid, 0)
            time.sleep(0.05)
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def wait(started, seconds):
    """The CPU time that it used, and those of its children that it waited for; raises TimeoutError. subprocess does not tell that of one child."""
    until = time.monotonic() + seconds
    while True:
        pid, status, used = os.wait4(started.pid, os.WNOHANG)
        if pid:
            started.returncode = os.waitstatus_to_exitcode(status)
            return used.ru_utime + used.ru_stime
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.05)


Ran = collections.namedtuple("Ran", "output code problems cpu_s")


def run(preset, suite, words, env, cwd=None):
    """The program in a process group of its own, and what is wrong with how it ran, whatever its cases say. Its output goes to a file: a child
    that it leaves behind would keep a pipe open."""
    where, problems, cpu_s = reports(preset, suite), [], float("nan")  # of what takes too long nobody knows
    os.makedirs(os.path.dirname(where), exist_ok=True)
    for old in glob.glob(glob.escape(where) + ".*"):
        os.remove(old)
    with tempfile.TemporaryFile() as output:
        started = subprocess.Popen(words, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        groups.add(started.pid)
        try:
            cpu_s = wait(started, LIMIT_S)
        except TimeoutError:
            problems.append(f"not done in {LIMIT_S} s")
            end_group(started)
        groups.discard(started.pid)
        output.seek(0)
        text = output.read().decode(errors="replace")
    for report in sorted(glob.glob(glob.escape(where) + ".*")):
        with open(report, errors="replace") as file:
            found = file.read()
        if not KILLED.fullmatch(found):
            problems.append(f"a sanitizer's report, {os.path.relpath(report)}:\n{found[:10000]}")
    return Ran(text, started.returncode, problems, cpu_s)


def end_all(number, _):
    for group in list(groups):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
    for preset, path, first in doubtful:
        os.write(2, f"failed, and not tried again: {preset}/{os.path.basename(path)} {', '.join(first.failed())}\n".encode())
    os.write(2, f"run_tests: ended by signal {number}\n".encode())
    os._exit(128 + number)


# ---- programs of Catch2 ----------------------------------------------------------------------------------------------------

def run_catch(preset, program, **settings):
    """Catch2's JUnit report counts assertions, so its XML report is read: one TestCase a case, in versions 2 and 3."""
    suite = "-".join([program, *settings.values()])
    path = os.path.abspath(os.path.join(folder(preset), "bin", program))
    report = path + ".xml"
    with contextlib.suppress(FileNotFoundError):
        os.remove(report)  # an old one would be counted if the program wrote none
    began = time.monotonic()
    ran = run(preset, suite, [path, "-r", "xml", "-o", report], {**environment(preset, suite), **settings}, cwd=folder(preset))
    passed, problems, wrong = 0, list(ran.problems), []
    try:
        for case in ElementTree.parse(report).iter("TestCase"):
            ok = case.find("OverallResult").get("success") == "true"
            passed += ok
            wrong += [] if ok else [ElementTree.tostring(case, encoding="unicode")]
    except (OSError, ElementTree.ParseError) as missing:
        problems.append(f"no report of its cases: {missing}")
    if ran.code != 0 and not wrong and not problems:  # a crash
        problems.append(f"exit code {ran.code}")
    if not passed and not wrong and not problems:
        problems.append("it ran no case")
    with telling:
        if wrong or problems:
            print("\n".join([*wrong, ran.output[-20000:], *problems]))
        count(" ".join([f"{preset}/{program}", *settings.values(), took(time.monotonic() - began, ran.cpu_s)]), passed, len(wrong) + len(problems))


# ---- suites of Python ------------------------------------------------------------------------------------------------------

class Suite:
    """One run of a suite, or of some of its cases."""

    WEIGHT = ("begun", "passed", "skipped", "failed")  # a case may be told several times, by its subtests

    def __init__(self, preset, path, *only, pace=1):
        suite, began = os.path.basename(path)[:-3], time.monotonic()
        with tempfile.NamedTemporaryFile("r", prefix="understudy-outcomes-", errors="replace") as told:
            ran = run(preset, suite, [sys.executable, "-W", "ignore", "scripts/suite.py", told.name, path, *only], environment(preset, suite, pace))
            lines = told.read().splitlines()
        self.seconds = time.monotonic() - began
        self.output, self.problems, self.cases, self.why, self.ended, self.cpu_s = ran.output, list(ran.problems), {}, {}, False, ran.cpu_s
        for line in lines:
            with contextlib.suppress(ValueError):  # the last, when it was ended while it wrote
                self.read(json.loads(line))
        under_way = self.named("begun")
        for case in under_way:
            del self.cases[case]
        if under_way or not self.ended:  # what was still to come was not tried
            self.problems.append(f"it broke off{' within ' if under_way else ''}{', '.join(under_way)}, exit code {ran.code}")
        elif not self.cases:
            self.problems.append("it ran no case")
        elif ran.code != 0 and not self.failed() and not self.problems:
            self.problems.append(f"exit code {ran.code}")

    def read(self, told):
        if "ended" in told:
            self.ended = True
            return
        before = self.cases.get(told["case"], "begun")
        self.cases[told["case"]] = max(before, told["outcome"], key=self.WEIGHT.index)
        if told["outcome"] == "skipped":
            self.why[told["case"]] = told["why"]

    def named(self, outcome):
        return sorted(case for case, its in self.cases.items() if its == outcome)

    def failed(self):
        return self.named("failed")

    def well(self):
        return not self.failed() and not self.problems

    def may_be_repeated(self, path):
        names = self.failed()
        return (0 < len(names) <= MOST_REPEATED and not self.problems and all(re.fullmatch(r"\w+(\.\w+)?", name) for name in names)
                and os.path.basename(path)[:-3] not in NEVER_REPEATED and "Sanitizer" not in self.output and not any(words in self.output for words in SAFETY))


def run_python(preset, path):
    """A case that fails may be tried once more (try_again), which is kept for later."""
    first = Suite(preset, path)
    with telling:
        if first.may_be_repeated(path) and len(doubtful) < MOST_DOUBTFUL:
            doubtful.append((preset, path, first))
            print(f"   {preset}/{os.path.basename(path)}: to be tried again when all else has ended: {', '.join(first.failed())}", flush=True)
        else:
            tell(f"{preset}/{os.path.basename(path)}", first)


def try_again():
    """On a loaded machine a story can miss its moment. What failed is tried once more when all else has ended, by itself and with more patience,
    and both outcomes are told. What a sanitizer finds is not tried again, nor is what must never happen (NEVER_REPEATED, SAFETY)."""
    while doubtful:
        preset, path, first = doubtful.pop(0)
        tell(f"{preset}/{os.path.basename(path)}", first, Suite(preset, path, *first.failed(), pace=AGAIN))


def tell(name, first, again=None):
    if not first.well():
        print("\n".join([first.output[-20000:], *first.problems]))
    if again and again.well() and again.named("passed"):
        repeated.extend(f"{name} {one}" for one in first.failed())
        for case in first.failed():  # a class that could not be set up is now its cases
            del first.cases[case]
        first.cases.update(again.cases)
        first.why.update(again.why)
    elif again:
        print("\n".join(["and again:", again.output[-20000:], *again.problems]))
    for case in first.named("skipped"):
        print(f"   {case}: skipped: {first.why.get(case, '')}")
    time_taken = took(first.seconds + (again.seconds if again else 0), first.cpu_s + (again.cpu_s if again else 0))
    count(f"{name} {time_taken}", len(first.named("passed")), len(first.failed()) + len(first.problems), len(first.named("skipped")))


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
    with concurrent.futures.ThreadPoolExecutor(LANES + (preset in PACE)) as lanes:
        work = [lanes.submit(run_catch, preset, "sim_tests")] if "sim_tests" in programs else []
        work += [lanes.submit(run_alone_if_needed, preset, s) for s in sorted(scripts, key=lambda s: (s[:-3] not in LONG, s))]
        for done in work:
            done.result()
    try_again()


def build(preset):
    """Whether it is built; what fails to be counts as one failure."""
    began = time.monotonic()
    done = subprocess.run(["scripts/build", preset, *ONLY.get(preset, "").split()])
    print(f"{preset}: built in {time.monotonic() - began:.0f} s", flush=True)
    if done.returncode:
        count(f"{preset}: the build", 0, 1)
    return done.returncode == 0


def discard(preset):
    """All but what fuzzing has found, and learnt over days."""
    with contextlib.suppress(FileNotFoundError):
        for entry in list(os.scandir(folder(preset))):
            if entry.name in ("findings", "corpus"):
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry, ignore_errors=True)
            else:
                os.remove(entry)
        with contextlib.suppress(OSError):
            os.rmdir(folder(preset))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("presets", nargs="*", default=["release"])
    options.add_argument("--build", action="store_true")
    options.add_argument("--discard", action="store_true")
    given = options.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_all)  # what runs is in groups that nobody else ends
    run_layers()
    for preset in given.presets:
        before = len(failures)
        if not given.build or build(preset):
            began = time.monotonic()
            run_preset(preset)
            print(f"{preset}: tested in {time.monotonic() - began:.0f} s", flush=True)
        if given.discard and len(failures) == before:
            discard(preset)
    for one in repeated:
        print("failed at first, passed when repeated: " + one)
    if failures:
        print("failed: " + ", ".join(failures))
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] or not totals["passed"] else 0


sys.exit(main())
