// What is true, and what looking at it tells.
#include "core/rehearse/play.hpp"

#include <algorithm>

namespace understudy::rehearse {
namespace {

constexpr Millis observe_budget{15'000};    // as core/runtime
constexpr Millis reference_timeout{3'000};  // as core/runtime

}  // namespace

void Play::fault(const Fault& f, int by) {
  ++turn_;
  switch (f.what) {
    case Fault::What::down:
      places_[f.target].down += by;
      if (!f.state_survives) places_[f.target].unreadable += by;
      break;
    case Fault::What::unreachable: places_[f.target].cut += by; break;
    case Fault::What::control_plane: places_[f.target].mute += by; break;
    case Fault::What::our_network: ours_ += by; break;
  }
  changed();
}

void Play::changed() {
  books_.serves(serving(), why_silent(), clock_.now());
  for (std::size_t i = 0; i < places_.size(); ++i) books_.runs(i, places_[i].runs, clock_.now());
  books_.at_work(std::ranges::count_if(places_, [](const Place& p) { return p.runs && p.down == 0; }), clock_.now());
  update_saving();
  for (auto& p : places_) p.probing->wake();
  observe_again();
  look_after_guards();
  consider_way_home_by_hand();
}

std::optional<std::size_t> Play::serving() const {
  if (const auto* active = place(state_.active); active != nullptr && serves(*active)) return index(*active);
  for (const auto& p : places_) {
    if (serves(p)) return index(p);
  }
  return std::nullopt;
}

Cause Play::why_silent() const {
  if (!stopping_) return Cause::outage;
  using failover::MoveKind;
  const bool planned =
      state_.move && (state_.move->kind == MoveKind::switchover || state_.move->kind == MoveKind::failback);
  return planned ? Cause::planned : Cause::needless;
}

Prospect Play::prospect(const Place& p) const {
  const auto& detect = p.target->detect ? *p.target->detect : service_.detect;
  if (p.target->health.empty()) {  // its provider's view is its health
    if (!answers(p)) return {Outcome::unknown, false, true, detect.timeout};
    if (p.starting != 0) return {Outcome::unknown, false, true, Micros(0)};
    if (serves(p)) return {Outcome::pass, false, true, Micros(0)};
    return {Outcome::fail, true, true, Micros(0)};
  }
  if (ours_ == 0 && p.cut == 0) return {serves(p) ? Outcome::pass : Outcome::fail, false, true, Micros(0)};
  // Every check runs into its timeout; of a chain one after the other.
  const auto checks = detect.combine == config::Combine::chain ? static_cast<int>(p.target->health.size()) : 1;
  const bool noticed = assumptions_.reference && ours_ > 0;
  return {Outcome::fail, false, !noticed, detect.timeout * checks + (noticed ? reference_timeout : Millis(0))};
}

Time Play::next_fault() const { return turn_ < turns_.size() ? turns_[turn_] : Time::max(); }

/// The state is being saved every so often. A target with no `paths` has an agent that saves by itself.
bool Play::saving() const {
  const auto* active = place(state_.active);
  if (!service_.state || active == nullptr || !serves(*active)) return false;
  if (active->target->paths.empty()) return true;
  const bool steady = state_.phase == failover::Phase::active || state_.phase == failover::Phase::suspect;
  return assumptions_.act && ours_ == 0 && steady && state_.running;
}

void Play::update_saving() {
  const bool now_saving = saving();
  if (now_saving == saving_since_.has_value()) return;
  if (now_saving) {
    saving_since_ = clock_.now();
    return;
  }
  newest_ = newest_snapshot();
  saving_since_.reset();
}

Play::Kept Play::newest_snapshot() const {
  if (!saving_since_) return newest_;
  const Micros every = service_.state->every;
  const auto usable = (clock_.now() - Micros(assumptions_.general.state_takes)).time_since_epoch().count();
  if (usable < 0) return newest_;
  const Time at(Micros(usable / every.count() * every.count()));
  if (at < *saving_since_ || at <= newest_.created) return newest_;
  return {SnapshotId("at-" + std::to_string(at.time_since_epoch().count())), at, at};
}

void Play::observe(Place& p) {
  if (p.observing) return;
  if (!answers(p)) {
    p.observing = true;
    clock_.after(observe_budget, [this, &p] {
      p.observing = false;
      saw(p, Look{failover::SiteState::unknown, false, true});
    });
    return;
  }
  using failover::SiteState;
  const SiteState state = p.starting != 0 ? SiteState::starting : serves(p) ? SiteState::active : SiteState::stopped;
  // Its `ready` checks need a few rounds to say the same; next to observe_every that is little.
  saw(p, Look{state, true, p.target->ready.empty() || p.down == 0});
}

void Play::saw(Place& p, const Look& look) {
  if (p.look != look) observe_again();
  p.look = look;
  failover::Observed seen;
  seen.target = p.target->id;
  seen.state = look.state;
  seen.reachable = look.reachable;
  seen.ready = look.ready;
  if (look.state == failover::SiteState::active) seen.epoch = p.epoch;
  deliver(std::move(seen));
}

/// One round of the grid. Two in a row without news: the next would tell the same, so they are left out until there is.
void Play::observe_all() {
  const bool nothing_new = news_ == news_seen_ && clock_.now() > Time();
  news_seen_ = news_;
  for (auto& p : places_) observe(p);
  looking_ = !nothing_new || news_ != news_seen_;
  if (looking_) clock_.after(service_.observe_every, [this] { observe_all(); });
}

void Play::observe_again() {
  ++news_;
  if (looking_) return;
  looking_ = true;
  const Micros every = service_.observe_every;
  const auto passed = clock_.now().time_since_epoch().count() / every.count();
  clock_.at(Time(every * (passed + 1)), [this] { observe_all(); });
}

}  // namespace understudy::rehearse
