#include "core/conformance/replayer.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <boost/asio/post.hpp>

#include "core/conformance/session.hpp"

namespace understudy::conformance {
namespace {

using sdk::Json;

/// Without what changes from run to run: what is left of a budget.
Json comparable(Json params) {
  for (const char* key : {"timeout_ms", "connect_timeout_ms"}) params.erase(key);
  return params;
}

/// What a call is about, when its details differ.
std::string address(const std::string& method, const Json& params) {
  if (method == "http.request/1") {
    const auto url = params.value("url", "");
    return method + " " + params.value("method", "GET") + " " + url.substr(0, url.find('?'));
  }
  if (method == "process.run/1") {
    const auto argv = params.value("argv", Json::array());
    return method + " " + (argv.empty() ? "" : argv.at(0).dump()) + (argv.size() > 1 ? argv.at(1).dump() : "");
  }
  return method + " " + params.value("key", "") + params.value("host", "");
}

}  // namespace

struct Replayer::Impl {
  Impl(boost::asio::io_context& l, const Cassette& c) : loop(l), cassette(c), used(c.exchanges.size(), false) {}

  boost::asio::io_context& loop;
  const Cassette& cassette;
  std::vector<bool> used;
  std::int64_t now_ms = 0;
  Ticket next = 1;
  struct Event {
    Ticket ticket;
    std::function<void()> happen;
  };
  std::multimap<std::int64_t, Event> due;
  std::map<Ticket, std::function<void(sdk::Result)>> open;
  std::vector<std::string> surprises;
  std::map<std::string, std::int64_t> latest_told;

  [[nodiscard]] const HostExchange* take(const std::string& method, const Json& params) {
    const auto wanted = comparable(params);
    const auto about = address(method, params);
    for (const bool exact : {true, false}) {
      for (std::size_t i = 0; i < used.size(); ++i) {
        const auto& e = cassette.exchanges[i];
        if (used[i] || e.method != method) continue;
        if (exact ? comparable(e.params) != wanted : address(e.method, e.params) != about) continue;
        used[i] = true;
        return &e;
      }
    }
    return nullptr;
  }

  /// A secret is what it was, or else its placeholder: the plugin may look at its form.
  [[nodiscard]] sdk::Result secret(const std::string& key) const {
    for (const auto& e : cassette.exchanges) {
      if (e.method == "secret.get/1" && e.params.value("key", "") == key && e.after_ms >= 0)
        return answer_from_json(e.answer);
    }
    return {{{"value", placeholder(key)}}};
  }

  /// The times that were told then, in their order; past them, virtual time. It never goes back.
  [[nodiscard]] Json clock() {
    Json out = {{"wall_ms", cassette.recorded_at_ms + now_ms}, {"monotonic_us", now_ms * 1000}};
    if (const auto* told = take("clock.now/1", Json::object()); told != nullptr)
      out = told->answer.value("result", out);
    for (const char* which : {"wall_ms", "monotonic_us"}) {
      auto& latest = latest_told[which];
      latest = std::max(latest, out.value(which, latest));
      out[which] = latest;
    }
    return out;
  }

  void answer(Ticket ticket, sdk::Result result) {
    const auto it = open.find(ticket);
    if (it == open.end()) return;
    auto done = std::move(it->second);
    open.erase(it);
    done(std::move(result));
  }

  void answer_in(Ticket ticket, std::int64_t ms, const sdk::Result& result) {
    due.emplace(now_ms + ms, Event{ticket, [this, ticket, result] { answer(ticket, result); }});
  }
};

Replayer::Replayer(boost::asio::io_context& loop, const Cassette& cassette)
    : impl_(std::make_unique<Impl>(loop, cassette)) {}
Replayer::~Replayer() {
  while (!impl_->open.empty())
    impl_->answer(impl_->open.begin()->first, {{}, {sdk::Status::cancelled, "the replay is over", {}, {}, {}}});
}

std::vector<std::string> Replayer::methods() const {
  return {"http.request/1", "tcp.connect/1", "process.run/1",     "timer.after/1",
          "clock.now/1",    "secret.get/1",  "operator.request/1"};
}
const std::vector<std::string>& Replayer::surprises() const noexcept { return impl_->surprises; }

std::vector<std::string> Replayer::unused() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < impl_->used.size(); ++i) {
    const auto& e = impl_->cassette.exchanges[i];
    // Clocks, timers and secrets are the replay's own; a call that was never answered, or ended with the recording, may
    // well not be made again.
    static const std::set<std::string> own{"clock.now/1", "timer.after/1", "secret.get/1"};
    if (impl_->used[i] || own.contains(e.method) || e.after_ms < 0 || e.answer.value("status", "") == "cancelled")
      continue;
    out.push_back(address(e.method, e.params));
  }
  return out;
}

