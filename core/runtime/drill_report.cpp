// What came of a drill: the journal, the alerts, the status.
#include <algorithm>

#include <fmt/format.h>

#include "core/runtime/drill.hpp"

namespace understudy::runtime {
namespace {

constexpr const char* known_space = "drill";
constexpr int activations_looked_at = 50;

std::string seconds(std::int64_t ms) { return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000); }

}  // namespace

Usd ServiceRunner::Driller::cost(WallTime until) const {
  if (!run_->state.started) return {};
  const auto price = r_.price_of(*run_->place);
  const auto ran = std::max<Millis>(until - run_->began, price.min_billing);
  return price.activation + price.active_per_hour * (static_cast<double>(ran.count()) / 3'600'000);
}

nlohmann::json ServiceRunner::Driller::report() const {
  const auto& run = *run_;
  const auto at = wall_now();
  nlohmann::json steps = nlohmann::json::array();
  for (const auto& line : run.state.lines)
    steps.push_back({{"step", drill::to_string(line.stage)},
                     {"took_ms", line.took.count()},
                     {"ok", line.ok},
                     {"detail", r_.wiring_.log.redact(line.detail)}});
  return {{"id", run.id},
          {"target", run.target.value},
          {"mode", run.mode == Mode::isolated ? "isolated" : "switchover"},
          {"who", run.by.who},
          {"started_ms", ms(run.began)},
          {"took_ms", (at - run.began).count()},
          {"verified", run.state.verified},
          {"cancelled", run.state.cancelled && !run.state.verified},
          {"failure", run.state.verified ? "" : r_.wiring_.log.redact(run.state.failure)},
          {"ready_in_ms", run.state.ready_in.count()},
          {"snapshot", run.snapshot.value},
          {"cost_usd", cost(at).value},
          {"steps", std::move(steps)}};
}

void ServiceRunner::Driller::finish() {
  std::error_code ec;
  std::filesystem::remove_all(run_->folder, ec);
  auto& run = *run_;
  const auto at = wall_now();
  const auto result = report();
  const bool verified = run.state.verified, cancelled = run.state.cancelled && !verified;
  const auto text = verified
                        ? fmt::format("the drill of {} is verified: ready in {}", run.target.value,
                                      seconds(run.state.ready_in.count()))
                        : fmt::format("the drill of {} {}: {}", run.target.value,
                                      cancelled ? "was cancelled" : "failed", result.at("failure").get<std::string>());
  const std::string kind = verified ? "drill.done" : cancelled ? "drill.cancelled" : "drill.failed";
  known_[run.target].last = result;
  const auto status = verified ? sdk::Status::ok : cancelled ? sdk::Status::cancelled : sdk::Status::transient;
  const auto record = [&](failover::Record r) { return journal::MachineRecord{r_.service_.id, at, std::move(r)}; };
  journal::Batch batch{
      record(failover::Outcome{run.id, std::string(sdk::name_of(status)), text}),
      record(failover::Outcome{run.id + "-end", "ok", "stopped"}),
      record(failover::Note{kind, kind == "drill.failed" ? Severity::warning : Severity::info, run.target, text}),
      journal::DocumentErase{drilling_space, r_.service_.id.value},
      journal::DocumentPut{known_space,
                           r_.service_.id.value + "/" + run.target.value,
                           {{"since_ms", ms(known_[run.target].since)}, {"last", result}},
                           at}};
  const bool isolated = run.mode == Mode::isolated;
  if (isolated && run.state.started && run.counts && !cancelled)
    batch.push_back(journal::DrillRow{r_.service_.id, run.target, run.began, run.state.ready_in, verified,
                                      result.at("failure").get<std::string>()});
  if (const auto usd = cost(at); isolated && usd.value > 0)
    batch.push_back(journal::SpendRow{r_.service_.id, run.target, run.began, at, usd});
  unwritten_ = std::move(batch);
  if (const auto problem = write_unwritten())
    r_.wiring_.log.write(host::Level::error, r_.service_.id.value, problem->message, {{"hint", problem->hint}});
  tell_outcome(result);
  release_place();
  const auto target = run.target;
  timer_.cancel();
  look_timer_.cancel();
  run_.reset();
  learn_proven();
  r_.observe(target);
}

