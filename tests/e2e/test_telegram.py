"""Alerts over the Telegram Bot API: the plugin alone, against a server that checks each request by the API's own
description. What it must not do is as much tested as what it must: no token in any word, no message twice, no button
that works for strangers or twice."""
import os
import sys
import time
import unittest

from harness import PACE, ROOT, paced
from plugin_driver import Plugin

sys.path.insert(0, os.path.join(ROOT, "tests/fakes"))
from telegram_api import TelegramApi, units  # noqa: E402

TOKEN = "987654:planted-secret_AbCdEf0123456789"
HOME, GROUP, BIGGER = 42, -500, -1000000000500
ANN, BOB = 7, 8
NO_COMMANDS = "Commands are not available"


class Telegram(unittest.TestCase):
    def setUp(self):
        self.api = TelegramApi(TOKEN)
        self.api.add_chat(HOME)
        self.api.add_chat(GROUP, "group")
        self.plugins, self.answers, self.ids = [], [], 0

    def tearDown(self):
        for plugin in self.plugins:
            plugin.close()
        self.api.close()
        self.assertEqual(self.api.problems, [])
        said = "".join(p.said() for p in self.plugins) + str(self.answers)
        self.assertNotIn(TOKEN, said)
        self.assertNotIn(TOKEN.split(":")[1], said)

    def plugin(self, isolation="loop", **settings):
        all_settings = {"token": {"$secret": {"env": "TELEGRAM_TEST_TOKEN"}}, "chat": HOME, "api": self.api.url, "pace": 5, "time_zone": "utc", **settings}
        self.plugins.append(Plugin("telegram", "notifier", all_settings, {"TELEGRAM_TEST_TOKEN": settings.pop("secret", TOKEN)}, isolation=isolation))
        return self.plugins[-1]

    def alert(self, title, **more):
        self.ids += 1
        return {"id": f"a{self.ids}", "kind": "service.down", "severity": "critical", "state": "event", "service": "trader", "target": "home",
                "title": title, "text": "", "at_ms": 1795262400000 + self.ids * 1000, "facts": {}, **more}

    def send(self, plugin, alert, budget_ms=paced(10000)):
        answer = plugin.call("notify.send/1", {"alert": alert}, budget_ms)
        self.answers.append(answer)
        return answer

    def told(self, plugin, alert):
        answer = self.send(plugin, alert)
        self.assertEqual(answer["status"], "ok", answer)
        return answer["result"]

    def refused(self, plugin, status, alert=None, budget_ms=paced(10000)):
        answer = self.send(plugin, alert or self.alert("trader is down"), budget_ms)
        self.assertEqual(answer["status"], status, answer)
        return answer["error"]


