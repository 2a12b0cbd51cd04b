// A small file of the agent's that is either what it was or what it shall be, whatever happens meanwhile.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace understudy::agent {

/// Durable when it returns; what went wrong, or nothing. Only the agent's user may read it.
[[nodiscard]] std::optional<std::string> write_durably(const std::filesystem::path& file, std::string_view text);

}  // namespace understudy::agent
