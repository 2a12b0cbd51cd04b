#include "core/lease/guard.hpp"

#include <algorithm>

namespace understudy::lease {

void Guard::want(Epoch epoch, Time now) {
  forget();
  wanted_ = epoch;
  next_ = now;
}

void Guard::forget() {
  wanted_.reset();
  deadline_.reset();
  asked_.reset();
}

std::optional<Time> Guard::next() const {
  if (!wanted_) return std::nullopt;
  const Time renewal = asked_ ? *asked_ + op_timeout_ : next_;
  return deadline_ ? std::min(renewal, *deadline_) : renewal;
}

bool Guard::due(Time now) const { return wanted_ && now >= (asked_ ? *asked_ + op_timeout_ : next_); }

std::uint64_t Guard::sent(Time now) {
  asked_ = now;
  next_ = now + renew_every_;
  return ++last_;
}

bool Guard::granted(std::uint64_t renewal, Millis ttl, Time now) {
  if (!is_last(renewal)) return false;
  const Time deadline = *asked_ + ttl;
  asked_.reset();
  if (now >= deadline) return false;
  deadline_ = deadline;
  return true;
}

bool Guard::refused(std::uint64_t renewal, Time now) {
  if (!is_last(renewal)) return false;
  asked_.reset();
  deadline_.reset();
  next_ = std::max(next_, now + renew_every_);
  return true;
}

void Guard::failed(std::uint64_t renewal, Time now) {
  if (!is_last(renewal)) return;
  asked_.reset();
  next_ = std::max(next_, now);
}

}  // namespace understudy::lease
