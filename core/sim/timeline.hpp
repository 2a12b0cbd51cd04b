// Virtual time: what is to happen, in the order of its time, and at the same time in the order of its scheduling. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "core/model/time.hpp"

namespace understudy::sim {

template <class Event>
class Timeline {
 public:
  [[nodiscard]] Time now() const noexcept { return now_; }
  [[nodiscard]] bool empty() const noexcept { return queue_.empty(); }
  /// In the past means now.
  void at(Time when, Event event) { queue_.push({when < now_ ? now_ : when, next_++, std::move(event)}); }
  void after(Micros delay, Event event) { at(now_ + delay, std::move(event)); }
  /// The next event, with the clock at its time. None: nothing is left until `end`, where the clock then stands.
  [[nodiscard]] std::optional<Event> take(Time end) {
    if (queue_.empty() || queue_.top().when > end) {
      now_ = end < now_ ? now_ : end;
      return std::nullopt;
    }
    now_ = queue_.top().when;
    Event out = std::move(const_cast<Entry&>(queue_.top()).event);  // pop() only compares `when` and `order`
    queue_.pop();
    return out;
  }

 private:
  struct Entry {
    Time when;
    std::uint64_t order;
    Event event;
    bool operator<(const Entry& other) const noexcept {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  Time now_{};
  std::uint64_t next_ = 0;
  std::priority_queue<Entry> queue_;
};

}  // namespace understudy::sim