class Messages(Telegram):
    def test_an_alert_is_told_with_its_values_escaped(self):
        self.told(self.plugin(), self.alert("a < b && c > d", text="<b>not bold</b> &amp; it's \"so\"\nsecond line"))
        text, = self.api.texts(HOME)
        self.assertIn("a < b && c > d", text)
        self.assertIn("<b>not bold</b> &amp; it's \"so\"\nsecond line", text)
        self.assertEqual(self.api.calls[0][1]["parse_mode"], "HTML")

    def test_a_text_that_is_too_long_is_split_where_its_lines_end(self):
        lines = [f"line {i} <&> 𝄞 and so on" for i in range(600)] + ["€" * 9000]
        receipt = self.told(self.plugin(), self.alert("long", text="\n".join(lines)))
        texts = self.api.texts(HOME)
        self.assertGreater(len(texts), 4)
        self.assertTrue(all(0 < units(t) <= 4096 for t in texts))
        joined = "\n".join(texts)
        self.assertTrue(all(line in joined.split("\n") for line in lines[:600]))
        self.assertEqual(joined.count("€"), 9000)
        self.assertEqual(receipt["receipt"], f"{HOME}:1")

    def test_a_delivery_that_broke_off_goes_on_where_it_was(self):
        plugin = self.plugin()
        alert = self.alert("long", text="\n".join(f"line {i:04}" for i in range(1200)))
        self.told(plugin, alert)
        whole = self.api.texts(HOME)
        self.assertGreater(len(whole), 2)
        self.api.messages.clear()
        alert["id"] = "again"
        self.api.fault("sendMessage")  # the first goes through
        self.api.fault("sendMessage", 503, "Service Unavailable")
        self.assertIn("503", self.refused(plugin, "unknown", alert)["message"])
        self.assertEqual(self.api.texts(HOME), whole[:1])
        self.told(plugin, alert)
        self.assertEqual(self.api.texts(HOME), whole)

    def test_events_of_little_weight_make_no_sound(self):
        plugin = self.plugin()
        self.told(plugin, self.alert("quiet one", severity="info"))
        self.told(plugin, self.alert("loud one", severity="warning"))
        self.told(plugin, self.alert("it is over", severity="info", state="resolved"))
        self.assertEqual([m["silent"] for m in self.api.messages.values()], [True, False, False])

    def test_a_topic_of_a_forum(self):
        self.api.add_chat(BIGGER, "supergroup", topics=[9])
        self.told(self.plugin(chat=BIGGER, topic=9), self.alert("trader is down"))
        self.assertEqual([m["topic"] for m in self.api.messages.values()], [9])

    def test_a_topic_that_is_gone_does_not_swallow_the_alert(self):
        plugin = self.plugin(chat=BIGGER, topic=9)
        self.api.add_chat(BIGGER, "supergroup", topics=[1])
        self.told(plugin, self.alert("trader is down"))
        self.assertEqual([m["topic"] for m in self.api.messages.values()], [None])

    def test_a_possible_duplicate_says_so(self):
        self.told(self.plugin(), self.alert("trader is down", possible_duplicate=True, facts={"suppressed": "3", "cost": "$0.16 a day"}))
        text, = self.api.texts(HOME)
        self.assertIn("possibly told before", text)
        self.assertIn("3 more like this were held back", text)
        self.assertIn("cost: $0.16 a day", text)


