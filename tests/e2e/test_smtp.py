"""The mail notifier against a real mail server, Debian's exim4, and against one that fails where a test wants it to."""
import base64
import email
import email.policy
import email.utils
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from harness import BUILD, ROOT, Site, free_port, paced, wait_for
from plugin_driver import Plugin, by_itself

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
import mail_server  # noqa: E402
from mail_server import PASSWORD, USER, MailServer, certificate  # noqa: E402
from smtp_faults import FaultyServer  # noqa: E402

FORMS_OF_PASSWORD = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()]
EVIL = "x\r\nBcc: evil@mail.test\r\nX-Evil: 1\r\n\r\nnew body\n.\r\nMAIL FROM:<evil@mail.test>\r\n"


def alert(**more):
    return {"id": "1700000000000-17", "kind": "failover.started", "severity": "critical", "state": "event", "service": "trader", "target": "home",
            "title": "trader: failover to spare", "text": "home does not answer.\nThe spare takes over.", "at_ms": 1_700_000_000_000, "possible_duplicate": False,
            "facts": {"decision": "spare is cheapest"}, **more}


class Smtp(unittest.TestCase):
    def setUp(self):
        self.plugins, self.servers = [], []

    def tearDown(self):
        for one in self.plugins + self.servers:
            one.close()
        for server in self.servers:
            self.assertEqual(server.problems, [])
        for plugin in self.plugins:
            for form in FORMS_OF_PASSWORD:
                self.assertNotIn(form, plugin.said())

    def plugin(self, settings, password=PASSWORD, isolation="loop"):
        login = {"password": {"$secret": {"env": "MAIL_PASSWORD"}}} if settings.get("user") else {}
        self.plugins.append(Plugin("smtp", "notifier", {"from": "Understudy <understudy@mail.test>", "to": ["ann@mail.test"], **login, **settings},
                                   {"MAIL_PASSWORD": password}, isolation=isolation))
        return self.plugins[-1]

    def send(self, plugin, budget_ms=paced(10000), **more):
        answer = plugin.call("notify.send/1", {"alert": alert(**more)}, budget_ms)
        for form in FORMS_OF_PASSWORD:
            self.assertNotIn(form, json.dumps(answer))
        return answer

    def ok(self, plugin, **more):
        answer = self.send(plugin, **more)
        self.assertEqual(answer["status"], "ok", answer)
        return answer["result"]


@unittest.skipUnless(os.path.exists(mail_server.PROGRAM), "no exim4: scripts/setup --tests")
class Real(Smtp):
    @classmethod
    def setUpClass(cls):
        cls.server = MailServer()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        super().setUp()
        self.server.forget()

    def to(self, **settings):
        return self.plugin({"host": "localhost", "port": self.server.port, "user": USER, "ca_file": self.server.ca, **settings})


