// What the orchestrator's answer to a renewal means. Pure.
#pragma once

#include <string>

#include "core/model/ids.hpp"
#include "core/model/time.hpp"
#include "understudy/status.hpp"

namespace understudy::agent {

struct LeaseAnswer {
  /// `failed`: nobody answered, or the answer says nothing of the register.
  enum class Kind { granted, refused, failed } kind = Kind::failed;
  Millis ttl{0};             ///< of a granted one; 200 ms..1 day
  bool may_be_over = false;  ///< of a refused one: another epoch or another place may run the service already
  std::int64_t http = 0;     ///< the status; 0: there was no answer
  std::string why;           ///< of the others, with what to do where that is known
};

inline constexpr const char* no_answer_in_time = "no answer in time";

/// `result`: of http.request/1. `epoch`: what was asked for.
[[nodiscard]] LeaseAnswer read_lease_answer(const sdk::Result& result, Epoch epoch);

}  // namespace understudy::agent
