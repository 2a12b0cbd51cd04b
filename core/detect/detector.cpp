#include "core/detect/detector.hpp"

#include <algorithm>
#include <utility>

namespace understudy::detect {
namespace {
constexpr Millis blind_after{120'000};
constexpr int damping = 4;  ///< while flapping, this many times `rise` passes are asked for
}  // namespace

void Detector::forget_old_flaps(const config::Detect& config, Time now, Change& change) {
  if (!flaps_) return;
  while (!flaps_->changes.empty() && now - flaps_->changes.front() > config.flap_window) flaps_->changes.pop_front();
  if (flaps_->active && flaps_->changes.empty()) {
    change.flapping_ended = true;
    flaps_.reset();
  }
}

/// Whoever relies on checks that tell nothing must know: a failure would not be noticed.
void Detector::hear(const config::Detect& config, bool something, Time now, Change& change) {
  if (something || !heard_) heard_ = now;
  if (something) {
    change.blind_ended = std::exchange(blind_, false);
  } else if (!blind_ && now - *heard_ >= std::max<Millis>(blind_after, config.interval * 3)) {
    change.blind_began = blind_ = true;
  }
}

void Detector::set(Verdict verdict, const config::Detect& config, Time now, Change& change) {
  if (verdict == verdict_) return;
  const bool real = verdict_ != Verdict::unknown;  // learning the first verdict is no flap
  verdict_ = verdict;
  since_ = now;
  change.changed = true;
  if (!real) return;
  if (!flaps_) flaps_ = std::make_unique<Flaps>();
  flaps_->changes.push_back(now);
  if (!flaps_->active && static_cast<int>(flaps_->changes.size()) > config.flap_max) {
    flaps_->active = true;
    change.flapping_began = true;
  }
}

Detector::Change Detector::on_round(const config::Detect& config, const RoundResult& round, bool network_ok, Time now) {
  Change change;
  forget_old_flaps(config, now, change);
  const bool was_failing = failing();
  latency_ = round.latency;
  Outcome outcome = round.outcome;
  cause_ = round.cause;
  if (outcome == Outcome::fail && !round.local && !network_ok) {
    outcome = Outcome::unknown;
    cause_ = "our own network does not work (" + round.cause + ")";
  }
  if (outcome == Outcome::degraded && !config.degraded_is_up && !round.weak) outcome = Outcome::fail;
  hear(config, outcome != Outcome::unknown, now, change);
  if (outcome == Outcome::unknown) return change;  // neither counts nor resets
  if (outcome == Outcome::fail) {
    if (now < grace_until_) return change;
    passes_ = 0;
    ++fails_;
    if (std::exchange(gone_, false)) fails_ = std::max(fails_, config.fall - 1);
    if (fails_ >= config.fall) set(Verdict::down, config, now, change);
  } else {
    fails_ = 0;
    hinted_ = gone_ = false;
    grace_until_ = now;  // it has started: from here on failures count
    ++passes_;
    const Verdict good = outcome == Outcome::degraded ? Verdict::degraded : Verdict::up;
    const int rise = flapping() ? config.rise * damping : config.rise;
    // From unknown the first pass is enough: nothing speaks against it. Back from down takes `rise`.
    if (verdict_ != Verdict::down || passes_ >= rise) set(good, config, now, change);
  }
  change.changed = change.changed || failing() != was_failing;
  return change;
}

void Detector::activated(const config::Detect& config, Time now) {
  verdict_ = Verdict::unknown;
  fails_ = passes_ = 0;
  hinted_ = gone_ = false;
  since_ = now;
  grace_until_ = now + config.start_grace;
  cause_.clear();
  heard_.reset();  // that nothing was heard before goes on, until something is
}

Millis Detector::interval(const config::Detect& config, bool verifying) const noexcept {
  return verifying || hinted_ || failing() || (verdict_ == Verdict::down) ? config.fast_interval : config.interval;
}

}  // namespace understudy::detect