class Mails(Real):
    def part(self, mail, kind):
        return mail.get_body((kind,)).get_content()

    def test_a_mail_arrives_over_starttls_and_logged_in(self):
        receipt = self.ok(self.to(to=["Ann Ops <ann@mail.test>"], cc=["\"Ops, Bob\" <bob@mail.test>"]))["receipt"]
        for mail in self.server.mails(2):
            self.assertEqual(mail["Return-path"], "<understudy@mail.test>")
            self.assertEqual((mail["From"], mail["To"], mail["Cc"]), ("Understudy <understudy@mail.test>", "Ann Ops <ann@mail.test>", "\"Ops, Bob\" <bob@mail.test>"))
            self.assertEqual(mail["Subject"], "[Understudy] critical: trader: failover to spare")
            self.assertEqual(mail["Message-ID"], receipt)
            self.assertEqual(email.utils.parsedate_to_datetime(mail["Date"]).timestamp(), 1_700_000_000)
            self.assertEqual((mail["Auto-Submitted"], mail["Importance"], mail["X-Understudy-Kind"]), ("auto-generated", "high", "failover.started"))
            self.assertEqual([p.get_content_type() for p in mail.walk()], ["multipart/alternative", "text/plain", "text/html"])
            for part in ("plain", "html"):
                for words in ("trader: failover to spare", "home does not answer.\nThe spare takes over.", "spare is cheapest", "2023-11-14 22:13:20 UTC"):
                    self.assertIn(words, self.part(mail, part))
        self.assertEqual({mail["Envelope-to"] for mail in self.server.mails(2)}, {"ann@mail.test", "bob@mail.test"})
        self.assertRegex(self.server.log(), "P=esmtpsa .*A=plain:" + USER)

    def test_tls_from_the_first_byte(self):
        self.ok(self.to(port=self.server.tls_port, security="tls"))
        self.assertEqual(len(self.server.mails(1)), 1)

    def test_in_a_process_of_its_own(self):
        plugin = self.plugin({"host": "localhost", "port": self.server.port, "user": USER, "ca_file": self.server.ca}, isolation="process")
        self.ok(plugin)
        self.ok(plugin, id="second")
        self.server.mails(2)

    def test_other_letters_are_encoded_and_come_out_as_they_were(self):
        title = "Zürich → 東京: „Handel“ steht 🚀 " + "sehr lange Überschrift " * 8
        self.ok(self.to(to=["Jörg Müller-Lüdenscheidt <ann@mail.test>"], subject_prefix="[Börse]"), title=title, text="größer als €5\t🚀", facts={"Gründe": "Öl"})
        raw, = self.server.raw_mails(1)
        self.assertTrue(all(c < 127 for c in raw))
        self.assertTrue(all(len(line) <= 76 for line in raw.split(b"\n") if b"=?UTF-8?B?" in line))
        mail, = self.server.mails(1)
        self.assertEqual(mail["Subject"], ("[Börse] critical: " + title).strip())
        self.assertEqual(mail["To"].addresses[0].display_name, "Jörg Müller-Lüdenscheidt")
        for part in ("plain", "html"):
            self.assertIn("größer als €5\t🚀", self.part(mail, part))
            self.assertIn("Öl", self.part(mail, part))

    def test_lines_dots_and_blanks_come_out_as_they_were(self):
        text = "first\r\n.\r\n..two dots\n.one dot\rFrom here\n\nblank at the end \nequals = sign =20\n" + "x" * 5000 + "\n" + "ü" * 500 + "\n>quoted\n."
        self.ok(self.to(), text=text)
        mail, = self.server.mails(1)
        self.assertIn(text.replace("\r\n", "\n").replace("\r", "\n"), self.part(mail, "plain"))

    def test_no_field_of_an_alert_makes_a_header_or_a_recipient(self):
        self.ok(self.to(), title=EVIL, text=EVIL, id=EVIL, kind=EVIL, severity=EVIL, state=EVIL, service=EVIL, target=EVIL, incident=EVIL, facts={EVIL: EVIL})
        raw, = self.server.raw_mails(1)
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        of_exim = {"return-path", "envelope-to", "delivery-date", "received"}
        self.assertEqual(sorted(name.lower() for name in mail.keys() if name.lower() not in of_exim),
                         ["auto-submitted", "content-type", "date", "from", "in-reply-to", "message-id", "mime-version", "references", "subject", "to",
                          "x-auto-response-suppress", "x-understudy-kind", "x-understudy-severity", "x-understudy-state"])
        self.assertEqual(mail["Envelope-to"], "ann@mail.test")
        self.assertTrue(mail["Subject"].startswith("[Understudy] x Bcc: evil@mail.test X-Evil: 1 new body"))
        self.assertEqual(len(list(mail.walk())), 3)
        self.assertEqual(len(self.server.raw_mails(1)), 1)

    def test_markup_is_shown_and_not_obeyed(self):
        self.ok(self.to(), title="<script>alert(1)</script>", text="a < b && \"c\"", facts={"<i>": "</td></table>"})
        mail, = self.server.mails(1)
        html = self.part(mail, "html")
        for words in ("&lt;script&gt;", "a &lt; b &amp;&amp; &quot;c&quot;", "&lt;i&gt;", "&lt;/td&gt;"):
            self.assertIn(words, html)
        self.assertNotIn("<script>", html)

    def test_one_incident_is_one_thread(self):
        plugin = self.to()
        told = [("1-1", "trader-7"), ("1-2", "trader-7"), ("1-3", "trader-8"), ("1-4", ""), ("1-5", "")]
        receipts = [self.ok(plugin, id=name, incident=incident)["receipt"] for name, incident in told]
        mails = {mail["Message-ID"]: mail for mail in self.server.mails(5)}
        self.assertEqual(len(mails), 5)
        threads = [mails[receipt]["References"] for receipt in receipts]
        self.assertEqual(threads, [mails[receipt]["In-Reply-To"] for receipt in receipts])
        self.assertEqual(threads[0], threads[1])
        self.assertEqual(threads[3], threads[4])
        self.assertEqual(len(set(threads)), 3)
        for name in threads + receipts:
            self.assertRegex(name, r"^<[!-;=?-~]+@mail\.test>$")

    def test_the_same_alert_again_has_the_same_id_and_says_so(self):
        plugin = self.to()
        first, second, joined = (self.ok(plugin, **more)["receipt"] for more in ({}, {"possible_duplicate": True}, {"facts": {"joined": "3"}}))
        self.assertEqual(first, second)
        self.assertNotEqual(first, joined, "several alerts in one mail are not the first of them")
        said = [self.part(mail, "plain") for mail in self.server.mails(3)]
        self.assertEqual(sum("may have been told before" in text for text in said), 1)

    def test_without_html_and_without_a_prefix(self):
        self.ok(self.to(html=False, subject_prefix=""), state="resolved")
        mail, = self.server.mails(1)
        self.assertEqual((mail["Subject"], mail.get_content_type(), mail["Importance"]), ("resolved: trader: failover to spare", "text/plain", None))
        self.assertIn("The spare takes over.", mail.get_content())

    def test_a_long_text_is_cut_and_delivered(self):
        self.ok(self.to(), text="line €\n" * 100_000, facts={str(i): "y" * 5000 for i in range(200)})
        raw, = self.server.raw_mails(1)
        self.assertLess(len(raw), 900_000)

    def test_an_alert_without_a_time_is_of_now(self):
        self.ok(self.to(), at_ms=0)
        mail, = self.server.mails(1)
        self.assertLess(abs(email.utils.parsedate_to_datetime(mail["Date"]).timestamp() - time.time()), 600)


