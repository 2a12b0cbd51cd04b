// Internal to this room: the tables, and how an older file becomes the present one.
#pragma once

#include "core/journal/database.hpp"

namespace understudy::journal {

inline constexpr int schema_version = 2;

/// Brings the file to schema_version. Throws DbError; a newer file is a DbError too.
void migrate(Database& db);

}  // namespace understudy::journal
