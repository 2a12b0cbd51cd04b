// A switchover drill: the service itself goes there and comes back, by the commands that a person would give.
#include <fmt/format.h>

#include "core/runtime/drill.hpp"

namespace understudy::runtime {

void ServiceRunner::Driller::move_there() {
  failover::Command command;
  command.what = failover::Command::What::promote;
  command.target = run_->target;
  command.who = run_->by.who;
  command.reason = "drill" + (run_->by.reason.empty() ? "" : ": " + run_->by.reason);
  r_.command(std::move(command), of_this_run([this](const sdk::Result& result) {
               if (!result.ok()) return feed(drill::Started{false, r_.said(result.error)});
               run_->move = run_->there = result.value.value("move", std::uint64_t{0});
               journal_there();
               move_ended();
             }));
}

/// After a crash only this move is taken back. One that could not be written down is left, and told.
void ServiceRunner::Driller::journal_there() const {
  (void)r_.wiring_.journal.commit(
      {journal::DocumentPut{drilling_space, r_.service_.id.value, document(), run_->began}});
}

/// The last move is the drill's way there: nobody has moved the service since.
bool ServiceRunner::Driller::still_ours() const {
  const auto& last = r_.state_.last_move;
  return run_->there && last && last->id == *run_->there;
}

void ServiceRunner::Driller::stay_there() {
  look_timer_.expires_after(r_.service_.drill.stay);
  look_timer_.async_wait(of_this_run([this](const boost::system::error_code& error) {
    if (error || run_->state.stage != drill::Stage::verify) return;
    const auto& s = r_.state_;
    const auto seen = s.seen.find(run_->target);
    const bool rests = s.phase == failover::Phase::active || s.phase == failover::Phase::suspect;
    const bool well =
        s.active == run_->target && rests && seen != s.seen.end() && seen->second.verdict != Verdict::down;
    if (well) return feed(drill::Healthy{"it served there"});
    feed(drill::Unhealthy{"it did not stay well there"});
  }));
}

void ServiceRunner::Driller::move_back() {
  const auto& s = r_.state_;
  const auto& service = r_.service_.id.value;
  const bool soon = s.phase == failover::Phase::starting || s.phase == failover::Phase::suspect;
  if (soon || s.move) return feed(drill::Stopped{false, "the service is not at rest", false, true});
  if (s.active == run_->origin) return feed(drill::Stopped{true, service + " is at " + run_->origin.value});
  const auto stays = fmt::format("{} stays at {}", service, s.active.value);
  if (s.active != run_->target) return feed(drill::Stopped{false, stays + ": it failed over in the drill", true});
  if (!still_ours()) return feed(drill::Stopped{false, stays + ": it was moved since", true});
  if (s.phase != failover::Phase::active)
    return feed(drill::Stopped{false, fmt::format("{} ({})", stays, failover::to_string(s.phase)), true});
  failover::Command command;
  command.what =
      run_->origin == r_.service_.primary ? failover::Command::What::failback : failover::Command::What::promote;
  command.target = run_->origin;
  command.who = run_->by.who;
  command.reason = "the drill's way back";
  r_.command(std::move(command), of_this_run([this, stays](const sdk::Result& result) {
               // A journal that cannot be written now may be a moment later.
               const bool for_good = result.error.status != sdk::Status::transient;
               if (!result.ok()) return feed(drill::Stopped{false, stays + ": " + r_.said(result.error), for_good});
               run_->move = result.value.value("move", std::uint64_t{0});
               move_ended();
             }));
}

/// Of the start alone: the way there has also stopped the service elsewhere and brought its state.
std::optional<Millis> ServiceRunner::Driller::measured() const {
  const auto last = r_.wiring_.journal.activations(r_.service_.id, run_->target, 1);
  return last.empty() || !last.front().succeeded ? std::nullopt : std::optional(last.front().took);
}

/// Is the move that is waited for over?
void ServiceRunner::Driller::move_ended() {
  const auto& s = r_.state_;
  if (!run_->move || !s.last_move || s.last_move->id != *run_->move) return;
  run_->move.reset();
  const bool done = s.last_move->result == "done" && s.last_move->kind != failover::MoveKind::rollback;
  const auto text = fmt::format("epoch {} at {}", s.epoch.value, s.active.value);
  if (run_->state.stage == drill::Stage::start)
    return feed(drill::Started{done && s.active == run_->target, done ? text : "the move there failed: " + text,
                               done ? measured() : std::nullopt});
  if (run_->state.stage != drill::Stage::stop) return;
  if (done && s.active == run_->origin) return feed(drill::Stopped{true, text});
  // Home is not well. Trying again and again would interrupt the service each time: people decide, or the failback.
  feed(drill::Stopped{false, fmt::format("the way back failed; {} stays at {}", r_.service_.id.value, s.active.value),
                      true});
}

}  // namespace understudy::runtime
