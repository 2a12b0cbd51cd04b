"""The webhook notifier against a receiver that checks signatures, headers and bodies by itself."""
import email.utils
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from harness import BUILD, ROOT, free_port, paced
from plugin_driver import Plugin, by_itself

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from webhook_receiver import Receiver  # noqa: E402

SIGNING, BEARER, HEADER, PATH = "s1gning-se cret/ü", "b3arer-t0ken", "h3ader-value", "/services/T00000000/B00000000/p4th-that-is-secret"


def alert(**more):
    return {"id": "1700000000000-17", "kind": "failover.started", "severity": "critical", "state": "event", "service": "trader", "target": "home",
            "title": "trader: failover to spare", "text": "home does not answer.\nThe spare takes over.", "at_ms": 1_700_000_000_000, "possible_duplicate": False,
            "facts": {"decision": "spare is cheapest"}, **more}


class Webhook(unittest.TestCase):
    def setUp(self):
        self.plugins, self.receivers = [], []

    def tearDown(self):
        for one in self.plugins + self.receivers:
            one.close()
        for receiver in self.receivers:
            self.assertEqual(receiver.problems, [])

    def receiver(self, *args, **kwargs):
        self.receivers.append(Receiver(*args, **kwargs))
        return self.receivers[-1]

    def plugin(self, settings, **env):
        self.plugins.append(Plugin("webhook", "notifier", settings, env))
        return self.plugins[-1]

    def to(self, receiver, path="/hook", **settings):
        """With the address as a secret, as most have it."""
        return self.plugin({"url": {"$secret": {"env": "HOOK_URL"}}, "format": receiver.form, **settings}, HOOK_URL=f"http://127.0.0.1:{receiver.port}{path}",
                           SIGNING=SIGNING, BEARER=BEARER, HEADER=HEADER)

    def send(self, plugin, budget_ms=paced(10000), **more):
        return plugin.call("notify.send/1", {"alert": alert(**more)}, budget_ms)

    def answered(self, answer, form="json", **settings):
        """What the plugin makes of one answer of the server."""
        receiver = self.receiver(form)
        receiver.answers.append(answer)
        result = self.send(self.to(receiver, PATH, **settings))
        self.assertNotIn("p4th-that-is-secret", json.dumps(result))
        self.assertEqual(len(receiver.requests), 1)
        return result


