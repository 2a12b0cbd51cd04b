"""The plugin `agent`: real agents, driven by a real orchestrator, and by the plugin alone with a bad line between."""
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import tempfile
import threading
import unittest

from agent_site import KEY, Agent
from harness import PATIENCE_S, Site, free_port, paced, wait_for
from plugin_driver import Plugin


class Line(http.server.ThreadingHTTPServer):
    """Between the plugin and an agent. `faults`: path → "lost" (the agent hears it, its answer is lost), "dropped" (it hears nothing) or
    (status, body) in its place; each counts once."""

    def __init__(self, agent):
        self.agent, self.faults, self.asked = agent, {}, []
        super().__init__(("127.0.0.1", 0), Passing)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()


class Passing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        queue = self.server.faults.get(self.path, [])
        fault = queue.pop(0) if queue else None
        if fault == "dropped":
            return self.connection.close()
        status, answer = fault if isinstance(fault, tuple) else self.passed_on(body)
        if fault == "lost":
            return self.connection.close()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def passed_on(self, body):
        to = http.client.HTTPConnection("127.0.0.1", self.server.agent.port, timeout=PATIENCE_S)
        to.request(self.command, self.path, body, {"X-API-Key": self.headers.get("X-API-Key", "")})
        answer = to.getresponse()
        out = answer.status, answer.read()
        to.close()
        return out

    def log_message(self, *_):
        pass


