"""A Bot API server that obeys the API's contract, keeps chats, messages and updates, and may be told to misbehave.

Each request is checked: by the contract, by the lengths and forms that the contract cannot say (HTML that Telegram would
parse, callback_data of 64 bytes, ids that exist), and each reply by the contract, too. Errors have the official server's
words."""
import collections
import html
import http.server
import json
import re
import threading
import time

from contract import Contract

TAGS = ("b", "i", "u", "s", "code", "pre", "a")


def units(text):
    return len(text.encode("utf-16-le")) // 2


def parsed_html(text):
    """The text that people see; ValueError as Telegram refuses it."""
    seen, open_tags, at = "", [], 0
    for match in re.finditer(r"<(/?)([a-z]*)[^<>]*>|&([a-z]+|#\d+);|[<>&]", text):
        seen += text[at:match.start()]
        at = match.end()
        if match.group(3):
            seen += html.unescape(match.group(0))
        elif match.group(0) == "&" or match.group(0) == ">":
            seen += match.group(0)
        elif match.group(2) not in TAGS:
            raise ValueError(f'Unsupported start tag "{match.group(2)}" at byte offset {match.start()}')
        elif match.group(1):
            if not open_tags or open_tags.pop() != match.group(2):
                raise ValueError(f"Unmatched end tag at byte offset {match.start()}")
        else:
            open_tags.append(match.group(2))
    if open_tags:
        raise ValueError(f"Can't find end tag corresponding to start tag \"{open_tags[-1]}\"")
    return seen + text[at:]


