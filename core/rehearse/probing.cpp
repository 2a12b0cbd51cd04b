#include "core/rehearse/probing.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/detect/schedule.hpp"

namespace understudy::rehearse {
namespace {
constexpr double longest_us = 4e15;  ///< more than a century
}

void Probing::set_mode(Mode mode, bool starting) {
  const bool was_idle = mode_ == Mode::idle;
  const bool begins = mode == Mode::verifying || starting;
  if (mode == mode_ && !begins) return;
  if (mode == Mode::serving && !was_idle && !begins) {
    mode_ = mode;
    spread_ = true;  // from the round after the next one on
    return;
  }
  ++generation_;
  parked_.reset();
  next_is_lost_.reset();
  mode_ = mode;
  if (mode == Mode::idle) return;
  if (begins) detector_.activated(detect_, clock_.now());
  if (mode == Mode::verifying) return begin();
  begin_at(detect::on_tick(clock_.now() + detect::first_delay(dice_.bits(), detect_.fast_interval)));
}

void Probing::wake() {
  if (!parked_ || outside_.look() == *parked_) return;
  ++generation_;
  const Time next = next_of_parked();
  parked_.reset();
  begin_at(next);
}

void Probing::begin_at(Time when) {
  clock_.at(when, [this, generation = generation_] {
    if (generation == generation_) begin();
  });
}

void Probing::begin() {
  const Prospect found = outside_.look();
  const bool drawn = next_is_lost_ ? *std::exchange(next_is_lost_, std::nullopt) : dice_.chance(loss_);
  const bool lost = found.outcome == Outcome::pass && drawn;
  lost_ += lost ? 1 : 0;
  const detect::RoundResult result{lost ? Outcome::fail : found.outcome, lost ? "no answer" : "", found.local,
                                   found.takes};
  const Micros takes = lost ? Micros(detect_.timeout) : found.takes;
  if (takes.count() == 0) return finish(result, found.network_ok);
  clock_.after(takes, [this, result, ok = found.network_ok, generation = generation_] {
    if (generation == generation_) finish(result, ok);
  });
}

void Probing::finish(const detect::RoundResult& result, bool network_ok) {
  const auto change = detector_.on_round(detect_, result, network_ok, clock_.now());
  ++generation_;
  schedule();
  if (change.changed) outside_.changed(detector_);
}

void Probing::schedule() {
  const Prospect found = outside_.look();
  if (mode_ == Mode::serving && !spread_ && !next_is_lost_ && settled(found)) return park(found);
  const bool spread = mode_ == Mode::serving && std::exchange(spread_, false);
  const Millis wait = spread ? detect::first_delay(dice_.bits(), interval())
                             : detect::jittered(interval(), detect_.jitter, dice_.bits());
  begin_at(detect::on_tick(clock_.now() + wait));
}

bool Probing::settled(const Prospect& found) const {
  const auto verdict = detector_.verdict();
  if (found.outcome == Outcome::unknown) return true;
  if (found.outcome == Outcome::fail) return (!found.local && !found.network_ok) || verdict == Verdict::down;
  return verdict == Verdict::up && !detector_.failing();
}

void Probing::park(const Prospect& found) {
  parked_ = found;
  parked_at_ = clock_.now();
  if (found.outcome != Outcome::pass || loss_ <= 0) return;
  const double good = std::floor(std::log1p(-dice_.unit()) / std::log1p(-loss_));
  const double first = static_cast<double>(detect::jittered(interval(), detect_.jitter, dice_.bits()).count()) * 1000;
  const double wait = first + good * static_cast<double>(interval().count()) * 1000;
  if (wait > longest_us) return;
  clock_.after(Micros(std::llround(wait)), [this, generation = generation_] {
    if (generation == generation_) lost_one();
  });
}

void Probing::lost_one() {
  const bool again = dice_.chance(loss_);
  const auto seen_by = detect_.timeout + detect_.fast_interval * 2;
  const Prospect found = *parked_;
  if (!again && detect_.fall > 1 && outside_.next_fault() > clock_.now() + seen_by) {
    ++lost_;
    return park(found);
  }
  ++generation_;
  parked_.reset();
  next_is_lost_ = true;
  begin();
  next_is_lost_ = again;
}

Time Probing::next_of_parked() {
  const double mean = static_cast<double>(interval().count()) * 1000;
  if (detect_.jitter <= 0) {
    const auto step = std::max<std::int64_t>(1, std::llround(mean));
    const auto passed = (clock_.now() - parked_at_).count();
    return parked_at_ + Micros((passed / step + 1) * step);
  }
  // An interval that a moment falls into is a longer one: its density grows with its length.
  const double low = 1 - detect_.jitter, high = 1 + detect_.jitter;
  const double length = std::sqrt(low * low + dice_.unit() * (high * high - low * low));
  return detect::on_tick(clock_.now() + Micros(std::llround(mean * length * dice_.unit())));
}

}  // namespace understudy::rehearse