class Incidents(Telegram):
    STORY = (("service.down", "critical", "firing", "trader is down at home", "connection refused"),
             ("failover.started", "critical", "event", "failover of trader from home", "3 checks failed"),
             ("service.down", "info", "resolved", "trader serves again", ""),
             ("failover.done", "warning", "event", "trader runs at spare (epoch 2)", "state from snapshot s1"),
             ("failback.done", "warning", "event", "trader runs at home (epoch 3)", ""))

    def tell(self, plugin, thread, kind, severity, state, title, text, **more):
        alert = self.alert(title, kind=kind, severity=severity, state=state, text=text, incident="inc-1", thread=thread, **more)
        return self.told(plugin, alert)["thread"]

    def test_one_message_is_edited_from_suspect_to_home(self):
        plugin, thread = self.plugin(), {}
        for part in self.STORY:
            thread = self.tell(plugin, thread, *part)
        text = self.api.messages[(HOME, 1)]["text"]
        self.assertTrue(text.startswith("🟠 trader runs at home (epoch 3)"), text)
        shown = [line for line in text.split("\n") if line[:2].isdigit()]
        self.assertEqual(len(shown), 5)
        for line, (_, _, _, title, why) in zip(shown, self.STORY):
            self.assertIn(title + (": " + why if why else ""), line)
        self.assertIn("2026-11-21", text)
        # Two short replies: the end of the outage, and the return home. All else is edits.
        replies = [m for m in self.api.messages.values() if m["reply_to"] == 1]
        self.assertEqual([r["text"] for r in replies], ["✅ trader serves again", "🟠 trader runs at home (epoch 3)"])
        self.assertEqual((self.api.count("sendMessage"), self.api.count("editMessageText")), (3, 4))

    def test_a_new_process_goes_on_with_the_same_message(self):
        thread = self.tell(self.plugin(), {}, *self.STORY[0])
        self.tell(self.plugin(), thread, *self.STORY[1])
        self.assertEqual(list(self.api.messages), [(HOME, 1)])

    def test_the_same_delivery_again_changes_nothing(self):
        plugin = self.plugin()
        thread = self.tell(plugin, {}, *self.STORY[0])
        again = self.alert("failover", incident="inc-1", thread=thread)
        first = self.told(plugin, again)
        self.assertEqual(self.told(plugin, again), first)   # "message is not modified"
        self.assertEqual(self.told(plugin, {**again, "thread": first["thread"]}), first)
        self.assertEqual(self.api.messages[(HOME, 1)]["text"].count("failover"), 2)  # headline and one line

    def test_several_alerts_in_one_are_not_the_first_of_them(self):
        plugin = self.plugin()
        first = self.alert("trader is down", incident="inc-1")
        thread = self.told(plugin, first)["thread"]
        self.told(plugin, {**first, "title": "failover of trader", "facts": {"joined": "2"}, "thread": thread})
        self.assertIn("trader is down", self.api.messages[(HOME, 1)]["text"])
        self.assertEqual(self.api.messages[(HOME, 1)]["text"].count("failover of trader"), 2)  # headline and one line

    def test_a_deleted_message_is_sent_anew(self):
        plugin = self.plugin()
        thread = self.tell(plugin, {}, *self.STORY[0])
        self.api.messages.clear()
        thread = self.tell(plugin, thread, *self.STORY[1])
        self.assertEqual(list(self.api.messages), [(HOME, 2)])
        self.tell(plugin, thread, *self.STORY[3])
        text, = self.api.texts(HOME)
        self.assertIn("trader is down at home", text)

    def test_a_message_that_may_not_be_edited_any_more_is_sent_anew(self):
        plugin = self.plugin()
        thread = self.tell(plugin, {}, *self.STORY[0])
        self.api.fault("editMessageText", 400, "Bad Request: message can't be edited")
        self.tell(plugin, thread, *self.STORY[1])
        self.assertEqual(len(self.api.messages), 2)

    def test_a_long_incident_keeps_its_beginning_and_its_end(self):
        plugin, thread = self.plugin(), {}
        for i in range(60):
            thread = self.tell(plugin, thread, "step", "warning", "event", f"step {i} " + "<&>" * 30, "why " * 400)
        text = self.api.messages[(HOME, 1)]["text"]
        for words in ("step 0 ", "step 1 ", "step 59 ", "step 58 "):
            self.assertIn(words, text)
        self.assertNotIn("step 20 ", text)
        left_out = int(next(line for line in text.split("\n") if line.startswith("+"))[1:].split()[0])
        self.assertEqual(left_out + sum(1 for line in text.split("\n") if line[:2].isdigit() and "step" in line), 60)
        self.assertLess(len(str(thread)), 16 * 1024)

    def test_a_reply_that_fails_is_sent_again_without_another_edit(self):
        plugin = self.plugin()
        thread = self.tell(plugin, {}, *self.STORY[0])
        over = self.alert("trader serves again", state="resolved", incident="inc-1", thread=thread)
        self.api.fault("sendMessage", 502, "Bad Gateway")
        self.refused(plugin, "unknown", over)
        self.told(plugin, over)
        self.assertEqual((self.api.count("editMessageText"), len(self.api.messages)), (1, 2))

    def test_what_somebody_else_wrote_into_a_thread_does_no_harm(self):
        plugin = self.plugin()
        for thread in ({"message": "x", "chat": [], "for": 1}, {"entries": [1, None, {"title": 5}], "actions": {"a": 1}}, {"for": str(HOME), "chat": HOME, "message": 77}):
            self.told(plugin, self.alert("trader is down", incident="i", thread=thread, facts={"actions": [{"a": 1}], "index": "x", "cost": None}))
        self.assertEqual(len(self.api.messages), 3)

    def test_another_chat_in_the_configuration_begins_a_new_message(self):
        thread = self.tell(self.plugin(), {}, *self.STORY[0])
        self.tell(self.plugin(chat=GROUP), thread, *self.STORY[1])
        self.assertIn("trader is down at home", self.api.texts(GROUP)[0])


