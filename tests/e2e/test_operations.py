"""What whoever runs the orchestrator relies on: systemd's protocol, JSON logs, overlays, SIGHUP, a full disk, and what a target's
plugin can do on request."""
import concurrent.futures
import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import PATIENCE_S, Site, paced, wait_for
from patient import Patient


class Operations(Site):
    def test_systemd_is_told_ready_and_fed_and_told_the_end(self):
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(path)
            systemd.settimeout(PATIENCE_S)
            self.start(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
            self.fill_up(path)  # nobody reads, and the loop must go on
            time.sleep(1)
            self.status()
            said = []

            def read():  # without a break: what finds no room is not said
                while not said or "STOPPING=1" not in said[-1]:
                    said.append(systemd.recv(4096).decode())
            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            wait_for("READY=1", lambda: any("READY=1" in text for text in said))
            wait_for("signs of life", lambda: sum("WATCHDOG=1" in text for text in said) >= 2)
            self.process.terminate()
            reader.join(PATIENCE_S)
            self.assertIn("STOPPING=1", said[-1], said)

    @staticmethod
    def fill_up(path):
        with contextlib.suppress(BlockingIOError):
            while True:  # each from a socket of its own, which has room enough itself
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                    sender.setblocking(False)
                    sender.sendto(b"X=1", path)

    def test_the_log_can_be_lines_of_json(self):
        with open(self.config) as config:
            text = config.read()
        with open(self.config, "w") as config:
            config.write(text.replace("[orchestrator]", '[orchestrator]\nlog = { format = "json", level = "debug" }'))
        self.start()
        self.serving("home")
        self.stop()
        with open(self.log_path) as log:
            lines = [json.loads(line) for line in log]
        self.assertGreater(len(lines), 3)
        for line in lines:
            self.assertLessEqual({"at_ms", "level", "component", "message"}, set(line))

    def test_sighup_reads_the_file_again_and_a_bad_one_changes_nothing(self):
        self.start()
        self.serving("home")
        with open(self.config) as config:
            good = config.read()
        with open(self.config, "w") as config:
            config.write(good.replace('interval = "300ms"', 'interval = "fast"'))
        self.process.send_signal(signal.SIGHUP)
        wait_for("the complaint", lambda: "the old one stays in force" in open(self.log_path).read())
        with open(self.config, "w") as config:
            config.write(good.replace('interval = "300ms"', 'interval = "400ms"'))
        self.process.send_signal(signal.SIGHUP)
        wait_for("the new file", lambda: "reloaded" in self.understudy("history", "--json"))
        self.assertEqual(self.serving("home")["epoch"], 1)

    def test_a_port_that_is_in_use_is_found_before_anything_is_touched(self):
        self.start()
        self.serving("home")
        self.stop()
        with open(self.config) as config:
            good = config.read()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            with open(self.config, "w") as config:
                config.write(good.replace("[orchestrator]", f'[orchestrator]\nlisten = "127.0.0.1:{other.getsockname()[1]}"'))
            done = subprocess.run([self.program, "-c", self.config, "run"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot listen at 127.0.0.1:", done.stderr)
        with open(self.config, "w") as config:
            config.write(good)
        self.start()
        self.assertEqual(self.serving("home")["epoch"], 1)
        kinds = [json.loads(line)["kind"] for line in self.understudy("history", "--json").splitlines()]
        self.assertEqual(kinds.count("resumed"), 1)

    def test_what_is_asked_of_all_services_is_answered_by_them(self):
        self.start()
        self.serving("home")
        self.assertIn("neither paused nor held", self.understudy("resume", expect=4))
        self.assertIn("all services paused", self.understudy("pause"))
        self.assertEqual(self.service()["phase"], "paused")
        self.assertIn("all services resumed", self.understudy("resume"))

    def test_an_overlay_changes_what_it_names(self):
        overlay = os.path.join(self.folder, "local.toml")
        with open(overlay, "w") as out:
            out.write('[orchestrator]\nmode = "observe"\n')
        done = subprocess.run([self.program, "-c", self.config, "-c", overlay, "check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(overlay, "w") as out:
            out.write('[service.counter]\nprimary = "nowhere"\n')
        done = subprocess.run([self.program, "-c", self.config, "-c", overlay, "check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("local.toml:2:", done.stdout + done.stderr)


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Targets(Patient):
    def setUp(self):
        super().setUp()
        self.spare = http.server.ThreadingHTTPServer(("127.0.0.1", self.ports["spare"]), Healthy)
        threading.Thread(target=self.spare.serve_forever, daemon=True).start()

    def tearDown(self):
        super().tearDown()
        self.spare.shutdown()
        self.spare.server_close()

    def serve(self, **more):
        self.suffer(**more)
        self.start()
        return self.serving("home")

    def told(self, kind):
        return [line["text"] for line in self.history() if line["kind"] == kind]

    def test_a_rollback_carries_the_present_epoch_and_the_history_says_who_and_why(self):
        self.serve()
        self.understudy("promote", "counter", "spare")
        epoch, = self.provider("epoch")
        said = self.understudy("target", "rollback", "counter", "spare", "--reason", "v9 loses orders")
        self.assertEqual((epoch, said), ("2", "spare went back from v9 to v8: started again\n"))
        self.assertEqual(self.provider("calls"), [f"rollback e{epoch}"])
        asked, = self.told("rollback.asked")
        self.assertRegex(asked, rf"^rollback of spare \(epoch {epoch}\) was asked for by \S+@\S+: v9 loses orders$")
        self.assertEqual(self.told("rollback.done"), ["spare went back from v9 to v8: started again"])

    def test_prewarm_diagnose_and_logs_answer_in_words_and_in_json(self):
        self.serve(what="fever")
        self.assertEqual(self.understudy("target", "prewarm", "counter", "spare"), "spare is warm: an image is there\n")
        self.assertEqual(self.told("prewarm.done"), ["the prewarm of spare is done: an image is there"])
        self.assertIn("error   the quota is used up\n            = ask for more", self.understudy("target", "diagnose", "counter", "spare", expect=1))
        self.assertEqual(self.understudy("target", "logs", "counter", "spare", "-n", "7"), "last words, at most 7\n")
        self.assertEqual(json.loads(self.understudy("target", "logs", "counter", "spare", "--json")), {"lines": ["last words, at most 100"]})
        self.understudy("target", "logs", "counter", "home")
        self.assertEqual(self.provider("calls"), ["prewarm"])

    def test_what_a_plugin_does_not_offer_and_what_is_not_there_is_refused_with_a_sentence(self):
        self.serve(what="one_version")
        self.assertIn("the plugin process of home does not offer rollback", self.understudy("target", "rollback", "counter", "home", expect=1))
        self.assertIn('no target "nowhere"', self.understudy("target", "logs", "counter", "nowhere", expect=2))
        self.assertIn('no service "nothing"', self.understudy("target", "logs", "nothing", "home", expect=2))
        said = self.understudy("target", "rollback", "counter", "spare", expect=2)
        self.assertIn("there is only one version\n    = deploy another one first", said)
        self.assertEqual(self.told("rollback.failed"), ["the rollback of spare failed: there is only one version (deploy another one first)"])

    def test_work_that_no_store_has_taken_is_told(self):
        self.serve(what="leftovers")
        self.assertEqual(wait_for("it to be told", lambda: self.told("state.unsaved")), ["spare has work of a former run that no store has taken: nothing runs"])

    def test_mode_observe_looks_and_changes_nothing(self):
        self.suffer(mode="observe")
        self.start()
        for verb in ("rollback", "prewarm"):
            self.assertIn('mode is "observe"', self.understudy("target", verb, "counter", "spare", expect=5))
        self.assertIn("nothing is in the way", self.understudy("target", "diagnose", "counter", "spare"))
        self.assertEqual(self.provider("calls"), [])
        self.assertEqual(self.told("rollback.asked"), [])

    def test_a_stop_waits_for_a_rollback_that_is_under_way(self):
        self.serve(slow_ms=paced(4000))
        self.understudy("promote", "counter", "spare")
        with subprocess.Popen([self.program, "-c", self.config, "target", "rollback", "counter", "spare"], stdout=subprocess.PIPE) as rollback:
            wait_for("the rollback to begin", lambda: self.told("rollback.asked"))
            with concurrent.futures.ThreadPoolExecutor(2) as pool:  # at once: both must come while it is under way
                refused = [pool.submit(self.understudy, *words, expect=4) for words in (("target", "rollback", "counter", "spare"), ("reload",))]
                for one in refused:
                    self.assertIn("being changed", one.result())
            self.understudy("failback", "counter")
            self.assertEqual(rollback.wait(timeout=PATIENCE_S), 0)
        self.assertEqual([c.split()[0] for c in self.provider("calls")][:2], ["rollback", "deactivate"])

    def test_a_provider_that_refuses_is_quoted_with_its_hint(self):
        self.serve(what="full")
        self.understudy("promote", "counter", "spare", expect=None)
        wait_for("the failure", lambda: self.told("activation.failed"))
        self.assertIn("no room in fra (ask for a larger quota)", self.told("activation.failed")[-1])
        self.stop()
        self.serve(what="bad_token")
        seen = wait_for("a look", lambda: next(t["observed"] for t in self.service()["targets"] if t["target"] == "spare"))
        self.assertEqual(seen["detail"], "no such token: [secret] (make a new token)")


@unittest.skipUnless(os.geteuid() == 0, "a small disk of our own needs root")
class FullDisk(Site):
    """The journal lives on a disk of sixteen megabytes."""

    def setUp(self):
        super().setUp()
        self.disk = os.path.join(self.folder, "var")
        os.makedirs(self.disk, mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", self.disk], check=True)

    def tearDown(self):
        self.stop()
        subprocess.run(["umount", "-l", self.disk], check=False)
        super().tearDown()

    def told(self):
        path = os.path.join(self.folder, "all.jsonl")
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return [(a["kind"], a["state"]) for a in (json.loads(line) for line in file if line.endswith("\n"))]

    def fill(self):
        ballast = os.path.join(self.disk, "ballast")
        with open(ballast, "wb", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(b"x" * 512)
        return ballast

    def test_what_is_over_and_what_was_refused_moves_nothing_once_the_disk_has_room(self):
        self.write_config()
        self.start()
        before = self.serving("home")
        ballast = self.fill()
        frozen = self.pid("home")
        os.kill(frozen, signal.SIGSTOP)
        wait_for("the complaint", lambda: "full" in open(self.log_path).read().lower())
        said = self.understudy("promote", "counter", "spare", "--reason", "impatience", expect=1)
        self.assertIn("the journal cannot be written", said)
        os.kill(frozen, signal.SIGCONT)
        wait_for("home to be seen well", lambda: self.service()["verdict"] == "up")
        os.unlink(ballast)
        self.understudy("pause", "counter")  # it can be stored again
        self.understudy("resume", "counter")
        time.sleep(2)
        self.assertEqual(self.running(), ["home"])
        self.assertEqual(self.serving("home")["epoch"], before["epoch"])
        self.assertEqual(self.pid("home"), frozen)
        self.assertNotIn("failover.started", self.understudy("history"))

    def test_nothing_is_promoted_while_the_journal_cannot_be_written_and_it_goes_on_when_it_can(self):
        self.write_config(extra='[notifier.all]\nplugin = "log"\nsettings = { file = "all.jsonl" }\n')
        self.start()
        self.serving("home")
        ballast = self.fill()
        self.kill_site("home")
        wait_for("the complaint", lambda: "full" in open(self.log_path).read().lower())
        # No alert can be written down, so people are told past the journal.
        wait_for("somebody to be told", lambda: ("journal.unwritable", "firing") in self.told())
        self.assertNotIn("service.down", [kind for kind, _ in self.told()])
        self.assertIn("counter: the journal cannot be written", self.understudy("pause", expect=1))
        self.assertEqual(self.running(), [])
        os.unlink(ballast)
        self.serving("spare")
        wait_for("the end to be told", lambda: ("journal.unwritable", "resolved") in self.told())
        self.assertEqual(self.running(), ["spare"])


if __name__ == "__main__":
    unittest.main()
