#include "core/host/log.hpp"

#include <mutex>
#include <shared_mutex>
#include <vector>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

namespace understudy::host {
namespace {

constexpr std::size_t longest_log_line = 16 * 1024;
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

}  // namespace

struct Logger::Impl {
  Level least;
  bool json;
  spdlog::logger out;
  mutable std::shared_mutex mutex;
  std::vector<std::string> secrets;

  Impl(std::string_view level, std::string_view format)
      : least(level_from(level)),
        json(format == "json"),
        out("understudy", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()) {
    out.set_level(spd(least));
    out.set_pattern(json ? "%v" : "%Y-%m-%d %H:%M:%S.%e %^%-5l%$ %v");
    out.flush_on(spdlog::level::debug);
  }
};

Logger::Logger(std::string_view level, std::string_view format) : impl_(std::make_unique<Impl>(level, format)) {}
Logger::~Logger() = default;

bool Logger::enabled(Level level) const noexcept { return level >= impl_->least; }

void Logger::add_secret(std::string value) {
  if (value.size() < 4) return;
  const std::unique_lock lock(impl_->mutex);
  for (const auto& known : impl_->secrets) {
    if (known == value) return;
  }
  impl_->secrets.push_back(std::move(value));
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
  for (const auto& [key, value] : fields) text += (text.empty() ? "" : " ") + std::string(key) + "=" + value;
  write_raw(level, component, message, text);
}

void Logger::write_raw(Level level, std::string_view component, std::string_view message, std::string_view fields) {
  if (!enabled(level)) return;
  std::string line;
  if (impl_->json) {
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    nlohmann::json out = {{"at_ms", now.count()},
                          {"level", level_names[static_cast<int>(level)]},
                          {"component", component},
                          {"message", message}};
    if (!fields.empty()) out["fields"] = fields;
    line = out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    line = std::string(component) + ": " + std::string(message);
    if (!fields.empty()) line += "  " + std::string(fields);
    for (auto& c : line) {
      if (c == '\n' || c == '\r') c = ' ';
    }
  }
  if (line.size() > longest_log_line) line.resize(longest_log_line);
  impl_->out.log(spd(level), redact(std::move(line)));
}

}  // namespace understudy::host
