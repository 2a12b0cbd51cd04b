// Internal to this room: one entry → its rows.
#pragma once

#include "core/journal/database.hpp"
#include "core/journal/records.hpp"

namespace understudy::journal {

/// Throws DbError.
void write(Database& db, const Entry& entry);
[[nodiscard]] std::string_view to_string(OutboxState state) noexcept;
[[nodiscard]] OutboxState outbox_state_from(std::string_view text) noexcept;

}  // namespace understudy::journal
