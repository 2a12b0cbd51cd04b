#include "core/agent/report.hpp"

#include <nlohmann/json.hpp>

namespace understudy::agent {
namespace {

using Json = nlohmann::json;

constexpr const char* modes[] = {"standby", "activating", "active", "deactivating"};
constexpr const char* works[] = {"stopped",   "restoring",  "starting", "running",
                                 "unhealthy", "restarting", "stopping", "failed"};

constexpr const char* lease_states[] = {"off", "asking", "held", "refused", "lost"};
constexpr const char* watchdog_states[] = {"off", "up", "down"};

double seconds(WallTime from, WallTime to) { return static_cast<double>((to - from).count()) / 1000.0; }

Json told(const std::optional<LastActivation>& a) {
  if (!a) return nullptr;
  return {
      {"epoch", a->epoch.value}, {"operation", a->operation}, {"at_ms", ms(a->at)}, {"done", a->done}, {"ok", a->ok},
      {"detail", a->detail}};
}

Json told(const std::optional<SnapshotInfo>& s, WallTime now) {
  if (!s) return nullptr;
  return {{"id", s->id.value}, {"epoch", s->epoch.value}, {"created_ms", ms(s->created)},
          {"files", s->files}, {"bytes", s->bytes},       {"age_s", seconds(s->created, now)}};
}

Json told(const std::optional<LastPush>& p) {
  if (!p) return nullptr;
  return {{"ok", p->ok}, {"at_ms", ms(p->at)}, {"detail", p->detail}};
}

Json told(const LeaseFacts& l) {
  const auto text = [](const std::string& s) { return s.empty() ? Json() : Json(s); };
  return {{"state", lease_states[static_cast<int>(l.state)]},
          {"seconds_left", l.left ? Json(static_cast<double>(l.left->count()) / 1000.0) : Json()},
          {"held_over", l.held_over},
          {"last_refusal", text(l.refusal)},
          {"last_failure", text(l.failure)}};
}

}  // namespace

const char* status_of(const Facts& facts) {
  switch (facts.work) {
    case Work::running: return "healthy";
    case Work::unhealthy: return "unhealthy";
    case Work::failed: return "failed";
    case Work::restoring:
    case Work::starting:
    case Work::restarting: return "starting";
    case Work::stopping: return "stopping";
    case Work::stopped: break;
  }
  if (facts.mode == Mode::active) return "unhealthy";  // it ought to run, and may not
  return facts.mode == Mode::standby ? "standby" : facts.mode == Mode::deactivating ? "stopping" : "starting";
}

int http_status_of(const Facts& facts) {
  const bool asked_for = facts.mode == Mode::activating || facts.mode == Mode::active;
  const bool failed =
      facts.mode == Mode::standby && facts.activation && facts.activation->done && !facts.activation->ok;
  return failed || (asked_for && facts.work != Work::running) ? 503 : 200;
}

Json to_json(const Facts& f) {
  return {{"service", f.service},
          {"instance", f.instance},
          {"status", status_of(f)},
          {"mode", modes[static_cast<int>(f.mode)]},
          {"workload_status", works[static_cast<int>(f.work)]},
          {"workload",
           {{"status", works[static_cast<int>(f.work)]},
            {"pid", f.pid > 0 ? Json(f.pid) : Json()},
            {"since_ms", ms(f.changed)},
            {"restarts", f.restarts},
            {"detail", f.detail}}},
          {"epoch", f.epoch.value},
          {"uptime_s", seconds(f.started, f.now)},
          {"last_activation", told(f.activation)},
          {"snapshot", told(f.snapshot, f.now)},
          {"last_push", told(f.push)},
          {"unsaved", f.unsaved},
          {"unsaved_detail", f.unsaved_detail.empty() ? Json() : Json(f.unsaved_detail)},
          {"lease", told(f.lease)},
          {"watchdog", watchdog_states[static_cast<int>(f.watchdog)]}};
}

}  // namespace understudy::agent
