// What rclone says while it runs (--use-json-log): statistics, complaints, and lines that are neither. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "understudy/status.hpp"

namespace rclone_store {

class ProgramWords {
 public:
  /// Each of `secrets` is hidden in what is kept.
  explicit ProgramWords(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {}

  /// A line of its standard error; the statistics as the params of a "progress" (without the operation), when it has
  /// them.
  std::optional<understudy::sdk::Json> line(const std::string& text);
  /// The last complaints, oldest first, and the first of all.
  [[nodiscard]] std::vector<std::string> complaints() const { return {lines_.begin(), lines_.end()}; }

 private:
  void plain(const std::string& text);
  void keep(const std::string& said);

  std::vector<std::string> secrets_;
  std::deque<std::string> lines_;
};

struct Listed {
  std::string path, name;
  bool folder = false;
  std::int64_t size = -1;                     ///< -1: not known
  std::map<std::string, std::string> hashes;  ///< by rclone's names for them
};
/// Of `rclone lsjson`. Throws sdk::Failure(transient) when it is not that.
[[nodiscard]] std::vector<Listed> parse_listing(const std::string& text);

}  // namespace rclone_store
