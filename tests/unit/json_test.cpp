// Our quick reader and writer agree with nlohmann/json on every text and every value.
#include "understudy/json.hpp"

#include <random>

#include "tests/catch.hpp"

using Json = nlohmann::json;
using understudy::sdk::read_json;
using understudy::sdk::write_json;

namespace {

std::string reference(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Type by type: 1 and 1u and 1.0 are equal for nlohmann, but not the same.
bool same(const Json& a, const Json& b) {
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_object()) {
    return std::equal(a.items().begin(), a.items().end(), b.items().begin(),
                      [](const auto& x, const auto& y) { return x.key() == y.key() && same(x.value(), y.value()); });
  }
  if (a.is_array()) return std::equal(a.begin(), a.end(), b.begin(), same);
  return a.is_discarded() || a == b;
}

void agree(const std::string& text) {
  INFO(text);
  CHECK(same(read_json(text), Json::parse(text, nullptr, false)));
}

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  std::string text() {
    static const std::vector<std::string> pieces = {"a",    "plain text of some length",
                                                    "\"",   "\\",
                                                    "/",    "\n",
                                                    "\t",   "\b\f\r",
                                                    "\x01", "\x1f",
                                                    "\x7f", "\xc3\xa9",
                                                    "…",    "\xff",
                                                    "\xc3", std::string(1, '\0')};
    std::string out;
    for (unsigned n = below(6); n > 0; --n) out += pieces[below(static_cast<unsigned>(pieces.size()))];
    return out;
  }
  Json value(int depth) {
    switch (below(depth > 3 ? 7 : 9)) {
      case 0: return nullptr;
      case 1: return below(2) == 0;
      case 2: return static_cast<std::int64_t>(random_());
      case 3: return -static_cast<std::int64_t>(below(1000));
      case 4: return static_cast<std::uint64_t>(random_()) >> below(64);
      case 5: return static_cast<double>(random_()) / (1.0 + below(1000));
      case 6: return text();
      case 7: {
        Json out = Json::array();
        for (unsigned n = below(5); n > 0; --n) out.push_back(value(depth + 1));
        return out;
      }
      default: {
        Json out = Json::object();
        for (unsigned n = below(5); n > 0; --n) out[text()] = value(depth + 1);
        return out;
      }
    }
  }
  std::string damaged(std::string text) {
    static constexpr char all[] = "{}[],:\"\\0123456789-+.eEtrufalsn \n\t\r\x80\xff/\0";
    static constexpr std::string_view bytes(all, sizeof all - 1);
    for (unsigned n = 1 + below(3); n > 0 && !text.empty(); --n) {
      const auto at = below(static_cast<unsigned>(text.size()));
      switch (below(3)) {
        case 0: text[at] = bytes[below(static_cast<unsigned>(bytes.size()))]; break;
        case 1: text.erase(at, 1 + below(3)); break;
        default: text.insert(at, 1, bytes[below(static_cast<unsigned>(bytes.size()))]);
      }
    }
    return text;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("json: what is odd is read as nlohmann reads it") {
  for (const char* text : {"",
                           " ",
                           "{}",
                           "[]",
                           " [ ] ",
                           "{ \"a\" : 1 , \"a\" : [2] }",
                           "{\"b\":1,\"a\":2}",
                           "[1,]",
                           "[,1]",
                           "{,}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{1:2}",
                           "01",
                           "-01",
                           "-",
                           "-0",
                           "0",
                           "00",
                           "1.5",
                           "1.",
                           "1e3",
                           "1E+2",
                           "-1.0e-2",
                           "+1",
                           ".5",
                           "999999999999999999",
                           "1000000000000000000",
                           "9223372036854775807",
                           "9223372036854775808",
                           "-9223372036854775808",
                           "-9223372036854775809",
                           "18446744073709551615",
                           "18446744073709551616",
                           "1e400",
                           "true",
                           "tru",
                           "truex",
                           "[true false]",
                           "nul",
                           "null",
                           "False",
                           "\"",
                           "\"\\",
                           "\"\\u00e9\"",
                           "\"\\ud83d\\ude00\"",
                           "\"\\ud83d\"",
                           "\"\\x\"",
                           "\"a\tb\"",
                           "\"\x7f\"",
                           "\"\xc3\xa9\"",
                           "\"\xc3\"",
                           "\xef\xbb\xbf{}",
                           "{} x",
                           "{}\n",
                           "[1]]",
                           "/* c */ 1",
                           "'a'",
                           "\"a\\/b\\b\\f\\n\\r\\t\\\"\\\\\""})
    agree(text);
  agree(std::string("[1]\0", 4));
  agree(std::string("[1\0]", 4));
  for (const std::size_t depth : {31, 32, 33, 34}) agree(std::string(depth, '[') + std::string(depth, ']'));
  // Deeper than anything of ours: refused before it can overflow a stack.
  CHECK(read_json(std::string(1'000'000, '[') + std::string(1'000'000, ']')).is_discarded());
}

TEST_CASE("json: a special character is seen at each place of a string") {
  for (const char special : {'"', '\\', '\n', '\x01', '\x1f', '\x20', '\x7f', '\x80', '\xff'}) {
    for (std::size_t at = 0; at < 40; ++at) {
      std::string text(40, 'x');
      text[at] = special;
      CHECK(write_json(text) == reference(text));
      agree('"' + text + '"');
    }
  }
}

TEST_CASE("json: values at random are written as nlohmann writes them, and read again, whole and damaged") {
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  Generator g(seed);
  for (int i = 0; i < 3000; ++i) {
    const Json value = g.value(0);
    const std::string text = reference(value);
    CHECK(write_json(value) == text);
    agree(text);
    agree(value.dump(2, ' ', true, Json::error_handler_t::replace));
    agree(g.damaged(text));
  }
}
