#include "dialogue.hpp"

#include <algorithm>
#include <utility>

namespace smtp_plugin {
namespace {

constexpr std::size_t longest_text = 1'000;

std::string_view without_line_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

/// "<ann@example.org>" of "RCPT TO:<ann@example.org> …".
std::string address_in(std::string_view line) {
  const auto open = line.find('<'), close = line.find('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  return std::string(line.substr(open + 1, close - open - 1));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void Dialogue::command(std::string_view line) {
  const auto word = line.substr(0, line.find_first_of(" :\r\n"));
  if (word == "EHLO" || word == "HELO") {
    stage_ = Stage::hello;
  } else if (word == "STARTTLS") {
    stage_ = Stage::starttls;
  } else if (word == "AUTH") {
    stage_ = Stage::login;
    tried_login_ = true;
  } else if (word == "MAIL") {
    stage_ = Stage::sender;
  } else if (word == "RCPT") {
    stage_ = Stage::recipients;
    recipient_ = address_in(line);
  } else if (word == "DATA") {
    stage_ = Stage::content;
  } else if (word == "QUIT") {
    leaving_ = true;
  }  // else the next part of a login
}

void Dialogue::answer(std::string_view line) {
  line = without_line_end(line);
  if (leaving_ || line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3, is_digit)) return;
  if (partial_.size() < longest_text && line.size() > 4) {
    if (!partial_.empty()) partial_ += ' ';
    partial_ += line.substr(4);
  }
  if (line.size() > 3 && line[3] == '-') return;
  code_ = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  text_ = discreet_(std::exchange(partial_, {}));
  conclude();
}

void Dialogue::conclude() {
  if (stage_ == Stage::recipients) {
    if (code_ / 100 == 2) {
      ++recipients_taken_;
    } else {
      refusals_.push_back({recipient_, code_, text_});
    }
  } else if (stage_ == Stage::content && !expects_content_ && code_ == 354) {
    expects_content_ = true;
  } else if (stage_ == Stage::content) {
    concluded_ = true;
    accepted_ = expects_content_ && code_ / 100 == 2;
  }
}

}  // namespace smtp_plugin
