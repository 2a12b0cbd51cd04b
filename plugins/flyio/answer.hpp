// One answer of the Machines API and what it means: by HTTP code and the body's `status`, never by its text. Pure.
#pragma once

#include <string>

#include "settings.hpp"

namespace flyio_plugin {

struct Answer {
  int http = 0;  ///< 0: none came
  understudy::sdk::Json body;
  std::string text;        ///< what was said is wrong
  std::string code;        ///< the body's `status`: "insufficient_capacity", "name_taken", ... or empty
  std::string request_id;  ///< fly-request-id, for Fly's support
  std::optional<understudy::sdk::Millis> retry_after;
  understudy::sdk::Error transport{understudy::sdk::Status::ok, {}, {}, {}, {}};  ///< when none came

  /// Of http.request/1.
  [[nodiscard]] static Answer from(const understudy::sdk::Result& result);

  [[nodiscard]] bool ok() const { return http >= 200 && http < 300; }
  /// The request may have had its effect although no success was said.
  [[nodiscard]] bool doubtful() const;
  [[nodiscard]] bool no_capacity() const {
    return code == "insufficient_capacity" || code == "volume_placement_capacity";
  }
  /// A moment later the same may succeed, and nothing has happened.
  [[nodiscard]] bool later() const { return http == 429 || http == 412; }
};

/// What was tried, for the sentence.
struct Attempt {
  std::string what;    ///< "start machine 148e"
  std::string region;  ///< that was asked for, when creating
  bool changes = true;
};

/// The error of an answer that is no success.
[[nodiscard]] understudy::sdk::Error explain(const Answer& answer, const Attempt& attempt, const Settings& settings);

}  // namespace flyio_plugin
