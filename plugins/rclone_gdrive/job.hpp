// One call of the host under way on a worker: its name for people, its deadline, and whether it is still wanted.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "understudy/host.hpp"

namespace rclone_store {

class Job {
 public:
  using Clock = std::chrono::steady_clock;

  Job(understudy::sdk::Host& host, std::string operation, Clock::time_point deadline, std::function<bool()> cancelled)
      : host_(&host), operation_(std::move(operation)), deadline_(deadline), cancelled_(std::move(cancelled)) {}

  /// Throws when there is no time left or nobody wants the answer any more.
  void between() const {
    if (cancelled_()) throw understudy::sdk::Failure(understudy::sdk::Status::cancelled, operation_ + " was cancelled");
    if (left().count() <= 0) out_of_time();
  }
  [[noreturn]] void out_of_time() const {
    throw understudy::sdk::Failure(understudy::sdk::Status::transient, operation_ + " did not finish in time",
                                   "give it more time, raise `bandwidth_limit`, or save less");
  }
  /// The same with less time, so that something can still be done after it.
  [[nodiscard]] Job within(understudy::sdk::Millis time) const {
    return {*host_, operation_, std::min(deadline_, Clock::now() + time), cancelled_};
  }
  /// Ends with this job, so when the call has been answered: nobody waits for what its end cleans up.
  void until_answered(std::shared_ptr<void> work) const { kept_.push_back(std::move(work)); }
  [[nodiscard]] understudy::sdk::Millis left() const {
    return std::chrono::duration_cast<understudy::sdk::Millis>(deadline_ - Clock::now());
  }
  [[nodiscard]] bool cancelled() const { return cancelled_(); }
  [[nodiscard]] const std::string& operation() const { return operation_; }
  [[nodiscard]] understudy::sdk::Host& host() const { return *host_; }

 private:
  understudy::sdk::Host* host_;
  std::string operation_;
  Clock::time_point deadline_;
  std::function<bool()> cancelled_;
  mutable std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace rclone_store
