// Takes the password out of what a server says: servers quote what they do not like. Pure.
#pragma once

#include <string>
#include <vector>

namespace smtp_plugin {

class Discreet {
 public:
  Discreet() = default;
  /// The password as it is, and as PLAIN and LOGIN send it.
  Discreet(const std::string& user, const std::string& password);

  [[nodiscard]] std::string operator()(std::string text) const;

 private:
  std::vector<std::string> known_;  ///< longest first
};

}  // namespace smtp_plugin
