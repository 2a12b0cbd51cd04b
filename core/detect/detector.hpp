// Rounds → verdict for one target: fall and rise, start-up grace, our own network, flap damping. Pure; small, since
// there may be ten thousand.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/detect/round.hpp"

namespace understudy::detect {

class Detector {
 public:
  enum class Pace { idle, normal, fast };

  struct Change {
    bool changed = false;  ///< of verdict or of `failing`
    bool flapping_began = false, flapping_ended = false;
    bool blind_began = false, blind_ended = false;  ///< no round has told anything for a long time
  };

  /// The result of a round. `network_ok` false: a failure whose evidence crossed a network counts as unknown.
  Change on_round(const config::Detect& config, const RoundResult& round, bool network_ok, Time now);
  /// The target has just been started: failures do not count for start_grace, and what was known is forgotten.
  void activated(const config::Detect& config, Time now);
  /// It is not checked any more, for now.
  void rests() {
    blind_ = false;
    heard_.reset();
  }
  /// Something happened that is worth a check at once; until the next pass the pace is fast.
  /// `gone`: what was watched has certainly ended; a check that confirms it weighs as all failures but the last, so
  /// that the verdict falls within one fast interval and a supervisor still has that long to start it again.
  void hinted(bool gone) {
    hinted_ = true;
    gone_ = gone_ || gone;
  }

  [[nodiscard]] Verdict verdict() const noexcept { return verdict_; }
  /// The last rounds failed, but not yet `fall` of them.
  [[nodiscard]] bool failing() const noexcept { return fails_ > 0 && verdict_ != Verdict::down; }
  [[nodiscard]] bool flapping() const noexcept { return flaps_ && flaps_->active; }
  [[nodiscard]] const std::string& cause() const noexcept { return cause_; }
  [[nodiscard]] Time since() const noexcept { return since_; }
  [[nodiscard]] Micros latency() const noexcept { return latency_; }
  /// How long until the next round, before jitter.
  [[nodiscard]] Millis interval(const config::Detect& config, bool verifying) const noexcept;

 private:
  struct Flaps {
    std::deque<Time> changes;
    bool active = false;
  };
  void set(Verdict verdict, const config::Detect& config, Time now, Change& change);
  void hear(const config::Detect& config, bool something, Time now, Change& change);
  void forget_old_flaps(const config::Detect& config, Time now, Change& change);

  Verdict verdict_ = Verdict::unknown;
  int fails_ = 0, passes_ = 0;
  bool hinted_ = false, gone_ = false, blind_ = false;
  std::optional<Time> heard_;  ///< when a round last told something, or the first was asked
  Time since_{}, grace_until_{};
  Micros latency_{0};
  std::string cause_;
  std::unique_ptr<Flaps> flaps_;
};

}  // namespace understudy::detect
