// A mail server's side of a session, line by line: `<` is the server's, `>` is ours, `.` is the end of the message.
// Then the alert that is sent, whose text may be anything.
#include "plugins/smtp/discreet.hpp"
#include "plugins/smtp/letter.hpp"
#include "plugins/smtp/verdict.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace smtp_plugin;

namespace {

Settings settings() {
  return Settings::from_json({{"host", "mail.example.org"},
                              {"user", "me"},
                              {"password", {{"$secret", "password"}}},
                              {"from", "Ops <ops@example.org>"},
                              {"to", {"ann@example.org"}}});
}

/// RFC 5322 §2.1.1 and §2.3: lines of at most 998 bytes, CR and LF only together.
void must_be_lines(const std::string& content) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const bool end = content.compare(i, 2, "\r\n") == 0;
    fuzz::must(end || (content[i] != '\r' && content[i] != '\n'), "CR and LF come together");
    length = end ? 0 : length + 1;
    fuzz::must(length <= 998, "no line is longer than a server takes");
    i += end ? 1 : 0;
  }
}

}  // namespace

FUZZ(input) {
  static const Settings us = settings();
  Dialogue dialogue(Discreet("me", "hunter2hunter2"));
  for (const auto& line : fuzz::parts(input)) {
    if (line.empty()) continue;
    const auto rest = std::string_view(line).substr(1);
    if (line[0] == '<') dialogue.answer(rest);
    if (line[0] == '>') dialogue.command(rest);
    if (line[0] == '.') dialogue.all_given();
  }
  fuzz::must(dialogue.text().find("hunter2hunter2") == std::string::npos, "the password is not kept");
  fuzz::must(dialogue.code() >= 0 && dialogue.code() <= 999, "a code has three digits");
  fuzz::must(!dialogue.accepted() || !dialogue.in_doubt(), "what was accepted is not in doubt");
  for (const auto code : {CURLE_OK, CURLE_LOGIN_DENIED, CURLE_OPERATION_TIMEDOUT, CURLE_SEND_ERROR})
    (void)fuzz::dumped(explain({us, dialogue, code, std::string(input), 0, false}).to_json());
  sdk::Alert alert;
  alert.id = alert.title = alert.text = alert.service = alert.kind = input;
  alert.facts[std::string(input)] = input;
  must_be_lines(write_letter(us, alert, 1'764'000'000'000).content);
}
