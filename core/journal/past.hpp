// Reads what a journal remembers, without its lock: beside a running orchestrator, or without one.
#pragma once

#include <filesystem>
#include <variant>

#include "core/journal/journal.hpp"
#include "core/model/past.hpp"

namespace understudy::journal {

/// Nothing is changed. A problem when there is no journal or it cannot be read.
[[nodiscard]] std::variant<Past, Problem> read_past(const std::filesystem::path& data_dir, const ServiceId& service,
                                                    WallTime now);

}  // namespace understudy::journal
