#include "core/agent/vitals.hpp"

#include "core/answers/health.hpp"

namespace understudy::agent {
namespace {
constexpr Millis budget{5'000};
}

Vitals::Vitals(boost::asio::io_context& loop, std::vector<std::unique_ptr<plugins::Instance>> checks, Millis interval)
    : checks_(std::move(checks)), interval_(interval), timer_(loop) {}

void Vitals::start(OnVerdict heard) {
  stop();
  if (checks_.empty()) return;
  on_verdict_ = std::move(heard);
  ask(0, turn_);
}

void Vitals::stop() {
  ++turn_;
  timer_.cancel();
  on_verdict_ = nullptr;
}

void Vitals::ask(std::size_t index, std::uint64_t turn, bool after_failure) {
  checks_[index]->call("health.check/1", {{"timeout_ms", budget.count()}}, budget,
                       [this, index, turn, after_failure, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
                         if (!alive.expired()) this->heard(index, turn, after_failure, result);
                       });
}

void Vitals::heard(std::size_t index, std::uint64_t turn, bool after_failure, const sdk::Result& result) {
  if (turn != turn_) return;
  CheckReport report;
  if (result.ok()) {
    report = answers::check(result.value);
  } else {
    report.cause = result.error.message;
  }
  const bool failed = report.outcome == Outcome::fail;
  const bool tells = report.verdict && report.outcome != Outcome::unknown;
  // Without a verdict the next is asked; a refused connection at the last one is a failure after all.
  if (!tells && index + 1 < checks_.size()) return ask(index + 1, turn, after_failure || failed);
  conclude({!failed, report.cause, after_failure});
}

void Vitals::conclude(const Verdict& verdict) {
  const auto turn = turn_;
  const auto handler = on_verdict_;
  handler(verdict);
  if (turn != turn_) return;  // it was stopped in there
  timer_.expires_after(interval_);
  timer_.async_wait([this, turn, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired() && turn == turn_) ask(0, turn);
  });
}

}  // namespace understudy::agent