class Refused(Exception):
    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class TelegramApi:
    def __init__(self, token="123456:test-token-AAAA"):
        self.contract = Contract("telegram-bot-api.openapi3.json")
        self.token = token
        self.lock = threading.Condition()
        self.chats = {}            # id → {"type", "topics", "migrated_to", "gone"}
        self.messages = {}         # (chat, id) → what a person sees
        self.history = []          # every text that was ever on a screen: (chat, id, text, buttons)
        self.calls = []            # (method, params, time)
        self.problems = []
        self.answered = {}         # callback query → {"text", "show_alert"}
        self.asked = set()         # callback queries that must be answered
        self.faults = collections.deque()   # for the next calls: see fault()
        self.updates, self.next_update, self.next_message, self.next_query = [], 1, 1, 1
        self.webhook = False
        self.poller = 0            # the newest getUpdates; older ones are ended with 409
        self.closed = False
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.api = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        self.server.shutdown()
        self.server.server_close()

    # ---- what a test arranges ---------------------------------------------------------------------------------------

    def add_chat(self, chat, kind="private", topics=()):
        self.chats[chat] = {"type": kind, "topics": set(topics), "migrated_to": None, "gone": None}

    def migrate(self, old, new):
        self.add_chat(new, "supergroup")
        self.chats[old]["migrated_to"] = new

    def fault(self, method, code=None, description="", retry_after=None, silent_s=None, drop=False, after=False, text=None, times=1):
        """The next `times` calls of `method` fail: with an error, by silence, by a closed connection, or with `text`
        for a body. `after`: it has its effect all the same. Without any of these the call goes well."""
        for _ in range(times):
            self.faults.append({"method": method, "code": code, "description": description, "retry_after": retry_after, "silent_s": silent_s,
                                "drop": drop, "after": after, "text": text})

    def user_says(self, chat, user, text, age_s=0, topic=None, name="ann"):
        message = {"message_id": self.take_message_id(), "date": int(time.time() - age_s), "chat": self.chat_object(chat),
                   "from": {"id": user, "is_bot": False, "first_name": name, "username": name}, "text": text}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        if topic:
            message.update({"message_thread_id": topic, "is_topic_message": True})
        self.push_update({"message": message})
        return message["message_id"]

    def user_presses(self, chat, message_id, label, user, name="ann", data=None):
        """Presses the button with this label, or one with this data. Returns the query's id."""
        with self.lock:
            if data is None:
                data = next(b["callback_data"] for b in self.messages[(chat, message_id)]["buttons"] if b["text"].startswith(label))
            query = f"query{self.next_query}"
            self.next_query += 1
            self.asked.add(query)
        self.push_update({"callback_query": {"id": query, "from": {"id": user, "is_bot": False, "first_name": name, "username": name},
                                             "chat_instance": "1", "data": data, "message": self.message_object(chat, message_id)}})
        return query

    def push_update(self, body):
        with self.lock:
            self.updates.append({"update_id": self.next_update, **body})
            self.next_update += 1
            self.lock.notify_all()

    # ---- what a test looks at ---------------------------------------------------------------------------------------

    def texts(self, chat):
        return [m["text"] for (where, _), m in sorted(self.messages.items()) if where == chat]

    def find(self, chat, words):
        """The id of the newest message with these words."""
        return max((i for (where, i), m in self.messages.items() if where == chat and words in m["text"]), default=None)

    def labels(self, chat, message_id):
        return [b["text"] for b in self.messages[(chat, message_id)]["buttons"]]

    def count(self, method):
        return sum(1 for name, _, _ in self.calls if name == method)

    def wait_for(self, what, condition, patience=60):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with self.lock:
                found = condition()
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError(f"waited {patience} s in vain for: {what}; there is {self.messages}; called {[c[0] for c in self.calls]}")

    # ---- the server -------------------------------------------------------------------------------------------------

    def answer(self, method, path, headers, body):
        """Returns (status, value), or None to close the connection without a word."""
        match = re.fullmatch(r"/bot([^/]*)/(\w+)", path)
        if not match:
            return self.error(404, "Not Found")
        token, name = match.groups()
        if token != self.token:
            return self.error(401, "Unauthorized")
        self.problems += self.contract.request_problems(method, path, headers, body)
        params = json.loads(body) if body else {}
        with self.lock:
            self.calls.append((name, params, time.monotonic()))
            fault = next((f for f in self.faults if f["method"] == name), None)
            if fault:
                self.faults.remove(fault)
        if fault and not any(fault[k] for k in ("code", "silent_s", "drop", "text")):
            fault = None  # a place in the queue for a call that goes well
        if fault and not fault["after"]:
            return self.misbehave(fault)
        try:
            reply = 200, {"ok": True, "result": getattr(self, name)(params)}
        except Refused as refused:
            reply = self.error(refused.code, refused.description, **refused.parameters)
        if fault:
            return self.misbehave(fault)
        self.problems += self.contract.reply_problems(method, path, reply[0], reply[1])
        return reply

    def misbehave(self, fault):
        if fault["silent_s"]:
            with self.lock:
                self.lock.wait_for(lambda: self.closed, fault["silent_s"])
            return None
        if fault["drop"]:
            return None
        if fault["text"] is not None:
            return fault["code"] or 200, fault["text"]
        return self.error(fault["code"], fault["description"], **({"retry_after": fault["retry_after"]} if fault["retry_after"] else {}))

    @staticmethod
    def error(code, description, **parameters):
        value = {"ok": False, "error_code": code, "description": description}
        if parameters:
            value["parameters"] = parameters
        return code, value

    def take_message_id(self):
        with self.lock:
            self.next_message += 1
            return self.next_message - 1

    def chat_object(self, chat):
        return {"id": chat, "type": self.chats[chat]["type"], **({"is_forum": True} if self.chats[chat]["topics"] else {})}

    def message_object(self, chat, message_id):
        shown = self.messages[(chat, message_id)]
        out = {"message_id": message_id, "date": shown["date"], "chat": self.chat_object(chat), "text": shown["text"]}
        if shown["topic"]:
            out.update({"message_thread_id": shown["topic"], "is_topic_message": True})
        return out

    def open_chat(self, params):
        chat = params.get("chat_id")
        if chat not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        known = self.chats[chat]
        if known["migrated_to"]:
            raise Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=known["migrated_to"])
        if known["gone"]:
            raise Refused(403, known["gone"])
        return chat

    def read_text(self, params):
        text = params["text"]
        if params.get("parse_mode") == "HTML":
            try:
                text = parsed_html(text)
            except ValueError as problem:
                self.problems.append(f"HTML that cannot be parsed: {problem}: {text[:200]}")
                raise Refused(400, f"Bad Request: can't parse entities: {problem}") from problem
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if units(text) > 4096 or units(params["text"]) > 4096:
            self.problems.append(f"a text of {units(params['text'])} characters")
            raise Refused(400, "Bad Request: message is too long")
        return text

    def read_buttons(self, params):
        buttons = [b for row in params.get("reply_markup", {}).get("inline_keyboard", []) for b in row]
        for button in buttons:
            if not 1 <= len(button.get("callback_data", "").encode()) <= 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        return buttons

    def show(self, chat, message_id, text, buttons, **more):
        with self.lock:
            old = self.messages.get((chat, message_id), {"date": int(time.time()), "topic": None, "reply_to": None, "silent": False})
            self.messages[(chat, message_id)] = {**old, "text": text, "buttons": buttons, **more}
            self.history.append((chat, message_id, text, [b["text"] for b in buttons]))

    def getMe(self, _):
        return {"id": 99, "is_bot": True, "first_name": "Understudy", "username": "understudy_bot"}

    def setMyCommands(self, params):
        for command in params["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) or not 1 <= len(command["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        return True

    def sendMessage(self, params):
        chat = self.open_chat(params)
        topic = params.get("message_thread_id")
        if topic is not None and topic not in self.chats[chat]["topics"]:
            raise Refused(400, "Bad Request: message thread not found")
        reply_to = params.get("reply_parameters", {}).get("message_id")
        if reply_to is not None and (chat, reply_to) not in self.messages and not params["reply_parameters"].get("allow_sending_without_reply"):
            raise Refused(400, "Bad Request: message to be replied not found")
        text, buttons, message_id = self.read_text(params), self.read_buttons(params), self.take_message_id()
        self.show(chat, message_id, text, buttons, topic=topic, reply_to=reply_to, silent=params.get("disable_notification", False))
        return self.message_object(chat, message_id)

    def edited(self, params, text, buttons):
        chat = self.open_chat(params)
        shown = self.messages.get((chat, params.get("message_id")))
        if shown is None:
            raise Refused(400, "Bad Request: message to edit not found")
        text = shown["text"] if text is None else text
        if (shown["text"], shown["buttons"]) == (text, buttons):
            raise Refused(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
                               "current content and reply markup of the message")
        self.show(chat, params["message_id"], text, buttons)
        return self.message_object(chat, params["message_id"])

    def editMessageText(self, params):
        self.open_chat(params)
        return self.edited(params, self.read_text(params), self.read_buttons(params))

    def editMessageReplyMarkup(self, params):
        return self.edited(params, None, self.read_buttons(params))

    def answerCallbackQuery(self, params):
        query = params["callback_query_id"]
        with self.lock:
            if query not in self.asked or query in self.answered:
                raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
            if len(params.get("text", "")) > 200:
                raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
            self.answered[query] = params
        return True

    def getUpdates(self, params):
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
        with self.lock:
            self.poller += 1
            mine = self.poller
            self.lock.notify_all()
            if params.get("offset"):
                self.updates = [u for u in self.updates if u["update_id"] >= params["offset"]]
            self.lock.wait_for(lambda: self.updates or self.closed or self.poller != mine, min(params.get("timeout", 0), 50))
            if self.poller != mine:
                raise Refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
            return self.updates[:params.get("limit", 100)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.api.answer(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        if reply is None:
            self.close_connection = True
            return
        status, value = reply
        data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = respond

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # a client that went away
