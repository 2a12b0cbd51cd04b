"""flyio when others act on the same machines, and when a person has made a mistake."""
import json
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from fly import TOKEN, Fly
from harness import paced, wait_for


class Stops(Fly):
    def test_a_stop_that_is_only_accepted_is_no_stop(self):
        machine = self.fly.add(state="started", epoch=4)
        self.fly.lies = {"stop"}
        report = self.deactivate(self.plugin(), 4, budget_ms=paced(10000))
        self.assertFalse(report["stopped"])
        self.assertIn("still shows", report["detail"])
        self.assertEqual(machine.state, "started")
        self.assertIn("SIGKILL", [(body or {}).get("signal") for method, path, body in self.fly.requests if path.endswith("/stop")])

    def test_a_machine_stuck_in_stopping_is_not_called_stopped(self):
        self.fly.add(state="started", epoch=4)
        self.fly.stuck = {"stopping"}
        p = self.plugin()
        self.assertFalse(self.deactivate(p, 4, budget_ms=paced(5000))["stopped"])
        self.assertEqual(self.observe(p)["state"], "stopping")

    def test_a_lost_answer_to_a_stop_is_looked_after(self):
        for lost in ("before", "after"):
            with self.subTest(lost):
                machine = self.fly.add(state="started", epoch=4)
                self.fly.fault("POST .*/stop", lost=lost)
                self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])
                self.assertEqual(machine.state, "stopped")

    def test_what_fly_would_wake_is_cordoned_first_and_uncordoned_when_active(self):
        services = [{"protocol": "tcp", "internal_port": 8080, "autostart": True, "autostop": "stop", "ports": [{"port": 443, "handlers": ["tls", "http"]}]}]
        machine = self.fly.add(state="started", epoch=4, services=services)
        p = self.plugin()
        self.assertTrue(self.deactivate(p, 4)["stopped"])
        self.assertTrue(machine.cordoned)
        verbs = [path.rsplit("/", 1)[1] for method, path, _ in self.fly.requests if method == "POST"]
        self.assertLess(verbs.index("cordon"), verbs.index("stop"))
        self.activate(p, 5)
        self.assertFalse(machine.cordoned)
        self.assertEqual([(s["autostart"], s["autostop"]) for s in machine.config["services"]], [(False, "off")])

    def test_what_comes_back_by_itself_is_said(self):
        self.fly.add(state="started", epoch=4, schedule="daily", restart={"policy": "always"}, standbys=["148e"])
        detail = self.deactivate(self.plugin(), 4)["detail"]
        for word in ("schedule", "restart policy always", "standbys"):
            self.assertIn(word, detail)

    def test_a_suspended_machine_with_work_loses_its_memory(self):
        machine = self.fly.add(state="suspended", epoch=4)
        machine.snapshot = True
        self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])
        self.assertFalse(machine.snapshot)

    def test_what_is_suspended_with_its_work_and_cannot_be_stopped_is_not_called_stopped(self):
        self.fly.add(state="suspended", epoch=4).snapshot = True
        self.fly.fault("POST .*/stop", http=500, times=1000)
        report = self.deactivate(self.plugin(), 4, budget_ms=paced(5000))
        self.assertFalse(report["stopped"])
        self.assertIn("go on with its work", report["detail"])

    def test_what_a_request_would_wake_is_not_called_stopped(self):
        self.fly.add(epoch=4, services=[{"protocol": "tcp", "internal_port": 8080, "autostart": True, "ports": [{"port": 443, "handlers": ["tls", "http"]}]}])
        self.fly.fault("POST .*/cordon", http=500, times=1000)
        report = self.deactivate(self.plugin(), 4, budget_ms=paced(8000))
        self.assertFalse(report["stopped"])
        self.assertIn("not cordoned", report["detail"])

    def test_once_asked_to_stop_no_failure_promises_that_there_was_no_effect(self):
        self.fly.add(state="started", epoch=4)
        self.fly.fault("POST .*/stop", then=lambda: self.fly.fault(r"GET \S*/machines$", http=403, times=1000))
        self.deactivate(self.plugin(), 4, "unknown", budget_ms=paced(8000))

    def test_what_has_moved_to_another_host_is_gone(self):
        self.fly.add(state="migrated", epoch=4)
        self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])

    def test_a_start_that_comes_late_is_refused(self):
        for returned in (True, False):
            with self.subTest(lease_returned=returned):
                machine, nonces, p = self.fly.add(), [], self.plugin(lease_ttl=60000)
                self.fly.fault(f"POST .*/{machine.id}/start", lost="before", times=1000, then=lambda m=machine, n=nonces: n.append(m.lease["nonce"]))
                if not returned:
                    self.fly.fault(f"DELETE .*/{machine.id}/lease", http=500)
                self.activate(p, 5, "unknown", budget_ms=paced(5000))
                self.assertTrue(self.deactivate(p, 5)["stopped"])
                self.fly.faults.clear()
                late = urllib.request.Request(f"{self.fly.url}/v1/apps/standby/machines/{machine.id}/start", b"", {"Authorization": f"Bearer {TOKEN}", "fly-machine-lease-nonce": nonces[-1]})
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(late)
                self.assertEqual((refused.exception.code, machine.state), (409, "stopped"))
                refused.exception.close()
                self.assertEqual(self.activate(p, 6)["state"], "active")  # our own lock is no hindrance
                self.fly.machines.clear()

    def test_no_machine_is_stopped(self):
        self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])


