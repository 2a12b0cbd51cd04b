// What the kit found, for people, for programs and for CI.
#pragma once

#include <string>
#include <vector>

#include "core/conformance/runner.hpp"

namespace understudy::conformance {

/// One line of the table.
[[nodiscard]] std::string line_of(const Outcome& outcome, bool colour);
/// "41 passed, 0 failed, 3 skipped (seed 17)"
[[nodiscard]] std::string summary(const std::vector<Outcome>& all, std::uint64_t seed);
[[nodiscard]] sdk::Json to_json(const std::vector<Outcome>& all, const std::string& plugin, std::uint64_t seed);
/// The format that CI systems read.
[[nodiscard]] std::string to_junit(const std::vector<Outcome>& all, const std::string& plugin, std::uint64_t seed);
[[nodiscard]] int count(const std::vector<Outcome>& all, Verdict verdict);

}  // namespace understudy::conformance