class PluginTest(unittest.TestCase):
    WHERE = {"service": "counter", "target": "spare"}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="understudy-agent-target-")
        self.agent = Agent(self.folder, command=["sleep", "1000"], state=False, more="restart = []").start()
        self.line, self.plugins = Line(self.agent), []

    def tearDown(self):
        for plugin in self.plugins:
            plugin.close()
        said = "".join(plugin.said() for plugin in self.plugins) + self.agent.log()
        self.line.close()
        self.agent.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertNotIn(KEY, said)

    def plugin(self, interface="target", key=KEY, service="counter", named=None, **settings):
        secret = {"api_key": {"$secret": {"env": "AGENT_KEY"}}, "poll": 50} if interface == "target" else {}
        secret.update({"service": named} if named else {})
        made = Plugin("agent", interface, {"url": self.line.url, **secret, **settings}, {"AGENT_KEY": key}, service=service)
        self.plugins.append(made)
        return made

    def activate(self, plugin, epoch, budget=paced(10000)):
        return plugin.call("standby.activate/1", {**self.WHERE, "epoch": epoch, "operation": f"op-{epoch}", "snapshot": "", "reason": "drill"}, budget)

    def deactivate(self, plugin, epoch, budget=paced(10000)):
        return plugin.call("standby.deactivate/1", {**self.WHERE, "epoch": epoch, "operation": f"stop-{epoch}", "grace_ms": 2000}, budget)

    def observe(self, plugin):
        return plugin.call("standby.observe/1", self.WHERE)

    def ok(self, answer):
        self.assertEqual(answer["status"], "ok", answer)
        return answer["result"]

    def refused(self, answer, status, *words):
        self.assertEqual(answer["status"], status, answer)
        for word in words:
            self.assertIn(word, answer["error"]["message"] + " " + answer["error"].get("hint", ""))

    def test_an_epoch_that_is_over_is_refused(self):
        plugin = self.plugin()
        name = self.agent.health()["instance"]
        self.assertEqual(self.ok(self.observe(plugin)), {"state": "stopped", "detail": "the agent says mode standby, workload stopped", "instance": name, "unsaved": False})
        for _ in range(2):
            seen = self.ok(self.activate(plugin, 3))
            self.assertEqual((seen["state"], seen["epoch"]), ("active", 3))
        pid = self.agent.health()["workload"]["pid"]
        self.refused(self.activate(plugin, 2), "conflict", "epoch 2 is over")
        self.refused(self.deactivate(plugin, 2), "conflict", "newer epoch (3)")
        self.assertEqual(self.agent.health()["workload"]["pid"], pid, "a refused order changed something")
        for _ in range(2):
            self.assertTrue(self.ok(self.deactivate(plugin, 3))["stopped"])
        self.assertEqual(self.agent.health()["mode"], "standby")
        self.assertTrue(self.ok(self.deactivate(plugin, 2))["stopped"], "a newer epoch was stopped here, so this one is over")
        self.refused(self.activate(plugin, 3), "conflict", "was deactivated here")
        self.assertEqual(self.ok(self.activate(plugin, 4))["epoch"], 4)

    def test_a_wrong_key_says_what_to_do(self):
        plugin = self.plugin(key="another key")
        for answer in (self.activate(plugin, 1), self.deactivate(plugin, 1)):
            self.refused(answer, "denied", "key is missing or wrong", "`api_key` must be that of [agent]")
        problems = self.ok(plugin.call("target.diagnose/1", self.WHERE))["problems"]
        self.assertEqual([p["severity"] for p in problems], ["error"])
        self.assertIn("`api_key`", problems[0]["hint"])
        self.assertNotIn("another key", plugin.said())
        self.assertEqual(self.agent.health()["mode"], "standby")

    def test_an_agent_of_another_service_is_told_nothing(self):
        """Its stop would confirm nothing of ours."""
        plugin = self.plugin(service="shop")
        for answer in (self.activate(plugin, 1), self.deactivate(plugin, 1), self.observe(plugin)):
            self.refused(answer, "invalid", 'of the service "counter", not of "shop"')
        self.assertEqual(set(self.line.asked), {"/health"})
        named = self.plugin(service="shop", named="counter")
        self.assertEqual(self.ok(self.activate(named, 1))["state"], "active")

    def test_what_is_no_agent_is_said(self):
        plugin = self.plugin(url=self.line.url + "/nowhere")
        self.refused(self.activate(plugin, 1), "invalid", "understudy agent")
        health = self.ok(self.plugin("health", url=self.line.url + "/nowhere").call("health.check/1"))
        self.assertEqual((health["outcome"], health["verdict"]), ("fail", False))

    def test_silence_is_no_stop(self):
        plugin = self.plugin()
        self.ok(self.activate(plugin, 1))
        self.line.faults["/health"] = ["dropped"] * 100000
        self.assertEqual(self.deactivate(plugin, 1, paced(1000))["status"], "transient")
        self.assertEqual(self.observe(plugin)["status"], "transient")
        self.line.faults = {"/deactivate": ["dropped"] * 100000}
        report = self.ok(self.deactivate(plugin, 1, paced(2000)))
        self.assertFalse(report["stopped"])
        self.assertIn("not known whether the agent heard", report["detail"])
        self.assertEqual(self.agent.health()["mode"], "active")
        self.line.faults = {"/health": [(502, b"")] * 100000}  # a proxy before an agent that is gone
        self.assertNotEqual(self.deactivate(plugin, 1, paced(2000))["status"], "ok", "it was confirmed by a proxy")

    def test_a_standby_that_has_not_heard_of_the_stop_is_not_stopped(self):
        """A start that is still on its way would be accepted after it."""
        plugin = self.plugin()
        self.line.faults["/deactivate"] = ["dropped"] * 100000
        self.assertFalse(self.ok(self.deactivate(plugin, 3, paced(2000)))["stopped"])
        self.line.faults["/deactivate"] = ["dropped", "dropped"]
        self.assertTrue(self.ok(self.deactivate(plugin, 3))["stopped"])
        self.refused(self.activate(plugin, 3), "conflict", "was deactivated here")

    def replaced(self):
        """Another agent behind the same address, with its own folder: it stands by and knows of nothing."""
        self.agent.stop(signal.SIGKILL)
        shutil.rmtree(os.path.join(self.agent.folder, "var"))
        self.agent.start()
        return self.agent.health()["instance"]

    def test_a_stop_says_whose_word_it_is(self):
        """A fresh one speaks of itself only: the one before it may still run, where nobody sees it."""
        plugin = self.plugin()
        first = self.ok(self.activate(plugin, 1))["instance"]
        self.assertEqual(first, self.agent.health()["instance"])
        second = self.replaced()
        self.assertNotEqual(first, second)
        for _ in range(2):
            report = self.ok(self.deactivate(plugin, 1))
            self.assertEqual((report["stopped"], report["instance"]), (True, second))

    def test_a_stop_that_another_one_has_heard_is_told_again(self):
        plugin = self.plugin()
        self.ok(self.activate(plugin, 1))
        told = json.dumps({**self.agent.health(), "instance": "another"}).encode()
        self.line.faults["/deactivate"] = [(202, told)]
        report = self.ok(self.deactivate(plugin, 1))
        self.assertEqual((report["stopped"], report["instance"]), (True, self.agent.health()["instance"]))
        self.assertEqual(self.line.asked.count("/deactivate"), 2)

    def test_an_agent_that_was_started_again_during_a_stop_is_told_once_more(self):
        """It has forgotten the last save that it owes."""
        plugin, health = self.plugin(), self.agent.health()

        def report(uptime_s, mode, workload, unsaved):
            told = {**health, "epoch": 3, "uptime_s": uptime_s, "mode": mode, "workload_status": workload, "unsaved": unsaved}
            return 200, json.dumps(told).encode()
        self.line.faults["/health"] = [report(100, "active", "running", False), report(100.1, "deactivating", "stopped", True),
                                       report(0.2, "standby", "stopped", True), report(0.4, "standby", "stopped", False)]
        told = self.ok(self.deactivate(plugin, 3))
        self.assertEqual((told["stopped"], told["unsaved"], self.line.asked.count("/deactivate")), (True, False, 2))

    def test_an_older_agent_does_not_say_which_it_is(self):
        plugin, health = self.plugin(), self.agent.health()
        for name in (None, "", 7, "a_b", "Z" * 65):
            health["instance"] = name
            self.line.faults["/health"] = [(200, json.dumps(health).encode())]
            self.assertEqual(self.ok(self.observe(plugin))["instance"], "", name)

    def test_what_is_not_saved_is_told_once_it_is_certain(self):
        plugin, health = self.plugin(), self.agent.health()

        def seen(mode, workload):
            text = json.dumps({**health, "mode": mode, "workload_status": workload, "unsaved": workload != "running", "unsaved_detail": "it lies in /state"})
            self.line.faults["/health"] = [(200, text.encode())]
            return self.ok(self.observe(plugin))
        self.assertIs(seen("active", "running")["unsaved"], False)
        self.assertNotIn("unsaved", seen("deactivating", "stopped"), "its last save may still come")
        told = seen("standby", "stopped")
        self.assertIs(told["unsaved"], True)
        self.assertIn("it lies in /state", told["detail"])

    def test_a_lost_answer_is_looked_into(self):
        plugin = self.plugin()
        for fault in ("lost", "dropped", (502, b"<html>bad gateway</html>")):
            with self.subTest(fault):
                epoch = (self.agent.health()["epoch"] or 0) + 1
                self.line.faults = {"/activate": [fault], "/deactivate": [fault]}
                self.assertEqual(self.ok(self.activate(plugin, epoch))["state"], "active")
                self.assertTrue(self.ok(self.deactivate(plugin, epoch))["stopped"])

    def test_a_start_that_is_not_seen_is_unknown(self):
        plugin = self.plugin()
        self.line.faults["/activate"] = ["dropped"] * 100000
        self.refused(self.activate(plugin, 1, paced(2000)), "unknown", "does not run yet")
        self.line.faults = {"/activate": [(503, b'{"error": {"code": "busy", "message": "it is being stopped"}}')] * 3}
        self.assertEqual(self.ok(self.activate(plugin, 1))["state"], "active")

    def test_a_start_that_comes_to_nothing_says_why(self):
        self.agent.stop()
        self.agent.command = ["/no/such/program"]
        self.agent.start()
        plugin = self.plugin()
        self.refused(self.activate(plugin, 1), "transient", "could not start the workload", "/no/such/program")
        self.assertIn("/no/such/program", self.ok(self.observe(plugin))["detail"])
        problems = self.ok(plugin.call("target.diagnose/1", self.WHERE))["problems"]
        self.assertIn("came to nothing", problems[0]["message"])

    def test_health(self):
        check, target = self.plugin("health"), self.plugin()

        def outcome():
            answer = self.ok(check.call("health.check/1", {"timeout_ms": paced(8000)}))
            return answer["outcome"], answer["verdict"], answer["cause"]
        self.assertEqual(outcome(), ("fail", True, "it stands by: nothing runs there"))
        self.ok(self.activate(target, 7))
        self.assertEqual(outcome(), ("pass", True, "healthy, epoch 7"))
        os.kill(self.agent.health()["workload"]["pid"], signal.SIGKILL)
        self.agent.until(status="failed")
        given_up = outcome()
        self.assertEqual(given_up[:2], ("fail", True))
        self.assertIn("given up", given_up[2])
        self.assertEqual(self.ok(self.observe(target))["state"], "unknown", "it still holds its order")
        self.assertTrue(self.ok(self.deactivate(target, 7))["stopped"])
        self.line.faults["/health"] = [(403, b""), (502, b"")]
        self.assertEqual(outcome()[:2], ("unknown", False))
        self.assertEqual(outcome()[:2], ("fail", True))
        self.agent.stop()
        gone = self.plugin("health", url=f"http://127.0.0.1:{free_port()}").call("health.check/1")
        self.assertEqual([self.ok(gone)[k] for k in ("outcome", "verdict", "local")], ["fail", False, True])


