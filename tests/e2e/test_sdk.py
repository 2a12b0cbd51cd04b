"""What a stranger does: the SDK installed into an empty folder, a plugin made by `plugin new`, built and tested there with
each compiler that is here, and used in a failover, with nothing of the source tree."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import textwrap
import unittest

from harness import BUILD, ROOT, Site, wait_for

COMPILERS = [c for c in ("g++", "clang++-19", "clang++") if shutil.which(c)]
if "clang++-19" in COMPILERS and "clang++" in COMPILERS:
    COMPILERS.remove("clang++")
# What is shown with a core that clang built is the one case that loads plugins of both compilers into it.
CLONE = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True).returncode == 0
ONLY_RELEASE = unittest.skipIf("asan" in BUILD, "what it makes is not sanitized; the release run does this")
KINDS = ("health", "target", "state", "notifier", "secrets")


def run(*words, cwd, **env):
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} exited {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


class Strangers(Site):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="understudy-sdk-")
        cls.prefix = os.path.join(cls.work, "prefix")
        run("cmake", "--install", BUILD, "--component", "sdk", "--prefix", cls.prefix, cwd=cls.work)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    def new(self, name, *options, compiler="g++"):
        run(self.program, "plugin", "new", name, *options, cwd=self.folder)
        folder = os.path.join(self.folder, name)
        if os.path.exists(os.path.join(folder, "build.sh")):
            run("./build.sh", cwd=folder)
        else:
            run("cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", cwd=folder, CXX=compiler)
            run("cmake", "--build", "build", cwd=folder)
            run("ctest", "--test-dir", "build", "--output-on-failure", cwd=folder)
        return os.path.join(folder, "build")

    def use(self, *folders):
        with open(self.config) as config:
            text = config.read()
        listed = ", ".join(f'"{f}"' for f in folders)
        with open(self.config, "w") as config:
            config.write(text.replace("[orchestrator]", f"[orchestrator]\nplugin_path = [{listed}]"))

    @ONLY_RELEASE
    def test_each_interface_builds_and_passes_its_test(self):
        folders = [self.new(f"my_{kind}", "--interface", kind, compiler=COMPILERS[i % len(COMPILERS)]) for i, kind in enumerate(KINDS)]
        self.use(*folders)
        listed = self.understudy("plugin", "list")
        for kind in KINDS:
            self.assertIn(f"my_{kind}", listed)
        self.assertIn("what to ask", self.understudy("plugin", "info", "my_health"))

    def test_a_plugin_of_each_compiler_takes_part_in_a_failover(self):
        for compiler in COMPILERS:
            name = "by_" + "".join(c for c in compiler if c.isalpha())
            self.write_config()
            with open(self.config) as config:
                text = config.read()
            with open(self.config, "w") as config:
                config.write(text.replace('plugin = "http"', f'plugin = "{name}"').replace(', json = { "$.status" = "healthy" }', ""))
            self.use(self.new(name, "--interface", "health", compiler=compiler))
            self.start()
            self.serving("home")
            self.kill_site("home")
            self.serving("spare")
            self.assertEqual(self.running(), ["spare"])
            self.stop()
            for target in self.ports:
                self.kill_site(target)
            shutil.rmtree(os.path.join(self.folder, "var"))
            shutil.rmtree(os.path.join(self.folder, "run"))

    def gives_secrets(self, name):
        manifest = json.loads(self.understudy("plugin", "info", name, "--json"))
        self.assertEqual(manifest.get("manifest", manifest)["secret_source"], f"{name}_secret")

    @ONLY_RELEASE
    def test_plain_c_builds_and_answers(self):
        self.use(self.new("in_c", "--lang", "c", "--interface", "health"), self.new("c_vault", "--lang", "c", "--interface", "secrets"))
        self.assertIn("health.check/1", self.understudy("plugin", "info", "in_c"))
        self.gives_secrets("c_vault")

    @ONLY_RELEASE
    @unittest.skipUnless(shutil.which("rustc"), "no rustc is installed")
    def test_rust_builds_without_a_crate_and_answers(self):
        self.use(self.new("in_rust", "--lang", "rust", "--interface", "health"), self.new("rust_vault", "--lang", "rust", "--interface", "secrets"))
        self.assertIn("health.check/1", self.understudy("plugin", "info", "in_rust"))
        self.gives_secrets("rust_vault")

    @ONLY_RELEASE
    def test_the_sdk_installs_by_itself_and_is_the_same(self):
        run("cmake", "-S", os.path.join(ROOT, "sdk"), "-B", "sdk-build", cwd=self.folder)
        run("cmake", "--install", "sdk-build", "--component", "sdk", "--prefix", "alone", cwd=self.folder)
        self.assertEqual(run("diff", "-r", "alone", self.prefix, cwd=self.folder), "")

    def steps(self, workflow):
        with open(workflow) as file:
            return [textwrap.dedent(block) or line for block, line in re.findall(r"run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", file.read())]

    @ONLY_RELEASE
    @unittest.skipUnless(CLONE, "the sources are no clone, so that there is none to be made of them")
    def test_the_workflow_of_a_new_plugin_is_green_where_nothing_is_installed(self):
        run(self.program, "plugin", "new", "in_ci", "--lang", "c", "--interface", "health", cwd=self.folder)
        folder, given = os.path.join(self.folder, "in_ci"), os.path.join(self.folder, "github_env")
        os.makedirs(os.path.join(self.folder, "bin"))
        sudo = os.path.join(self.folder, "bin/sudo")
        with open(sudo, "w") as out:
            out.write("#!/bin/sh\n")  # here the package is installed
        os.chmod(sudo, 0o755)
        env = {"PATH": f"{os.path.dirname(sudo)}:{os.environ['PATH']}", "RUNNER_TEMP": os.path.join(self.folder, "runner"), "GITHUB_ENV": given, "UNDERSTUDY": ""}
        steps = self.steps(os.path.join(folder, ".github/workflows/build.yml"))
        self.assertEqual(len(steps), 2)
        with self.assertRaisesRegex(RuntimeError, "must say where Understudy's sources are"):
            run("bash", "-e", "-c", steps[0], cwd=folder, **env)
        env["UNDERSTUDY"] = ROOT
        for step in steps:
            run("bash", "-e", "-c", step, cwd=folder, **env)
            with open(given) as file:
                env.update(line.rstrip().split("=", 1) for line in file)
        self.assertTrue(os.path.exists(os.path.join(folder, "build/in_ci.so")))

    @ONLY_RELEASE
    def test_nothing_is_written_over(self):
        self.new_folder = os.path.join(self.folder, "mine")
        os.makedirs(self.new_folder)
        with open(os.path.join(self.new_folder, "precious"), "w") as out:
            out.write("x")
        done = subprocess.run([self.program, "plugin", "new", "mine"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(os.listdir(self.new_folder), ["precious"])
        for wrong in ("Mine", "my-plugin", "1st", "../x"):
            done = subprocess.run([self.program, "plugin", "new", wrong], cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, wrong)


del Site  # its own class holds no test

if __name__ == "__main__":
    unittest.main()
