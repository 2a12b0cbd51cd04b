// The settings of one mail server and those who are written to. A value; no I/O.
#pragma once

#include <string>
#include <vector>

#include "mailbox.hpp"
#include "understudy/status.hpp"

namespace smtp_plugin {

using understudy::sdk::Json;
using understudy::sdk::Millis;

enum class Security { starttls, tls, none };

struct Settings {
  std::string host;
  int port = 587;
  Security security = Security::starttls;
  std::string user, password_key;  ///< both or none
  Mailbox from;
  std::vector<Mailbox> to, cc;
  std::string subject_prefix;
  std::string helo;
  bool html = true;
  bool verify_tls = true;
  std::string ca_file;
  Millis timeout{25'000};

  /// Throws Failure(invalid) with a sentence for the person who wrote them.
  [[nodiscard]] static Settings from_json(const Json& in);
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string place() const;  ///< "mail.example.org:587", for messages
};

}  // namespace smtp_plugin
