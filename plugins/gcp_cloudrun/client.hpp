// Calls to Google's interfaces with a token, repeated where that is safe. [worker threads]
#pragma once

#include <set>

#include "errors.hpp"
#include "tokens.hpp"
#include "wire.hpp"

namespace gcp {

/// May the request be sent again when it is not known whether the first one had its effect?
enum class Repeat { safe, once };

class Client {
 public:
  Client(understudy::sdk::Host& host, Tokens& tokens) : host_(host), tokens_(tokens) {}

  /// A 2xx answer, or one whose status is in `expected`. Everything else is thrown as sdk::Failure, explained.
  /// A token that is refused is renewed once. Rate limits are waited out as long as the deadline allows.
  [[nodiscard]] Answer call(Ask ask, About about, Repeat repeat, const Deadline& deadline,
                            const std::set<int>& expected = {});

  [[nodiscard]] understudy::sdk::Host& host() noexcept { return host_; }
  /// Whose credentials these are, for sentences.
  [[nodiscard]] std::string identity() const { return tokens_.name(); }

 private:
  understudy::sdk::Host& host_;
  Tokens& tokens_;
};

}  // namespace gcp
