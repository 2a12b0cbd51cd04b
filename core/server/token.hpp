// The API's token: 256 random bits in a file that only its owner can read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::server {

/// Reads it, or makes it. Nothing when it can be neither read nor made.
[[nodiscard]] std::optional<std::string> load_or_make_token(const std::filesystem::path& file);
/// Takes the same time wherever the texts differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace understudy::server
