#include "cli/context.hpp"

#include <pwd.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

#include "core/config/loader.hpp"

namespace understudy::cli {
namespace fs = std::filesystem;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

void Context::fail(int code, const std::string& message, const std::string& hint) {
  exit_code = code;
  std::fputs(("understudy: " + message + "\n" + (hint.empty() ? "" : "    = " + hint + "\n")).c_str(), stderr);
}

std::vector<fs::path> Context::files() const {
  if (!config_files.empty()) return {config_files.begin(), config_files.end()};
  const char* home = std::getenv("HOME");
  const char* xdg = std::getenv("XDG_CONFIG_HOME");
  const fs::path user = xdg != nullptr ? fs::path(xdg) : fs::path(home != nullptr ? home : "/") / ".config";
  for (const auto& candidate : {fs::path("orchestrator.toml"), user / "understudy/orchestrator.toml",
                                fs::path("/etc/understudy/orchestrator.toml")}) {
    std::error_code ec;
    if (fs::exists(candidate, ec)) return {candidate};
  }
  return {"orchestrator.toml"};
}

std::optional<Client> Context::client() {
  const auto orchestrator = config::load_orchestrator_only(files(), config::process_environment());
  if (!orchestrator) {
    fail(wrong_use, "cannot read " + files().front().string(),
         "name the file with -c FILE; `understudy check` says what is wrong with it");
    return std::nullopt;
  }
  return Client(orchestrator->data_dir);
}

std::optional<nlohmann::json> Context::ask(const std::string& method, const std::string& path,
                                           const nlohmann::json& body, std::chrono::milliseconds timeout) {
  const auto to = client();
  if (!to) return std::nullopt;
  auto answer = to->request(method, path, body, timeout);
  if (const auto* nobody = std::get_if<Unreachable>(&answer)) {
    fail(nobody->timed_out ? unverified : unreachable, nobody->message, nobody->hint);
    return std::nullopt;
  }
  auto& reply = std::get<Reply>(answer);
  if (reply.ok()) return std::move(reply.body);
  const auto error =
      reply.body.is_object() ? reply.body.value("error", nlohmann::json::object()) : nlohmann::json::object();
  const auto code = error.value("code", "");
  const int exit = reply.status == 403                           ? refused
                   : code == "stale_plan" || reply.status == 409 ? stale
                   : reply.status == 400 || reply.status == 404  ? wrong_use
                   : reply.status == 504                         ? unverified
                                                                 : failed;
  if (json) print(reply.body.dump(2) + "\n");
  fail(exit, error.value("message", "HTTP " + std::to_string(reply.status)), error.value("hint", ""));
  return std::nullopt;
}

std::string user_at_host() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const passwd* user = ::getpwuid(::getuid());
  return std::string(user != nullptr ? user->pw_name : std::to_string(::getuid())) + "@" + host;
}

bool on_terminal(int fd) { return ::isatty(fd) != 0; }

std::string human_duration(std::int64_t ms) {
  if (ms < 0) ms = 0;
  if (ms < 1'000) return fmt::format("{} ms", ms);
  const auto s = ms / 1000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {}s", s / 60, s % 60);
  if (s < 86'400) return fmt::format("{}h {}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d {}h", s / 86'400, s / 3600 % 24);
}

std::string clock_time(std::int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

std::string coloured(const std::string& text, int colour) {
  const char* no = std::getenv("NO_COLOR");
  if (!on_terminal(1) || (no != nullptr && *no != '\0')) return text;
  return fmt::format("\x1b[1;{}m{}\x1b[0m", colour, text);
}

std::string url_escaped(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    const bool plain = std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
  }
  return out;
}

}  // namespace understudy::cli
