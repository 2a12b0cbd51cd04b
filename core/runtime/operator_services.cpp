#include "core/runtime/operator_services.hpp"

#include <algorithm>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace understudy::runtime {
namespace {

using sdk::Json;
constexpr std::string_view method = "operator.request/1";
constexpr int history_lines = 10;

sdk::Result refusal(sdk::Status status, std::string message, std::string hint = {}) {
  return {{}, {status, std::move(message), std::move(hint), {}, {}}};
}

/// One question of a person.
class Request {
 public:
  Request(Control& control, const Json& params, std::function<void(sdk::Result)> done)
      : control_(control),
        action_(params.value("action", "")),
        service_(params.value("service", "")),
        target_(params.value("target", "")),
        incident_(params.value("incident", "")),
        by_{params.value("by", "a plugin"), "asked by a person through " + params.value("by", "a plugin")},
        done_(std::move(done)) {
    if (params.contains("expect_index")) index_ = params.at("expect_index").get<std::uint64_t>();
  }

  void run() {
    const auto known = names();
    if (service_.empty() && known.size() == 1) service_ = known.front();
    if (!service_.empty() && std::ranges::find(known, service_) == known.end())
      return done_(refusal(sdk::Status::invalid, "there is no service \"" + service_ + "\"", "there are: " + listed()));
    if (action_ == "status") return done_(with_state(status_text()));
    if (action_ == "history") return history();
    if (action_ == "pause")
      return control_.pause({ServiceId(service_), std::nullopt, by_}, then("Paused for an hour."));
    if (action_ == "resume") return control_.resume({ServiceId(service_), std::nullopt, by_}, then("Resumed."));
    if (action_ == "acknowledge")
      return control_.acknowledge({incident_, ServiceId(service_), by_}, then("Acknowledged."));
    if (service_.empty()) return done_(refusal(sdk::Status::invalid, "which service?", "there are: " + listed()));
    if (action_ == "plan") return plan();
    PromoteRequest move;
    move.service = ServiceId(service_);
    move.target = TargetId(target_);
    move.expect_index = index_;
    move.by = by_;
    if (action_ == "promote") return control_.promote(move, then("The promotion has begun."));
    if (action_ == "failback") return control_.failback(move, then("The way home has begun."));
    done_(refusal(sdk::Status::unsupported, "there is no action \"" + action_ + "\""));
  }

 private:
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    const Json status = control_.status();
    for (const auto& s : status.at("services")) out.push_back(s.at("service").get<std::string>());
    return out;
  }
  [[nodiscard]] std::string listed() const {
    std::string out;
    for (const auto& name : names()) out += (out.empty() ? "" : ", ") + name;
    return out;
  }
  [[nodiscard]] std::string status_text() const {
    std::string out;
    const Json status = control_.status();
    for (const auto& s : status.at("services")) {
      if (!service_.empty() && s.at("service") != service_) continue;
      out += fmt::format("{}: {}{}, {}, epoch {}\n", s.at("service").get<std::string>(),
                         s.value("running", false) ? "active on " : "not running; was on ", s.value("active", "?"),
                         s.value("phase", "?"), s.value("epoch", std::uint64_t{0}));
      if (s.at("blocked").is_object()) out += "  blocked: " + s.at("blocked").value("text", "") + "\n";
      if (s.at("pause").is_object()) out += "  paused by " + s.at("pause").value("who", "") + "\n";
      for (const auto& t : s.at("targets")) {
        const auto cause = t.value("cause", "");
        out += fmt::format("  {}: {}{}\n", t.value("target", ""), t.value("verdict", "unknown"),
                           cause.empty() ? "" : " (" + cause + ")");
      }
    }
    return out;
  }
  /// An answer with what a later request may say that it expects.
  [[nodiscard]] sdk::Result with_state(std::string text) const {
    Json out = {{"text", std::move(text)}, {"services", names()}};
    const Json status = control_.status();
    for (const auto& s : status.at("services")) {
      if (s.at("service") == service_) out["index"] = s.at("index");
    }
    return {std::move(out)};
  }
  std::function<void(sdk::Result)> then(std::string text) {
    return [me = *this, text = std::move(text)](const sdk::Result& result) {
      me.done_(result.ok() ? me.with_state(text) : result);
    };
  }
  void plan() {
    control_.plan(ServiceId(service_), [me = *this](const sdk::Result& result) {
      if (!result.ok()) return me.done_(result);
      auto out = me.with_state(result.value.value("text", ""));
      const Json ranked = result.value.value("ranked", Json::array());
      if (!ranked.empty()) out.value["target"] = ranked.at(0).at("target");
      me.done_(std::move(out));
    });
  }
  void history() {
    control_.history({ServiceId(service_), history_lines, 0}, [me = *this](const sdk::Result& result) {
      if (!result.ok()) return me.done_(result);
      std::string text;
      const Json events = result.value.value("events", Json::array());
      for (const auto& e : events) {
        const auto at = local_tm(WallTime(Millis(e.value("at_ms", std::int64_t{0}))));
        text = fmt::format("{:%m-%d %H:%M:%S} {} {}\n", at, e.value("service", ""), e.value("text", "")) + text;
      }
      me.done_(me.with_state(text.empty() ? "Nothing has happened yet." : text));
    });
  }

  Control& control_;
  std::string action_, service_, target_, incident_;
  Requester by_;
  std::optional<std::uint64_t> index_;
  std::function<void(sdk::Result)> done_;
};

}  // namespace

OperatorServices::Ticket OperatorServices::start(host::ServiceCall call) {
  if (call.method != method) return behind_->start(std::move(call));
  request(call);
  return 0;
}

std::vector<std::string> OperatorServices::methods() const {
  auto out = behind_->methods();
  out.emplace_back("operator.request/1");
  return out;
}

void OperatorServices::request(const host::ServiceCall& call) {
  if (control_ == nullptr) return call.done(refusal(sdk::Status::unsupported, "nothing is orchestrated yet"));
  if (std::ranges::find(call.caller->grants, "operator") == call.caller->grants.end()) {
    return call.done(refusal(sdk::Status::denied, "plugin " + call.caller->plugin + " was not granted \"operator\"",
                             "write grants = [\"operator\"] into its table, if you trust it with promotions"));
  }
  try {
    Request(*control_, call.params, call.done).run();
  } catch (const Json::exception& e) {
    call.done(refusal(sdk::Status::invalid, std::string("malformed request: ") + e.what()));
  }
}

}  // namespace understudy::runtime