class Refusals(Telegram):
    def test_too_many_requests_make_the_whole_chat_wait(self):
        plugin = self.plugin()
        self.api.fault("sendMessage", 429, "Too Many Requests: retry after 120", retry_after=120)
        error = self.refused(plugin, "transient")
        self.assertEqual(error["retry_after_ms"], 120000)
        error = self.refused(plugin, "transient", self.alert("another"))  # nothing is sent before the time
        self.assertGreater(error["retry_after_ms"], 60000)
        self.assertEqual(self.api.count("sendMessage"), 1)

    def test_a_short_wait_is_waited_for(self):
        self.api.fault("sendMessage", 429, "Too Many Requests: retry after 1", retry_after=1)
        self.told(self.plugin(), self.alert("trader is down"))
        first, second = [at for name, _, at in self.api.calls if name == "sendMessage"]
        self.assertGreaterEqual(second - first, 0.95)

    def test_the_pace_of_a_chat_is_kept(self):
        pace = min(paced(600), 4000)  # for more than 5 s nobody would wait
        plugin = self.plugin(pace=pace)
        for i in range(3):
            self.told(plugin, self.alert(f"alert {i}"))
        times = [at for _, _, at in self.api.calls]  # of arrival, which may come late
        self.assertTrue(all(b - a >= pace / 2000 for a, b in zip(times, times[1:])), times)

    def test_a_group_takes_so_many_a_minute(self):
        plugin = self.plugin(chat=GROUP, per_minute=3)
        for i in range(3):
            self.told(plugin, self.alert(f"alert {i}"))
        error = self.refused(plugin, "transient")
        self.assertTrue(20000 < error["retry_after_ms"] <= 60000, error)
        self.assertEqual(self.api.count("sendMessage"), 3)

    def test_a_group_that_became_a_supergroup_is_followed(self):
        plugin = self.plugin(chat=GROUP)
        self.api.migrate(GROUP, BIGGER)
        self.told(plugin, self.alert("first"))
        self.told(plugin, self.alert("second"))
        self.assertEqual(len(self.api.texts(BIGGER)), 2)
        self.assertEqual([c[1]["chat_id"] for c in self.api.calls], [GROUP, BIGGER, BIGGER])
        self.api.wait_for("the advice", lambda: f"write chat = {BIGGER}" in plugin.said())

    def test_an_incident_goes_on_in_the_supergroup(self):
        plugin = self.plugin(chat=GROUP)
        thread = self.told(plugin, self.alert("trader is down", incident="i"))["thread"]
        self.api.migrate(GROUP, BIGGER)
        thread = self.told(plugin, self.alert("failover", incident="i", thread=thread))["thread"]
        self.told(plugin, self.alert("home", incident="i", thread=thread))
        text, = self.api.texts(BIGGER)
        self.assertIn("trader is down", text)

    def test_text_that_telegram_cannot_parse_goes_out_plain(self):
        self.api.fault("sendMessage", 400, "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 3")
        self.told(self.plugin(), self.alert("a < b", text="c & d"))
        self.assertNotIn("parse_mode", self.api.calls[1][1])
        self.assertIn("a < b\nc & d", self.api.texts(HOME)[0])

    def test_plain_text_is_tried_once(self):
        self.api.fault("sendMessage", 400, "Bad Request: can't parse entities: whatever", times=5)
        self.refused(self.plugin(), "invalid")
        self.assertEqual(self.api.count("sendMessage"), 2)

    def test_what_is_hopeless_is_denied_with_advice(self):
        gone = {"Forbidden: bot was blocked by the user": "unblock", "Forbidden: bot was kicked from the group chat": "add it to the group again"}
        for words, advice in gone.items():
            self.api.chats[HOME]["gone"] = words
            error = self.refused(self.plugin(), "denied")
            self.assertIn(words, error["message"])
            self.assertIn(advice, error["hint"])
        self.assertIn("Start", self.refused(self.plugin(chat=4711), "denied")["hint"])
        self.assertIn("administrator", self.fault_and_refuse(400, "Bad Request: not enough rights to send text messages to the chat")["hint"])
        self.assertIn("@BotFather", self.refused(self.plugin(secret="1:wrong"), "denied")["hint"])
        self.assertIn("api", self.refused(self.plugin(api=self.api.url + "/elsewhere"), "denied")["hint"])

    def fault_and_refuse(self, code, words):
        self.api.fault("sendMessage", code, words)
        return self.refused(self.plugin(), "denied")

    def test_a_server_in_trouble_is_transient(self):
        plugin = self.plugin()
        for code in (500, 502, 503):
            self.api.fault("sendMessage", code, "Internal Server Error")
            self.refused(plugin, "transient")
        self.api.fault("sendMessage", 502, text="<html>bad gateway</html>")
        self.refused(plugin, "transient")

    def test_silence_and_a_lost_answer_are_unknown(self):
        plugin = self.plugin(send_timeout=paced(400))
        self.api.fault("sendMessage", silent_s=5 * PACE)
        self.refused(plugin, "unknown")
        self.api.fault("sendMessage", drop=True, after=True)  # it was sent
        self.refused(plugin, "unknown")
        self.api.fault("sendMessage", text="<html>a portal</html>")
        self.refused(plugin, "unknown")
        self.assertEqual(len(self.api.messages), 1)

    def test_nobody_there_is_transient(self):
        plugin = self.plugin(api="http://127.0.0.1:1")
        self.assertEqual(self.refused(plugin, "transient")["kind"], "refused")

    def test_a_token_of_a_strange_form_is_not_put_into_a_path(self):
        error = self.refused(self.plugin(secret="1:a/../../x?y"), "invalid")
        self.assertNotIn("x?y", str(error))
        self.assertEqual(self.api.calls, [])

    def test_settings_that_cannot_work_are_refused_at_once(self):
        for settings, words in (({"chat": "traders"}, "neither a number nor @name"), ({"commands": True}, "needs users")):
            plugin = self.plugin(**settings)
            plugin.process.wait(timeout=60)
            self.assertNotEqual(plugin.process.returncode, 0)
            plugin.close()
            self.assertIn(words, plugin.said())