class Story(Site):
    """Two agents with one store; the orchestrator reaches them through the plugin only."""

    def setUp(self):
        self.agents = {}
        super().setUp()

    def tearDown(self):
        super().tearDown()
        for agent in self.agents.values():
            agent.process and agent.process.send_signal(signal.SIGCONT)
            agent.stop(signal.SIGKILL)

    def target(self, name):
        place = f'url = "http://127.0.0.1:{self.agents[name].port}"'
        return f"""
[service.counter.target.{name}]
plugin = "agent"
declared = {{ ready_in = "1s" }}
activate_timeout = "{paced(20000)}ms"
deactivate_timeout = "{paced(5000)}ms"
stop_grace = "3s"
settings = {{ {place}, api_key = {{ env = "AGENT_KEY" }}, poll = "50ms" }}
[[service.counter.target.{name}.health]]
plugin = "agent"
settings = {{ {place} }}
"""

    def write_config(self, **more):
        for name in self.ports:
            self.agents[name] = Agent(os.path.join(self.folder, "sites"), name, more="restart = []", snapshots=os.path.join(self.folder, "snapshots")).start(wait=False)
            self.ports[name] = self.agents[name].counter_port
        super().write_config(**more)
        with open(self.config) as file:
            text = file.read()
        with open(self.config, "w") as out:
            # The agents save and fetch the state themselves.
            text = re.sub(r"\[service\.counter\.state\].*?(?=\n\[)", "", text, flags=re.S)
            out.write(re.sub(r"(?m)^timeout = .*", f'timeout = "{paced(2000)}ms"', text))  # one that is frozen costs two of these

    def start(self, **_):
        for agent in self.agents.values():
            wait_for("an agent", lambda agent=agent: agent.health())
        super().start(env={"AGENT_KEY": KEY})

    def kill_workload(self, name):
        os.kill(self.agents[name].health()["workload"]["pid"], signal.SIGKILL)

    def test_failover_with_the_state_and_home_again(self):
        self.start()
        self.serving("home")
        first = wait_for("some counting", lambda: (lambda n: n if n > 9 else None)(self.count("home")["count"]))
        self.kill_workload("home")
        self.serving("spare")
        at_spare = wait_for("the counter", lambda: self.count("spare"))
        self.assertEqual(self.running(), ["spare"])
        self.assertEqual(self.agents["home"].health()["mode"], "standby")
        self.assertGreaterEqual(at_spare["count"], first, "the state did not come along")
        self.understudy("failback", "counter")
        self.serving("home")
        self.assertGreaterEqual(wait_for("the counter", lambda: self.count("home"))["count"], at_spare["count"], "the state did not come home")
        self.assertEqual(self.running(), ["home"])
        self.assertEqual(self.agents["spare"].health()["mode"], "standby")
        self.stop()
        for path, _, files in os.walk(self.folder):
            for file in files:
                with open(os.path.join(path, file), "rb") as content:
                    self.assertNotIn(KEY.encode(), content.read(), file)

    def test_an_agent_that_nobody_reaches_holds_the_failover(self):
        self.start()
        self.serving("home")
        self.agents["home"].process.send_signal(signal.SIGSTOP)  # and its workload goes on
        blocked = wait_for("it to be held", lambda: self.service()["blocked"])
        self.assertIn("cannot be confirmed stopped", str(blocked))
        before = self.count("home")["count"]
        wait_for("more counting", lambda: self.count("home")["count"] > before)
        self.assertEqual(self.running(), ["home"], "a second site was started")
        self.assertEqual(self.agents["spare"].health()["epoch"], 0)
        self.agents["home"].process.send_signal(signal.SIGCONT)
        wait_for("one of them to serve", lambda: (lambda s: s["phase"] == "active" and s["verdict"] == "up" and self.running() == [s["active"]])(self.service()))


if __name__ == "__main__":
    unittest.main()
