// State as a service leaves it: folders of odd names and sizes, made from a seed, and compared byte by byte.
#pragma once

#include <filesystem>
#include <random>
#include <string>

namespace understudy::conformance {

/// Fills `folder` (which is made).
void make_tree(const std::filesystem::path& folder, std::mt19937_64& random);
/// Adds, changes and removes something.
void change_tree(const std::filesystem::path& folder, std::mt19937_64& random);
/// Empty when both hold the same; else the first difference.
[[nodiscard]] std::string difference(const std::filesystem::path& expected, const std::filesystem::path& found);

}  // namespace understudy::conformance
