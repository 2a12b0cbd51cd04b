#include "machine.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;
using State = Observation::State;

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

constexpr std::array<std::string_view, 4> resting{"created", "stopped", "suspended", "failed"};
constexpr std::array<std::string_view, 5> going_up{"creating", "starting", "restarting", "updating", "replacing"};
constexpr std::array<std::string_view, 3> going_down{"stopping", "suspending", "destroying"};
constexpr std::array<std::string_view, 3> final_states{"destroyed", "replaced", "migrated"};
/// Enumerations that come back as "" although the contract does not allow that.
constexpr std::array<std::string_view, 5> words_never_empty{"policy", "persist", "persist_rootfs", "kind", "cpu_kind"};
/// Maps whose keys and values are the user's.
constexpr std::array<std::string_view, 3> free_maps{"env", "metadata", "labels"};

std::string text(const Json& in, const char* key) {
  const auto it = in.find(key);
  return it != in.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::optional<std::uint64_t> number(const std::string& digits) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

Json part(const Json& config, const char* key) {
  if (!config.is_object()) return Json::object();
  const auto it = config.find(key);
  return it != config.end() && it->is_object() ? *it : Json::object();
}

std::optional<Exit> exit_of(const Json& event) {
  const Json request = part(event, "request");
  const Json said =
      request.contains("exit_event") ? part(request, "exit_event") : part(part(request, "MonitorEvent"), "exit_event");
  if (said.empty() && text(event, "type") != "exit") return std::nullopt;
  Exit out;
  out.at_ms = event.value("timestamp", std::int64_t{0});
  out.code = said.value("exit_code", std::int64_t{0});
  out.requested = said.value("requested_stop", false);
  out.out_of_memory = said.value("oom_killed", false);
  if (const auto it = said.find("restarting"); it != said.end() && it->is_boolean()) out.restarting = it->get<bool>();
  return out;
}

void read_events(const Json& in, Machine& out) {
  const auto it = in.find("events");
  if (it == in.end() || !it->is_array()) return;
  for (const auto& event : *it) {
    if (!event.is_object()) continue;
    out.event_ms = std::max(out.event_ms, event.value("timestamp", std::int64_t{0}));
    const auto exit = exit_of(event);
    if (exit && (!out.exit || exit->at_ms > out.exit->at_ms)) out.exit = exit;
  }
}

bool autostarts(const Json& service) {
  const auto it = service.find("autostart");
  return it == service.end() || !it->is_boolean() || it->get<bool>();  // what is not said, Fly may decide
}

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

}  // namespace

Json cleaned(const Json& config) {
  if (config.is_array()) {
    Json out = Json::array();
    for (const auto& item : config) {
      if (!item.is_null()) out.push_back(cleaned(item));
    }
    return out;
  }
  if (!config.is_object()) return config;
  Json out = Json::object();
  for (const auto& [key, value] : config.items()) {
    if (value.is_null()) continue;
    if (value.is_string() && value.get_ref<const std::string&>().empty() && one_of(key, words_never_empty)) continue;
    out[key] = one_of(key, free_maps) ? value : cleaned(value);
  }
  return out;
}

bool is_helper(const Json& metadata) {
  if (!metadata.is_object()) return false;
  const auto group = text(metadata, meta_group);
  return group == "fly_app_release_command" || group == "fly_app_console" || group == "fly_app_test_machine_command";
}

Machine Machine::from_json(const Json& in) {
  Machine out;
  out.id = in.at("id").get<std::string>();
  out.state = in.at("state").get<std::string>();
  out.name = text(in, "name");
  out.region = text(in, "region");
  out.version = text(in, "instance_id");
  out.host = text(in, "host_status");
  if (const auto it = in.find("config"); it != in.end() && it->is_object()) out.config = cleaned(*it);
  out.known_config = out.config;
  if (const auto it = in.find("incomplete_config"); out.config.is_null() && it != in.end() && it->is_object())
    out.known_config = cleaned(*it);
  if (const auto it = in.find("checks"); it != in.end() && it->is_array()) out.checks = *it;
  if (const auto it = in.find("cordoned"); it != in.end() && it->is_boolean()) out.cordoned = it->get<bool>();
  read_events(in, out);
  return out;
}

