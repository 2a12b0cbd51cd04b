// Rules of the port: one answer for each call, whatever comes; nothing thrown, nothing leaked, nothing after destroy().
#include "core/conformance/case.hpp"
#include "core/conformance/raw_port.hpp"
#include "core/conformance/samples.hpp"

namespace understudy::conformance {
namespace {

constexpr Millis budget{1'000}, patience{4'000}, stragglers{150};
/// Long enough to be no accident of a busy machine; the rule itself is 1 ms.
constexpr Millis blocking{250};
constexpr const char* canary = "canary-7f3a-do-not-show";

std::unique_ptr<RawPort> made(Bench& bench, const std::shared_ptr<plugins::Library>& library, RawPort::Host host,
                              const sdk::Json& envelope) {
  auto port = std::make_unique<RawPort>(library->entry(), host, canary);
  const bool ok = port->create(envelope.dump());
  expect(!port->threw(), "create() threw an exception across the boundary");
  expect(ok, "create() refused the settings of " + bench.interface_name + ": " + port->refusal());
  return port;
}

void check_one_answer(RawPort& port, us_op op, const std::string& what) {
  expect(!port.threw(), what + ": an exception crossed the boundary");
  expect(port.wait(op, patience), what + " was not answered within " + std::to_string(patience.count()) +
                                      " ms, with a budget of " + std::to_string(budget.count()) + " ms");
  port.serve(stragglers);
  expect(port.answers(op) == 1, what + " was answered " + std::to_string(port.answers(op)) + " times");
}

void exactly_once(Bench& bench) {
  const auto library = bench.loaded();
  const auto port = made(bench, library, RawPort::Host::refuses, bench.envelope());
  for (const auto& [method, params] : harmless_calls(bench)) {
    const auto op = port->call(method, params.dump(), budget);
    check_one_answer(*port, op, method);
    const auto body = sdk::Json::parse(port->body(op), nullptr, false);
    expect(body.is_object(), method + ": the answer is not a JSON object: " + port->body(op).substr(0, 60));
    expect(port->status(op) == sdk::Status::ok || !body.value("message", "").empty(),
           method + ": the error has no message");
  }
}

void unknown_method(Bench& bench) {
  const auto library = bench.loaded();
  const auto port = made(bench, library, RawPort::Host::refuses, bench.envelope());
  for (const char* method : {"conformance.no_such_method/1", "health.check/999", ""}) {
    const auto op = port->call(method, "{}", budget);
    check_one_answer(*port, op, std::string("the unknown method \"") + method + "\"");
    expect(port->status(op) == sdk::Status::unsupported,
           std::string("the unknown method \"") + method + "\" was answered " +
               std::string(sdk::name_of(port->status(op))) + ", not unsupported");
  }
}

void malformed(Bench& bench) {
  const auto library = bench.loaded();
  const auto port = made(bench, library, RawPort::Host::refuses, bench.envelope());
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += "[";
  for (const auto& [method, params] : harmless_calls(bench)) {
    for (const std::string& bad : {std::string("%&/ no JSON"), std::string("[1, 2]"), std::string("{\"a\": "),
                                   std::string("\xff\xfe{}"), std::string(), deep}) {
      const auto op = port->call(method, bad, budget);
      check_one_answer(*port, op, method + " with malformed params");
      expect(port->status(op) == sdk::Status::invalid, method + " with params that are no JSON object was answered " +
                                                           std::string(sdk::name_of(port->status(op))) +
                                                           ", not invalid");
    }
  }
}

/// Every field of the wrong type: any status will do, but one answer and no exception.
void wrong_types(Bench& bench) {
  const auto library = bench.loaded();
  const auto port = made(bench, library, RawPort::Host::refuses, bench.envelope());
  for (const auto& sample : harmless_calls(bench)) {
    for (const auto& [key, value] : sample.params.items()) {
      for (const sdk::Json& wrong : {sdk::Json(nullptr), sdk::Json::array({1}), sdk::Json(-1), sdk::Json("x")}) {
        sdk::Json params = sample.params;
        params[key] = wrong;
        const auto op = port->call(sample.method, params.dump(), budget);
        check_one_answer(*port, op, sample.method + " with a wrong " + key);
      }
    }
  }
}

void cancelled(Bench& bench) {
  const auto library = bench.loaded();
  const auto port = made(bench, library, RawPort::Host::silent, bench.envelope());
  for (const auto& [method, params] : harmless_calls(bench)) {
    const auto op = port->call(method, params.dump(), budget);
    port->cancel(op);
    port->cancel(op + 1'000'000);  // nobody's
    port->serve(stragglers);
    expect(port->answers(op) <= 1, method + " was answered twice after it was cancelled");
    expect(!port->threw(), "cancel() threw across the boundary");
  }
}

/// The host's side misbehaves too: answers to nothing, topics of tomorrow.
void stray_messages(Bench& bench) {
  const auto library = bench.loaded();
  const auto port = made(bench, library, RawPort::Host::refuses, bench.envelope());
  port->complete(987'654'321, US_OK, "{}");
  port->complete(987'654'322, US_OK, "no JSON");
  port->complete(987'654'323, 77, "{}");
  port->notify("topic.of.tomorrow", R"({"a": 1})");
  port->notify("http.item", "no JSON");
  port->notify("http.item", R"({"op": 987654321, "line": "x"})");
  port->serve(stragglers);
  expect(!port->threw(), "a stray message of the host made it throw");
  const auto calls = harmless_calls(bench);
  if (calls.empty()) return;
  check_one_answer(*port, port->call(calls.front().method, calls.front().params.dump(), budget), calls.front().method);
}

void destroyed(Bench& bench) {
  const auto library = bench.loaded();
  for (int round = 0; round < 3; ++round) {
    const auto port = made(bench, library, RawPort::Host::silent, bench.envelope());
    for (const auto& [method, params] : harmless_calls(bench)) (void)port->call(method, params.dump(), Millis(60'000));
    if (round == 1) port->serve(Millis(30));
    const auto took = port->destroy();
    expect(!port->threw(), "destroy() threw across the boundary");
    expect(took < Millis(5'000), "destroy() took " + std::to_string(took.count()) + " ms with calls pending");
    port->serve(stragglers);
    expect(port->verbs_after_destroy() == 0, "it called the host after destroy() had returned");
  }
}

void instances(Bench& bench) {
  const auto library = bench.loaded();
  std::vector<std::unique_ptr<RawPort>> all;
  for (int i = 0; i < 8; ++i) {
    sdk::Json envelope = bench.envelope();
    envelope["instance"] = bench.run + "/" + std::to_string(i);
    all.push_back(made(bench, library, RawPort::Host::refuses, envelope));
  }
  all.erase(all.begin() + 2, all.begin() + 5);
  const auto calls = harmless_calls(bench);
  for (auto& port : all) {
    for (const auto& [method, params] : calls)
      check_one_answer(*port, port->call(method, params.dump(), budget), method + " of one instance of several");
  }
}

/// What keeps the loop does so each time; a busy machine stands still now and then. `ask` says what took too long. So
/// what is slow the first time only, in a process, is let pass.
std::string each_of_three_times(const std::function<std::string()>& ask) {
  std::string slow = ask();
  for (int again = 0; again < 2 && !slow.empty(); ++again) slow = ask();
  return slow;
}

template <class Fn>
Millis time_of(Fn fn) {
  const auto began = std::chrono::steady_clock::now();
  fn();
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - began);
}

void create_is_quiet(Bench& bench) {
  const auto library = bench.loaded();
  const auto slow = each_of_three_times([&]() -> std::string {
    std::unique_ptr<RawPort> port;
    const auto took = time_of([&] { port = made(bench, library, RawPort::Host::silent, bench.envelope()); });
    expect(port->calls_in_create() == 0,
           "create() asked the host for " + std::to_string(port->calls_in_create()) + " things: it must do no I/O");
    return took < blocking ? "" : "create() took " + std::to_string(took.count()) + " ms: it must do no I/O";
  });
  expect(slow.empty(), slow);
}

void bad_envelopes(Bench& bench) {
  const auto library = bench.loaded();
  const std::string nothing = sdk::Json{{"interface", bench.interface_name}}.dump();
  for (const std::string& bad :
       {std::string("no JSON"), std::string("[]"), std::string(R"({"interface": "no_such_interface"})"), nothing}) {
    RawPort port(library->entry(), RawPort::Host::refuses, canary);
    const bool ok = port.create(bad);
    expect(!port.threw(), "create() threw across the boundary for the settings " + bad);
    expect(!ok || bad == nothing, "create() accepted the settings " + bad);
  }
}

/// What a setting beside a secret may be, when it is required and the file does not say.
sdk::Json anything(const sdk::Json& schema) {
  if (schema.contains("default")) return schema.at("default");
  if (schema.contains("enum")) return schema.at("enum").at(0);
  auto type = schema.value("type", sdk::Json("string"));
  if (type.is_array()) type = type.at(0);
  const auto name = type.get<std::string>();
  if (name == "integer" || name == "number") return schema.value("minimum", sdk::Json(1));
  if (name == "boolean") return false;
  if (name == "array") return sdk::Json::array();
  if (name == "object") return sdk::Json::object();
  return schema.value("format", "") == "url" ? "http://127.0.0.1:1/" : "conformance";
}

using Path = std::vector<std::string>;
/// Stands for a name that the settings' author chooses: as a header's it is a good one.
constexpr const char* any_name = "X-Conformance";

std::string dotted(const Path& path) {
  std::string out;
  for (const auto& key : path) out += (out.empty() ? "" : ".") + key;
  return out;
}

/// Where `schema` has secrets, at any depth.
void find_secrets(const sdk::Json& schema, const Path& here, std::vector<Path>& out) {
  if (!schema.is_object()) return;
  if (schema.value("x-secret", false)) return out.push_back(here);
  const auto below = [&](const std::string& key, const sdk::Json& inner) {
    Path path = here;
    path.push_back(key);
    find_secrets(inner, path, out);
  };
  for (const auto all = schema.value("properties", sdk::Json::object()); const auto& [key, property] : all.items())
    below(key, property);
  if (schema.contains("additionalProperties")) below(any_name, schema.at("additionalProperties"));
}

/// Makes the setting at `path` a secret, and what is required beside it something.
void plant(sdk::Json& settings, const sdk::Json& schema, const Path& path) {
  sdk::Json* place = &settings;
  const sdk::Json* described = &schema;
  bool inner = false;
  for (const auto& key : path) {
    if (!place->is_object()) *place = sdk::Json::object();
    const auto properties = described->find("properties");
    for (const auto& beside : described->value("required", std::vector<std::string>())) {
      if (inner && properties != described->end() && properties->contains(beside) && !place->contains(beside))
        (*place)[beside] = anything(properties->at(beside));
    }
    const bool known = properties != described->end() && properties->contains(key);
    described = known ? &properties->at(key) : &described->at("additionalProperties");
    place = &(*place)[key];
    inner = true;
  }
  *place = {{"$secret", dotted(path)}};
}

/// All that a plugin says while it has a secret is looked at: also why it refuses the settings, since not each fits
/// with all others. Returns the refusal.
std::optional<std::string> keep_silent(Bench& bench, const std::shared_ptr<plugins::Library>& library,
                                       const sdk::Json& envelope, const std::string& setting) {
  RawPort port(library->entry(), RawPort::Host::refuses, canary);
  const bool ok = port.create(envelope.dump());
  expect(!port.threw(), "create() threw an exception across the boundary");
  if (ok) {
    for (const auto& [method, params] : harmless_calls(bench))
      (void)port.wait(port.call(method, params.dump(), budget), patience);
    (void)port.wait(port.call("conformance.no_such_method/1", "{}", budget), patience);
    port.serve(stragglers);
  }
  const auto heard = port.heard() + port.refusal();
  const auto at = heard.find(canary);
  if (at != std::string::npos)
    throw Broken("a secret is shown in a log, an answer or a program's arguments, that of " + setting + ": …" +
                 heard.substr(at > 60 ? at - 60 : 0, std::min<std::size_t>(at, 60)) + "[secret]…");
  return ok ? std::nullopt : std::optional(port.refusal());
}

/// With each secret in its turn something that can be found again.
void secrets(Bench& bench) {
  const auto library = bench.loaded();
  const auto schema = library->manifest().interfaces.at(bench.interface_name).value("settings", sdk::Json::object());
  std::vector<Path> all;
  find_secrets(schema, {}, all);
  if (all.empty()) throw Skipped("this interface has no secret setting");
  std::size_t refused = 0;
  std::string refusal;
  for (const auto& path : all) {
    sdk::Json envelope = bench.envelope();
    plant(envelope["settings"], schema, path);
    if (const auto why = keep_silent(bench, library, envelope, dotted(path))) {
      ++refused;
      refusal = *why;
    }
  }
  if (refused == all.size()) throw Skipped("create() refuses the settings with a secret added to them: " + refusal);
}

/// A verb that blocks stops every check of everybody.
void never_blocks(Bench& bench) {
  const auto library = bench.loaded();
  const auto slow = each_of_three_times([&]() -> std::string {
    const auto port = made(bench, library, RawPort::Host::silent, bench.envelope());
    for (const auto& [method, params] : harmless_calls(bench)) {
      const auto took = time_of([&] { (void)port->call(method, params.dump(), budget); });
      if (took >= blocking)
        return method + " blocked the loop for " + std::to_string(took.count()) +
               " ms: answer later, from a callback or a Worker";
    }
    return {};
  });
  expect(slow.empty(), slow);
}

/// The same over the real host services, in the isolation under test.
void answers_for_real(Bench& bench) {
  Subject subject(bench);
  for (const auto& [method, params] : harmless_calls(bench)) {
    const auto result = subject.call(method, params, Millis(10'000));
    expect(result.error.kind != "deadline" && result.error.kind != "never" && result.error.kind != "crashed",
           method + ": " + result.error.message);
  }
  const auto result = subject.call("conformance.no_such_method/1");
  expect(result.error.status == sdk::Status::unsupported,
         "an unknown method was answered " + std::string(sdk::name_of(result.error.status)));
}

}  // namespace

void add_protocol_cases(std::vector<Case>& out) {
  const auto raw = [&](const char* name, const char* rule, void (*run)(Bench&)) {
    out.push_back({std::string("protocol/") + name, rule, "*", true, run});
  };
  raw("create-quiet", "create() does no I/O", create_is_quiet);
  raw("create-refuses", "create() refuses what it cannot be, and throws nothing", bad_envelopes);
  raw("exactly-once", "each call has one answer, also when the host refuses everything", exactly_once);
  raw("never-blocks", "a verb returns at once", never_blocks);
  raw("unknown-method", "an unknown method is unsupported", unknown_method);
  raw("malformed", "params that are no JSON object are invalid", malformed);
  raw("wrong-types", "fields of a wrong type are survived", wrong_types);
  raw("cancel", "a cancelled call is answered at most once", cancelled);
  raw("stray", "messages that nobody asked for are survived", stray_messages);
  raw("destroy-pending", "destroy() ends with calls pending, and nothing comes after it", destroyed);
  raw("instances", "instances do not disturb one another", instances);
  raw("secrets", "no secret is shown", secrets);
  out.push_back({"protocol/for-real", "each call is answered over the real host", "*", false, answers_for_real});
}

}  // namespace understudy::conformance
