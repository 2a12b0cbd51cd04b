"""The scripts that judge the others must be able to say no, each in a tree of its own: the runner of the tests, with suites made for it; what
installs, with programs in place of Debian's; what keeps the layers apart, with a copy of the sources and one wrong line."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SUITE = """import os, subprocess, sys, unittest
HERE = os.path.dirname(os.path.abspath(__file__))
def first_time(name):
    path = os.path.join(HERE, name)
    there = os.path.exists(path)
    open(path, "w").close()
    return not there
{body}
if __name__ == "__main__":
    unittest.main()
"""
AT_FIRST = """
class Case(unittest.TestCase):
    def test_a(self):
        self.assertFalse(first_time("began"), "{says}")
    def test_b(self):
        pass
"""


class Tree(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="understudy-scripts-")
        self.addCleanup(shutil.rmtree, self.root)

    def path(self, name):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w") as out:
            out.write(text)
        os.chmod(self.path(name), mode)


class Runner(Tree):
    def setUp(self):
        super().setUp()
        for name in ("run_tests.py", "suite.py"):
            shutil.copy(os.path.join(ROOT, "scripts", name), self.path("scripts/" + name))
        self.write("scripts/check-layers", "#!/bin/sh\n", 0o755)
        self.path("tests/e2e/")
        self.catch("plugins_tests", 0, "<Catch><TestCase name='a'><OverallResult success='true'/></TestCase></Catch>")

    def catch(self, name, code, xml=None, preset="build"):
        """A program that takes `-r xml -o FILE`."""
        wrote = f"cat >\"$4\" <<'END'\n{xml}\nEND\n" if xml else ""
        self.write(f"{preset}/bin/{name}", f"#!/bin/sh\n{wrote}exit {code}\n", 0o755)

    def suite(self, name, body):
        self.write(f"tests/e2e/{name}.py", SUITE.replace("{body}", body))

    def run_tests(self, *words, **env):
        """Its output, exit code, and what it counted beyond the layers and the plugins' tests, which are run twice."""
        clean = {k: v for k, v in os.environ.items() if not k.endswith("SAN_OPTIONS")}
        done = subprocess.run([sys.executable, self.path("scripts/run_tests.py"), *words], env={**clean, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
        self.assertRegex(done.stdout, r"\d+ passed, \d+ failed, \d+ skipped\n$", f"exit code {done.returncode}")
        passed, failed, skipped = (int(part.split()[0]) for part in done.stdout.splitlines()[-1].split(", "))
        self.assertEqual(done.returncode, int(failed > 0), done.stdout)
        return done.stdout, (passed - 3, failed, skipped)

    def test_noise_changes_no_count(self):
        self.suite("test_noisy", """
class Case(unittest.TestCase):
    def test_a(self):
        \"\"\"Told by this sentence, not by its name.\"\"\"
    def test_b(self):
        subprocess.run(["sh", "-c", "printf 'in the middle' >&2; echo ... ok; echo 'x (y.z) ... FAIL'"])
    def test_c(self):
        for i in range(4):
            with self.subTest(i=i):
                self.assertNotIn(i, (1, 2))
    def test_d(self):
        self.skipTest("no moon")
""")
        output, counted = self.run_tests()
        self.assertEqual(counted, (2, 1, 1), output)
        self.assertIn("Case.test_d: skipped: no moon", output)
        self.assertIn("and again:", output)

    def test_a_case_is_tried_once_more(self):
        self.suite("test_late", AT_FIRST)
        output, counted = self.run_tests()
        self.assertEqual(counted, (2, 0, 0), output)
        self.assertIn("failed at first, passed when repeated: release/test_late.py Case.test_a", output)

    def test_it_is_tried_again_alone_and_with_more_patience(self):
        for name in ("test_early", "test_other"):
            self.suite(name, """
class Case(unittest.TestCase):
    def test_a(self):
        pace = float(os.environ["UNDERSTUDY_TEST_PACE"])
        with open(os.path.join(HERE, "order"), "a") as out:
            out.write(f"{os.path.basename(__file__)[5:-3]} {pace:g}\\n")
        self.assertGreater(pace, 2)
""")
        self.suite("test_slow", """
class Case(unittest.TestCase):
    def test_a(self):
        import time
        while not os.path.exists(os.path.join(HERE, "order")) or open(os.path.join(HERE, "order")).read().count("\\n") < 2:
            time.sleep(0.05)
        time.sleep(2)  # in which nobody is tried again
        with open(os.path.join(HERE, "order"), "a") as out:
            out.write("slow ends\\n")
""")
        output, counted = self.run_tests(UNDERSTUDY_TEST_PACE="1")
        self.assertEqual(counted, (3, 0, 0), output)
        with open(self.path("tests/e2e/order")) as order:
            lines = order.read().splitlines()
        self.assertEqual((sorted(lines[:2]), lines[2], sorted(lines[3:])), (["early 1", "other 1"], "slow ends", ["early 3", "other 3"]))

    @unittest.skipUnless(os.path.realpath(os.path.join(os.path.dirname(sys.executable), "python3")) == os.path.realpath(sys.executable), "this Python is no python3 where it lies")
    def test_python3_is_this_python_and_not_a_shim(self):
        self.write("shims/python3", f"#!/bin/sh\nexec {sys.executable} \"$@\"\n", 0o755)
        self.suite("test_path", """
class Case(unittest.TestCase):
    def test_a(self):
        import shutil
        self.assertEqual(os.path.realpath(shutil.which("python3")), os.path.realpath(sys.executable))
""")
        output, counted = self.run_tests(PATH=self.path("shims") + os.pathsep + os.environ["PATH"])
        self.assertEqual(counted, (1, 0, 0), output)

    def test_a_class_is_tried_once_more(self):
        self.suite("test_late", """
class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        assert not first_time("began")
    def test_a(self):
        pass
    def test_b(self):
        pass
""")
        self.assertEqual(self.run_tests()[1], (2, 0, 0))

    def test_what_must_never_happen_is_not_tried_again(self):
        for name, says in (("test_split_brain", ""), ("test_crash", ""), ("test_other", "two writers at once"), ("test_other", "epoch 3 was written by both"),
                           ("test_other", "the witness heard epoch 3"), ("test_other", "it ran after its lease"), ("test_other", "AddressSanitizer")):
            with self.subTest(name=name, says=says):
                self.suite(name, AT_FIRST.replace("{says}", says))
                output, counted = self.run_tests()
                self.assertEqual(counted, (1, 1, 0), output)
                os.remove(self.path("tests/e2e/began"))
                os.remove(self.path(f"tests/e2e/{name}.py"))

    def test_nothing_is_not_a_success(self):
        for what, body in (("no case", ""), ("all is left", "os._exit(0)"), ("left within", "class Case(unittest.TestCase):\n    def test_a(self):\n        os._exit(0)\n"),
                           ("not even Python", "def")):
            with self.subTest(what):
                self.suite("test_empty", body)
                output, counted = self.run_tests()
                self.assertEqual(counted, (0, 1, 0), output)

    def test_a_sanitizers_report_is_a_failure(self):
        self.suite("test_reported", """
class Case(unittest.TestCase):
    def test_a(self):
        given = dict(part.split("=", 1) for part in os.environ["TSAN_OPTIONS"].split(":"))
        with open(given["log_path"].strip("'") + ".123", "w") as out:
            out.write("a race in " + given["halt_on_error"] + given["mine"])
""")
        output, counted = self.run_tests(TSAN_OPTIONS="halt_on_error=0:mine=7")
        self.assertEqual(counted, (1, 1, 0), output)
        self.assertIn("a race in 07", output)
        os.remove(self.path("tests/e2e/test_reported.py"))
        self.assertEqual(self.run_tests()[1], (0, 0, 0))

    def test_a_process_that_was_killed_while_its_leaks_were_looked_for_is_no_finding(self):
        killed = "==8==Unable to get registers from thread 7.\\n"
        for text, expected in ((killed * 2, (1, 0, 0)), ("", (1, 0, 0)), (killed + "==7==ERROR: LeakSanitizer: detected memory leaks\\n", (1, 1, 0))):
            with self.subTest(text):
                self.suite("test_killed", f"""
class Case(unittest.TestCase):
    def test_a(self):
        given = dict(part.split("=", 1) for part in os.environ["ASAN_OPTIONS"].split(":") if "=" in part)
        with open(given["log_path"].strip("'") + ".8", "w") as out:
            out.write("{text}")
""")
                output, counted = self.run_tests()
                self.assertEqual(counted, expected, output)

    def test_the_whole_group_of_what_takes_too_long_ends(self):
        self.suite("test_slow", """
class Case(unittest.TestCase):
    def test_a(self):
        child = subprocess.Popen(["sleep", "1000"])
        with open(os.path.join(HERE, "pid"), "w") as out:
            out.write(str(child.pid))
        sys.stderr.buffer.write(b"\\xff and a word\\n")
        sys.stderr.flush()
        child.wait()
""")
        began = time.monotonic()
        limit = str(int(6 * float(os.environ.get("UNDERSTUDY_TEST_PACE", "1"))))
        output, counted = self.run_tests(UNDERSTUDY_TEST_LIMIT_S=limit)
        self.assertLess(time.monotonic() - began, 300)  # the child would end after 1000 s
        self.assertGreater(counted[1], 0, output)
        self.assertIn(f"not done in {limit} s", output)
        self.assertIn("\N{REPLACEMENT CHARACTER} and a word", output)
        with open(self.path("tests/e2e/pid")) as pid:
            self.assertFalse(self.runs(pid.read()))

    def runs(self, pid):
        state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout.strip()
        return state != "" and not state.startswith("Z")

    def test_programs_of_catch(self):
        good, bad = (f"<TestCase name='x'><OverallResult success='{word}'/></TestCase>" for word in ("true", "false"))
        for code, xml, expected in ((0, f"<C>{good}{good}</C>", (2, 0, 0)), (1, f"<C>{good}{bad}</C>", (1, 1, 0)), (0, None, (0, 1, 0)), (0, "<C/>", (0, 1, 0)),
                                    (0, "<C>" + good, (0, 1, 0)), (139, f"<C>{good}</C>", (1, 1, 0))):
            with self.subTest(code=code, xml=xml):
                self.write("build/bin/unit_tests.xml", f"<C>{good}{good}{good}</C>")  # of another run
                self.catch("unit_tests", code, xml)
                output, counted = self.run_tests()
                self.assertEqual(counted, expected, output)

    def test_discarding_keeps_what_failed_and_what_fuzzing_found(self):
        self.write("scripts/build", "#!/bin/sh\n", 0o755)
        self.write("scripts/fuzz", "#!/bin/sh\necho '1 passed, 0 failed, 0 skipped'\n", 0o755)
        for name in ("findings/config/crash-1", "corpus/config/abc", "bin/fuzz_config"):
            self.write("build-fuzz/" + name, "x")
        self.catch("unit_tests", 1)
        self.catch("plugins_tests", 0, "<C><TestCase><OverallResult success='true'/></TestCase></C>", preset="build-debug")
        output, _ = self.run_tests("release", "debug", "fuzz", "--discard")
        self.assertTrue(os.path.exists(self.path("build/bin/unit_tests")), output)
        self.assertFalse(os.path.exists(os.path.join(self.root, "build-debug")), output)
        self.assertEqual(sorted(os.listdir(self.path("build-fuzz"))), ["corpus", "findings"])


class Setup(Tree):
    """`sudo` only tells what it was asked to do, and `apt-get` what it was given: nothing of this host changes."""

    INSTALL = "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-remove "

    def setUp(self):
        super().setUp()
        self.write("bin/dpkg-query", '#!/bin/sh\ncase " $LACKS " in *" $4 "*) exit 1;; esac\necho installed\n', 0o755)
        self.write("bin/apt-cache", '#!/bin/sh\ncase " $KNOWS " in *" $2 "*) ;; *) exit 1;; esac\n', 0o755)
        self.write("bin/id", "#!/bin/sh\necho 1000\n", 0o755)
        self.write("bin/sudo", '#!/bin/sh\necho "sudo $*" >&2\ncase "$*" in *" install "*) exit "$ENDS";; tee*) cat >/dev/null;; esac\n', 0o755)
        with open(os.path.join(ROOT, "scripts/setup")) as script:
            text = script.read().replace("/usr/local/include /usr/include", self.path("include")).replace("/usr/sbin/policy-rc.d", self.path("policy"))
        self.write("setup", text, 0o755)
        self.has_boost("108100")

    def has_boost(self, version):
        self.write("include/boost/version.hpp", f"#define BOOST_VERSION {version}\n")
        self.write("include/boost/dll.hpp", "")

    def setup_says(self, *words, lacks="", knows="", ends=0, code=0):
        env = {"PATH": self.path("bin") + ":/usr/bin:/bin", "LACKS": lacks, "KNOWS": knows, "ENDS": str(ends)}
        done = subprocess.run([self.path("setup"), *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def test_where_all_is_there_nothing_is_asked(self):
        self.assertEqual(self.setup_says("--tests", "--ci", "--bench"), "")

    def test_what_is_missing_is_installed_and_nothing_removed_or_started(self):
        said = self.setup_says(lacks="mold ninja-build")
        self.assertIn("sudo apt-get update", said)
        self.assertIn(self.INSTALL + "ninja-build mold\n", said)
        policy = self.path("policy")
        self.assertLess(said.index(f"sudo tee {policy}"), said.index(self.INSTALL))
        self.assertLess(said.index(self.INSTALL), said.index(f"sudo rm -f {policy}"))

    def test_what_decides_already_which_services_start_stays(self):
        self.write("policy", "")
        self.assertNotIn(self.path("policy"), self.setup_says(lacks="mold"))

    def test_what_would_remove_something_is_for_a_person_to_decide(self):
        said = self.setup_says(lacks="mold", ends=100, code=1)
        self.assertIn("nothing was removed", said)
        self.assertIn("sudo apt-get install --no-install-recommends mold", said)
        self.assertIn(f"sudo rm -f {self.path('policy')}", said)

    def test_a_server_of_another_package_does(self):
        for program in ("dockerd", "sshd", "exim4", "npm", "docker-compose"):
            self.write(f"bin/{program}", "#!/bin/sh\n", 0o755)
        self.assertEqual(self.setup_says("--tests", lacks="docker.io openssh-server exim4-daemon-light npm docker-compose"), "")

    def test_boost_under_either_name(self):
        self.has_boost("107400")
        for known in ("libboost1.81-dev", "libboost-dev"):
            said = self.setup_says(knows=known, code=1)  # the fake has installed none
            self.assertIn(self.INSTALL + known + "\n", said)
            self.assertIn("older than 1.81", said)

    def test_without_debian_it_says_what_is_needed(self):
        done = subprocess.run([shutil.which("bash"), self.path("setup"), "--tests", "--ci"], env={"PATH": "/nothing"}, capture_output=True, text=True, timeout=60)
        for name in ("prometheus-cpp", "rclone", "clang-tidy"):
            self.assertIn(name, done.stdout)


class Layers(Tree):
    def setUp(self):
        super().setUp()
        for folder in ("core", "plugins", "sdk"):
            shutil.copytree(os.path.join(ROOT, folder), self.path(folder))
        shutil.copy(os.path.join(ROOT, "scripts/check-layers"), self.path("scripts/check-layers"))

    def check(self):
        done = subprocess.run([self.path("scripts/check-layers")], capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    def test_the_sources_as_they_are(self):
        self.assertEqual(self.check(), (0, "layers: every room keeps to its floor\n"))

    def refuses(self, name, line, why):
        with self.subTest(name=name, line=line):
            self.write(name, line + "\n")
            code, said = self.check()
            os.remove(self.path(name))
            self.assertEqual(code, 1, said)
            self.assertIn(f"{name}:1: {line.strip()}", said)
            self.assertIn(why, said)

    def test_a_pure_room_includes_what_is_known_only(self):
        for header in ("<fcntl.h>", "<poll.h>", "<openssl/evp.h>", "<toml++/toml.h>", "<ctime>", "<thread>", "<fstream>", "<boost/asio.hpp>", '"understudy/host.hpp"', '"core/web/server.hpp"',
                       '"core/config/loader.hpp"', '"core/journal/journal.hpp"', '"board.hpp"', "MACRO"):
            self.refuses("core/alerts/wrong.cpp", f"#include {header}", "a pure room includes")
        self.refuses("core/sim/wrong.hpp", "#  include <sys/socket.h>", "a pure room includes")
        self.refuses("core/model/wrong.hpp", '#include "core/failover/machine.hpp"', "does not give it")

    def test_a_pure_room_asks_for_nothing(self):
        for line in ("auto t = std::chrono::steady_clock::now();", "auto t = time(nullptr);", "auto t = std::time(0);", "::clock_gettime(CLOCK_REALTIME, &t);", "gettimeofday(&t, nullptr);",
                     "std::random_device chance;", 'auto p = std::getenv("HOME");'):
            self.refuses("core/detect/wrong.cpp", line, "a pure room asks")

    def test_the_other_floors(self):
        self.refuses("core/runtime/wrong.cpp", '#include "core/server/server.hpp"', "does not give it")
        self.refuses("core/server/wrong.cpp", '#include "core/agent/agent.hpp"', "does not give it")
        self.refuses("core/runtime/wrong.cpp", '#include "cli/context.hpp"', "above it")
        self.refuses("plugins/http/wrong.cpp", '#include "../../core/model/time.hpp"', "a plugin includes the core")
        self.refuses("sdk/include/understudy/wrong.hpp", '#include "core/model/time.hpp"', "a plugin includes the core")
        self.refuses("core/runtime/wrong.cpp", 'if (plugin == "telegram") return;', "names a provider")

    def test_what_is_named_must_be_there(self):
        os.rename(self.path("core/drill"), self.path("core/drills"))
        code, said = self.check()
        self.assertEqual(code, 1)
        self.assertIn("a room has no folder", said)
        self.assertIn("a folder of core/ is no room", said)
        shutil.rmtree(self.path("plugins"))
        self.assertEqual(self.check(), (1, "check-layers: plugins is not there: nothing was checked\n"))


class Build(Tree):
    def build(self, preset, *compilers):
        shutil.copy(os.path.join(ROOT, "scripts/build"), self.path("scripts/build"))
        shutil.rmtree(self.path("bin"), ignore_errors=True)
        for name in ("dirname", "env", "bash"):
            self.path("bin/" + name)
            os.symlink(shutil.which(name), self.path("bin/" + name))
        for name in compilers:
            self.write("bin/" + name, "#!/bin/sh\n", 0o755)
        self.write("bin/cmake", '#!/bin/sh\necho "${CC##*/} ${CXX##*/} $*" >&2\n', 0o755)
        return subprocess.run([self.path("scripts/build"), preset], env={"PATH": self.path("bin")}, capture_output=True, text=True, timeout=60)

    def test_clang_is_the_newest_that_is_known(self):
        both = ("clang", "clang++", "clang-19", "clang++-19")
        for preset in ("clang", "asan", "tsan", "fuzz"):
            self.assertIn(f"clang-19 clang++-19 --preset {preset}\n", self.build(preset, *both).stderr)
        self.assertIn("clang clang++ --preset asan\n", self.build("asan", *both[:2]).stderr)
        self.assertIn("  --preset release\n", self.build("release", *both).stderr)

    def test_without_clang_nothing_is_built(self):
        done = self.build("tsan", "clang")
        self.assertEqual((done.returncode, done.stderr), (1, "build: tsan is built by clang, which is not installed (scripts/setup --ci)\n"))


del Tree

if __name__ == "__main__":
    unittest.main()
