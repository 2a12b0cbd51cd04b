// The ledger on disk.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "core/agent/orders.hpp"

namespace understudy::agent {

/// An empty ledger when there is no file; a sentence when it cannot be read.
[[nodiscard]] std::variant<Ledger, std::string> read_ledger(const std::filesystem::path& file);
/// Durable when it returns; what went wrong, or nothing.
[[nodiscard]] std::optional<std::string> write_ledger(const std::filesystem::path& file, const Ledger& ledger);

}  // namespace understudy::agent