class Leases(Fly):
    def test_while_another_holds_the_lease_nothing_is_changed(self):
        machine = self.fly.add()
        self.fly.lease_of(machine, 60)
        p = self.plugin()
        error = self.activate(p, 5, "conflict", budget_ms=paced(4000))
        self.assertIn("somebody@example.net", error["message"])
        self.assertEqual((machine.state, len(machine.versions)), ("stopped", 1))
        machine.move("starting", "started", 0)
        wait_for("the start", lambda: machine.state == "started")
        report = self.deactivate(p, 5, budget_ms=paced(4000))
        self.assertFalse(report["stopped"])
        self.assertIn("lease currently held", report["detail"])

    def test_a_lease_that_ends_in_time_is_waited_for(self):
        self.fly.lease_of(self.fly.add(), 2)
        self.assertEqual(self.activate(self.plugin(), 5)["state"], "active")

    def test_two_controllers_cannot_both_act(self):
        machine = self.fly.add()
        self.fly.seconds["start"] = 0.5
        one, two = self.plugin(), self.plugin()
        params = {"service": "trader", "target": "fly", "operation": "x", "snapshot": "", "reason": "failover"}
        one.send("standby.activate/1", {**params, "epoch": 5}, paced(20000))
        two.send("standby.activate/1", {**params, "epoch": 6}, paced(20000))
        answers = [one.receive(), two.receive()]
        self.assertEqual(sorted(a["status"] for a in answers), ["conflict", "ok"])
        self.assertEqual(machine.boots, 1)
        winner = 5 + [a["status"] for a in answers].index("ok")
        self.assertEqual(machine.env("UNDERSTUDY_EPOCH"), str(winner))

    def race(self, **settings):
        """Two controllers activate at once; how they fare."""
        pair = [self.plugin(**settings), self.plugin(**settings)]
        for epoch, plugin in enumerate(pair, 5):
            time.sleep(0.15)  # so that the newer one finds the older one at work
            plugin.send("standby.activate/1", {"service": "trader", "target": "fly", "operation": "x", "snapshot": "", "reason": "failover", "epoch": epoch}, paced(20000))
        return sorted(plugin.receive()["status"] for plugin in pair)

    def test_nor_by_two_machines_when_room_comes_back_to_the_first(self):
        first, second = self.fly.add("a", "fra"), self.fly.add("b", "ams")
        self.fly.seconds["start"] = 0.5
        self.fly.fault(f"POST .*/{first.id}/start", http=412, body={"error": "no room", "status": "insufficient_capacity"})
        self.assertEqual(self.race(regions=["fra", "ams"]), ["conflict", "ok"])
        self.assertEqual(first.boots + second.boots, 1)

    def test_nor_by_machines_that_they_create(self):
        self.fly.seconds["start"] = 0.5
        self.fly.fault(r"POST \S*/machines$", http=422, body={"error": "no room", "status": "insufficient_capacity"})
        self.assertEqual(self.race(regions=["fra", "ams"], image="registry.fly.io/standby:v1"), ["conflict", "ok"])
        self.assertEqual(sum(m.boots for m in self.fly.machines.values()), 1)

    def test_no_stop_is_told_while_another_may_be_starting(self):
        machine = self.fly.add(epoch=4)
        self.fly.lease_of(machine, 60)
        report = self.deactivate(self.plugin(), 4)
        self.assertFalse(report["stopped"])
        self.assertIn("somebody@example.net (deploying) holds its lease and may be starting it", report["detail"])
        machine.lease = None
        self.assertTrue(self.deactivate(self.plugin(), 4)["stopped"])

    def test_a_lease_that_cannot_be_looked_at_may_be_somebodys(self):
        self.fly.add(epoch=4)
        for fault in ({"http": 500}, {"http": 403}, {"lost": "before"}):
            self.fly.faults.clear()
            self.fly.fault("GET .*/lease", times=1000, **fault)
            report = self.deactivate(self.plugin(), 4)
            self.assertFalse(report["stopped"], fault)
            self.assertIn("cannot read the lease", report["detail"])

    def test_a_lease_that_could_not_be_given_back_does_not_stand_in_our_own_way(self):
        self.fly.add()
        p = self.plugin(lease_ttl=60000)
        self.fly.fault("DELETE .*/lease", lost="before", times=1000)
        self.activate(p, 5)
        self.assertTrue(self.deactivate(p, 5)["stopped"])
        self.assertTrue(self.deactivate(p, 5)["stopped"])
        self.assertEqual(self.activate(p, 6)["epoch"], 6)

    def test_a_lease_whose_answer_was_lost_is_known_as_ours(self):
        self.fly.add()
        self.fly.fault("POST .*/lease", lost="after")
        began = time.monotonic()
        self.assertEqual(self.activate(self.plugin(lease_ttl=60000), 5, budget_ms=90000)["state"], "active")
        self.assertLess(time.monotonic() - began, 45)

    def test_a_long_start_renews_the_lease(self):
        machine = self.fly.add()
        self.fly.seconds["start"] = 6
        self.assertEqual(self.activate(self.plugin(lease_ttl=5000), 5, budget_ms=paced(30000))["state"], "active")
        self.assertEqual(machine.state, "started")
        self.assertGreater(self.fly.count("POST .*/lease"), 1)


