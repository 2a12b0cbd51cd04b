// The API's token: 256 random bits in a file that only its owner can read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::server {

/// Reads it, or makes it. Nothing when it can be neither read nor made.
[[nodiscard]] std::optional<std::string> load_or_make_token(const std::filesystem::path& file);

}  // namespace understudy::server
