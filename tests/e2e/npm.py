"""Programs from npm that tests use: installed once below the build folder, in a pinned version."""
import fcntl
import os
import shutil
import subprocess
import unittest

from harness import BUILD


def package(name, version, scripts=False):
    """The folder of the package; raises SkipTest when there is no npm."""
    folder = os.path.join(os.path.dirname(os.path.abspath(BUILD)), ".npm-tools", name.replace("/", "+") + "@" + version)
    found = os.path.join(folder, "node_modules", name)
    if not os.path.isdir(found) and not shutil.which("npm"):
        raise unittest.SkipTest("npm is not installed")
    os.makedirs(folder, exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test may want it at the same moment
        return found if os.path.isdir(found) else install(folder, name, version, scripts, found)


def install(folder, name, version, scripts, found):
    words = ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, f"{name}@{version}"]
    done = subprocess.run(words + ([] if scripts else ["--ignore-scripts"]), capture_output=True, text=True, timeout=600)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise RuntimeError(f"{' '.join(words)} failed: {done.stdout}{done.stderr}")
    return found


def program(name, version, command):
    """The path of a package's command."""
    return os.path.join(os.path.dirname(os.path.dirname(package(name, version))) if "/" in name else os.path.dirname(package(name, version)), ".bin", command)