Phase Machine::phase() const {
  if (one_of(state, final_states)) return Phase::gone;
  if (!host.empty() && host != "ok") return Phase::unclear;
  if (state == "started") return Phase::started;
  if (one_of(state, resting)) return Phase::resting;
  if (one_of(state, going_up)) return Phase::starting;
  if (one_of(state, going_down)) return Phase::stopping;
  return Phase::unclear;
}

bool Machine::lives() const {
  const auto now = phase();
  return now != Phase::resting && now != Phase::gone;
}

bool Machine::may_run() const { return lives() && !(phase() == Phase::unclear && one_of(state, resting)); }

std::string Machine::meta(const std::string& key) const { return text(part(known_config, "metadata"), key.c_str()); }
std::string Machine::variable(const std::string& key) const { return text(part(known_config, "env"), key.c_str()); }

std::optional<std::uint64_t> Machine::epoch() const {
  return std::max(number(meta(meta_epoch)), number(variable(env_epoch)));
}

bool Machine::passive() const {
  return variable(env_standby) == "1" &&
         number(meta(meta_epoch)).value_or(0) <= number(variable(env_epoch)).value_or(0);
}

bool Machine::proxy_wakes() const {
  if (cordoned || !known_config.is_object() || known_config.value("disable_machine_autostart", false)) return false;
  const Json services = known_config.value("services", Json::array());
  return services.is_array() &&
         std::ranges::any_of(services, [](const Json& s) { return s.is_object() && autostarts(s); });
}

std::vector<std::string> Machine::wakers() const {
  std::vector<std::string> out;
  if (proxy_wakes()) out.emplace_back("a request to its service starts it (autostart)");
  if (!known_config.is_object()) return out;
  if (const auto schedule = text(known_config, "schedule"); !schedule.empty())
    out.push_back("Fly starts it " + schedule + " (schedule)");
  if (!known_config.value("standbys", Json::array()).empty())
    out.emplace_back("Fly starts it when the host of another machine fails (standbys)");
  if (text(part(known_config, "restart"), "policy") == "always")
    out.emplace_back("it is started again whenever its process ends (restart policy always)");
  return out;
}

bool Machine::may_start_again() const {
  if (phase() != Phase::resting || !exit || exit->requested) return false;
  if (exit->restarting) return *exit->restarting;
  const auto policy = text(part(known_config, "restart"), "policy");
  if (policy == "no") return false;
  return policy == "always" || exit->code != 0 || exit->out_of_memory;
}

bool Machine::fell_asleep() const {
  return (state == "stopped" || state == "suspended") && exit && exit->code == 0 && !exit->requested &&
         !exit->out_of_memory;
}

std::string Machine::describe() const {
  std::string out = "machine " + id + " " + state + (region.empty() ? "" : " in " + region);
  if (const auto e = epoch()) out += " (epoch " + std::to_string(*e) + ")";
  if (!host.empty() && host != "ok") out += ", its host is " + host;
  if (phase() == Phase::resting && exit) {
    if (exit->out_of_memory) {
      out += ", it ran out of memory";
    } else if (exit->code != 0) {
      out += ", its process ended with exit code " + std::to_string(exit->code);
    } else if (fell_asleep()) {
      out += ", it ended by itself without an error";
    }
  }
  return out;
}

std::optional<std::uint64_t> newest_epoch(const Machines& machines) {
  std::optional<std::uint64_t> out;
  for (const auto& m : machines) out = std::max(out, m.epoch());
  return out;
}

std::string describe(const Machines& machines) {
  std::vector<std::string> words;
  for (const auto& m : machines) words.push_back(m.describe());
  return words.empty() ? "no machine" : join(words, "; ");
}

