// One target's health checks on virtual time, with the real detector. Internal to this room.
//
// A year has millions of rounds that change nothing, so it skips them. A round changes nothing when it finds what the
// detector already believes: a pass while it is up and nothing fails, a failure while it is down, an answer that counts
// neither way. Until the world changes every round finds the same, unless one is lost. So:
//   - how many rounds pass until the next lost one is drawn at once (geometric). Exact. The time of that round takes
//   each
//     interval at its mean; its jitter would move it by less than what separates it from the next.
//   - a lost round with a good one after it leads to SUSPECT and back. With `fall` above 1 and no change of the world
//     near, it leaves no trace in detector or machine (a way home that falls due within these seconds would wait for
//     the next observation), so it is counted and left out.
//   - when the world changes, the next round is due after what is left of an interval that was under way: drawn from
//   the
//     stationary distribution of a jittered interval, which is exact for faults that do not know our phase; without
//     jitter computed from the last round. Exact.
// All other rounds are run one by one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/detect/detector.hpp"
#include "core/sim/dice.hpp"
#include "core/sim/timeline.hpp"

namespace understudy::rehearse {

using Job = std::function<void()>;
using Clock = sim::Timeline<Job>;

/// What a round that begins now finds, unless it is lost.
struct Prospect {
  Outcome outcome = Outcome::pass;
  bool local = false;      ///< the evidence does not cross a network
  bool network_ok = true;  ///< our own network works, or nobody would notice
  Micros takes{0};
  bool operator==(const Prospect&) const = default;
};

class Probing {
 public:
  enum class Mode { idle, serving, verifying };
  struct Outside {
    std::function<Prospect()> look;
    std::function<Time()> next_fault;  ///< when the world changes next
    std::function<void(const detect::Detector&)> changed;
  };

  /// `clock` and `detect` outlive it. `loss`: chance that a round fails though all is well, 0..0.5.
  Probing(Clock& clock, const config::Detect& detect, double loss, sim::Dice dice, Outside outside)
      : clock_(clock), detect_(detect), loss_(loss), dice_(dice), outside_(std::move(outside)) {}

  /// `starting`: what serves may be starting again, and has its grace.
  void set_mode(Mode mode, bool starting = false);
  /// The world has changed.
  void wake();
  [[nodiscard]] std::int64_t lost() const noexcept { return lost_; }

 private:
  void begin();
  void finish(const detect::RoundResult& result, bool network_ok);
  void schedule();
  void begin_at(Time when);
  void park(const Prospect& found);
  void lost_one();
  [[nodiscard]] bool settled(const Prospect& found) const;
  [[nodiscard]] Time next_of_parked();
  [[nodiscard]] Millis interval() const { return detector_.interval(detect_, mode_ == Mode::verifying); }

  Clock& clock_;
  const config::Detect& detect_;
  double loss_;
  sim::Dice dice_;
  Outside outside_;
  detect::Detector detector_;
  Mode mode_ = Mode::idle;
  bool spread_ = false;
  std::uint64_t generation_ = 0;  ///< what was scheduled under an older one is void
  std::optional<Prospect> parked_;
  Time parked_at_{};
  std::optional<bool> next_is_lost_;  ///< drawn already
  std::int64_t lost_ = 0;
};

}  // namespace understudy::rehearse
