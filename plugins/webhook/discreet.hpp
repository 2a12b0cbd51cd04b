// Takes out of a text what must not be seen: secrets, and the webhook's address, which for Slack and others is one.
// Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace webhook_plugin {

class Discreet {
 public:
  /// A secret, shown as "[secret]" from now on.
  void hide(const std::string& secret);
  /// The whole address and its parts: a server likes to quote the path back, libcurl the host.
  void hide_url(const std::string& url);

  [[nodiscard]] std::string operator()(std::string text) const;

 private:
  void add(std::string what, std::string instead);
  std::vector<std::pair<std::string, std::string>> known_;  ///< longest first
};

}  // namespace webhook_plugin
