// ssh_vps: runs a service on a VPS (or any Linux host) that is reached by ssh.
//
// Every call sends one script (remote_script.hpp). A mutation is preceded by a look: a host that cannot be reached is
// told as that, without an effect, and only what breaks after it is `unknown`.
#include <algorithm>
#include <charconv>
#include <chrono>

#include <understudy/plugin.hpp>

#include "remote_script.hpp"
#include "ssh.hpp"

using namespace understudy::sdk;

namespace {

using ssh_vps::Effect;
using ssh_vps::shell_word;
using ssh_vps::Told;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t nap_ms = 200;  // of the script
constexpr Millis confirm{8'000};      // what a stop may take after the grace: KILL, and seeing it gone
constexpr Millis least_for_a_look{2'000};

bool plain_name(const std::string& text) {
  return !text.empty() && text.front() != '.' && text.front() != '-' && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}
bool variable_name(const std::string& text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

ssh_vps::Login login_of(const Json& s) {
  ssh_vps::Login out;
  out.program = s.value("ssh", "ssh");
  out.host = s.at("host").get<std::string>();
  out.user = s.value("user", "");
  out.port = s.value("port", 22);
  out.identity_file = s.value("identity_file", "");
  out.known_hosts = s.value("known_hosts", "");
  out.control_path = s.value("control_path", "");
  out.connect_timeout = Millis(s.value("connect_timeout", std::int64_t{10'000}));
  out.options = s.value("ssh_options", std::vector<std::string>());
  for (const auto& text : {out.host, out.user}) {
    if (!text.empty() && text.front() == '-')
      throw Failure(Status::invalid, "\"" + text + "\" would be taken for an option of ssh");
  }
  for (const auto& text : {out.known_hosts, out.control_path}) {
    if (text.find('"') != std::string::npos) throw Failure(Status::invalid, text + " holds a quotation mark");
  }
  return out;
}

class Vps final : public StandbyTarget {
 public:
  Vps(Host& host, const Envelope& e) : host_(host), login_(login_of(e.settings)) {
    const auto& s = e.settings;
    command_ = s.at("command").get<std::vector<std::string>>();
    if (command_.empty() || command_.front().empty())
      throw Failure(Status::invalid, "`command` is empty", "write it as [\"program\", \"argument\"]");
    env_ = s.value("env", std::map<std::string, std::string>());
    for (const auto& [name, value] : env_) {
      if (!variable_name(name)) throw Failure(Status::invalid, "\"" + name + "\" is no name of a variable");
    }
    secret_env_ = s.value("secret_env", std::map<std::string, Json>());
    for (const auto& [name, value] : secret_env_) {
      if (!variable_name(name) || env_.contains(name))
        throw Failure(Status::invalid, "\"" + name + "\" in secret_env is no name of a variable, or is in env too");
    }
    cwd_ = s.value("cwd", "");
    name_ = e.service + "-" + e.target;
    if (!plain_name(name_)) throw Failure(Status::invalid, "\"" + name_ + "\" cannot be a file's name on the VPS");
    dir_ = s.value("dir", ".understudy");
    settle_ms_ = s.value("started_after", std::int64_t{1'000});
    price_ = s.value("price", Json::object());
    (void)workload({}, env_);  // what cannot be quoted is refused now
  }

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    const auto end = Clock::now() + reply.budget();
    looker_.answer(std::move(reply), [this, end] { return seen(look(end)); });
  }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const auto end = Clock::now() + reply.budget();
    worker_.answer(std::move(reply), [this, request, end] { return start(request, end); });
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const auto end = Clock::now() + reply.budget();
    worker_.answer(std::move(reply), [this, request, end] { return stop(request, end); });
  }
  void logs(const LogsRequest& request, Reply<LogLines> reply) override {
    const auto end = Clock::now() + reply.budget();
    looker_.answer(std::move(reply), [this, lines = std::clamp(request.lines, 1, 10'000), end] {
      return LogLines{run("logs", "lines=" + std::to_string(lines) + "\n", left(end), Effect::none).lines};
    });
  }
  void quote(Reply<Quote> reply) override {
    Quote q;
    q.standby_usd_per_hour = price_.value("standby_per_hour", 0.0);
    q.active_usd_per_hour = price_.value("active_per_hour", 0.0);
    q.source = price_.empty() ? "a VPS costs the same whether the service runs or not" : "the target's settings";
    reply(q);
  }

 private:
  static Millis left(Clock::time_point end) { return std::chrono::duration_cast<Millis>(end - Clock::now()); }

  Told run(const char* verb, const std::string& variables, Millis budget, Effect effect) {
    const std::string script = std::string("verb=") + verb + "\ndir=" + shell_word(dir_) +
                               "\nname=" + shell_word(name_) + "\n" + variables + ssh_vps::remote_script;
    return ssh_vps::run_there(host_, login_, script, budget, effect);
  }
  Told look(Clock::time_point end) { return run("observe", "", left(end), Effect::none); }

  static Observation seen(const Told& told) {
    using State = Observation::State;
    Observation out;
    const auto state = told.get("state");
    out.state = state == "active"     ? State::active
                : state == "stopped"  ? State::stopped
                : state == "starting" ? State::starting
                : state == "stopping" ? State::stopping
                                      : State::unknown;
    const auto epoch = told.get("epoch");
    std::uint64_t number = 0;
    if (std::from_chars(epoch.data(), epoch.data() + epoch.size(), number).ec == std::errc()) out.epoch = number;
    out.detail = told.get("detail");
    return out;
  }

  /// The shell function that becomes the workload. Values are exported, not written into an argument list, where every
  /// account of the VPS could read them.
  std::string workload(const ActivateRequest& request, const std::map<std::string, std::string>& env) const {
    std::string out = "workload() {\n";
    if (!cwd_.empty()) out += "cd -- " + shell_word(cwd_) + " || exit 126\n";
    const auto variable = [&](const std::string& name, const std::string& value) {
      out += "export " + name + "=" + shell_word(value) + "\n";
    };
    for (const auto& [name, value] : env) variable(name, value);
    variable("UNDERSTUDY_SERVICE", request.service);
    variable("UNDERSTUDY_TARGET", request.target);
    variable("UNDERSTUDY_EPOCH", std::to_string(request.epoch));
    variable("UNDERSTUDY_OPERATION", request.operation);
    variable("UNDERSTUDY_SNAPSHOT", request.snapshot);
    out += "export UNDERSTUDY_RUN=\"$base\"\nexec setsid";  // a session, and so a process group, of its own
    for (const auto& word : command_) out += " " + shell_word(word);
    return out + "\n}\n";
  }

  /// The look before a mutation. Half of the time at most: the rest is for what matters.
  std::int64_t clock_of_the_vps(Clock::time_point end) {
    const auto told = run("observe", "", std::max(std::min(left(end), least_for_a_look), left(end) / 2), Effect::none);
    const auto now = told.get("now");
    std::int64_t out = 0;
    if (std::from_chars(now.data(), now.data() + now.size(), out).ec != std::errc())
      throw Failure(Status::transient, login_.host + " did not tell its time");
    return out;
  }
  /// An order that is delivered late, after we have given up on it, is not followed.
  std::string expiry(Clock::time_point end) {
    const auto now = clock_of_the_vps(end);
    if (left(end) <= Millis(0)) throw Failure(Status::transient, login_.host + " took too long to be reached");
    return "expires=" + std::to_string(now + std::max<std::int64_t>(1, left(end).count() / 1000)) + "\n";
  }

  std::map<std::string, std::string> environment(Clock::time_point end) {
    auto out = env_;
    for (const auto& [name, setting] : secret_env_) {
      const auto r = host_.blocking("secret.get/1", {{"key", setting.at("$secret")}}, left(end));
      out[name] = r.get().at("value").get<std::string>();
    }
    return out;
  }

  Observation start(const ActivateRequest& request, Clock::time_point end) {
    const auto env = environment(end);
    std::string variables = expiry(end);
    variables += "epoch=" + std::to_string(request.epoch) + "\noperation=" + shell_word(one_line(request.operation)) +
                 "\nsettle=" + std::to_string((settle_ms_ + nap_ms - 1) / nap_ms) + "\n" + workload(request, env);
    return seen(run("activate", variables, left(end), Effect::possible));
  }

  StopReport stop(const DeactivateRequest& request, Clock::time_point end) {
    std::string variables = expiry(end);
    const auto grace = std::max(Millis(0), std::min(request.grace, left(end) - confirm));
    variables += "epoch=" + std::to_string(request.epoch) +
                 "\ngrace=" + std::to_string((grace.count() + nap_ms - 1) / nap_ms) + "\n";
    const auto told = run("deactivate", variables, left(end), Effect::possible);
    return {told.get("stopped") == "yes", told.get("detail")};
  }

  static std::string one_line(std::string text) {
    std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return text;
  }

  Host& host_;
  ssh_vps::Login login_;
  std::vector<std::string> command_;
  std::map<std::string, std::string> env_;
  std::map<std::string, Json> secret_env_;
  std::string cwd_, dir_, name_;
  std::int64_t settle_ms_ = 0;
  Json price_;
  Worker looker_, worker_;  // last: their threads end before what they use; a look need not wait for a start
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "ssh_vps", "version": "0.1.0", "license": "Apache-2.0", "summary": "Runs a service on a VPS or any Linux host that is reached by ssh",
  "interfaces": {"target": {
    "provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1", "standby.logs/1"],
    "settings": {"type": "object", "required": ["host", "command"], "properties": {
      "host": {"type": "string", "minLength": 1, "description": "name or address of the VPS, or a Host of your ssh configuration"},
      "user": {"type": "string", "description": "the account there; what ssh takes when missing"},
      "port": {"type": "integer", "default": 22, "minimum": 1, "maximum": 65535, "description": "of its sshd"},
      "identity_file": {"type": "string", "format": "path", "description": "the private key to log in with, without a passphrase; otherwise the agent's and ssh's usual ones"},
      "known_hosts": {"type": "string", "format": "path", "description": "file with the VPS's host key; ssh's usual ones when missing. The key is always checked"},
      "control_path": {"type": "string", "description": "socket of a shared connection, e.g. \"/run/understudy/%C\": ssh opens it and keeps it for a minute; none when missing"},
      "connect_timeout": {"type": "integer", "format": "duration", "default": 10000, "description": "how long ssh may take to connect"},
      "ssh_options": {"type": "array", "items": {"type": "string"}, "default": [], "description": "more options of ssh, each \"Name=value\", e.g. \"ProxyJump=bastion\""},
      "ssh": {"type": "string", "default": "ssh", "minLength": 1, "description": "the ssh program"},
      "command": {"type": "array", "items": {"type": "string"}, "description": "the workload: program and arguments, without a shell"},
      "cwd": {"type": "string", "description": "folder on the VPS in which it starts; the account's home when missing"},
      "env": {"type": "object", "additionalProperties": {"type": "string"}, "default": {}, "description": "variables that it gets"},
      "secret_env": {"type": "object", "additionalProperties": {"type": "string", "x-secret": true}, "default": {}, "description": "more of them, that are secrets: { env = \"NAME\" }, { file = \"/path\" } or { credential = \"name\" }"},
      "dir": {"type": "string", "default": ".understudy", "minLength": 1, "description": "folder on the VPS for the record and the log; relative to the home"},
      "started_after": {"type": "integer", "format": "duration", "default": 1000, "minimum": 0, "description": "how long it must live to count as started"},
      "price": {"type": "object", "default": {}, "description": "what the VPS costs, in US dollars", "properties": {
        "standby_per_hour": {"type": "number", "format": "money", "description": "while it waits"},
        "active_per_hour": {"type": "number", "format": "money", "description": "while it runs the service"}}}}}}},
  "needs": ["process.run/1", "secret.get/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "target") return nullptr;
                    return std::make_unique<Vps>(host, e);
                  })
