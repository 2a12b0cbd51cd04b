"""An orchestrator that was away for longer than a lease: the agent at home ended its workload meanwhile, and starts it again. A real agent,
a real orchestrator, and a workload that is well only after some checks."""
import json
import os
import signal
import sys
import unittest

from agent_site import KEY, Agent
from harness import Site, free_port, wait_for

LEASE_KEY = "a-lease-key-that-nobody-knows"
FALL, WARMS_UP_FOR = 2, 6  # checks: a start takes three times what detection allows
# Serves an error to its first checks, like what loads for a while.
SLOW = """
import http.server, sys
class Slow(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Slow.asked += 1
        self.send_response(200 if Slow.asked > int(sys.argv[2]) else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Slow).serve_forever()
"""


class LeaseReturn(Site):
    def setUp(self):
        self.agent = None
        super().setUp()

    def tearDown(self):
        super().tearDown()
        self.agent.stop(signal.SIGKILL)

    def home(self):
        port, listen = free_port(), free_port()
        self.ports["home"] = port
        self.agent = Agent(self.folder, command=[sys.executable, "-c", SLOW, str(port), str(WARMS_UP_FOR)], state=False, tables=f"""
[agent.lease]
url = "http://127.0.0.1:{listen}"
key = {{ env = "LEASE_KEY" }}
target = "home"
renew_every = "300ms"
op_timeout = "400ms"
kill_time = "1s"
""")
        return listen, f"""
[service.counter.target.home]
plugin = "agent"
lease = true
declared = {{ ready_in = "1s" }}
deactivate_timeout = "2s"
settings = {{ url = "http://127.0.0.1:{self.agent.port}", api_key = {{ env = "AGENT_KEY" }} }}
[[service.counter.target.home.health]]
plugin = "http"
settings = {{ url = "http://127.0.0.1:{port}/" }}
"""

    def write_config(self, **_):
        listen, home = self.home()
        with open(self.config, "w") as out:
            out.write(f"""
[orchestrator]
data_dir = "var"
lease_listen = "127.0.0.1:{listen}"
[service.counter]
primary = "home"
observe_every = "300ms"
[service.counter.lease]
key = {{ env = "LEASE_KEY" }}
ttl = "2s"
renew_every = "300ms"
op_timeout = "400ms"
kill_time = "1s"
margin = "400ms"
[service.counter.detect]
interval = "100ms"
fast_interval = "50ms"
timeout = "3s"
fall = {FALL}
start_grace = "1h"
[service.counter.failback]
policy = "manual"
{home}
{self.target("spare").replace('paths = ["spare/state"]', "")}
""")

    def start(self, env=None, **more):
        super().start(env={"LEASE_KEY": LEASE_KEY, "AGENT_KEY": KEY, **(env or {})}, **more)

    def crash_until_home_has_ended(self):
        """The orchestrator is killed, and is away until the agent says that its lease is over."""
        self.agent.start(env={"LEASE_KEY": LEASE_KEY})
        self.start()
        self.serving("home")
        wait_for("the agent to renew", lambda: self.service()["targets"][0]["fence"]["by"] == "lease")
        self.kill()
        self.agent.until(mode="active", workload_status="stopped")

    def history(self):
        return {line["kind"]: line for line in map(json.loads, self.understudy("history", "--json").splitlines())}

    def test_what_starts_again_when_we_are_back_stays_where_it_is(self):
        self.crash_until_home_has_ended()
        self.start()
        service = self.serving("home")
        self.agent.until(mode="active", workload_status="running")
        self.assertEqual((service["epoch"], service["last_move"]["kind"]), (1, "start"))
        self.assertNotIn("failover.started", self.history())
        self.assertEqual(self.running(), ["home"])

    def test_what_never_starts_again_is_left_once_its_grace_is_over(self):
        self.crash_until_home_has_ended()
        self.agent.stop(signal.SIGKILL)
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace('start_grace = "1h"', 'start_grace = "2s"'))
        self.start()
        self.serving("spare")
        told = self.history()
        self.assertGreaterEqual(told["failover.started"]["at_ms"] - told["resumed"]["at_ms"], 2000)
        self.assertEqual(self.running(), ["spare"])

    def test_what_serves_on_without_its_lease_is_told_and_not_left_by_the_end_of_one(self):
        self.agent.start(env={"LEASE_KEY": LEASE_KEY})
        self.start()
        self.serving("home")
        wait_for("the agent to renew", lambda: self.service()["targets"][0]["fence"]["by"] == "lease")
        self.understudy("pause", "counter")
        self.agent.stop()
        with open(self.agent.config) as file:
            leased = file.read()
        with open(self.agent.config, "w") as file:
            file.write(leased[:leased.index("[agent.lease]")])
        self.agent.start()
        self.assertEqual(self.agent.ask("POST", "/activate", {"epoch": 1, "force": True})[0], 202)
        self.agent.until(workload_status="running")
        wait_for("the word of it", lambda: "lease.missing" in self.history())
        self.understudy("resume", "counter")
        workload = self.agent.health()["workload"]["pid"]
        self.addCleanup(os.kill, workload, signal.SIGKILL)
        os.kill(workload, signal.SIGSTOP)  # nobody reaches them, and both may go on at any time
        self.agent.process.send_signal(signal.SIGSTOP)
        wait_for("the hold", lambda: (self.service()["blocked"] or {}).get("by") == "fence")
        self.assertEqual(self.service()["epoch"], 1)

    def rename_service(self, name, other):
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as file:
            file.write(text.replace(f"service.{name}", f"service.{other}"))

    def told_times(self, times):
        """Of the notifier's lines: an alert of a service that is in no file has no history to be in."""
        self.understudy("alert", "test")  # what is before it in the queue is delivered
        with open(self.log_path) as log:
            self.assertEqual(sum("counter has left the file, so its agent at home ends it" in line for line in log), times)

    def test_that_a_service_which_left_the_file_ends_is_told_once_each_time(self):
        self.agent.start(env={"LEASE_KEY": LEASE_KEY})
        self.start()
        self.serving("home")
        wait_for("the agent to renew", lambda: self.service()["targets"][0]["fence"]["by"] == "lease")
        self.rename_service("counter", "other")
        self.understudy("reload")
        self.agent.until(mode="active", workload_status="stopped")
        self.told_times(1)
        self.stop()
        self.start()
        self.told_times(1)
        self.stop()
        self.rename_service("other", "counter")
        self.start()
        self.serving("home")
        self.told_times(1)
        self.rename_service("counter", "other")
        self.understudy("reload")
        self.told_times(2)


if __name__ == "__main__":
    unittest.main()
