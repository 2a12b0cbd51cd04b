#include "discreet.hpp"

#include "encode.hpp"

namespace smtp_plugin {

Discreet::Discreet(const std::string& user, const std::string& password) {
  if (password.empty()) return;
  const std::string zero(1, '\0');
  known_ = {base64(zero + user + zero + password), base64(password), password};
}

std::string Discreet::operator()(std::string text) const {
  static const std::string instead = "[secret]";
  for (const auto& secret : known_) {
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + instead.size()))
      text.replace(at, secret.size(), instead);
  }
  return text;
}

}  // namespace smtp_plugin