Machines living(const Machines& machines) {
  Machines out;
  for (const auto& m : machines) {
    if (m.lives()) out.push_back(m);
  }
  return out;
}

Observation observation_of(const Machines& machines, int count) {
  int started = 0, up = 0, down = 0, unclear = 0;
  Machines serving;
  std::vector<std::string> notes;
  for (const auto& m : machines) {
    const auto phase = m.phase();
    if (phase != Phase::unclear && m.passive()) {
      if (m.lives()) notes.push_back("machine " + m.id + " is being prewarmed and serves nothing");
      continue;
    }
    started += phase == Phase::started ? 1 : 0;
    up += phase == Phase::starting ? 1 : 0;
    down += phase == Phase::stopping ? 1 : 0;
    unclear += phase == Phase::unclear ? 1 : 0;
    if (m.lives()) serving.push_back(m);
    if (phase == Phase::resting) {
      for (const auto& waker : m.wakers()) notes.push_back("machine " + m.id + ": " + waker);
    }
  }
  Observation out;
  out.state = started >= count   ? State::active
              : started + up > 0 ? State::starting
              : unclear > 0      ? State::unknown
              : down > 0         ? State::stopping
                                 : State::stopped;
  out.epoch = newest_epoch(serving);
  out.detail = describe(machines);
  if (started > 0 && started < count)
    out.detail += "; " + std::to_string(started) + " of " + std::to_string(count) + " run";
  if (!notes.empty()) out.detail += "; " + join(notes, "; ");
  return out;
}

namespace {

using Outcome = CheckResult::Outcome;

/// The worst of a machine's checks with its reason; `any` tells whether there were some.
struct Judged {
  Outcome outcome = Outcome::pass;
  std::string cause;
  bool any = false;
};

void judge(const Machine& m, Judged& out) {
  for (const auto& check : m.checks) {
    if (!check.is_object()) continue;
    out.any = true;
    const auto status = text(check, "status");
    const auto now = status == "passing"    ? Outcome::pass
                     : status == "warning"  ? Outcome::degraded
                     : status == "critical" ? Outcome::fail
                                            : Outcome::degraded;  // not run yet
    if (static_cast<int>(now) <= static_cast<int>(out.outcome)) continue;
    out.outcome = now;
    auto said = text(check, "output").substr(0, 200);
    out.cause = "check " + text(check, "name") + " of machine " + m.id + " is " +
                (status.empty() ? "pending" : status) + (said.empty() ? "" : ": " + said);
  }
}

CheckResult not_running(const Machines& machines, const Observation& seen, const Settings& settings) {
  CheckResult out;
  out.cause = seen.detail;
  switch (seen.state) {
    case State::starting: out.outcome = Outcome::degraded; break;
    case State::unknown: out.verdict = false; break;
    default: out.outcome = Outcome::fail;
  }
  const bool asleep = seen.state == State::stopped && std::ranges::any_of(machines, &Machine::fell_asleep);
  if (asleep && settings.asleep_degraded) {
    out.outcome = Outcome::degraded;
    out.cause = "asleep after inactivity: " + seen.detail;
  }
  return out;
}

}  // namespace

CheckResult health_of(const Machines& machines, const Settings& settings) {
  const auto seen = observation_of(machines, settings.count);
  if (seen.state != State::active) return not_running(machines, seen, settings);
  Judged judged;
  for (const auto& m : machines) {
    if (m.phase() == Phase::started && !m.passive()) judge(m, judged);
  }
  CheckResult out;
  out.outcome = judged.any || !settings.weak ? judged.outcome : Outcome::degraded;
  out.cause = !judged.cause.empty() ? judged.cause
              : judged.any          ? "all checks pass: " + seen.detail
                                    : "runs, and has no checks: " + seen.detail;
  return out;
}

}  // namespace flyio_plugin
