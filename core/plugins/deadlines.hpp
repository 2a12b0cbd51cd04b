// When the calls of one instance are over: one timer for all of them. A timer a call is dear: making it, a system call
// when it is the next to fire, and a handler for its cancellation, although nearly every call is answered in time.
// On the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "understudy/abi.h"

namespace understudy::plugins {

class Deadlines {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// `due` is told each operation that is over, once; it may add and remove others, or close this.
  Deadlines(boost::asio::io_context& loop, std::function<void(us_op)> due);

  void add(us_op op, Time at);
  /// With the time that it was added with; one that is not there is no error.
  void remove(us_op op, Time at) { waiting_.erase({at, op}); }
  /// Nothing is told any more. To be called on the loop before this is destroyed on another thread.
  void close();

 private:
  void arm();
  void fired();

  std::optional<boost::asio::steady_timer> timer_;  ///< gone when closed: the loop may end before this does
  std::function<void(us_op)> due_;
  std::set<std::pair<Time, us_op>> waiting_;
  Time armed_ = Time::max();  ///< when the timer fires; it is left armed when that call is answered
  std::shared_ptr<char> open_ = std::make_shared<char>();  ///< gone: a handler that is on its way must do nothing
};

}  // namespace understudy::plugins
