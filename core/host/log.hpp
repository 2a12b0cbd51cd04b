// The structured log: one line an event, to stderr, as text or as JSON lines. Every secret value that was ever read is
// replaced by [secret], wherever it turns up. Nobody waits for who reads it: what a stalled reader leaves no room for
// is dropped, and counted in the log when it reads on. [any thread]
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace understudy::host {

enum class Level { debug, info, warning, error };

class Logger {
 public:
  using Field = std::pair<std::string_view, std::string>;

  /// `format` is "text" or "json"; `level` one of debug, info, warning, error (anything else: info).
  Logger(std::string_view level, std::string_view format);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void write(Level level, std::string_view component, std::string_view message,
             std::initializer_list<Field> fields = {});
  /// The same with fields as text that is already "key=value ..." or JSON; redact() each value before it is escaped.
  void write_raw(Level level, std::string_view component, std::string_view message, std::string_view fields);
  [[nodiscard]] bool enabled(Level level) const noexcept;

  /// Hidden from now on: the value, as it stands within JSON, and each long line of it. Values shorter than 4
  /// characters are left alone: replacing them would make the log unreadable and hide nothing.
  void add_secret(std::string value);
  [[nodiscard]] std::string redact(std::string text) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace understudy::host
