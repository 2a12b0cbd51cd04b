// Internal to this room: SQLite with RAII. Errors are thrown as DbError inside the room and never leave it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace understudy::journal {

class DbError : public std::runtime_error {
 public:
  DbError(int code, const std::string& text) : std::runtime_error(text), code_(code) {}
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

class Statement;

class Database {
 public:
  enum class Mode { read_write, read_only };
  explicit Database(const std::filesystem::path& file, Mode mode = Mode::read_write);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql);
  /// A prepared statement, kept for the next use. One user at a time.
  [[nodiscard]] Statement prepare(std::string_view sql);
  [[nodiscard]] std::string text(const std::string& sql);

 private:
  friend class Statement;
  void fail(int code) const;
  sqlite3* db_ = nullptr;
  std::map<std::string, sqlite3_stmt*, std::less<>> cache_;
};

/// Binds in order, steps, reads columns by index; reset when it goes.
class Statement {
 public:
  Statement(Database& db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::int64_t value);
  Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(double value);
  Statement& bind(std::string_view value);
  /// True when there is a row.
  bool step();
  void run() { (void)step(); }
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double number(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool null(int column) const;

 private:
  Database& db_;
  sqlite3_stmt* stmt_;
  int next_ = 1;
};

}  // namespace understudy::journal
