// Header lines of an HTTP reply, and a body that is cut into lines: the first byte says in what pieces it comes.
#include <algorithm>

#include "core/host/reply_lines.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  const auto headers = host::headers_in(input);
  for (const auto& [name, value] : headers.items()) {
    fuzz::must(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }), "names are in lower case");
    const auto& text = value.get_ref<const std::string&>();
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    fuzz::must(text.empty() || (!blank(text.front()) && !blank(text.back())), "values are trimmed");
  }
  (void)fuzz::dumped(headers);
  if (input.empty()) return;
  const std::size_t piece = static_cast<unsigned char>(input[0]) % 17 + 1, longest = piece * 3;
  host::LineCutter cutter(longest);
  std::string whole;
  for (std::string_view rest = input; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
    cutter.take(rest.substr(0, piece), [&](const std::string& line) {
      fuzz::must(line.size() <= longest, "a line is bounded");
      whole += line + "\n";
    });
  }
  whole += cutter.rest();
  const auto expected = fuzz::parts(input);
  const auto got = fuzz::parts(whole);
  fuzz::must(got.size() == expected.size(), "each line comes once");
  for (std::size_t i = 0; i < got.size(); ++i)
    fuzz::must(got[i] == expected[i].substr(0, longest), "a line is what was sent, or its beginning");
}
