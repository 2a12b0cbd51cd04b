#include "core/rehearse/books.hpp"

#include <algorithm>
#include <utility>

namespace understudy::rehearse {
namespace {

constexpr double hour_ms = 3'600'000;

Millis between(Time from, Time to) { return std::chrono::duration_cast<Millis>(to - from); }
double hours(Millis span) { return static_cast<double>(span.count()) / hour_ms; }

}  // namespace

Books::Books(const config::Service& service, const Assumptions& assumptions)
    : service_(service), assumptions_(assumptions), running_since_(service.targets.size()) {
  for (const auto& t : service.targets) report_.money.push_back({t.id, {}, {}, {}, {}, Millis(0), 0, 0});
}

void Books::serves(std::optional<std::size_t> target, Cause cause, Time now) {
  if (target == serving_) return;
  if (target && silence_) end_silence(target, now);
  if (!target) silence_ = Silence{now, now, cause, false};
  if (target) served_last_ = target;
  serving_ = target;
}

void Books::end_silence(std::optional<std::size_t> at, Time now) {
  Silence done = *std::exchange(silence_, std::nullopt);
  done.to = now;
  done.moved = at && served_last_ && *at != *served_last_;
  const Millis lasted = between(done.from, now);
  report_.down[static_cast<int>(done.cause)] += lasted;
  ++report_.silences;
  report_.longest_silence = std::max(report_.longest_silence, lasted);
  if (done.moved && done.cause != Cause::planned) {
    if (done.cause == Cause::outage) rto_.push_back(lasted);
    if (content_) rpo_.push_back(std::max(Millis(0), between(*content_, done.from)));
  }
  report_.timeline.push_back(done);
}

void Books::runs(std::size_t target, bool running, Time now) {
  if (running == running_since_[target].has_value()) return;
  if (running) {
    running_since_[target] = now;
    return;
  }
  end_run(target, now, true);
}

void Books::at_work(std::ptrdiff_t places, Time now) {
  if ((places >= 2) == two_since_.has_value()) return;
  if (two_since_) report_.two_ran += between(*two_since_, now);
  two_since_ = places >= 2 ? std::optional(now) : std::nullopt;
}

void Books::end_run(std::size_t target, Time now, bool over) {
  auto& money = report_.money[target];
  const auto& price = assumptions_.targets[target].price;
  const Millis ran = between(*std::exchange(running_since_[target], std::nullopt), now);
  money.ran += ran;
  const Millis billed = over ? std::max(ran, Millis(price.min_billing)) : ran;
  money.active += price.active_per_hour * hours(billed);
}

void Books::transferred(std::size_t target) {
  report_.money[target].transfer += assumptions_.targets[target].price.transfer_per_gb * assumptions_.general.state_gb;
}

void Books::blocked(const std::string& by, Time now) {
  if (by == blocked_by_) return;
  if (!blocked_by_.empty()) {
    auto& hold = holds_[blocked_by_];
    const Millis lasted = between(blocked_since_, now);
    hold.by = blocked_by_;
    ++hold.times;
    hold.ended_by_person += person_came_ ? 1 : 0;
    hold.total += lasted;
    hold.longest = std::max(hold.longest, lasted);
  }
  blocked_by_ = by;
  blocked_since_ = now;
  person_came_ = false;
}

Report Books::finish(Time end) {
  blocked("", end);
  if (silence_) end_silence(std::nullopt, end);
  at_work(0, end);
  report_.length = end.time_since_epoch();
  const Millis all = between(Time(), end);
  for (std::size_t i = 0; i < running_since_.size(); ++i) {
    if (running_since_[i]) end_run(i, end, false);
    auto& money = report_.money[i];
    const auto& price = assumptions_.targets[i].price;
    money.standby = price.standby_per_hour * hours(all - money.ran);
    money.activation = price.activation * money.activations;
  }
  report_.silence_cost = service_.downtime_cost_per_hour * hours(report_.downtime());
  report_.rto = spread_of(std::move(rto_));
  report_.rpo = spread_of(std::move(rpo_));
  for (auto& [by, hold] : holds_) report_.holds.push_back(hold);
  return std::move(report_);
}

}  // namespace understudy::rehearse
