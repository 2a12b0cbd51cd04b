"""The guard of a lease and its watchdog: a real agent, an orchestrator that answers as the test says, and a workload
that writes down when it ran, by the clock that the lease is counted on."""
import contextlib
import fcntl
import http.server
import json
import os
import shutil
import signal
import tempfile
import threading
import time
import unittest

from agent_site import Agent
from harness import PACE, PATIENCE_S, paced, wait_for

LEASE_KEY = "a-lease-key-that-nobody-knows"
TTL_S, KILL_S = 2.0 * PACE, 3.0 * PACE
# Notes the time every 5 ms, and does not care for TERM when it is "stubborn".
TICKER = """
import os, signal, sys, time
if sys.argv[2] == "stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.makedirs("state", exist_ok=True)
while True:
    with open(sys.argv[1], "a") as out: out.write("%.6f %d %s\\n" % (time.clock_gettime(time.CLOCK_BOOTTIME), os.getpid(), os.environ["UNDERSTUDY_EPOCH"]))
    time.sleep(0.005)
"""


def boot_now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Register(http.server.ThreadingHTTPServer):
    """What the agent takes for the orchestrator. `answer`: a status and a body, or nothing: then it is silent."""
    daemon_threads = True

    def __init__(self):
        self.asked, self.granted, self.at_work = [], [], 0  # times of arrival: not before the sending
        self.ttl, self.delay, self.answer = TTL_S, 0.0, None
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def grant(self, ttl=TTL_S, delay=0.0):
        self.ttl, self.delay, self.answer = ttl, delay, "grant"

    def refuse(self, code="revoked"):
        self.answer = (409, {"error": {"code": code, "message": f"epoch 1 is {code}"}})

    def silence(self):
        self.answer = None

    def close(self):
        self.closing.set()
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        arrived, register = boot_now(), self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = register.answer
        register.asked.append((self.path, self.headers["X-API-Key"], body))
        if answer is None:
            register.closing.wait(30)
            return
        if answer == "grant":
            register.closing.wait(register.delay)
            register.granted.append(arrived)
            answer = (200, {"ttl_ms": int(register.ttl * 1000), "epoch": body["epoch"]})
        data = json.dumps(answer[1]).encode()
        try:
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass

    def log_message(self, *args):
        pass


class Quiet(Register):
    def handle_error(self, request, client_address):
        pass


class AgentLeaseTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-lease-")
        self.register = Quiet()
        self.agents = []

    def tearDown(self):
        for agent in self.agents:
            if agent.process and agent.process.poll() is None:
                agent.process.send_signal(signal.SIGCONT)
            agent.stop(signal.SIGKILL)
        self.register.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def agent(self, manners="polite", more="", lease=True, through_shell=False, op_timeout=f"{paced(400)}ms"):
        ticks = os.path.join(self.folder, "ticks")
        command = ["python3", "-c", TICKER, ticks, manners]
        if through_shell:  # so that the ticker is a grandchild of the agent
            command = ["sh", "-c", '"$@" & wait', "sh", *command]
        table = f"""
[agent.lease]
url = "http://127.0.0.1:{self.register.server_address[1]}/"
key = {{ env = "LEASE_KEY" }}
target = "home"
renew_every = "200ms"
op_timeout = "{op_timeout}"
kill_time = "{int(KILL_S * 1000)}ms"
{more}
"""
        made = Agent(self.folder, command=command, state=False, tables=table if lease else "")
        self.agents.append(made)
        return made

    def begin(self, agent, wait=True, output=None):
        agent.start(env={"LEASE_KEY": LEASE_KEY}, output=output)
        status, body = agent.ask("POST", "/activate", {"epoch": 1, "snapshot": ""})
        self.assertIn(status, (200, 202), body)
        if wait:
            agent.until(mode="active", workload_status="running")
            wait_for("a tick", self.ticks)
        return agent

    def stalled_log(self):
        """A pipe whose reader reads nothing, and what fills it. Not by O_NONBLOCK on the end that is given away: that would be the agent's too."""
        unread, given = os.pipe()
        filler = os.open(f"/proc/self/fd/{given}", os.O_WRONLY | os.O_NONBLOCK)
        for fd in (unread, given, filler):
            self.addCleanup(os.close, fd)

        def fill():
            for size in (4096, 1):
                with contextlib.suppress(BlockingIOError):
                    while True:
                        os.write(filler, b"x" * size)
        return unread, given, fill

    def ticks(self):
        """(when, pid, epoch) of the workload."""
        try:
            with open(os.path.join(self.folder, "ticks")) as file:
                return [(float(w), int(p), e) for w, p, e in (line.split() for line in file.read().splitlines() if line.count(" ") == 2)]
        except FileNotFoundError:
            return []

    def lease_is(self, agent, state):
        return wait_for(f"the lease to be {state}", lambda: (lambda h: h if h["lease"]["state"] == state else None)(agent.health()))

    def gone(self, pid):
        def dead():
            try:
                with open(f"/proc/{pid}/stat") as file:
                    return file.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        wait_for(f"process {pid} to be gone", dead)

    def never_after_its_lease(self):
        """The safety of it all: counted from the arrival of the last granted renewal, which was sent before that. Where the machine is slow, whoever
        ends it may have to wait for its turn: an orchestrator's `margin` is there for that."""
        self.assertLessEqual(self.ticks()[-1][0], self.register.granted[-1] + TTL_S + KILL_S + 0.5 * PACE, "it ran after its lease")

    def watchdog_of(self, agent):
        def find():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        words = file.read().split(b"\0")
                except OSError:
                    continue
                if words[1:3] == [b"agent-watchdog", str(agent.process.pid).encode()]:
                    return int(pid)
            return None
        return wait_for("a watchdog", find)

    # -- the guard ------------------------------------------------------------------------------------------------------

    def test_it_starts_only_when_the_lease_is_granted(self):
        a = self.begin(self.agent(), wait=False)
        wait_for("it to ask again", lambda: len(self.register.asked) > 1)
        waiting = wait_for("the wait to be told", lambda: (lambda h: h if "no answer in time" in h["workload"]["detail"] else None)(a.health()))
        self.assertEqual(("activating", "starting", "asking"), (waiting["mode"], waiting["workload_status"], waiting["lease"]["state"]))
        self.assertIn("waits for its lease", waiting["workload"]["detail"])
        self.assertEqual([], self.ticks())
        self.register.grant()
        told = a.until(mode="active", workload_status="running")
        self.assertTrue(told["last_activation"]["ok"])
        self.assertEqual("held", told["lease"]["state"])
        self.assertGreater(wait_for("a tick", self.ticks)[0][0], self.register.granted[0])
        path, key, body = self.register.asked[0]
        self.assertEqual(("/v1/services/counter/lease", LEASE_KEY), (path, key))
        self.assertEqual({"target": "home", "epoch": 1, "kill_time_ms": int(KILL_S * 1000), "holds_over": False, "instance": told["instance"]}, body)
        metrics = a.ask("GET", "/metrics")[1]
        self.assertIn('understudy_agent_lease_held{service="counter"} 1', metrics)
        self.assertIn('understudy_agent_watchdog_up{service="counter"} 1', metrics)
        self.assertRegex(metrics, r'understudy_agent_lease_renewals_total\{result="failed",service="counter"\} [1-9]')
        self.assertNotIn(LEASE_KEY, a.log())

    def test_without_answers_it_ends_in_time_and_goes_on_when_they_come_back(self):
        self.register.grant()
        a = self.begin(self.agent("stubborn", more="watchdog = false"))
        self.assertEqual("off", a.health()["watchdog"])
        first = self.ticks()[0][1]
        self.register.silence()
        self.gone(first)
        self.never_after_its_lease()
        a.until(workload_status="stopped")  # the agent hears of its end a moment after us
        told = self.lease_is(a, "lost")
        self.assertEqual(("active", "stopped", "unhealthy"), (told["mode"], told["workload_status"], told["status"]))
        self.assertIn("no answer in time", told["workload"]["detail"])
        self.assertEqual(503, a.ask("GET", "/health")[0])
        self.register.grant()
        a.until(mode="active", workload_status="running")
        again = wait_for("ticks of another process", lambda: [t for t in self.ticks() if t[1] != first])
        self.assertEqual("1", again[0][2])
        self.assertIsNone(a.process.poll())

    @unittest.skipUnless(os.path.isdir("/proc"), "there is no /proc to open a pipe again by")
    def test_a_log_that_nobody_reads_holds_up_no_end(self):
        """As with a container engine that blocks, or `| tee` that is stopped: the agent wrote first, and never came to the end."""
        self.register.grant()
        unread, given, fill = self.stalled_log()
        a = self.begin(self.agent("stubborn", more="watchdog = false"), output=given)
        first = self.ticks()[0][1]
        fill()
        self.register.silence()
        self.gone(first)
        self.never_after_its_lease()
        self.lease_is(a, "lost")
        a.until(workload_status="stopped")
        said = b""
        while b"lost: nobody read the log" not in said:  # it is read again: what is missing is counted
            said += os.read(unread, 1 << 20)
            self.register.grant()
        a.until(mode="active", workload_status="running")

    @unittest.skipUnless(os.path.isdir("/proc"), "there is no /proc to open a pipe again by")
    def test_a_watchdog_whose_log_nobody_reads_ends_what_a_frozen_agent_left(self):
        self.register.grant()
        _, given, fill = self.stalled_log()
        a = self.begin(self.agent("stubborn", through_shell=True), output=given)
        first = self.ticks()[0][1]
        fill()
        a.process.send_signal(signal.SIGSTOP)
        self.gone(first)
        self.never_after_its_lease()
        self.assertEqual(-signal.SIGKILL, a.process.wait(timeout=PATIENCE_S))

    def test_a_refusal_ends_it_at_once_and_stays_visible(self):
        self.register.grant(ttl=600)
        a = self.begin(self.agent())
        pid = self.ticks()[0][1]
        self.register.refuse()
        self.gone(pid)
        a.until(workload_status="stopped")
        told = self.lease_is(a, "refused")
        self.assertEqual(("active", "lease refused: revoked: epoch 1 is revoked"), (told["mode"], told["workload"]["detail"]))
        self.assertIn("revoked", told["lease"]["last_refusal"])
        self.assertEqual(202, a.ask("POST", "/deactivate", {"epoch": 1})[0])
        a.until(mode="standby")
        self.lease_is(a, "off")

    def test_an_answer_that_comes_after_its_lease_starts_nothing(self):
        self.register.grant(ttl=0.3, delay=0.5)
        a = self.begin(self.agent(op_timeout="30s"), wait=False)
        wait_for("late answers", lambda: len(self.register.granted) > 2)
        self.assertEqual([], self.ticks())
        self.assertIn("before its answer came", a.health()["lease"]["last_failure"])
        self.assertEqual("asking", a.health()["lease"]["state"])

    def test_a_wrong_key_and_an_unknown_service_are_said_and_are_no_refusal(self):
        self.register.answer = (401, {"error": {"message": "the key is wrong"}})
        a = self.begin(self.agent(), wait=False)
        for answer, words in ((None, "the key of [agent.lease]"), ((404, {}), "this service and target"), ((503, {}), "HTTP 503"),
                              ((200, {"ttl_ms": 5000, "epoch": 2}), "another epoch"), ((200, {"ttl_ms": "5"}), "no lease"), ((409, {}), "says nothing of the lease")):
            self.register.answer = answer or self.register.answer
            wait_for(words, lambda: words in (a.health()["lease"]["last_failure"] or ""))
        self.assertEqual(("asking", None), (a.health()["lease"]["state"], a.health()["lease"]["last_refusal"]))
        self.assertEqual([], self.ticks())

    def test_undecided_starts_nothing_and_takes_nothing_away_before_its_time(self):
        """As a second instance hears it, until the lease of the first has run out for certain."""
        undecided = (503, {"error": {"code": "undecided", "message": "another instance holds it"}})
        self.register.answer = undecided
        a = self.begin(self.agent("stubborn"), wait=False)
        wait_for("it to go on asking", lambda: len(self.register.asked) > 3)
        waiting = wait_for("the wait to be told", lambda: (lambda h: h if "another instance holds it" in h["workload"]["detail"] else None)(a.health()))
        self.assertEqual(("activating", "asking", None), (waiting["mode"], waiting["lease"]["state"], waiting["lease"]["last_refusal"]))
        self.assertEqual([], self.ticks())
        self.register.grant()
        a.until(mode="active", workload_status="running")
        first = wait_for("a tick", self.ticks)[0][1]
        self.register.answer = undecided
        self.gone(first)
        self.never_after_its_lease()
        self.assertGreater(self.ticks()[-1][0], self.register.granted[-1] + TTL_S - 0.5 * PACE, "what it held was taken away before its own deadline")
        self.lease_is(a, "lost")
        self.register.grant()
        wait_for("ticks of another process", lambda: [t for t in self.ticks() if t[1] != first])

    def test_with_hold_it_outlives_silence_but_no_refusal(self):
        self.register.grant(ttl=0.6 * PACE)
        a = self.begin(self.agent(more='store_outage = "hold"'))
        self.assertTrue(self.register.asked[0][2]["holds_over"])
        self.register.silence()
        wait_for("the lease to be held over", lambda: (lambda lease: lease["state"] == "lost" and lease["held_over"])(a.health()["lease"]))
        over = self.register.granted[-1] + 0.6 * PACE + KILL_S
        wait_for("ticks after the lease and the kill time", lambda: self.ticks()[-1][0] > over)
        self.assertEqual("running", a.health()["workload_status"])
        self.register.refuse("stale")
        self.gone(self.ticks()[-1][1])
        self.assertIn("stale", self.lease_is(a, "refused")["workload"]["detail"])

    def test_a_graceful_stop_lasts_no_longer_than_the_lease(self):
        self.register.grant()
        a = self.begin(self.agent("stubborn", more="watchdog = false"))
        pid = self.ticks()[0][1]
        self.assertEqual(202, a.ask("POST", "/deactivate", {"epoch": 1, "grace_ms": 600000})[0])
        self.register.silence()
        self.gone(pid)
        self.never_after_its_lease()
        a.until(mode="standby")
        self.lease_is(a, "off")

    def test_an_agent_that_starts_again_goes_on_with_its_lease_only(self):
        self.register.grant()
        a = self.begin(self.agent())
        name = a.health()["instance"]
        self.assertRegex(name, "^[a-z0-9-]{1,64}$")
        self.assertEqual(0, a.stop())
        before = len(self.ticks())
        self.register.silence()
        asked = len(self.register.asked)
        a.start(env={"LEASE_KEY": LEASE_KEY})
        wait_for("it to ask twice", lambda: len(self.register.asked) > asked + 1)
        self.assertEqual("activating", a.health()["mode"])
        self.assertEqual(before, len(self.ticks()))
        self.register.grant()
        a.until(mode="active", workload_status="running")
        self.assertEqual({name}, {body["instance"] for _, _, body in self.register.asked}, "the same agent took another name")

    def test_another_agent_of_the_same_target_has_another_name(self):
        """A container's replacement: the same file, the same epoch, a folder of its own."""
        self.register.grant()
        a = self.begin(self.agent())
        a.stop(signal.SIGKILL)
        shutil.rmtree(os.path.join(a.folder, "var"))
        self.begin(a)
        self.assertEqual(2, len({body["instance"] for _, _, body in self.register.asked}))

    # -- the watchdog ---------------------------------------------------------------------------------------------------

    def test_a_frozen_agent_is_killed_with_its_workload_in_time(self):
        self.register.grant()
        a = self.begin(self.agent("stubborn", through_shell=True))
        pid = self.ticks()[0][1]
        a.process.send_signal(signal.SIGSTOP)
        self.gone(pid)
        self.never_after_its_lease()
        self.assertEqual(-signal.SIGKILL, a.process.wait(timeout=PATIENCE_S))
        wait_for("the watchdog's word", lambda: "did not act" in a.log())

    def test_a_killed_agent_leaves_nothing_of_its_workload(self):
        """With a lease or without one."""
        for lease in (True, False):
            with self.subTest(lease=lease):
                self.register.grant(ttl=600)
                a = self.begin(self.agent("stubborn", through_shell=True, lease=lease))
                pid, watchdog = self.ticks()[-1][1], self.watchdog_of(a)
                a.stop(signal.SIGKILL)
                self.gone(pid)
                self.gone(watchdog)
                os.remove(os.path.join(self.folder, "ticks"))
                shutil.rmtree(os.path.join(a.folder, "var"))

    def test_a_watchdog_that_ends_or_hangs_is_replaced_and_hurts_nobody(self):
        self.register.grant(ttl=600)
        a = self.begin(self.agent("stubborn", through_shell=True))
        pid = self.ticks()[-1][1]
        for how, words in ((signal.SIGKILL, "it has ended"), (signal.SIGSTOP, "it does not answer")):
            watchdog = self.watchdog_of(a)
            os.kill(watchdog, how)
            wait_for(words, lambda: words in a.log())
            wait_for("another watchdog", lambda: a.health()["watchdog"] == "up" and self.watchdog_of(a) != watchdog)
        self.assertEqual(pid, self.ticks()[-1][1])
        a.stop(signal.SIGKILL)  # the new one knows what it guards
        self.gone(pid)

    def test_an_agent_starts_nothing_while_the_watchdog_of_the_one_before_is_there(self):
        """The lock is the watchdog's too: it goes when the workload has been killed."""
        self.register.grant(ttl=600)
        a = self.begin(self.agent())
        lock = os.path.join(a.folder, "var/watchdog.lock")
        descriptors = f"/proc/{self.watchdog_of(a)}/fd"
        wait_for("the watchdog to hold the lock", lambda: lock in [os.readlink(os.path.join(descriptors, fd)) for fd in os.listdir(descriptors)])
        self.assertEqual(0, a.stop())
        before = len(self.ticks())
        with open(lock) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            a.start(env={"LEASE_KEY": LEASE_KEY}, wait=False)
            wait_for("it to wait", lambda: "has not ended yet" in a.log())
            self.assertEqual(before, len(self.ticks()))
        wait_for("it to go on", lambda: len(self.ticks()) > before)

    @staticmethod
    def name_of(pid):
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()

    def test_the_watchdog_goes_with_the_agent(self):
        self.register.grant()
        a = self.begin(self.agent())
        watchdog = self.watchdog_of(a)
        wait_for("the watchdog to be up", lambda: self.name_of(watchdog) == "understudy-wdog")
        os.kill(watchdog, signal.SIGTERM)  # as who ends a whole cgroup does
        asked = len(self.register.asked)
        wait_for("renewals, of which the watchdog is told", lambda: len(self.register.asked) > asked + 2)
        self.assertNotIn("the watchdog is gone", a.log())
        self.assertEqual(0, a.stop())
        self.gone(watchdog)
        self.assertNotIn("is killed", a.log())

    def test_a_bad_table_says_what_is_missing(self):
        a = self.agent(more='kill_tiem = "1s"\nstore_outage = "wait"')
        with open(a.config) as file:
            text = file.read().replace("http://", "tcp://").replace('target = "home"', "")
        with open(a.config, "w") as file:
            file.write(text)
        a.start(wait=False)
        self.assertEqual(2, a.process.wait(timeout=PATIENCE_S))
        for words in ("does not begin with http", 'did you mean "kill_time"', "needs target", "store_outage"):
            self.assertIn(words, a.log())


if __name__ == "__main__":
    unittest.main()
