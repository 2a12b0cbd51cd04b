// A long piece of work: its end, its cancellation, its progress, and doing many parts of it at once. [worker threads]
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "understudy/deadline.hpp"

namespace gcp {

using understudy::sdk::Deadline;

struct Work {
  std::string name;  ///< "push 20261120T101500.123Z-e7"
  Deadline deadline;
  std::function<bool()> cancelled;                           ///< [any thread]
  std::function<void(std::int64_t, std::int64_t)> progress;  ///< bytes done, bytes in all (0: not known); [any thread]
  std::function<void(const std::string&)> warn;

  /// Throws sdk::Failure when it is cancelled or out of time.
  void check() const {
    using namespace understudy::sdk;
    if (cancelled()) throw Failure(Status::cancelled, name + " was cancelled");
    if (deadline.over())
      throw Failure(Status::transient, name + " did not finish in time", "give it more time, or a faster line");
  }
};

/// Runs fn(0) ... fn(count - 1), at most `threads` at once. The first exception stops the rest and is thrown.
void each(std::size_t count, int threads, const std::function<void(std::size_t)>& fn);

}  // namespace gcp
