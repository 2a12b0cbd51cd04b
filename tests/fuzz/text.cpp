// Text from anywhere on its way to people: cut, escaped, split.
#include "plugins/telegram/text.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "understudy/text.hpp"

using namespace understudy;

FUZZ(input) {
  if (input.empty()) return;
  const auto most = static_cast<std::size_t>(static_cast<unsigned char>(input.front()));
  const auto text = input.substr(1);
  fuzz::must(sdk::cut(text, most).size() <= std::max<std::size_t>(most, 3), "cut text has at most that many bytes");
  for (const char c : sdk::one_line(text))
    fuzz::must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "one line holds no control character");
  fuzz::must(sdk::escape_markup(text).find_first_of("<>") == std::string::npos, "escaped text holds no markup");
  using telegram_plugin::Piece;
  auto lines = telegram_plugin::lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (auto& piece : lines[i]) piece.style = static_cast<Piece::Style>(i % 4);
  }
  for (const auto& part : telegram_plugin::split(lines, 64 + most)) {
    const auto html = telegram_plugin::html(part);
    fuzz::must(telegram_plugin::units(html) <= 64 + most, "each part fits into a message");
  }
  (void)telegram_plugin::plain(lines);
  (void)telegram_plugin::one_line(text, most);
}