class Refusals(Real):
    def refused(self, **settings):
        answer = self.send(self.to(**settings))
        self.assertNotEqual(answer["status"], "ok")
        return answer["status"], answer["error"]

    def test_one_wrong_address_does_not_keep_it_from_the_others(self):
        plugin = self.to(to=["ann@mail.test", "nobody-here@mail.test", "bob@mail.test", "ann@mail.test"])
        self.ok(plugin)
        self.assertEqual({mail["Envelope-to"] for mail in self.server.mails(2)}, {"ann@mail.test", "bob@mail.test"})
        wait_for("a line in the log", lambda: "takes no mail for nobody-here@mail.test: 550 no such mailbox" in plugin.said())

    def test_when_all_are_refused_each_is_named(self):
        status, error = self.refused(to=["nobody-here@mail.test", "x@elsewhere.test"])
        self.assertEqual((status, error["kind"]), ("invalid", "recipient"))
        self.assertIn("nobody-here@mail.test: 550 no such mailbox; x@elsewhere.test: 550 not our domain", error["message"])
        self.assertIn("is the address right", error["hint"])

    def test_greylisting_is_tried_again(self):
        status, error = self.refused(to=["nobody-here@mail.test", "later@mail.test"])
        self.assertEqual((status, error["kind"]), ("transient", "recipient"))
        self.assertIn("451 greylisted", error["message"])

    def test_a_wrong_password(self):
        plugin = self.plugin({"host": "localhost", "port": self.server.port, "user": USER, "ca_file": self.server.ca}, password="wr0ng-password")
        answer = self.send(plugin)
        self.assertEqual((answer["status"], answer["error"]["kind"]), ("denied", "login"))
        self.assertIn(f"the mail server localhost:{self.server.port} refuses the login: 535", answer["error"]["message"])
        self.assertIn("user and password", answer["error"]["hint"])
        self.assertNotIn("wr0ng-password", plugin.said())

    def test_without_a_login_it_asks_for_one(self):
        status, error = self.refused(user="")
        self.assertEqual(status, "invalid")
        self.assertIn("relay not permitted", error["message"])
        self.assertIn("Set user and password", error["hint"])

    def test_a_certificate_that_is_not_trusted(self):
        for settings in ({"ca_file": ""}, {"host": "127.0.0.1"}):
            for more in ({}, {"security": "tls", "port": self.server.tls_port}):
                with self.subTest({**settings, **more}):
                    status, error = self.refused(**settings, **more)
                    self.assertEqual((status, error["kind"]), ("transient", "tls"))
                    self.assertIn("ca_file", error["hint"])
        self.ok(self.to(host="127.0.0.1", ca_file="", verify_tls=False))
        self.assertEqual(len(self.server.mails(1)), 1)

    def test_a_ca_file_that_is_none(self):
        status, error = self.refused(ca_file="/no/such/file.pem")
        self.assertEqual((status, error["kind"]), ("invalid", "tls"))

    def test_the_wrong_kind_of_port(self):
        status, error = self.refused(port=self.server.tls_port, timeout=paced(700))
        self.assertEqual((status, error["kind"]), ("transient", "timeout"))
        self.assertIn("security = \"tls\"", error["hint"])
        status, error = self.refused(security="tls")
        self.assertEqual((status, error["kind"]), ("transient", "tls"))
        self.assertIn("starttls", error["hint"])


