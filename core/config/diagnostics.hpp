// What is wrong with a configuration: all of it at once, for the person who must mend it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/config/config.hpp"

namespace understudy::config {

struct Diagnostic {
  enum class Severity { error, warning };
  std::string code;  ///< "E0107": one per kind of mistake; explain() tells more
  Severity severity = Severity::error;
  std::string message;  ///< what is wrong and what was expected
  std::string hint;     ///< "did you mean ...", how to write it
  Place place;
  std::string source_line;  ///< as it stands in the file, secrets masked; may be empty
};

/// `file:line:col: error[E0107]: ...`, the line, a caret, the hint; one block each.
[[nodiscard]] std::string render(const std::vector<Diagnostic>& diagnostics, bool colour);
[[nodiscard]] nlohmann::json to_json(const std::vector<Diagnostic>& diagnostics);
/// A paragraph about a code, or empty.
[[nodiscard]] std::string_view explain(std::string_view code) noexcept;
/// Every code that exists.
[[nodiscard]] std::vector<std::string_view> all_codes();

}  // namespace understudy::config
