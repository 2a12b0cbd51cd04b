// Tokens of one account, kept and renewed early; one renewal at a time. [worker threads]
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "credentials.hpp"

namespace gcp {

class Tokens {
 public:
  Tokens(understudy::sdk::Host& host, CredentialSettings settings) : host_(host), settings_(std::move(settings)) {}

  [[nodiscard]] std::string access(const Deadline& deadline) { return token("", deadline); }
  [[nodiscard]] std::string identity(const std::string& audience, const Deadline& deadline) {
    return token(audience, deadline);
  }
  /// It was refused: it is not used again.
  void distrust(const std::string& value);
  /// Who they are for; known after the first token.
  [[nodiscard]] std::string name() const;

 private:
  struct Kept {
    Token token;
    std::int64_t renew_ms = 0;
  };
  [[nodiscard]] std::string token(const std::string& audience, const Deadline& deadline);
  [[nodiscard]] Kept fresh(const std::string& audience, const Deadline& deadline);

  understudy::sdk::Host& host_;
  const CredentialSettings settings_;
  std::timed_mutex fetching_;         ///< held while a token is fetched: the others wait for it instead of asking too
  std::map<std::string, Kept> kept_;  ///< by audience; "": for Google's interfaces
  mutable std::mutex naming_;
  std::string name_;
};

}  // namespace gcp