class Faults(Smtp):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="understudy-mail-")
        cls.chain = certificate(cls.folder)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def faulty(self, **kwargs):
        self.servers.append(FaultyServer(**kwargs))
        return self.servers[-1]

    def to(self, server, **settings):
        return self.plugin({"host": "localhost", "port": server.port, "security": "none", **settings})

    def failed(self, settings=None, auth="", certificate=None, budget_ms=paced(10000), **at):
        server = self.faulty(auth=auth, certificate=certificate, **at)
        begun = time.monotonic()
        answer = self.send(self.to(server, **(settings or {})), budget_ms)
        if (settings or {}).get("timeout", 60000) < 20000:  # and not the budget, nor the server's own patience
            self.assertLess(time.monotonic() - begun, 55)
        self.assertNotEqual(answer["status"], "ok", answer)
        if answer["status"] != "unknown":
            self.assertEqual(server.accepted, [], "it said that nothing was sent")
        return answer["status"], answer["error"]

    def test_what_the_server_says_is_told_with_where_it_was_said(self):
        for moment, line, status, words in (
                ("greeting", "421 too busy", "transient", "greets with 421 too busy"), ("greeting", "554 go away", "invalid", "greets with 554 go away"),
                ("mail", "452 disk full", "transient", "answers to the sender 452 disk full"), ("mail", "550 5.7.1 not you", "invalid", "answers to the sender 550 5.7.1 not you"),
                ("mail", "530 5.7.0 must issue STARTTLS first", "denied", "530 5.7.0"), ("rcpt", "450 4.2.0 greylisted", "transient", "ann@mail.test: 450 4.2.0 greylisted"),
                ("rcpt", "550-no such\n550 mailbox", "invalid", "ann@mail.test: 550 no such mailbox"), ("data", "451 not now", "transient", "answers to the message 451 not now"),
                ("data", "554 no", "invalid", "answers to the message 554 no"), ("body", "451 scanner is down", "transient", "answers to the message 451 scanner is down"),
                ("body", "552 too large", "invalid", "answers to the message 552 too large"), ("body", "554 spam", "invalid", "answers to the message 554 spam")):
            with self.subTest(moment + " " + line):
                got, error = self.failed(**{moment: line})
                self.assertEqual(got, status, error)
                self.assertIn(words, error["message"])
                self.assertTrue(status == "transient" or error["hint"])

    def test_before_the_message_nothing_was_sent(self):
        for moment in ("greeting", "ehlo", "mail", "rcpt", "data"):
            for fault, kind in (("drop", "closed"), ("hang", "timeout")):
                with self.subTest(f"{fault} at {moment}"):
                    status, error = self.failed({"timeout": paced(400) if fault == "hang" else 60000}, budget_ms=120000, **{moment: fault})
                    self.assertEqual((status, error["kind"]), ("transient", kind))

    def test_after_a_refusal_quit_is_said_and_not_waited_for(self):
        begun = time.monotonic()
        status, _ = self.failed({"timeout": 60000}, budget_ms=60000, mail="550 no", quit="hang")
        self.assertEqual(status, "invalid")
        self.assertLess(time.monotonic() - begun, 30)
        wait_for("QUIT", lambda: self.servers[-1].quits)

    def test_once_the_message_is_out_nobody_knows(self):
        for fault, kind in (("drop", "closed"), ("half", "closed"), ("hang", "timeout")):
            with self.subTest(fault):
                status, error = self.failed({"timeout": paced(1500) if fault == "hang" else 60000}, budget_ms=120000, body=fault)
                self.assertEqual((status, error["kind"]), ("unknown", kind))
                self.assertIn("did not say whether it took it", error["message"])
                self.assertIn("Message-ID", error["hint"])

    def test_a_silent_server_is_left_within_the_budget(self):
        for moment in ("greeting", "body"):
            status, error = by_itself(lambda moment=moment: self.failed(budget_ms=paced(1500), **{moment: "hang"}))
            self.assertEqual(status, "transient" if moment == "greeting" else "unknown")
            self.assertIn("the mail server localhost", error["message"], "the plugin's answer, not the host's")

    def test_a_server_that_never_stops_talking_is_left_too(self):
        for moment in ("greeting", "mail", "body"):
            with self.subTest(moment):
                status, _ = self.failed({"timeout": paced(1500 if moment == "body" else 500)}, budget_ms=120000, **{moment: "flood"})
                self.assertEqual(status, "unknown" if moment == "body" else "transient")

    def test_the_budget_is_kept_in_a_process_too(self):
        server = self.faulty(body="hang")
        plugin = self.plugin({"host": "localhost", "port": server.port, "security": "none"}, isolation="process")
        answer = by_itself(lambda: self.send(plugin, paced(1500)))
        self.assertEqual((answer["status"], answer["error"]["kind"]), ("unknown", "timeout"))
        self.assertIn("did not say whether", answer["error"]["message"], "the plugin's answer, not the host's")

    def test_odd_bytes_of_a_server_do_no_harm(self):
        _, error = self.failed(rcpt=b"550 Empf\xe4nger \x1b[31munbekannt\x00 \xff\x9b".decode("utf-8", "surrogateescape") + "é" * 500)
        self.assertRegex(error["message"], "Empf.nger .31munbekannt")
        self.assertNotIn("\x1b", error["message"])
        self.assertLess(len(error["message"]), 400)

    def test_a_server_that_knows_helo_only(self):
        server = self.faulty(ehlo="502 what?")
        self.ok(self.to(server))
        self.assertEqual(len(server.accepted), 1)

    def test_what_was_taken_is_told_though_the_goodbye_goes_wrong(self):
        for fault in ("drop", "hang", "500 what?"):
            with self.subTest(fault):
                server = self.faulty(quit=fault)
                plugin = self.to(server, timeout=60000)
                begun = time.monotonic()
                self.ok(plugin, budget_ms=60000)
                self.assertLess(time.monotonic() - begun, 30)
                self.ok(plugin, id="the next")
                self.assertEqual(len(server.accepted), 2)

    def test_each_mail_ends_with_quit_and_is_as_a_strict_server_wants_it(self):
        server = self.faulty()
        plugin = self.to(server, helo="here.example.org")
        self.ok(plugin, text=".\n.\r\nFrom x\r" + "é" * 2000)
        wait_for("QUIT", lambda: server.quits == 1)
        self.assertEqual(server.accepted[0]["from"], "<understudy@mail.test>")
        self.assertEqual(server.accepted[0]["to"], ["<ann@mail.test>"])
        self.assertEqual(server.hellos, ["here.example.org"])

    def test_later_refusals_do_not_undo_what_one_recipient_has(self):
        server = self.faulty(rcpt=["450 later", None])
        self.ok(self.to(server, to=["later@mail.test", "ann@mail.test"]))
        self.assertEqual(server.accepted[0]["to"], ["<ann@mail.test>"])

    def test_starttls_is_required(self):
        status, error = self.failed({"security": "starttls"}, auth="PLAIN")
        self.assertEqual((status, error["kind"]), ("invalid", "tls"))
        self.assertIn("offers no STARTTLS", error["message"])
        self.assertEqual(self.servers[-1].credentials, [])

    def test_starttls_that_is_refused_or_goes_wrong(self):
        for line, status in (("454 TLS not available", "transient"), ("501 no", "invalid"), ("drop", "transient")):
            with self.subTest(line):
                got, error = self.failed({"security": "starttls", "ca_file": self.chain[0], "user": USER}, auth="PLAIN", certificate=self.chain, starttls=line)
                self.assertEqual(got, status, error)
                self.assertEqual(self.servers[-1].credentials, [], "the password went out in clear")

    def test_logins(self):
        for kinds, used, sent in (("PLAIN LOGIN", "PLAIN", [f"\0{USER}\0{PASSWORD}"]), ("LOGIN", "LOGIN", [USER, PASSWORD]), ("GSSAPI NTLM LOGIN", "LOGIN", [USER, PASSWORD])):
            with self.subTest(kinds):
                server = self.faulty(auth=kinds)
                self.ok(self.to(server, user=USER))
                self.assertEqual(server.credentials, [(used, one) for one in sent])
        server = self.faulty(auth="CRAM-MD5 PLAIN")
        self.ok(self.to(server, user=USER))
        self.assertEqual([kind for kind, _ in server.credentials], ["CRAM-MD5"])

    def test_logins_that_fail(self):
        everything = " ".join(FORMS_OF_PASSWORD)
        for line, status in (("535 5.7.8 no: " + everything, "denied"), ("454 later: " + everything, "transient"), ("534 app password: " + everything, "denied")):
            with self.subTest(line[:3]):
                got, error = self.failed({"user": USER}, auth="PLAIN", auth_answer=line)
                self.assertEqual((got, error["kind"]), (status, "login"))
                self.assertIn("[secret] [secret] [secret]", error["message"])

    def test_a_login_that_is_not_offered(self):
        status, error = self.failed({"user": USER}, auth="XOAUTH2 GSSAPI")
        self.assertEqual((status, error["kind"]), ("denied", "login"))
        status, error = self.failed({"user": USER}, mail="530 5.7.0 authentication required")
        self.assertEqual(status, "denied")
        self.assertIn("offered no login on this port", error["hint"])

    def test_a_server_that_quotes_the_password_does_not_spread_it(self):
        for moment, line in (("mail", "550 "), ("rcpt", "550 "), ("body", "554 "), ("data", "451 ")):
            with self.subTest(moment):
                _, error = self.failed({"user": USER}, auth="PLAIN", **{moment: line + "x" * 280 + " ".join(FORMS_OF_PASSWORD)})
                for end in range(6, len(PASSWORD)):
                    self.assertNotIn(PASSWORD[:end], error["message"])
        server = self.faulty(auth="PLAIN", rcpt=["550 who? " + PASSWORD, None])
        plugin = self.to(server, user=USER, to=["a@mail.test", "b@mail.test"])
        self.ok(plugin)
        wait_for("a line in the log", lambda: "550 who? [secret]" in plugin.said())

    def test_nobody_listens_and_no_such_host(self):
        for settings, kind in (({"host": "localhost", "port": free_port()}, "refused"), ({"host": "no-such-host.invalid"}, "resolve")):
            answer = self.send(self.plugin({"timeout": 60000, **settings}), 60000)  # a resolver takes its time
            self.assertEqual((answer["status"], answer["error"]["kind"]), ("transient", kind))
            self.assertTrue(answer["error"]["hint"])

    def test_a_missing_or_odd_password_is_said_and_nothing_sent(self):
        server = self.faulty(auth="PLAIN")
        for password, part in (({"$secret": {"env": "NOT_SET_ANYWHERE"}}, "NOT_SET_ANYWHERE"), ({"$secret": {"env": "MAIL_PASSWORD"}}, "line break")):
            plugin = self.plugin({"host": "localhost", "port": server.port, "security": "none", "user": USER, "password": password}, password="a1b2c3\r\nRSET")
            answer = self.send(plugin)
            self.assertEqual(answer["status"], "invalid")
            self.assertIn(part, answer["error"]["message"])
            self.assertNotIn("a1b2c3", json.dumps(answer) + plugin.said())
        self.assertEqual(server.sessions, 0)


