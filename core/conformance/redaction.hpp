// What must not get into a cassette: the secrets that were read, the credentials that a provider gave out meanwhile,
// and either in the forms in which they travel.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "understudy/status.hpp"

namespace understudy::conformance {

class Redaction {
 public:
  /// `stand_in` takes the place of `secret`.
  void add(const std::string& secret, const std::string& stand_in);
  /// Credentials of an exchange over HTTP: what it sent as such, and what its answer gave out.
  void look_at_request(const sdk::Json& params);
  void look_at_answer(const sdk::Json& result);
  [[nodiscard]] sdk::Json cleaned(const sdk::Json& value) const;

 private:
  struct LongestFirst {
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
  };
  void found(const std::string& credential, const std::string& name);

  std::map<std::string, std::string, LongestFirst> stand_ins_;  ///< one secret may be a part of another
};

}  // namespace understudy::conformance
