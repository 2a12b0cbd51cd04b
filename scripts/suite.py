"""scripts/suite.py OUTCOMES SUITE [NAME ...]: runs a suite of tests/e2e as `python3 SUITE -v NAME ...` does, and adds a line of JSON for each
case to the file OUTCOMES. Cases are counted there and not in what is printed: a child may print into the middle of a line."""
import json
import os
import re
import runpy
import sys
import unittest

outcomes, path, names = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]


def name_of(test):
    """`Class.test`, also of its subtests; `Class` where the class could not be set up: as the suite takes names."""
    test = getattr(test, "test_case", test)
    of_class = re.fullmatch(r"(?:setUp|tearDown)Class \((?:__main__\.)?(\w+)\)", test.id())
    if of_class:
        return of_class[1]
    method = getattr(test, "_testMethodName", None)  # a class may have an id() of its own
    return f"{type(test).__qualname__}.{method}" if method else test.id().removeprefix("__main__.")


def write(line):
    with open(outcomes, "a") as out:
        out.write(json.dumps(line) + "\n")


class Told(unittest.TextTestResult):
    def tell(self, test, outcome, why=""):
        write({"case": name_of(test), "outcome": outcome, "why": why})

    def stopTestRun(self):
        super().stopTestRun()
        write({"ended": True})

    def startTest(self, test):
        self.tell(test, "begun")
        super().startTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell(test, "passed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell(test, "skipped", reason)

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, "failed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.tell(test, "failed")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.tell(test, "passed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.tell(test, "failed")


unittest.TextTestRunner.resultclass = Told
sys.argv = [path, "-v", *names]
sys.path[0] = os.path.dirname(os.path.abspath(path))
runpy.run_path(path, run_name="__main__")
