#include "health_answer.hpp"

#include <algorithm>

#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;
using State = Observation::State;

constexpr std::size_t longest_instance = 64;

std::string workload_status(const Json& body) {
  if (const auto direct = text_of(body, "workload_status"); !direct.empty()) return direct;
  if (const auto direct = text_of(body, "workload"); !direct.empty()) return direct;
  return text_of(object_of(body, "workload"), "status");
}

std::optional<std::uint64_t> epoch_in(const Json& body) {
  for (const Json* where : {&body, &object_of(body, "last_activation"), &object_of(body, "workload")}) {
    if (const auto it = where->find("epoch");
        it != where->end() && it->is_number_unsigned() && *it != 0)  // 0: none yet
      return it->get<std::uint64_t>();
  }
  return std::nullopt;
}

/// "failed" stays unknown: nothing runs, and the supervisor still holds its activation to be in force.
State state_in(const std::string& mode, const std::string& status) {
  if (status == "running" || status == "healthy") return State::active;
  if (status == "unhealthy") return mode == "activating" ? State::starting : State::active;
  if (status == "starting" || status == "restoring" || status == "restarting" || mode == "activating")
    return State::starting;
  if (status == "stopping" || mode == "deactivating") return State::stopping;
  if (mode == "standby" && (status == "stopped" || status == "none" || status.empty())) return State::stopped;
  return State::unknown;
}

std::optional<SupervisorHealth::Failed> failure_in(const Json& body) {
  const Json& last = object_of(body, "last_activation");
  const auto ok = last.find("ok");
  if (!flag_of(last, "done") || ok == last.end() || !ok->is_boolean() || ok->get<bool>()) return std::nullopt;
  return SupervisorHealth::Failed{static_cast<std::uint64_t>(number_of(last, "epoch")), text_of(last, "operation"),
                                  text_of(last, "detail")};
}

/// Only of what has stopped: before that a last save may still come.
std::optional<bool> unsaved_in(const Json& body, State state) {
  if (state == State::active) return false;
  const auto it = body.find("unsaved");
  if (state != State::stopped || it == body.end() || !it->is_boolean()) return std::nullopt;
  return it->get<bool>();
}

}  // namespace

std::string instance_in(const Json& body) {
  const auto name = body.is_object() ? text_of(body, "instance") : std::string();
  const bool good = name.size() <= longest_instance && std::ranges::all_of(name, [](unsigned char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
                    });
  return good ? name : std::string();
}

SupervisorHealth read_health(int http, const Json& body) {
  SupervisorHealth out;
  out.http = http;
  if (!body.is_object()) {
    out.detail = "/health answers HTTP " + std::to_string(http) + " without JSON: it is no supervisor's";
    return out;
  }
  const std::string mode = text_of(body, "mode"), status = workload_status(body);
  out.state = state_in(mode, status);
  out.epoch = epoch_in(body);
  out.failed = failure_in(body);
  out.instance = instance_in(body);
  out.unsaved = unsaved_in(body, out.state);
  out.detail =
      "the supervisor says mode " + (mode.empty() ? "?" : mode) + ", workload " + (status.empty() ? "?" : status);
  if (const auto more = text_of(object_of(body, "workload"), "detail"); !more.empty()) out.detail += " (" + more + ")";
  if (const auto lost = text_of(body, "unsaved_detail"); !lost.empty() && out.unsaved == true)
    out.detail += "; " + lost;
  return out;
}

}  // namespace gcp
