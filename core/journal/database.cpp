#include "core/journal/database.hpp"

#include <sqlite3.h>

namespace understudy::journal {

Database::Database(const std::filesystem::path& file, Mode mode) {
  const int how = mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(file.c_str(), &db_, how | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    const std::string why = db_ != nullptr ? sqlite3_errmsg(db_) : "out of memory";
    sqlite3_close(db_);
    db_ = nullptr;
    throw DbError(code, why);
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, 1000);
}

Database::~Database() {
  for (auto& [sql, stmt] : cache_) sqlite3_finalize(stmt);
  sqlite3_close(db_);
}

void Database::fail(int code) const { throw DbError(code, sqlite3_errmsg(db_)); }

void Database::run(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

Statement Database::prepare(std::string_view sql) {
  auto it = cache_.find(sql);
  if (it == cache_.end()) {
    sqlite3_stmt* stmt = nullptr;
    const int code =
        sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
    if (code != SQLITE_OK) fail(code);
    it = cache_.emplace(std::string(sql), stmt).first;
  }
  return {*this, it->second};
}

std::string Database::text(const std::string& sql) {
  Statement s = prepare(sql);
  return s.step() ? s.text(0) : std::string();
}

Statement::~Statement() {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

Statement& Statement::bind(std::int64_t value) {
  if (const int code = sqlite3_bind_int64(stmt_, next_++, value); code != SQLITE_OK) db_.fail(code);
  return *this;
}
Statement& Statement::bind(double value) {
  if (const int code = sqlite3_bind_double(stmt_, next_++, value); code != SQLITE_OK) db_.fail(code);
  return *this;
}
Statement& Statement::bind(std::string_view value) {
  if (const int code = sqlite3_bind_text64(stmt_, next_++, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      code != SQLITE_OK)
    db_.fail(code);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.fail(code);
  return false;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(stmt_, column); }
double Statement::number(int column) const { return sqlite3_column_double(stmt_, column); }
bool Statement::null(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_NULL; }
std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  return data == nullptr ? std::string()
                         : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column)));
}

}  // namespace understudy::journal
