#include "core/plugins/deadlines.hpp"

namespace understudy::plugins {

Deadlines::Deadlines(boost::asio::io_context& loop, std::function<void(us_op)> due)
    : timer_(std::in_place, loop), due_(std::move(due)) {}

void Deadlines::add(us_op op, Time at) {
  if (!open_) return;
  waiting_.emplace(at, op);
  if (at < armed_) arm();
}

void Deadlines::arm() {
  armed_ = waiting_.begin()->first;
  timer_->expires_at(armed_);
  timer_->async_wait([this, open = std::weak_ptr(open_)](const boost::system::error_code& error) {
    if (!error && !open.expired()) fired();
  });
}

void Deadlines::fired() {
  armed_ = Time::max();
  const auto now = std::chrono::steady_clock::now();
  const auto due = due_;  // the last call may destroy this
  const std::weak_ptr still_open = open_;
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    const us_op op = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    due(op);
    if (still_open.expired()) return;
  }
  if (!waiting_.empty() && waiting_.begin()->first < armed_) arm();
}

void Deadlines::close() {
  open_.reset();
  waiting_.clear();
  timer_.reset();
}

}  // namespace understudy::plugins