class Settings(Smtp):
    def test_what_cannot_be_is_refused_at_once(self):
        right = {"host": "mail.example.org", "from": "a@b.test", "to": ["c@d.test"]}
        user, password = {"user": "u"}, {"password": {"$secret": {"env": "X"}}}
        for settings, part in (({"host": "mail:25"}, "no name of a mail server"), ({"host": "a/b"}, "no name of a mail server"), ({"host": "u:p@x"}, "no name of a mail server"),
                               ({"to": []}, "to names nobody"), ({"from": "nobody"}, "from: \"nobody\" is no mail address"), ({"to": ["a@b.test\r\nRCPT TO:<x@y.z>"]}, "is no mail address"),
                               ({"to": ["a b@c.test"]}, "is no mail address"), ({"cc": ["<a@b>c>"]}, "is no mail address"), ({"security": "ssl"}, "\"ssl\" is unknown"),
                               (user, "user is set and password is not"), (password, "password is set and user is not"), ({**user, **password, "security": "none"}, "in clear text"),
                               ({"port": 70_000}, "port is no port"), ({"helo": "a b"}, "helo is no name")):
            with self.subTest(settings):
                plugin = Plugin("smtp", "notifier", {**right, **settings}, {"X": "y"})
                self.plugins.append(plugin)
                with self.assertRaises(RuntimeError):
                    self.send(plugin)
                wait_for(part, lambda plugin=plugin, part=part: part in plugin.said())