class Listening(Telegram):
    """Commands and buttons. Whether Understudy offers operator.request/1 or not, each is answered."""

    def listening(self, wait=True, **settings):
        plugin = self.plugin(commands=True, users=[ANN], poll_timeout=2000, **settings)
        if wait:
            self.api.wait_for("a poll", lambda: self.api.count("getUpdates"))
        return plugin

    def incident(self, plugin, **more):
        return self.told(plugin, self.alert("trader is down", state="firing", incident="inc-1", **more))["thread"]

    def query_answered(self, query):
        return self.api.wait_for("an answer to the press", lambda: self.api.answered.get(query))

    def tearDown(self):
        self.assertEqual(self.api.asked - set(self.api.answered), set(), "presses without an answer")
        super().tearDown()

    def test_without_commands_nobody_polls_and_nothing_can_be_pressed(self):
        self.incident(self.plugin(users=[ANN]))
        self.assertEqual(self.api.labels(HOME, 1), [])
        self.assertEqual([c[0] for c in self.api.calls], ["sendMessage"])

    def test_the_menu_of_commands_is_set(self):
        self.listening()
        menu = next(params for name, params, _ in self.api.calls if name == "setMyCommands")
        self.assertEqual([c["command"] for c in menu["commands"]], ["status", "plan", "history", "pause", "resume"])

    def test_a_command_is_answered_where_it_was_asked(self):
        self.listening()
        self.api.add_chat(ANN)
        for chat in (HOME, ANN):
            asked = self.api.user_says(chat, ANN, "/status")
            answer = self.api.wait_for("an answer", lambda c=chat, a=asked: next((m for (w, _), m in self.api.messages.items() if w == c and m["reply_to"] == a), None))
            self.assertIn(NO_COMMANDS, answer["text"])

    def test_each_command_is_taken(self):
        self.listening()
        for i, command in enumerate(("/status", "/plan trader", "/history", "/pause trader", "/resume", "/STATUS@Understudy_Bot", "/help"), 1):
            self.api.user_says(HOME, ANN, command)
            self.api.wait_for("an answer to " + command, lambda n=i: self.api.count("sendMessage") == n)
        self.assertIn("/plan [service] [target]", self.api.texts(HOME)[-1])

    def test_strangers_and_strange_places_get_nothing(self):
        self.listening()
        self.api.add_chat(BOB)
        self.api.add_chat(GROUP, "group")
        self.api.user_says(BOB, BOB, "/status")        # not listed, and not our chat
        self.api.user_says(GROUP, ANN, "/status")      # listed, but others read there
        self.api.user_says(HOME, ANN, "/status@other_bot")
        self.api.user_says(HOME, ANN, "good morning")
        self.api.user_says(HOME, BOB, "/pause")        # not listed: is told its id
        self.api.wait_for("the refusal", lambda: self.api.messages)
        self.assertEqual(self.api.texts(HOME), [f"You may not do that: your id, {BOB}, is not listed in `users`."])
        self.assertEqual((self.api.texts(BOB), self.api.texts(GROUP)), ([], []))

    def test_a_command_from_hours_ago_is_not_carried_out(self):
        self.api.user_says(HOME, ANN, "/pause trader", age_s=3600)
        self.listening()
        self.api.wait_for("the answer", lambda: self.api.messages)
        self.assertIn("not carried out", self.api.texts(HOME)[0])

    def test_a_command_in_a_topic_is_answered_there(self):
        self.api.add_chat(BIGGER, "supergroup", topics=[3])
        self.listening(chat=BIGGER)
        self.api.user_says(BIGGER, ANN, "/status", topic=3)
        self.api.wait_for("the answer", lambda: self.api.messages)
        self.assertEqual([m["topic"] for m in self.api.messages.values()], [3])

    def test_an_incident_has_buttons_and_its_end_takes_them_away(self):
        plugin = self.listening()
        thread = self.incident(plugin)
        self.assertEqual(self.api.labels(HOME, 1), ["Acknowledge", "Promote…"])
        self.assertTrue(all(len(b["callback_data"]) <= 64 for b in self.api.messages[(HOME, 1)]["buttons"]))
        thread = self.told(plugin, self.alert("serves again", state="resolved", incident="inc-1", thread=thread))["thread"]
        self.assertEqual(self.api.labels(HOME, 1), [])
        self.told(plugin, self.alert("runs at spare", kind="failover.done", incident="inc-1", thread=thread))
        self.assertEqual(self.api.labels(HOME, 1), ["Fail back…"])

    def test_the_core_says_which_buttons_there_are(self):
        plugin = self.listening()
        self.incident(plugin, facts={"actions": "failback,acknowledge", "index": "12"})
        self.assertEqual(self.api.labels(HOME, 1), ["Acknowledge", "Fail back…"])

    def test_a_press_of_a_stranger_does_nothing(self):
        self.incident(self.listening())
        answer = self.query_answered(self.api.user_presses(HOME, 1, "Acknowledge", BOB))
        self.assertIn(f"your id, {BOB}, is not listed", answer["text"])
        self.assertTrue(answer["show_alert"])
        # and uses nothing up
        self.assertIn(NO_COMMANDS, self.query_answered(self.api.user_presses(HOME, 1, "Acknowledge", ANN))["text"])

    def test_a_button_works_once(self):
        self.incident(self.listening())
        data = self.api.messages[(HOME, 1)]["buttons"][0]["callback_data"]
        self.assertIn(NO_COMMANDS, self.query_answered(self.api.user_presses(HOME, 1, "", ANN, data=data))["text"])
        self.assertIn("out of date", self.query_answered(self.api.user_presses(HOME, 1, "", ANN, data=data))["text"])
        # The message got new ones meanwhile.
        self.api.wait_for("fresh buttons", lambda: self.api.messages[(HOME, 1)]["buttons"][0]["callback_data"] != data)
        self.assertIn(NO_COMMANDS, self.query_answered(self.api.user_presses(HOME, 1, "Acknowledge", ANN))["text"])

    def test_an_older_button_is_stale_when_the_incident_goes_on(self):
        plugin = self.listening()
        thread = self.incident(plugin)
        old = self.api.messages[(HOME, 1)]["buttons"][0]["callback_data"]
        self.incident(plugin, thread=thread)
        self.assertIn("out of date", self.query_answered(self.api.user_presses(HOME, 1, "", ANN, data=old))["text"])

    def test_a_button_of_an_earlier_process_is_stale(self):
        first = self.listening()
        self.incident(first)
        first.close()
        self.plugins.remove(first)
        self.listening(wait=False)
        self.assertIn("out of date", self.query_answered(self.api.user_presses(HOME, 1, "Promote", ANN))["text"])
        self.assertIn("out of date", self.query_answered(self.api.user_presses(HOME, 1, "", ANN, data="u1:AAAAAAAAAAAAAAAA"))["text"])

    def test_a_button_expires(self):
        self.incident(self.listening(button_expiry=1))
        time.sleep(0.05)
        self.assertIn("expired", self.query_answered(self.api.user_presses(HOME, 1, "Acknowledge", ANN))["text"])

    def test_promote_asks_first_and_does_nothing_by_itself(self):
        self.incident(self.listening())
        self.query_answered(self.api.user_presses(HOME, 1, "Promote", ANN))
        self.api.wait_for("what came of it", lambda: any(NO_COMMANDS in t for t in self.api.texts(HOME)))

    def test_updates_of_strange_forms_are_left_out(self):
        self.listening()
        for strange in ({"message": {"message_id": 1, "date": 1, "chat": {"id": HOME, "type": "private"}}}, {"callback_query": {"from": {}, "chat_instance": "1"}},
                        {"message": 5}, {"message": {"text": "/status", "from": None, "chat": "x"}}, {},
                        {"update_id": 1000000.5}, {"message": {"message_id": 2, "date": 2 ** 62, "chat": {"id": HOME, "type": "private"}, "text": "/status", "from": {"id": ANN, "is_bot": False, "first_name": "Ann"}}}):
            self.api.push_update(strange)
        self.api.user_says(HOME, ANN, "/status")
        self.api.wait_for("the answer", lambda: self.api.messages)
        self.api.problems = [p for p in self.api.problems if "getUpdates 200: reply" not in p]  # of this test's own making

    def test_another_poller_is_said_and_waited_for(self):
        self.api.fault("getUpdates", 409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", times=2)
        plugin = self.listening()
        self.api.wait_for("the complaint", lambda: "another program reads this bot's updates" in plugin.said())
        time.sleep(1)
        polls = [at for name, _, at in self.api.calls if name == "getUpdates"]
        self.assertTrue(all(at - polls[0] > 1 for at in polls[1:]), polls)  # it backs off
        self.told(plugin, self.alert("alerts go out all the same"))

    def test_a_webhook_is_said(self):
        self.api.webhook = True
        plugin = self.listening()
        self.api.wait_for("the complaint", lambda: "the bot has a webhook" in plugin.said())

    def test_polling_goes_on_after_trouble(self):
        self.api.fault("getMe", 401, "Unauthorized")
        self.api.fault("getUpdates", 502, "Bad Gateway")
        self.api.fault("getUpdates", drop=True)
        plugin = self.listening()
        self.api.user_says(HOME, ANN, "/status")
        self.api.wait_for("the answer", lambda: self.api.messages)
        self.api.wait_for("the good news", lambda: "commands and buttons work again" in plugin.said())

    def test_in_a_process_or_a_thread_of_its_own_all_is_the_same(self):
        for isolation in ("process", "thread"):
            plugin = self.listening(isolation=isolation)
            asked = self.api.user_says(HOME, ANN, "/status")
            self.api.wait_for("the answer", lambda a=asked: any(m["reply_to"] == a for m in self.api.messages.values()))
            thread = self.incident(plugin)
            self.told(plugin, self.alert("serves again", state="resolved", incident="inc-1", thread=thread))
            plugin.close()
            self.api.calls.clear()

    def test_a_stranger_is_told_so_once(self):
        self.listening()
        for _ in range(5):
            self.api.user_says(HOME, BOB, "/status")
        self.api.user_says(HOME, ANN, "/help")
        self.api.wait_for("the help", lambda: any("/plan" in t for t in self.api.texts(HOME)))
        self.assertEqual(len(self.api.messages), 2)

    def test_a_plugin_that_polls_ends_at_once(self):
        plugin = self.plugin(commands=True, users=[ANN], poll_timeout=50000)
        self.api.wait_for("a poll", lambda: self.api.count("getUpdates"))
        began = time.monotonic()
        plugin.close()
        self.assertLess(time.monotonic() - began, 20)  # the poll would last 50 s


if __name__ == "__main__":
    unittest.main()