Replayer::Ticket Replayer::start(host::ServiceCall call) {
  auto& me = *impl_;
  const Ticket ticket = me.next++;
  const std::string method(call.method);
  me.open.emplace(ticket, std::move(call.done));
  if (method == "clock.now/1") {
    me.answer(ticket, {me.clock()});
    return 0;
  }
  if (method == "timer.after/1") {
    me.answer_in(ticket, std::min<std::int64_t>(call.params.value("ms", std::int64_t{0}), call.budget.count()),
                 {Json::object()});
    return ticket;
  }
  if (method == "secret.get/1") {
    me.answer_in(ticket, 0, me.secret(call.params.value("key", "")));
    return ticket;
  }
  const auto* recorded = me.take(method, call.params);
  if (recorded == nullptr) {
    me.surprises.push_back(address(method, call.params) + " is not in the cassette");
    me.answer_in(ticket, 0, {{}, {sdk::Status::transient, me.surprises.back(), {}, "replay", {}}});
    return ticket;
  }
  for (const auto& item : recorded->items) {
    if (!call.on_item) break;
    me.due.emplace(me.now_ms + item.after_ms,
                   Impl::Event{ticket, [on_item = call.on_item, body = item.item] { on_item(body); }});
  }
  if (recorded->file) std::ofstream(call.params.value("to_file", ""), std::ios::binary) << *recorded->file;
  if (recorded->after_ms >= 0) me.answer_in(ticket, recorded->after_ms, answer_from_json(recorded->answer));
  return ticket;
}

void Replayer::cancel(Ticket ticket) {
  std::erase_if(impl_->due, [&](const auto& entry) { return entry.second.ticket == ticket; });
  impl_->answer(ticket, {{}, {sdk::Status::cancelled, "cancelled", {}, "cancelled", {}}});
}

bool Replayer::advance() {
  auto& due = impl_->due;
  if (due.empty()) return false;
  auto first = due.extract(due.begin());
  impl_->now_ms = std::max(impl_->now_ms, first.key());
  first.mapped().happen();
  return true;
}

std::optional<std::int64_t> Replayer::next_at() const {
  return impl_->due.empty() ? std::nullopt : std::optional(impl_->due.begin()->first);
}

void Replayer::advance_to(std::int64_t at_ms) {
  while (!impl_->due.empty() && impl_->due.begin()->first <= at_ms) (void)advance();
  impl_->now_ms = std::max(impl_->now_ms, at_ms);
}

namespace {

/// Figures of the machine that ran it.
Json stable(Json answer) {
  if (answer.contains("result") && answer.at("result").is_object()) answer["result"].erase("latency_us");
  return answer;
}

/// A plugin may work on threads of its own: time passes only when nothing has come for a moment.
constexpr Millis settling{3};
/// With nothing due, it is the plugin's own work that is waited for: files to be read, on a busy machine.
constexpr Millis own_work{10'000};

/// What the plugin does by itself between two calls happens then, in its order.
void pass_time(Session& session, Replayer& replayer, std::int64_t until_ms) {
  const auto nothing = [] { return false; };
  (void)session.run(nothing, settling);
  for (auto next = replayer.next_at(); next && *next <= until_ms; next = replayer.next_at()) {
    (void)replayer.advance();
    (void)session.run(nothing, settling);
  }
  replayer.advance_to(until_ms);
}

}  // namespace

std::vector<std::string> replay(const std::filesystem::path& library, const std::filesystem::path& program,
                                host::Logger& log, const Cassette& cassette) {
  std::vector<std::string> out;
  Replayer* replayer = nullptr;
  Session session(library, program, log, [&](boost::asio::io_context& loop) {
    auto made = std::make_unique<Replayer>(loop, cassette);
    replayer = made.get();
    return made;
  });
  config::PluginUse use;
  use.isolation = "loop";  // virtual time is this process's
  use.settings = cassette.settings;
  auto made = session.make(use, cassette.interface_name, cassette.service, cassette.target);
  if (const auto* error = std::get_if<plugins::LoadError>(&made)) return {error->message};
  auto& instance = *std::get<std::unique_ptr<plugins::Instance>>(made);
  for (std::size_t i = 0; i < cassette.steps.size(); ++i) {
    const auto& step = cassette.steps[i];
    pass_time(session, *replayer, step.at_ms);
    const auto answer = std::make_shared<std::optional<sdk::Result>>();
    instance.call(step.method, step.params, Millis(step.budget_ms),
                  [answer](sdk::Result r) { *answer = std::move(r); });
    while (!answer->has_value()) {
      if (session.run([&] { return answer->has_value(); }, settling)) break;
      if (replayer->advance()) continue;
      if (!session.run([&] { return answer->has_value() || replayer->next_at(); }, own_work)) break;
    }
    const std::string name = "step " + std::to_string(i + 1) + " (" + step.method + ")";
    if (!answer->has_value()) {
      out.push_back(name + " was not answered");
      continue;
    }
    const auto now = stable(answer_json(**answer)), then = stable(step.answer);
    if (now != then) out.push_back(name + " was answered " + now.dump() + ", and when it was recorded " + then.dump());
  }
  for (const auto& s : replayer->surprises()) out.push_back(s);
  for (const auto& u : replayer->unused()) out.push_back(u + " was recorded and not asked for");
  std::get<std::unique_ptr<plugins::Instance>>(made).reset();
  return out;
}

}  // namespace understudy::conformance
