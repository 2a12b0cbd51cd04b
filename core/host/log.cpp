#include "core/host/log.hpp"

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include <spdlog/details/os.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "core/host/unblocked_output.hpp"

namespace understudy::host {
namespace {

constexpr std::size_t longest_log_line = 16 * 1024;
constexpr std::size_t shortest_secret = 4, shortest_secret_line = 16;
constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};

spdlog::level::level_enum spd(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: break;
  }
  return spdlog::level::err;
}

Level level_from(std::string_view text) {
  for (int i = 0; i < 4; ++i) {
    if (level_names[i] == text) return static_cast<Level>(i);
  }
  return Level::info;
}

/// To stderr, in colours where those are seen, and without ever waiting for who reads it.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  /// Lines that were dropped before one that went; they are forgotten with this.
  std::size_t take_dropped() noexcept { return went_ ? dropped_.exchange(0) : 0; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    message.color_range_start = message.color_range_end = 0;
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    std::string line(text.data(), text.size());
    if (colours_ && message.color_range_end > message.color_range_start) {
      line.insert(message.color_range_end, "\033[m");
      line.insert(message.color_range_start, colour(message.level));
    }
    went_ = out_.write(line);
    if (!went_) ++dropped_;
  }
  void flush_() override {}

  static const char* colour(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::err: return "\033[31m\033[1m";
      case spdlog::level::warn: return "\033[33m\033[1m";
      case spdlog::level::info: return "\033[32m";
      default: return "\033[36m";
    }
  }

  UnblockedOutput out_{STDERR_FILENO};
  const bool colours_ = spdlog::details::os::in_terminal(stderr) && spdlog::details::os::is_color_terminal();
  std::atomic<bool> went_ = true;
  std::atomic<std::size_t> dropped_ = 0;
};

}  // namespace

struct Logger::Impl {
  Level least;
  bool json;
  std::shared_ptr<StderrSink> sink = std::make_shared<StderrSink>();
  spdlog::logger out;
  mutable std::shared_mutex mutex;
  std::vector<std::string> secrets;  ///< the longest first: a short one within it must not leave the rest

  Impl(std::string_view level, std::string_view format)
      : least(level_from(level)), json(format == "json"), out("understudy", sink) {
    out.set_level(spd(least));
    out.set_pattern(json ? "%v" : "%Y-%m-%d %H:%M:%S.%e %^%-5l%$ %v");
  }

  void hide(std::string value) {
    if (std::ranges::find(secrets, value) != secrets.end()) return;
    const auto place = std::ranges::find_if(secrets, [&](const auto& s) { return s.size() < value.size(); });
    secrets.insert(place, std::move(value));
  }

  /// All of it is redacted already.
  void put(Level level, const std::string& component, std::string message, std::string fields) {
    say(level, component, std::move(message), std::move(fields));
    if (const auto dropped = sink->take_dropped(); dropped > 0)
      say(std::max(level, Level::warning), "log",
          std::to_string(dropped) + " lines before the last one are lost: nobody read the log", "");
  }

  void say(Level level, const std::string& component, std::string message, std::string fields) {
    out.log(spd(level), json ? as_json(level, component, std::move(message), std::move(fields))
                             : as_text(component, message, fields));
  }

  static std::string as_json(Level level, const std::string& component, std::string message, std::string fields) {
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    message.resize(std::min(message.size(), longest_log_line));
    fields.resize(std::min(fields.size(), longest_log_line));
    nlohmann::json line = {{"at_ms", now.count()},
                           {"level", level_names[static_cast<int>(level)]},
                           {"component", component},
                           {"message", std::move(message)}};
    if (!fields.empty()) line["fields"] = std::move(fields);
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  static std::string as_text(const std::string& component, const std::string& message, const std::string& fields) {
    std::string line = component + ": " + message;
    if (!fields.empty()) line += "  " + fields;
    std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    line.resize(std::min(line.size(), longest_log_line));
    return line;
  }
};

Logger::Logger(std::string_view level, std::string_view format) : impl_(std::make_unique<Impl>(level, format)) {}
Logger::~Logger() = default;

bool Logger::enabled(Level level) const noexcept { return level >= impl_->least; }

void Logger::add_secret(std::string value) {
  if (value.size() < shortest_secret) return;
  const std::unique_lock lock(impl_->mutex);
  const auto quoted = nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  impl_->hide(quoted.substr(1, quoted.size() - 2));  // as it stands within JSON
  // A key of several lines: what is printed comes to us line by line.
  for (std::size_t at = 0, end = 0; end != std::string::npos; at = end + 1) {
    end = value.find('\n', at);
    auto line = value.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    if (line.size() >= shortest_secret_line && line.find("-----") == std::string::npos) impl_->hide(line);
  }
  impl_->hide(std::move(value));
}

std::string Logger::redact(std::string text) const {
  const std::shared_lock lock(impl_->mutex);
  for (const auto& secret : impl_->secrets) {
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "[secret]");
      at += 8;
    }
  }
  return text;
}

void Logger::write(Level level, std::string_view component, std::string_view message,
                   std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  std::string text;
  for (const auto& [key, value] : fields) text += (text.empty() ? "" : " ") + std::string(key) + "=" + redact(value);
  impl_->put(level, redact(std::string(component)), redact(std::string(message)), std::move(text));
}

void Logger::write_raw(Level level, std::string_view component, std::string_view message, std::string_view fields) {
  if (!enabled(level)) return;
  impl_->put(level, redact(std::string(component)), redact(std::string(message)), redact(std::string(fields)));
}

}  // namespace understudy::host
