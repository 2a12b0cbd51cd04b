#include "report.hpp"

#include <algorithm>

namespace agent_plugin {
namespace {

using namespace understudy::sdk;
using State = Observation::State;

constexpr std::size_t longest_instance = 64;

const Json& object_of(const Json& body, const char* key) {
  static const Json none = Json::object();
  if (!body.is_object()) return none;
  const auto it = body.find(key);
  return it != body.end() && it->is_object() ? *it : none;
}

std::string text_of(const Json& body, const char* key) {
  const auto it = body.find(key);
  return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::uint64_t number_of(const Json& body, const char* key) {
  const auto it = body.find(key);
  return it != body.end() && it->is_number_unsigned() ? it->get<std::uint64_t>() : 0;
}

std::optional<std::chrono::steady_clock::time_point> began_in(const Json& body) {
  const auto it = body.find("uptime_s");
  if (it == body.end() || !it->is_number() || !(it->get<double>() > 0))
    return std::nullopt;           // a clock set back: it does not know
  constexpr double longest = 1e9;  // s
  const std::chrono::duration<double> up(std::min(it->get<double>(), longest));
  using Clock = std::chrono::steady_clock;
  return Clock::now() - std::chrono::duration_cast<Clock::duration>(up);
}

bool flag_of(const Json& body, const char* key) {
  const auto it = body.find(key);
  return it != body.end() && it->is_boolean() && it->get<bool>();
}

std::optional<Report::Failed> failure_in(const Json& last) {
  if (!flag_of(last, "done") || flag_of(last, "ok")) return std::nullopt;
  return Report::Failed{number_of(last, "epoch"), text_of(last, "operation"), text_of(last, "detail")};
}

}  // namespace

State Report::state() const {
  if (mode == "standby") return workload == "stopped" ? State::stopped : State::unknown;
  if (mode == "activating") return State::starting;
  if (mode == "deactivating") return State::stopping;
  if (mode != "active") return State::unknown;
  if (workload == "running" || workload == "unhealthy") return State::active;
  if (workload == "starting" || workload == "restarting" || workload == "restoring") return State::starting;
  if (workload == "stopping") return State::stopping;
  return State::unknown;
}

std::optional<bool> Report::left_unsaved() const {
  const auto now = state();
  if (now == State::active) return false;
  return now == State::stopped ? std::optional(unsaved) : std::nullopt;
}

std::string Report::told() const {
  std::string out = "the agent says mode " + mode + ", workload " + workload;
  if (!detail.empty()) out += " (" + detail + ")";
  if (!lease_failure.empty() && mode != "standby") out += "; its lease is not renewed: " + lease_failure;
  if (failed && mode == "standby" && failed->why != detail)
    out += "; epoch " + std::to_string(failed->epoch) + " was not started: " + failed->why;
  if (unsaved && mode == "standby")
    out += "; " + (unsaved_detail.empty() ? "what the workload left is not saved" : unsaved_detail);
  return out;
}

std::optional<Report> read_report(const Json& body) {
  if (!body.is_object()) return std::nullopt;
  Report out;
  const Json& workload = object_of(body, "workload");
  out.service = text_of(body, "service");
  out.status = text_of(body, "status");
  out.mode = text_of(body, "mode");
  out.workload = text_of(body, "workload_status");
  out.detail = text_of(workload, "detail");
  out.instance = instance_in(body);
  out.began = began_in(body);
  out.unsaved = flag_of(body, "unsaved");
  out.unsaved_detail = text_of(body, "unsaved_detail");
  out.lease_failure = text_of(object_of(body, "lease"), "last_failure");
  if (const auto epoch = number_of(body, "epoch"); epoch > 0) out.epoch = epoch;
  out.failed = failure_in(object_of(body, "last_activation"));
  if (out.mode.empty() || out.workload.empty()) return std::nullopt;
  return out;
}

std::string instance_in(const Json& body) {
  const auto name = body.is_object() ? text_of(body, "instance") : std::string();
  const bool good = name.size() <= longest_instance && std::ranges::all_of(name, [](unsigned char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
                    });
  return good ? name : std::string();
}

Refusal read_refusal(const Json& body) {
  const Json& error = object_of(body, "error");
  return {text_of(error, "code"), text_of(error, "message"), text_of(error, "hint")};
}

}  // namespace agent_plugin
