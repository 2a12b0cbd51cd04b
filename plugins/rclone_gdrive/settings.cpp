#include "settings.hpp"

#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <filesystem>

namespace rclone_store {
namespace {

using namespace understudy::sdk;

constexpr const char* how_to_name = "write the remote's name, a colon and a folder, such as \"neo_remote:NeoLight\"";

bool is_name(const std::string& text) {
  return !text.empty() && text.front() != '-' && text.front() != ' ' && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == '+' || c == '@' || c == ' ';
  });
}

/// Options inside the remote's text would put passwords on rclone's command line, which everybody on the host can read.
void check_remote(const std::string& remote) {
  const auto refuse = [&](const std::string& why, const std::string& hint) {
    throw Failure(Status::invalid, "`remote` \"" + remote.substr(0, remote.find_first_of(",=")) + "\" " + why, hint);
  };
  if (remote.find("..") != std::string::npos || remote.find('\n') != std::string::npos)
    refuse("holds \"..\" or a line break", "name the folder itself");
  if (remote.front() == '/') return;
  const auto colon = remote.find(':');
  if (colon == std::string::npos) refuse("names no remote", how_to_name);
  if (!is_name(remote.substr(0, colon)))
    refuse("is not the name of a remote", std::string(how_to_name) + "; options belong into rclone's configuration");
}

std::string default_work_dir() {
  std::error_code ec;
  const auto temporary = std::filesystem::temp_directory_path(ec);
  return (ec ? "/tmp" : temporary.string()) + "/understudy-rclone-" + std::to_string(::getuid());
}

Settings::Check check_from(const std::string& text) {
  if (text == "size") return Settings::Check::size;
  return text == "download" ? Settings::Check::download : Settings::Check::automatic;
}

}  // namespace

Settings Settings::from_json(const Json& in) {
  Settings out;
  out.remote = in.at("remote").get<std::string>();
  if (out.remote.empty()) throw Failure(Status::invalid, "`remote` is empty", how_to_name);
  check_remote(out.remote);
  while (out.remote.size() > 1 && out.remote.back() == '/') out.remote.pop_back();
  out.program = in.value("program", out.program);
  out.config = in.value("config", "");
  if (in.contains("config_password")) out.password_key = in.at("config_password");
  out.work_dir = in.value("work_dir", "");
  if (out.work_dir.empty()) out.work_dir = default_work_dir();
  out.bandwidth_limit = in.value("bandwidth_limit", "");
  if (!out.bandwidth_limit.empty() &&
      out.bandwidth_limit.find_first_not_of("0123456789.:,-kKMGTPiBbofMonTueWdhFriSat ") != std::string::npos)
    throw Failure(Status::invalid, "`bandwidth_limit` \"" + out.bandwidth_limit + "\" cannot be read",
                  "write it as for rclone's --bwlimit, such as \"2M\" or \"08:00,512k 23:00,off\"");
  out.transfers = in.value("transfers", out.transfers);
  out.check = check_from(in.value("check", "auto"));
  out.incremental = in.value("incremental", true);
  out.retries = in.value("retries", out.retries);
  out.retry_wait = Millis(in.value("retry_wait", out.retry_wait.count()));
  return out;
}

std::string Settings::remote_name() const {
  return remote.front() == '/' ? std::string() : remote.substr(0, remote.find(':') + 1);
}

}  // namespace rclone_store
