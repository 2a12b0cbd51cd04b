// Keeps the books of one rehearsal: who served when, what it cost, what moved and what held. Internal to this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/rehearse/assumptions.hpp"
#include "core/rehearse/report.hpp"

namespace understudy::rehearse {

class Books {
 public:
  Books(const config::Service& service, const Assumptions& assumptions);

  /// The service is used at `target` from now on, or nowhere; `cause` is why, then.
  void serves(std::optional<std::size_t> target, Cause cause, Time now);
  void runs(std::size_t target, bool running, Time now);  ///< what the provider bills
  /// How many work, of those that run: what is down does nothing.
  void at_work(std::ptrdiff_t places, Time now);
  void starts(std::size_t target) { ++report_.money[target].activations; }
  void start_failed(std::size_t target) { ++report_.money[target].failed; }
  void transferred(std::size_t target);  ///< once a start, as the orchestrator's own meter and the plan's estimate
  /// The state that the next target starts from holds all work until then.
  void starts_from(Time content) { content_ = content; }
  /// `by` empty: nothing is in the way.
  void blocked(const std::string& by, Time now);
  void person_came(bool came) { person_came_ = came; }

  [[nodiscard]] std::optional<Time> silent_since() const {
    return silence_ ? std::optional(silence_->from) : std::nullopt;
  }
  Report& report() noexcept { return report_; }
  /// Closes what is open. Once.
  [[nodiscard]] Report finish(Time end);

 private:
  void end_silence(std::optional<std::size_t> at, Time now);
  void end_run(std::size_t target, Time now, bool over);

  const config::Service& service_;
  const Assumptions& assumptions_;
  Report report_;
  std::optional<std::size_t> serving_, served_last_;
  std::optional<Silence> silence_;
  std::optional<Time> content_;
  std::vector<std::optional<Time>> running_since_;
  std::optional<Time> two_since_;
  std::map<std::string, Hold> holds_;
  std::string blocked_by_;
  Time blocked_since_{};
  bool person_came_ = false;
  std::vector<Millis> rto_, rpo_;
};

}  // namespace understudy::rehearse
