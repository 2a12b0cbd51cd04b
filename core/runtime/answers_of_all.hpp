// A command for all services, and the one answer to it. Internal to this room; on the loop.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "core/runtime/control.hpp"

namespace understudy::runtime {

/// What each service answers to a command for all of them. The error of one is the answer; that one was neither paused
/// nor held is none, as long as another was.
class AnswersOfAll {
 public:
  AnswersOfAll(std::size_t services, Control::Reply reply) : missing_(services), reply_(std::move(reply)) {}

  void take(const std::string& service, sdk::Result result) {
    if (result.ok()) {
      ++accepted_;
    } else if (result.error.kind == "not_paused") {
      if (!idle_.ok()) result.error.message = idle_.error.message + "; " + result.error.message;
      idle_ = std::move(result);
    } else if (wrong_.ok()) {
      wrong_ = std::move(result);
      wrong_.error.message = service + ": " + wrong_.error.message;
    }
    if (--missing_ > 0) return;
    if (!wrong_.ok()) return reply_(std::move(wrong_));
    if (accepted_ == 0) return reply_(std::move(idle_));
    reply_({{{"message", "accepted"}}});
  }

 private:
  std::size_t missing_, accepted_ = 0;
  sdk::Result wrong_, idle_;
  Control::Reply reply_;
};

}  // namespace understudy::runtime
