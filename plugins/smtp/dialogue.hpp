// What was said in one SMTP session, as libcurl shows it line by line: where it stands, the server's last answer, who
// was refused, and whether the server took the message. libcurl's own codes say too little for that. Never keeps what
// our side said beyond its verb, since that may be a password.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "discreet.hpp"

namespace smtp_plugin {

class Dialogue {
 public:
  enum class Stage { connecting, hello, starttls, login, sender, recipients, content };

  explicit Dialogue(Discreet discreet = {}) : discreet_(std::move(discreet)) {}

  /// A command of ours.
  void command(std::string_view line);
  /// A line of the server's.
  void answer(std::string_view line);
  /// The whole message has been handed to libcurl: from now on the server may have it.
  void all_given() noexcept { all_given_ = true; }

  struct Refusal {
    std::string address;
    int code = 0;
    std::string text;
  };

  [[nodiscard]] Stage stage() const noexcept { return stage_; }  ///< that the session came to; QUIT is none
  [[nodiscard]] int code() const noexcept { return code_; }      ///< of the last whole answer before QUIT; 0: none
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool accepted() const noexcept { return accepted_; }  ///< the server has taken the message
  /// It may have taken the message, and nobody knows.
  [[nodiscard]] bool in_doubt() const noexcept { return all_given_ && !concluded_; }
  [[nodiscard]] bool leaving() const noexcept { return leaving_; }  ///< QUIT was said
  [[nodiscard]] bool tried_login() const noexcept { return tried_login_; }
  [[nodiscard]] const std::vector<Refusal>& refusals() const noexcept { return refusals_; }
  [[nodiscard]] int recipients_taken() const noexcept { return recipients_taken_; }

 private:
  void conclude();

  Discreet discreet_;
  Stage stage_ = Stage::connecting;
  int code_ = 0;
  std::string text_, partial_, recipient_;
  bool expects_content_ = false;  ///< 354 was said
  bool tried_login_ = false;
  bool leaving_ = false;  ///< QUIT was said: its answer tells nothing
  bool all_given_ = false, concluded_ = false, accepted_ = false;
  int recipients_taken_ = 0;
  std::vector<Refusal> refusals_;
};

}  // namespace smtp_plugin
