#include "client.hpp"

#include <algorithm>
#include <functional>

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr Millis first_pause{250}, longest_pause{8'000}, kept_to_answer{200};
constexpr int most_tries = 8;

/// Truncated exponential, with a spread that depends on the address, so that many do not come back together.
Millis backoff(int tries, const std::string& url) {
  const auto whole = std::min<std::int64_t>(longest_pause.count(), first_pause.count() << std::min(tries, 10));
  const auto spread = static_cast<std::int64_t>(std::hash<std::string>{}(url + std::to_string(tries)) % 50);
  return Millis(whole * (75 + spread) / 100);
}

Error not_answered(const Error& error, const About& about, Repeat repeat) {
  Error out = error;
  out.message = "cannot " + about.what + ": " + error.message;
  if (repeat == Repeat::once && !error.never_arrived() && error.status == Status::transient)
    out.status = Status::unknown;
  return out;
}

struct Attempt {
  Answer answer;
  std::optional<Error> failed;
  std::optional<Millis> asked_to_wait;
  bool again = false;
};

}  // namespace

Answer Client::call(Ask ask, About about, Repeat repeat, const Deadline& deadline, const std::set<int>& expected) {
  bool renewed = false;
  const bool transfer = !ask.body_file.empty() || !ask.to_file.empty();
  for (int tries = 0;; ++tries) {
    const std::string token = tokens_.access(deadline);
    about.identity = tokens_.name();
    ask.headers["Authorization"] = "Bearer " + token;
    Attempt now;
    try {
      now.answer = send(host_, ask, transfer ? deadline : deadline.at_most(ask.patience));
      if (now.answer.good() || expected.contains(now.answer.status)) return now.answer;
      const auto error = api_error(now.answer);
      now.failed = explain(error, about, repeat == Repeat::once);
      now.asked_to_wait = error.retry_after;
      now.again = error.throttled() || (error.outage() && repeat == Repeat::safe);
    } catch (const Failure& failure) {
      if (failure.error().status != Status::transient || failure.error().kind == "file") throw;
      now.failed = not_answered(failure.error(), about, repeat);
      now.again = repeat == Repeat::safe || failure.error().never_arrived();
    }
    if (now.answer.status == 401 && !std::exchange(renewed, true)) {
      tokens_.distrust(token);
      continue;
    }
    const Millis wait = now.asked_to_wait.value_or(backoff(tries, ask.url));
    if (!now.again || tries + 1 >= most_tries || wait + kept_to_answer >= deadline.left()) throw Failure(*now.failed);
    pause(host_, wait);
  }
}

}  // namespace gcp