class Kit(Real):
    def test_the_conformance_kit_in_both_isolations(self):
        settings = os.path.join(self.server.folder, "kit.toml")
        with open(settings, "w") as out:
            out.write(f"""[notifier]
settings = {{ host = "localhost", port = {self.server.port}, user = "{USER}", password = {{ env = "MAIL_PASSWORD" }}, from = "understudy@mail.test", to = ["kit@mail.test"], ca_file = "{self.server.ca}" }}
""")
        done = subprocess.run([os.path.join(BUILD, "bin/understudy"), "plugin", "test", os.path.join(BUILD, "plugins/smtp.so"), "--settings", settings, "--json"],
                              capture_output=True, text=True, timeout=900, env={**os.environ, "MAIL_PASSWORD": PASSWORD})
        report = json.loads(done.stdout)
        self.assertEqual([f"{c['name']} {c['isolation']}: {c['message']}\n{c['log'][-2000:]}" for c in report["cases"] if c["verdict"] == "failed"], [])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual({c["name"] for c in report["cases"] if c["verdict"] == "skipped"}, {"protocol/secrets"})
        sent = {c["isolation"] for c in report["cases"] if c["name"] == "notifier/send" and c["verdict"] == "passed"}
        self.assertEqual(sent, {"loop", "process"})
        self.assertGreater(len(self.server.raw_mails(10)), 9)


