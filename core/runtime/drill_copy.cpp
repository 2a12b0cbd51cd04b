// An isolated drill: a copy of the workload beside the service, on a state of its own.
#include "core/answers/target.hpp"
#include "core/runtime/check_once.hpp"
#include "core/runtime/drill.hpp"

namespace understudy::runtime {

void ServiceRunner::Driller::prepare() {
  std::error_code ec;
  std::filesystem::create_directories(run_->folder.parent_path(), ec);
  r_.keeper_->fetch(*run_->place->target, run_->folder, of_this_run([this](const state::StateKeeper::Answer& a) {
    run_->snapshot = a.snapshot.id;
    if (a.ok && a.snapshot.id.empty())
      return feed(drill::Prepared{false, "there is no snapshot in the store yet: `understudy snapshot push " +
                                             r_.service_.id.value + "` makes one"});
    feed(drill::Prepared{a.ok, a.ok ? "snapshot " + a.snapshot.id.value : a.detail});
  }));
}

/// Those of the target's own plugin look at what it runs as the service: they cannot see a copy.
std::vector<CheckSource> ServiceRunner::Driller::checks() const {
  const auto& p = *run_->place;
  const auto& uses = p.drill_health.empty() ? p.target->health : p.target->drill_health;
  const auto& instances = p.drill_health.empty() ? p.health : p.drill_health;
  std::vector<CheckSource> out;
  for (std::size_t i = 0; i < instances.size() && i < uses.size(); ++i) {
    if (!p.drill_health.empty() || uses[i].plugin != p.target->use.plugin)
      out.push_back({instances[i].get(), false, uses[i].plugin});
  }
  return out;
}

/// What already passes before the copy runs would prove nothing of it.
void ServiceRunner::Driller::start_copy() {
  hold_place();
  const auto& t = *run_->place->target;
  check_once(t.detect ? *t.detect : r_.service_.detect, checks(), r_.alive_,
             of_this_run([this](const detect::RoundResult& result) {
               run_->before = drill::before_the_copy(result);
               ask_start();
             }));
}

void ServiceRunner::Driller::ask_start() {
  if (run_->state.cancelled) return feed(drill::Started{false, run_->state.failure});
  feed(drill::Asked{});
  const auto& t = *run_->place->target;
  sdk::Json folders = sdk::Json::array();
  if (r_.keeper_) {
    for (const auto& f : r_.keeper_->folders(t, run_->folder))
      folders.push_back({{"from", f.kept.string()}, {"to", f.fetched.string()}});
  }
  run_->place->instance->call("drill.start/1",
                              {{"service", r_.service_.id.value},
                               {"target", t.id.value},
                               {"drill", run_->id},
                               {"snapshot", run_->snapshot.value},
                               {"folders", std::move(folders)}},
                              t.activate_timeout, of_this_run([this](const sdk::Result& result) {
                                answers::Copy copy;
                                if (result.ok()) copy = answers::copy(result.value);
                                run_->same_address = copy.same_address;
                                const auto status = result.error.status;
                                if (status == sdk::Status::invalid || status == sdk::Status::unsupported)
                                  run_->counts = false;
                                feed(drill::Started{result.ok(), result.ok() ? copy.detail : r_.said(result.error)});
                              }));
}

void ServiceRunner::Driller::look_again() {
  const auto& t = *run_->place->target;
  look_timer_.expires_after((t.detect ? *t.detect : r_.service_.detect).fast_interval);
  look_timer_.async_wait(of_this_run([this](const boost::system::error_code& error) {
    if (!error && run_->state.stage == drill::Stage::verify) look_at_copy();
  }));
}

void ServiceRunner::Driller::look_at_copy() {
  const auto& t = *run_->place->target;
  const bool checked = !checks().empty() && (run_->same_address || !run_->place->drill_health.empty());
  if (checked && run_->before.passed) {
    run_->counts = false;
    return feed(drill::Unhealthy{"the checks of " + t.id.value +
                                 " passed before its copy was started: they look at something else, so they prove "
                                 "nothing; give it [[service." +
                                 r_.service_.id.value + ".target." + t.id.value + ".drill_health]]"});
  }
  run_->place->instance->call("drill.observe/1", {{"service", r_.service_.id.value}, {"target", t.id.value}},
                              r_.service_.detect.timeout + Millis(10'000),
                              of_this_run([this](const sdk::Result& result) {
                                if (run_->state.stage == drill::Stage::verify) saw_copy(result);
                              }));
}

void ServiceRunner::Driller::saw_copy(const sdk::Result& result) {
  if (!result.ok()) return look_again();
  const auto copy = answers::copy(result.value);
  if (copy.state == "stopped") return feed(drill::Unhealthy{"the copy ended: " + copy.detail});
  if (copy.state != "active") return look_again();
  const bool checked = !checks().empty() && (run_->same_address || !run_->place->drill_health.empty());
  return checked ? check_copy() : feed(drill::Healthy{copy.detail});
}

void ServiceRunner::Driller::check_copy() {
  const auto& t = *run_->place->target;
  const auto& detect = t.detect ? *t.detect : r_.service_.detect;
  check_once(detect, checks(), r_.alive_, of_this_run([this, &detect](const detect::RoundResult& result) {
               if (run_->state.stage != drill::Stage::verify) return;
               const bool had_its_time = mono_now() - run_->state.since >= detect.start_grace;
               const bool well = drill::is_well(result, run_->before, detect.degraded_is_up, had_its_time);
               well ? feed(drill::Healthy{result.cause}) : look_again();
             }));
}

void ServiceRunner::Driller::stop_copy() {
  const auto& t = *run_->place->target;
  if (!std::exchange(run_->stop_told, true)) {
    hold_place();  // for the first try: a copy that cannot be stopped must not keep the service from the place
    // Stopping a copy is safe at any time: it goes on when this cannot be written.
    (void)r_.wiring_.journal.commit({journal::MachineRecord{
        r_.service_.id, wall_now(), failover::Intent{run_->id + "-end", "drill_end", t.id, Epoch{0}}}});
  }
  run_->place->instance->call("drill.end/1",
                              {{"service", r_.service_.id.value},
                               {"target", t.id.value},
                               {"drill", run_->id},
                               {"grace_ms", t.stop_grace.count()}},
                              t.deactivate_timeout, of_this_run([this](const sdk::Result& result) {
                                answers::Stopped told;
                                if (result.ok()) told = answers::stopped(result.value);
                                release_place();
                                feed(drill::Stopped{told.stopped, result.ok() ? told.detail : r_.said(result.error)});
                              }));
}

}  // namespace understudy::runtime
