// The guard's side of a lease: when to renew, until when the workload may run. Pure; every time is of the host's
// boot-time clock, which goes on while the host is suspended.
//
//   no epoch --want()--> wanting --granted--> holding --deadline--> wanting --granted--> holding ...
//
// A deadline is the time at which the granted renewal was *sent*, plus the length that the answer gives. An answer that
// comes after its own deadline revives nothing, and so does one to a renewal that was given up.
#pragma once

#include <cstdint>
#include <optional>

#include "core/lease/terms.hpp"

namespace understudy::lease {

class Guard {
 public:
  Guard(Millis renew_every, Millis op_timeout) : renew_every_(renew_every), op_timeout_(op_timeout) {}

  /// The epoch that is to run here. A renewal is due at once; nothing that was asked before counts any more.
  void want(Epoch epoch, Time now);
  /// Nothing is to run here. The lease that is held is given up: the workload must be ended before this is told.
  void forget();

  /// When something must be done: a renewal sent, or the deadline kept. None: nothing is wanted.
  [[nodiscard]] std::optional<Time> next() const;
  /// A renewal is due at `now`.
  [[nodiscard]] bool due(Time now) const;
  /// The renewal is being sent at `now`, read *before* the request leaves. Names it for its answer.
  [[nodiscard]] std::uint64_t sent(Time now);
  /// `ttl` is the granted length. False when the answer counts for nothing: it is late, or not to the last renewal.
  bool granted(std::uint64_t renewal, Millis ttl, Time now);
  /// Refused by the register. What is held is over at once. False when it is not the answer to the last renewal.
  bool refused(std::uint64_t renewal, Time now);
  /// No answer, or one that says nothing of the register: asked again after renew_every.
  void failed(std::uint64_t renewal, Time now);

  [[nodiscard]] std::optional<Epoch> wanted() const noexcept { return wanted_; }
  /// The workload may run at `now`.
  [[nodiscard]] bool holds(Time now) const noexcept { return deadline_ && now < *deadline_; }
  /// None: nothing is held.
  [[nodiscard]] std::optional<Time> deadline() const noexcept { return deadline_; }

 private:
  [[nodiscard]] bool is_last(std::uint64_t renewal) const noexcept { return asked_ && renewal == last_; }

  Millis renew_every_, op_timeout_;
  std::optional<Epoch> wanted_;
  std::optional<Time> deadline_;
  std::uint64_t last_ = 0;
  std::optional<Time> asked_;  ///< when the renewal that waits for its answer was sent
  Time next_{};                ///< of the next renewal
};

}  // namespace understudy::lease