class Limits(Fly):
    limits = True

    def test_the_rate_limits_are_kept_to(self):
        self.fly.add()
        p = self.plugin()
        self.activate(p, 5, budget_ms=paced(30000))
        self.deactivate(p, 5, budget_ms=paced(30000))
        self.assertLess(self.fly.limited, 6)


class Mistakes(Fly):
    """What a person can get wrong: each with what to do."""

    def test_wrong_app(self):
        error = self.observe(self.plugin(app="other"), "invalid")
        self.assertIn("app other", error["message"])
        self.assertIn("fly apps list", error["hint"])

    def test_wrong_token(self):
        self.fly.token = "another"
        error = self.observe(self.plugin(), "denied")
        self.assertIn("fly tokens create deploy", error["hint"])

    def test_a_renewed_token_is_read_again(self):
        p = self.plugin()
        self.fly.token = "another"
        self.observe(p, "denied")
        self.fly.token = TOKEN
        self.observe(p)

    def token_in_a_file(self):
        file = tempfile.NamedTemporaryFile("w", prefix="understudy-token-")
        self.addCleanup(file.close)
        file.write(TOKEN)
        file.flush()
        return file

    def renew(self, file, token):
        file.seek(0)
        file.write(token)
        file.flush()

    def test_a_token_that_ends_midway_and_was_renewed(self):
        for step in ("POST .*/lease", r"POST \S*/machines/\w+$", "POST .*/start", "DELETE .*/lease"):
            with self.subTest(step):
                self.fly.machines.clear()
                machine, file = self.fly.add(), self.token_in_a_file()
                p = self.plugin(token={"$secret": {"file": file.name}})
                renewed = "fo1_renewed_secret"

                def expire():
                    self.fly.token = renewed
                    self.renew(file, renewed)
                self.fly.fault(step, then=expire)
                self.assertEqual(self.activate(p, 5)["state"], "active")
                self.assertIsNone(machine.lease)
                self.assertTrue(self.deactivate(p, 5)["stopped"])
                self.assertNotIn(renewed, p.said())
                self.fly.token = TOKEN

    def test_a_token_that_ends_midway_promises_only_what_is_seen(self):
        for step, status in ((r"POST \S*/machines/\w+$", "denied"), (r"GET .*/wait\?state=started", "unknown")):
            with self.subTest(step):
                self.fly.machines.clear()
                self.fly.add()
                p = self.plugin()
                self.fly.fault(step, then=lambda: setattr(self.fly, "token", "another"))
                self.assertIn("fly tokens create deploy", self.activate(p, 5, status, budget_ms=paced(6000))["hint"])
                self.deactivate(p, 5, "denied", budget_ms=paced(3000))
                self.fly.token = TOKEN
                for machine in self.fly.machines.values():
                    machine.lease = None
                self.assertTrue(self.deactivate(p, 5)["stopped"])

    def test_a_token_that_may_only_read(self):
        self.fly.add()
        self.fly.fault("POST", http=403, body={"error": "token is read-only"}, times=1000)
        error = self.activate(self.plugin(), 5, "denied")
        self.assertIn("no read-only one", error["hint"])

    def test_no_such_image_and_too_many_machines(self):
        for text in ("could not resolve image registry.fly.io/x:v1: MANIFEST_UNKNOWN", "your organization has reached its machine limit"):
            self.fly.fault(r"POST \S*/machines$", http=422, body={"error": text})
            error = self.activate(self.plugin(image="registry.fly.io/x:v1"), 5, "invalid")
            self.assertIn(text, error["message"])
            self.assertIn("check `image`, `size`", error["hint"])
            self.assertIn("machine limit", error["hint"])

    def test_no_permission(self):
        self.fly.fault("GET", http=403, body={"error": "unauthorized"})
        error = self.observe(self.plugin(), "denied")
        self.assertIn("holds for one app", error["hint"])

    def test_billing_off(self):
        for http, body in ((402, {"error": "payment required"}), (403, {"message": "We need your payment information to continue!"}), (422, {"error": "organization has overdue invoices: billing"})):
            with self.subTest(http):
                self.fly.faults.clear()
                self.fly.fault(r"POST \S*/machines$", http=http, body=body)
                answer = self.plugin(image="x").call("standby.activate/1", {"service": "trader", "target": "fly", "epoch": 5, "operation": "x"}, paced(10000))
                self.assertIn(answer["status"], ("denied", "invalid"))
                self.assertIn("payment method", answer["error"]["hint"])

    def test_rate_limit(self):
        self.fly.fault("GET", http=429, times=1000, headers={"Retry-After": "60"})
        error = self.observe(self.plugin(), "transient")  # at once: there is not so much time
        self.assertEqual((error["kind"], error["retry_after_ms"]), ("rate_limit", 60000))

    def test_something_else_listens_there(self):
        self.fly.fault("GET", http=200, body="<html>hello</html>", times=1000)
        self.assertIn("is `api`", self.observe(self.plugin(), "transient", budget_ms=paced(3000))["hint"])

    def test_settings_that_cannot_be(self):
        for settings, word in (({"app": "Not A Name"}, "no name of a Fly app"), ({"size": "huge"}, "no size"), ({"memory": 300 << 20}, "multiple of 256"), ({"regions": ["Frankfurt"]}, "no region"),
                               ({"config": {"image": "x"}}, "`config`")):
            with self.subTest(word):
                p = self.plugin(**settings)
                wait_for("the refusal", lambda: word in p.said() or word in json.dumps(p.call("standby.observe/1", {}, paced(2000))))


del Fly

if __name__ == "__main__":
    unittest.main()