class Own(Webhook):
    def test_the_body_is_as_documented(self):
        receiver = self.receiver()
        self.assertEqual(self.send(self.to(receiver), incident="trader-7")["status"], "ok")
        self.assertEqual(receiver.requests[0].body, {**alert(), "version": 1, "at": "2023-11-14T22:13:20Z", "incident": "trader-7"})
        self.assertEqual(receiver.requests[0].path, "/hook")
        self.assertEqual(receiver.requests[0].headers["idempotency-key"], "1700000000000-17")
        self.assertNotIn("x-understudy-signature", receiver.requests[0].headers)

    def test_each_request_is_signed(self):
        receiver = self.receiver(secret=SIGNING)
        plugin = self.to(receiver, signing_secret={"$secret": {"env": "SIGNING"}})
        for title in ("plain", "ünïcode 🚀 \" \\ </script>", "x" * 20_000):
            self.assertEqual(self.send(plugin, title=title)["status"], "ok")
        self.assertEqual(len(receiver.requests), 3)

    def test_the_documented_check_of_a_signature_is_right(self):
        receiver = self.receiver(secret=SIGNING)
        self.send(self.to(receiver, signing_secret={"$secret": {"env": "SIGNING"}}))
        with open(os.path.join(ROOT, "docs/plugins/webhook.md")) as page:
            code = re.search(r"```python\n(.*?)```", page.read(), re.S)[1]
        names = {}
        exec(code, names)  # noqa: S102: what a reader would copy
        request, secret = receiver.requests[0], SIGNING.encode()
        header = request.headers["x-understudy-signature"]
        self.assertTrue(names["is_ours"](header, request.raw, secret))
        self.assertFalse(names["is_ours"](header, request.raw + b" ", secret))
        self.assertFalse(names["is_ours"](header, request.raw, b"another"))

    def test_a_wrong_key_is_seen_by_the_receiver(self):
        receiver = self.receiver(secret="another key")
        self.send(self.to(receiver, signing_secret={"$secret": {"env": "SIGNING"}}))
        self.assertEqual(receiver.problems, ["the signature is wrong"])
        receiver.problems.clear()

    def test_the_same_alert_again_has_the_same_key(self):
        receiver = self.receiver()
        plugin = self.to(receiver)
        self.send(plugin)
        self.send(plugin, possible_duplicate=True)
        first, second = receiver.requests
        self.assertEqual(first.headers["idempotency-key"], second.headers["idempotency-key"])
        self.assertEqual([first.body["possible_duplicate"], second.body["possible_duplicate"]], [False, True])

    def test_several_alerts_in_one_are_not_the_first_of_them(self):
        receiver = self.receiver()
        plugin = self.to(receiver)
        for facts in ({}, {"joined": "2"}, {"joined": "3"}):
            self.send(plugin, facts=facts)
        self.assertEqual(len({r.headers["idempotency-key"] for r in receiver.requests}), 3)
        self.assertEqual(len({r.body["id"] for r in receiver.requests}), 3)

    def test_an_odd_id_makes_no_second_header(self):
        receiver = self.receiver()
        self.assertEqual(self.send(self.to(receiver), id="a\r\nX-Evil: 1 é%")["status"], "ok")
        self.assertEqual(receiver.requests[0].headers["idempotency-key"], "a%0D%0AX-Evil:%201%20%C3%A9%25")
        self.assertNotIn("x-evil", receiver.requests[0].headers)

    def test_headers_and_a_bearer_token_are_sent(self):
        receiver = self.receiver()
        self.send(self.to(receiver, headers={"X-Team": "ops"}, secret_headers={"X-Key": {"$secret": {"env": "HEADER"}}}, bearer={"$secret": {"env": "BEARER"}}))
        got = receiver.requests[0].headers
        self.assertEqual((got["x-team"], got["x-key"], got["authorization"]), ("ops", HEADER, "Bearer " + BEARER))

    def test_a_plain_url_does_too(self):
        receiver = self.receiver()
        self.assertEqual(self.send(self.plugin({"url": f"http://127.0.0.1:{receiver.port}/"}))["status"], "ok")

    def test_the_receivers_id_is_the_receipt(self):
        self.assertEqual(self.answered((201, {}, '{"id": "m-77"}'))["result"]["receipt"], "m-77")
        self.assertEqual(self.answered((204, {}, ""))["result"]["receipt"], "")


class Answers(Webhook):
    def test_busy_servers_are_asked_again_later(self):
        for status in (408, 429, 500, 502, 503, 504):
            with self.subTest(status):
                result = self.answered((status, {"Retry-After": "17"}, "busy"))
                self.assertEqual((result["status"], result["error"]["retry_after_ms"]), ("transient", 17_000))
        self.assertNotIn("retry_after_ms", self.answered((503, {}, ""))["error"])

    def test_retry_after_may_be_a_date_in_three_forms(self):
        when = time.time() + 1200
        forms = (email.utils.formatdate(when, usegmt=True), time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(when)), time.asctime(time.gmtime(when)))
        for form in forms:
            with self.subTest(form):
                wait = self.answered((429, {"Retry-After": form}, ""))["error"]["retry_after_ms"]
                self.assertTrue(1_000_000 < wait <= 1_201_000, wait)

    def test_a_retry_after_without_sense_is_ignored_or_bounded(self):
        for text, expected in (("soon", None), ("-5", None), ("", None), ("99999999999999999999", 86_400_000), ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
                               ("Sun, 36 Nov 1994 08:49:37 GMT", None), ("Sun, 06 Nov 9994 08:49:37 GMT", 86_400_000)):
            with self.subTest(text):
                self.assertEqual(self.answered((503, {"Retry-After": text}, ""))["error"].get("retry_after_ms"), expected)

    def test_refused_credentials_are_denied_with_a_hint(self):
        for status in (401, 403):
            result = self.answered((status, {}, "go away"))
            self.assertEqual(result["status"], "denied")
            self.assertIn(f"{status}: go away", result["error"]["message"])
        self.assertIn("bearer", self.answered((401, {}, ""), bearer={"$secret": {"env": "BEARER"}})["error"]["hint"])
        self.assertIn("signing_secret", self.answered((401, {}, ""), signing_secret={"$secret": {"env": "SIGNING"}})["error"]["hint"])
        self.assertIn("revoked", self.answered((403, {}, "invalid_token"), "slack")["error"]["hint"])
        self.assertIn("access token", self.answered((403, {}, ""), "ntfy")["error"]["hint"])

    def test_other_errors_of_ours_are_invalid_with_a_hint(self):
        for status in (400, 404, 405, 410, 413, 415, 422):
            with self.subTest(status):
                result = self.answered((status, {}, "what is this?"))
                self.assertEqual(result["status"], "invalid")
                self.assertIn("what is this?", result["error"]["message"])
                self.assertTrue(result["error"]["hint"])
        self.assertIn("make a new one", self.answered((404, {}, "no_service"), "slack")["error"]["hint"])

    def test_a_redirect_is_not_followed_and_said(self):
        other = self.receiver()
        for status in (301, 302, 307, 308):
            result = self.answered((status, {"Location": f"http://127.0.0.1:{other.port}/x"}, ""))
            self.assertEqual(result["status"], "invalid")
            self.assertIn("redirect", result["error"]["message"])
        self.assertEqual(other.requests, [])
        self.assertIn("https://", self.answered((301, {"Location": "https://example.com/"}, ""))["error"]["hint"])

    def test_a_page_is_not_quoted(self):
        self.assertEqual(self.answered((404, {}, "<html><body>nothing</body></html>"))["error"]["message"], "the webhook answers 404")

    def test_long_and_odd_bodies_are_shortened(self):
        message = self.answered((400, {}, "é\x01\n" * 5000))["error"]["message"]
        self.assertLess(len(message.encode()), 260)
        self.assertNotIn("\n", message)


