// One HTTP exchange through the host, for worker threads: it waits for its answer. No retries, no credentials.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "understudy/deadline.hpp"
#include "understudy/host.hpp"

namespace gcp {

using understudy::sdk::Deadline;

struct Ask {
  std::string method = "GET", url;
  std::map<std::string, std::string> headers;
  std::string body;       ///< with a Content-Type in `headers`
  std::string body_file;  ///< instead of `body`: a file of this machine that is sent
  std::string to_file;    ///< a new file that gets the body of a 2xx answer
  bool fresh = false;     ///< a new connection: on a kept one a request may be sent twice when it was just closed
  std::size_t max_body = 4 * 1024 * 1024;
  understudy::sdk::Millis patience{30'000};  ///< for one answer, when no file travels
};

struct Answer {
  int status = 0;
  std::string body;
  understudy::sdk::Json json;  ///< of the body; discarded when it is no JSON
  understudy::sdk::Json headers = understudy::sdk::Json::object();
  std::int64_t bytes = 0;  ///< written to `to_file`
  [[nodiscard]] bool good() const noexcept { return status >= 200 && status < 300; }
};

/// Throws sdk::Failure(transient) with the host's `kind` when there was no answer.
[[nodiscard]] Answer send(understudy::sdk::Host& host, const Ask& ask, const Deadline& deadline);
/// On the worker. Throws sdk::Failure when the instance is being destroyed.
void pause(understudy::sdk::Host& host, understudy::sdk::Millis time);
[[nodiscard]] std::int64_t now_ms(understudy::sdk::Host& host);

}  // namespace gcp
