"""docs/model/lease.pml with spin: the protocol as written is safe and ends with one active site, in every state; each mutation
is caught."""
import math
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from fractions import Fraction

from harness import ROOT

MODEL = os.path.join(ROOT, "docs/model/lease.pml")
MEMORY_MB = 900
LIMIT_S = 900     # a run takes 10 s at most; machines under load get more, and this suite is never repeated
NEVER_TWO = "assertion violated ( !(site[0].running)&& !(site[1].running))"
# What stops a search before it has seen all: the depth, the memory, or pan's own time limit.
CUT = ("max search depth too small", "reached -DMEMLIM", "out of memory", "Search not completed", "time limit", "hash table full", "aborted")


class Search:
    """One search of pan: its output, whether it saw every state, what it found."""

    def __init__(self, defines=(), live=False, large=False, depth=20000, memory_mb=MEMORY_MB):
        with tempfile.TemporaryDirectory(prefix="understudy-model-") as folder:
            def run(*command):
                return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S)
            macros = [*defines, *(["WITH_END_OF_FAULTS"] if live else [])]
            made = run("spin", "-a", *(f"-D{m}" for m in macros), MODEL)
            kind = [] if live else ["-DSAFETY", "-DNOCLAIM"]
            built = run("cc", "-O2" if large else "-O0", "-w", f"-DMEMLIM={memory_mb}", *kind, "-o", "pan", "pan.c")
            if built.returncode:
                raise AssertionError(f"{made.stdout}{made.stderr}{built.stderr}")
            done = run("./pan", f"-m{depth}", *(["-a"] if live else []))
        self.text = done.stdout + done.stderr
        count = re.search(r"errors: (\d+)", self.text)
        self.errors = int(count.group(1)) if count else None
        stored = re.search(r"(\S+) states, stored", self.text)
        self.states = int(float(stored.group(1))) if stored else 0
        self.complete = count is not None and not any(words in self.text for words in CUT)

    def unreached(self):
        """The model's statements that no behaviour came to, but for the ends of processes that never end."""
        lines = re.findall(r'^\tlease\.pml:\d+, state \d+, (.*)$', self.text, re.M)
        return [line for line in lines if line != '"-end-"']


def formula(g, k, rate):
    """SAFETY's W without a margin, rho being 1/rate."""
    return math.ceil((Fraction(g * rate, rate - 1) + k) * Fraction(rate + 1, rate))


@unittest.skipUnless(shutil.which("spin") and shutil.which("cc"), "spin, or a C compiler for what it makes, is not installed (scripts/setup --tests)")
class Model(unittest.TestCase):
    def holds(self, *defines, **how):
        search = Search(defines, **how)
        self.assertTrue(search.complete, search.text)
        self.assertEqual(search.errors, 0, search.text)
        return search

    def never_two_fails(self, *defines):
        search = Search((*defines, "ONLY_I1"))
        self.assertEqual(search.errors, 1, search.text)
        self.assertIn(NEVER_TWO, search.text)

    def in_the_end_fails(self, *defines):
        search = Search(defines, live=True)
        self.assertEqual(search.errors, 1, search.text)
        self.assertIn("acceptance cycle", search.text)

    def test_the_names_of_the_page_are_in_the_model_and_in_the_code(self):
        with open(os.path.join(ROOT, "docs/model/README.md")) as page:
            rows = re.findall(r"^\| (`[^|]+) \| (`[^|]+) \|$", page.read().split("| here | in the code |")[1].split("\n\n")[0], re.M)
        self.assertGreaterEqual(len(rows), 8)
        with open(MODEL) as file:
            model = file.read()
        for here, there in rows:
            for name in re.findall(r"`(\w+)`", here):
                self.assertRegex(model, rf"\b{name}\b")
            for names, path in re.findall(r"([^()]+)\(([\w/.]+)\)", there):
                with open(os.path.join(ROOT, path)) as file:
                    code = file.read()
                for name in re.findall(r"`(\w+)`", names):
                    self.assertRegex(code, rf"\b{name}\b", path)

    # As it is.

    def test_never_two_and_epochs_rise(self):
        search = self.holds(large=True)
        self.assertGreater(search.states, 1_000_000)
        self.assertEqual(search.unreached(), [])

    def test_in_the_end_one_is_active(self):
        search = self.holds("LAST=2", live=True)
        self.assertGreater(search.states, 100_000)
        self.assertEqual(search.unreached(), [])

    def test_in_the_end_one_is_active_after_two_promotions(self):
        search = self.holds("G=2", "K=1", "W=5", live=True, large=True)
        self.assertGreater(search.states, 1_000_000)

    def test_other_numbers_are_safe_at_the_formula_and_one_tick(self):
        for g, k, rate in ((3, 2, 3), (4, 1, 5), (5, 1, 10)):
            with self.subTest(g=g, k=k, rate=rate):
                w = formula(g, k, rate)
                numbers = (f"G={g}", f"K={k}", f"RATE={rate}", "LAST=2")
                self.holds(*numbers, f"W={w + 1}")
                self.never_two_fails(*numbers, f"W={w - 1}")

    # Mutations.

    def test_a_wait_too_short(self):
        self.assertEqual(formula(5, 2, 5), 10)
        for w in (4, 7, 10):
            with self.subTest(w=w):
                self.never_two_fails(f"W={w}")

    def test_a_deadline_counted_from_the_answer(self):
        self.never_two_fails("DEADLINE_FROM_ANSWER")

    def test_a_renewal_that_does_not_check_the_epoch(self):
        self.never_two_fails("UNCHECKED_RENEWAL")

    def test_a_frozen_guard_without_a_watchdog(self):
        self.never_two_fails("NO_WATCHDOG")

    def test_a_wait_not_restarted_after_a_crash(self):
        self.never_two_fails("WAIT_NOT_RESTARTED")

    def test_a_wait_counted_from_the_sending(self):
        self.never_two_fails("WAIT_FROM_SENDING")

    def test_a_stop_that_leaves_a_renewal_on_its_way(self):
        self.never_two_fails("STOP_KEEPS_RENEWAL")

    def test_a_watchdog_that_leaves_the_guard_alive(self):
        self.never_two_fails("WATCHDOG_SPARES_GUARD")

    def test_a_grant_without_comparison(self):
        self.never_two_fails("BLIND_GRANT")
        search = Search(["BLIND_GRANT"])
        self.assertEqual(search.errors, 1, search.text)
        self.assertRegex(search.text, r"assertion violated \(\((request|stray)\.known\+1\)>epoch\)")

    def test_an_orchestrator_that_trusts_its_memory(self):
        self.in_the_end_fails("TRUSTS_ITS_MEMORY", "LAST=2")

    # The checks themselves.

    def test_a_search_cut_short_does_not_count(self):
        self.assertFalse(Search(["LAST=2"], depth=300).complete)
        self.assertFalse(Search(["LAST=2"], memory_mb=20).complete)


if __name__ == "__main__":
    unittest.main()