void ServiceRunner::Driller::tell_outcome(const nlohmann::json& report) {
  const auto& run = *run_;
  Alert over;
  over.kind = "drill.left_running";
  over.target = run.target;
  if (r_.is_open(over)) {
    over.state = AlertState::resolved;
    over.title = run.mode == Mode::isolated ? "the copy at " + run.target.value + " is stopped"
                                            : "the drill at " + run.target.value + " is over";
    r_.tell(std::move(over));
  }
  Alert alert;
  alert.target = run.target;
  alert.state = AlertState::event;
  alert.facts["drill"] = run.id;
  alert.facts["took_ms"] = std::to_string(report.at("took_ms").get<std::int64_t>());
  if (run.state.verified) {
    alert.kind = "drill.done";
    alert.severity = Severity::info;
    alert.title = fmt::format("{} is proven: ready in {}", run.target.value, seconds(run.state.ready_in.count()));
    return r_.tell(std::move(alert));
  }
  const auto& service = r_.service_.id.value;
  const bool away = run.mode == Mode::switchover && r_.state_.active != run.origin;
  if (run.state.cancelled && !away) {
    r_.wiring_.log.write(host::Level::info, r_.service_.id.value, "the drill was cancelled: " + run.state.failure);
    return;
  }
  alert.kind = "drill.failed";
  alert.severity = Severity::warning;
  alert.title = fmt::format("the drill of {} failed", run.target.value);
  const auto why = report.at("failure").get<std::string>();
  alert.text = away ? fmt::format("{}\n{} is not where it was before: `understudy promote {} {}` brings it there.", why,
                                  service, service, run.origin.value)
                    : fmt::format("{}\n{} is as it was before. `understudy drill {} {}{}` tries again.", why, service,
                                  service, run.target.value, run.mode == Mode::switchover ? " --switchover" : "");
  r_.tell(std::move(alert));
}

void ServiceRunner::Driller::tell_stuck() {
  Alert alert;
  alert.kind = "drill.left_running";
  alert.severity = Severity::warning;
  alert.state = AlertState::firing;
  alert.target = run_->target;
  const bool copy = run_->mode == Mode::isolated;
  alert.title = copy ? fmt::format("the drill's copy at {} is not confirmed stopped", run_->target.value)
                     : fmt::format("{} is still at {} after its drill", r_.service_.id.value, run_->target.value);
  alert.text = copy ? "It is asked to stop again and again. It holds neither an epoch nor traffic."
                    : "It is the service itself, and its way back is tried again and again.";
  r_.tell(std::move(alert));
}

// ---- status ---------------------------------------------------------------------------------------------------------

void ServiceRunner::Driller::load_known() {
  const auto at = wall_now();
  journal::Batch fresh;
  for (const auto& t : r_.service_.targets) {
    const auto key = r_.service_.id.value + "/" + t.id.value;
    const auto document = r_.wiring_.journal.document(known_space, key);
    auto& known = known_[t.id];
    if (document && document->is_object()) {
      known.since = WallTime(Millis(document->value("since_ms", std::int64_t{0})));
      known.last = document->value("last", nlohmann::json());
      continue;
    }
    known.since = at;
    fresh.push_back(journal::DocumentPut{known_space, key, {{"since_ms", ms(at)}, {"last", nullptr}}, at});
  }
  if (!fresh.empty()) (void)r_.wiring_.journal.commit(fresh);
  learn_proven();
}

void ServiceRunner::Driller::learn_proven() {
  for (auto& [id, known] : known_) {
    known.proven.reset();
    for (const auto& a : r_.wiring_.journal.activations(r_.service_.id, id, activations_looked_at)) {
      if (!a.succeeded) continue;
      known.proven = a;
      break;
    }
  }
}

void ServiceRunner::Driller::note_served(const TargetId& target, WallTime until) {
  const auto it = known_.find(target);
  if (it == known_.end() || it->second.since >= until) return;
  it->second.since = until;
  (void)r_.wiring_.journal.commit({journal::DocumentPut{known_space,
                                                        r_.service_.id.value + "/" + target.value,
                                                        {{"since_ms", ms(until)}, {"last", it->second.last}},
                                                        wall_now()}});
}

nlohmann::json ServiceRunner::Driller::shown() const {
  if (!run_) return nullptr;
  auto out = report();
  out["stage"] = drill::to_string(run_->state.stage);
  return out;
}

nlohmann::json ServiceRunner::Driller::shown_of(const TargetId& id) const {
  const auto& p = *r_.places_.at(id);
  nlohmann::json out = {{"isolated", can(p)}, {"last", nullptr}, {"proven", nullptr}, {"overdue_ms", nullptr}};
  const auto it = known_.find(id);
  if (it == known_.end()) return out;
  const auto& known = it->second;
  if (known.last.is_object()) out["last"] = known.last;
  if (known.proven) out["proven"] = {{"at_ms", ms(known.proven->when)}, {"ready_in_ms", known.proven->took.count()}};
  const auto& warn = r_.service_.drill.warn_after;
  const auto silent = wall_now() - std::max(known.since, known.proven ? known.proven->when : WallTime{});
  if (warn && id != r_.state_.active && silent > *warn) out["overdue_ms"] = silent.count();
  return out;
}

}  // namespace understudy::runtime