class Faults(Webhook):
    def test_nobody_listens(self):
        result = self.send(self.plugin({"url": f"http://127.0.0.1:{free_port()}{PATH}"}))
        self.assertEqual((result["status"], result["error"]["kind"]), ("transient", "refused"))
        self.assertNotIn("secret", json.dumps(result))

    def test_no_such_host(self):
        result = self.send(self.plugin({"url": "http://no-such-host-t0ken.invalid/x", "timeout": 60000}), budget_ms=60000)  # a resolver takes its time
        self.assertEqual((result["status"], result["error"]["kind"]), ("transient", "resolve"))
        self.assertNotIn("t0ken", json.dumps(result))

    def test_no_answer_may_have_been_taken(self):
        for fault in ("hang", "drop"):
            with self.subTest(fault):
                receiver = self.receiver()
                receiver.answers.append(fault)
                begun = time.monotonic()
                result = self.send(self.to(receiver, PATH, timeout=paced(1000) if fault == "hang" else 60000), budget_ms=120000)
                self.assertLess(time.monotonic() - begun, 55)  # its timeout, and not the budget, nor the server's patience
                self.assertEqual(result["status"], "unknown")
                self.assertIn("idempotency key", result["error"]["hint"])
                self.assertNotIn("secret", result["error"]["message"])

    def test_the_budget_is_kept(self):
        receiver = self.receiver()
        receiver.answers += ["hang"] * 3
        plugin = self.to(receiver)
        result = by_itself(lambda: self.send(plugin, budget_ms=paced(1000)))
        self.assertEqual(result["status"], "unknown")
        self.assertIn("the webhook does not answer", result["error"]["message"], "the plugin's answer, not the host's")

    def test_a_missing_secret_is_named_and_nothing_sent(self):
        receiver = self.receiver()
        result = self.send(self.to(receiver, signing_secret={"$secret": {"env": "NOT_SET_ANYWHERE"}}))
        self.assertEqual(result["status"], "invalid")
        self.assertIn("NOT_SET_ANYWHERE", result["error"]["message"])
        self.assertEqual(receiver.requests, [])

    def test_a_secret_with_a_line_break_makes_no_header(self):
        receiver = self.receiver()
        plugin = self.plugin({"url": f"http://127.0.0.1:{receiver.port}/", "bearer": {"$secret": {"env": "BAD"}}}, BAD="t0p\r\nX-Evil: 1")
        result = self.send(plugin)
        self.assertEqual((result["status"], receiver.requests), ("invalid", []))
        self.assertNotIn("t0p", json.dumps(result) + plugin.said())

    def test_an_untrusted_certificate(self):
        folder = tempfile.mkdtemp(prefix="understudy-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        key, chain = folder + "/key.pem", folder + "/chain.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "5", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", chain], check=True, capture_output=True)
        receiver = self.receiver(certificate=(chain, key))
        url = f"https://localhost:{receiver.port}{PATH}"
        result = self.send(self.plugin({"url": url}))
        self.assertEqual((result["status"], result["error"]["kind"]), ("transient", "tls"))
        self.assertIn("ca_file", result["error"]["hint"])
        self.assertEqual(self.send(self.plugin({"url": url, "ca_file": chain}))["status"], "ok")

    def test_nothing_secret_is_shown_when_all_is_quoted_back(self):
        everything = " ".join((SIGNING, BEARER, HEADER, PATH, "p4th-that-is-secret"))
        for status in (400, 401, 429, 500):
            receiver = self.receiver()
            receiver.answers.append((status, {}, everything))
            plugin = self.to(receiver, PATH, signing_secret={"$secret": {"env": "SIGNING"}}, bearer={"$secret": {"env": "BEARER"}},
                             secret_headers={"X-Key": {"$secret": {"env": "HEADER"}}})
            said = json.dumps(self.send(plugin), ensure_ascii=False) + plugin.said()
            for secret in (SIGNING, BEARER, HEADER, PATH, "p4th-that-is-secret", "T00000000"):
                self.assertNotIn(secret, said)


class Settings(Webhook):
    def refused(self, settings):
        plugin = self.plugin(settings)
        with self.assertRaises(RuntimeError):
            self.send(plugin)
        return plugin.said()

    def test_what_cannot_be_is_refused_at_once(self):
        for settings, part in (({}, "url is missing"), ({"format": "carrier pigeon"}, "carrier pigeon"), ({"topic": "x"}, "topic is for"), ({"headers": {"a b": "c"}}, "no name of a header"),
                               ({"headers": {"Idempotency-Key": "1"}}, "set by the plugin"), ({"headers": {"X": "a\r\nY: b"}}, "control character"),
                               ({"headers": {"authorization": "x"}, "bearer": {"$secret": {"env": "X"}}}, "keep one of them")):
            with self.subTest(part):
                self.assertIn(part, self.refused({"url": "http://x/", **settings} if settings else {}))

    def test_a_url_that_is_none_is_said_without_showing_it(self):
        result = self.send(self.plugin({"url": {"$secret": {"env": "U"}}}, U="hooks.slack.com/t0ken"))
        self.assertEqual(result["status"], "invalid")
        self.assertNotIn("t0ken", json.dumps(result))


class Slack(Webhook):
    def test_a_message(self):
        receiver = self.receiver("slack")
        self.assertEqual(self.send(self.to(receiver, PATH))["status"], "ok")
        body = receiver.requests[0].body
        self.assertEqual(receiver.requests[0].path, PATH)
        self.assertEqual(body["text"], ":rotating_light: trader: failover to spare")
        self.assertEqual(body["blocks"][1]["text"]["text"], "home does not answer.\nThe spare takes over.")
        self.assertIn("<!date^1700000000^", body["blocks"][-1]["elements"][0]["text"])
        self.assertEqual(body["blocks"][2]["fields"][0]["text"], "*decision*\nspare is cheapest")

    def test_nobody_is_called_by_a_text(self):
        receiver = self.receiver("slack")
        evil = "<!channel> <@U1> <https://evil|click> & &amp; <script>"
        self.send(self.to(receiver), title=evil, text=evil, service=evil, facts={evil: evil})
        told = json.dumps(receiver.requests[0].body)
        self.assertIn("&lt;!channel&gt; &lt;@U1&gt;", told)
        self.assertIn("&amp;amp;", told)

    def test_long_texts_and_many_facts_stay_within_the_limits(self):
        receiver = self.receiver("slack")
        plugin = self.to(receiver)
        lines = "".join(f"line {i} <€>\n" for i in range(3000))
        self.assertEqual(self.send(plugin, title="<" * 5000, text=lines, facts={f"<{i}>" * 50: "&" * 3000 for i in range(30)})["status"], "ok")
        first = receiver.requests[0].body["blocks"][1]["text"]["text"]
        self.assertTrue(first.endswith("\n"), "broken in the middle of a line")
        self.assertEqual(self.send(plugin, title="", text="<" * 20_000)["status"], "ok")
        self.assertEqual(self.send(plugin, text="🚀" * 5_000)["status"], "ok")
        self.assertEqual(self.send(plugin, text="\n\n \n", facts={"n": 5, "deep": {"a": [1]}})["status"], "ok")

    def test_the_end_and_doubt_are_seen(self):
        receiver = self.receiver("slack")
        self.send(self.to(receiver), state="resolved", possible_duplicate=True)
        self.assertIn(":white_check_mark:", receiver.requests[0].body["text"])
        self.assertIn("possibly told before", receiver.requests[0].body["blocks"][-1]["elements"][0]["text"])


class Ntfy(Webhook):
    def test_priorities_and_tags_by_severity(self):
        receiver = self.receiver("ntfy")
        plugin = self.to(receiver, "/", topic="alerts")
        for severity, state, priority, tag in (("info", "event", 3, "information_source"), ("warning", "firing", 4, "warning"), ("critical", "firing", 5, "rotating_light"),
                                               ("critical", "resolved", 3, "white_check_mark")):
            self.assertEqual(self.send(plugin, severity=severity, state=state)["status"], "ok")
            body = receiver.requests[-1].body
            self.assertEqual((body["topic"], body["priority"], body["tags"]), ("alerts", priority, [tag, "trader", "home", "failover.started"]))
            self.assertEqual((body["title"], body["message"]), (alert()["title"], alert()["text"]))

    def test_the_topic_may_stand_in_the_url(self):
        for path, root, topic in (("/t0pic", "/", "t0pic"), ("/sub/t0pic/", "/sub/", "t0pic"), ("/t0pic?auth=abc", "/?auth=abc", "t0pic")):
            with self.subTest(path):
                receiver = self.receiver("ntfy")
                self.assertEqual(self.send(self.to(receiver, path))["status"], "ok")
                self.assertEqual((receiver.requests[0].path, receiver.requests[0].body["topic"]), (root, topic))

    def test_without_a_topic_it_is_said(self):
        receiver = self.receiver("ntfy")
        for path in ("", "/", "?auth=a/b"):
            result = self.send(self.to(receiver, path))
            self.assertEqual(result["status"], "invalid")
            self.assertIn("topic", result["error"]["message"])
        self.assertEqual(receiver.requests, [])

    def test_long_and_empty_texts(self):
        receiver = self.receiver("ntfy")
        plugin = self.to(receiver, "/alerts")
        self.assertEqual(self.send(plugin, text="é🚀" * 3000)["status"], "ok")
        self.assertTrue(receiver.requests[-1].body["message"].endswith("…"))
        self.assertEqual(self.send(plugin, text="", possible_duplicate=True)["status"], "ok")
        self.assertEqual(self.send(plugin, text="")["status"], "ok")
        self.assertEqual(receiver.requests[-1].body["message"], alert()["title"])

    def test_the_servers_message_id_is_the_receipt(self):
        self.assertEqual(self.answered((200, {}, '{"id":"sPs71M8A2T","time":1643935928,"event":"message","topic":"x"}'), "ntfy", topic="x")["result"]["receipt"], "sPs71M8A2T")


class Kit(Webhook):
    def test_the_conformance_kit_in_both_isolations(self):
        for form, more in (("json", ', signing_secret = { env = "SIGNING" }'), ("slack", ""), ("ntfy", ', topic = "kit"')):
            with self.subTest(form):
                receiver = self.receiver(form, **({"secret": SIGNING} if form == "json" else {}))
                with tempfile.NamedTemporaryFile("w", suffix=".toml", prefix="understudy-kit-") as settings:
                    settings.write(f'[notifier]\nsettings = {{ url = {{ env = "HOOK_URL" }}, format = "{form}"{more} }}\n')
                    settings.flush()
                    done = subprocess.run([os.path.join(BUILD, "bin/understudy"), "plugin", "test", os.path.join(BUILD, "plugins/webhook.so"), "--settings", settings.name, "--json"],
                                          capture_output=True, text=True, timeout=900, env={**os.environ, "HOOK_URL": f"http://127.0.0.1:{receiver.port}{PATH}", "SIGNING": SIGNING})
                report = json.loads(done.stdout)
                self.assertEqual([f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"], [])
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertLessEqual({c["name"] for c in report["cases"] if c["verdict"] == "skipped"}, {"protocol/secrets"})
                self.assertEqual({c["isolation"] for c in report["cases"] if c["name"] == "notifier/send" and c["verdict"] == "passed"}, {"loop", "process"})
                self.assertGreater(len(receiver.requests), 9)


if __name__ == "__main__":
    unittest.main()
