// What an answer must be like to count as healthy. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pattern.hpp"
#include "understudy/status.hpp"

namespace http_plugin {

using understudy::sdk::Json;

/// 200, "200-299", "2xx".
class StatusSet {
 public:
  /// Throws sdk::Failure(invalid).
  explicit StatusSet(const Json& setting);
  [[nodiscard]] bool contains(int status) const;

 private:
  std::vector<std::pair<int, int>> ranges_;
};

/// "$.a.b[0]" and what must stand there: a value, or text such as ">= 3", "!= null", "matches ^ok".
class JsonCondition {
 public:
  JsonCondition(const std::string& path, const Json& expected);
  /// Why it does not hold, or nothing.
  [[nodiscard]] std::optional<std::string> problem(const Json& body) const;

 private:
  enum class Op { equal, unequal, less, at_most, more, at_least, matches, exists };
  std::string path_;
  std::vector<std::variant<std::string, std::size_t>> steps_;
  Op op_ = Op::equal;
  Json value_;
  std::optional<Pattern> pattern_;
};

}  // namespace http_plugin