@unittest.skipUnless(os.path.exists(mail_server.PROGRAM), "no exim4: scripts/setup --tests")
class Story(Site):
    """What is critical goes out as a mail when the service really moves."""

    def setUp(self):
        self.server = MailServer()
        super().setUp()
        self.write_config(extra=f"""
[notifier.mail]
plugin = "smtp"
settings = {{ host = "localhost", port = {self.server.port}, user = "{USER}", password = {{ env = "MAIL_PASSWORD" }}, from = "understudy@mail.test", to = ["ann@mail.test"], ca_file = "{self.server.ca}" }}
[notifier.file]
plugin = "log"
settings = {{ file = "all.jsonl" }}
[[route]]
match = {{ severity = "critical" }}
to = ["mail"]
throttle = "0s"
[[route]]
to = ["file"]
""")

    def tearDown(self):
        super().tearDown()
        self.server.close()

    def test_a_failover_is_told_by_mail_in_one_thread(self):
        self.start({"MAIL_PASSWORD": PASSWORD})
        self.serving("home")
        self.kill_site("home")
        self.serving("spare")
        mails = wait_for("the failover by mail", lambda: self.has_told("service.down", "failover.started"))  # a mail may overtake another
        for mail in mails:
            self.assertTrue(mail["X-Understudy-Severity"] == "critical" or mail["X-Understudy-State"] == "resolved", mail["Subject"])
            self.assertIn("counter", mail["Subject"])
        incident = [mail for mail in mails if mail["X-Understudy-Kind"] in ("service.down", "failover.started")]
        self.assertEqual(len({mail["References"] for mail in incident}), 1)
        self.assertEqual(len({mail["Message-ID"] for mail in mails}), len(mails))
        self.stop()
        files = [f for f in glob.glob(os.path.join(self.folder, "**"), recursive=True) if os.path.isfile(f)]
        self.assertTrue(files)
        for file in files:
            with open(file, "rb") as content:
                said = content.read()
            for form in FORMS_OF_PASSWORD:
                self.assertNotIn(form.encode(), said, file)

    def test_a_test_shows_how_the_delivery_went(self):
        self.start({"MAIL_PASSWORD": PASSWORD})
        self.serving("home")
        self.assertIn("mail: delivered", self.understudy("alert", "test", "--severity", "critical"))
        wait_for("the test by mail", lambda: self.has_told("test"))
        self.server.close()
        said = self.understudy("alert", "test", "--severity", "critical", expect=None)
        self.assertIn(f"the mail server localhost:{self.server.port} cannot be reached", said)

    def has_told(self, *kinds):
        mails = self.server.mails(1)
        return mails if set(kinds) <= {mail["X-Understudy-Kind"] for mail in mails} else None


class Silence(Site):
    """The orchestrator ends while a mail server is silent."""

    def test_shutting_down_does_not_wait_for_it(self):
        for moment in ("greeting", "body"):
            with self.subTest(moment):
                server = FaultyServer(**{moment: "hang"})
                self.addCleanup(server.close)
                self.write_config(extra=f"""
[notifier.mail]
plugin = "smtp"
settings = {{ host = "localhost", port = {server.port}, security = "none", from = "a@b.test", to = ["c@d.test"], timeout = "60s" }}
[[route]]
to = ["mail"]
""")
                self.start()
                wait_for("a session", lambda: server.heard if moment == "body" else server.sessions)
                begun = time.monotonic()
                self.stop()
                self.assertLess(time.monotonic() - begun, 30)


del Smtp, Real

if __name__ == "__main__":
    unittest.main()
