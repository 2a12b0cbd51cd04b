#include "project.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>

namespace compose_plugin {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

constexpr const char* default_socket = "/var/run/docker.sock";

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r\"'";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The value of the first line that begins with `key` in the first column: enough for .env and for a top-level `name:`.
std::string line_value(const std::string& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(key, 0) == 0) return trimmed(line.substr(key.size(), line.find(" #") - key.size()));
  }
  return {};
}

/// Compose keeps lower-case letters, digits, - and _ of a folder's name.
std::string normalised(const std::string& name) {
  std::string out;
  for (const char raw : name) {
    const char c = static_cast<char>(std::tolower(static_cast<unsigned char>(raw)));
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') out += c;
  }
  return out;
}

/// In compose's own order: the setting, .env, the file's `name:`, the folder.
std::string project_name(const Project& project, const std::string& setting) {
  if (!setting.empty()) return setting;
  if (auto name = line_value(project.dir + "/.env", "COMPOSE_PROJECT_NAME="); !name.empty()) return name;
  std::string last;  // of several files the last name counts
  for (const auto& file : project.compose_files()) {
    auto name = line_value(file, "name:");
    // A name with a variable in it would be guessed wrongly, and the wrong containers watched.
    if (name.find('$') != std::string::npos) {
      throw Failure(Status::invalid, "the project's name in " + file + " holds a variable",
                    "set `project` to the name");
    }
    if (!name.empty()) last = std::move(name);
  }
  if (!last.empty()) return last;
  return normalised(fs::path(project.dir).lexically_normal().filename().string());
}

EngineAddress ssh_address(EngineAddress out, std::string rest) {
  out.via = EngineAddress::Via::ssh;
  const auto slash = rest.find('/');
  out.unix_socket = slash == std::string::npos || slash + 1 == rest.size() ? default_socket : rest.substr(slash);
  rest = rest.substr(0, slash);
  const auto colon = rest.rfind(':');
  if (colon != std::string::npos && rest.find(']', colon) == std::string::npos) {
    out.ssh_port = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  const bool digits = std::ranges::all_of(out.ssh_port, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (rest.empty() || rest.front() == '-' || !digits) {
    throw Failure(Status::invalid, "`host` \"" + out.host + "\" cannot be read",
                  "write ssh://user@host or ssh://user@host:22");
  }
  out.authority = rest;
  return out;
}

}  // namespace

EngineAddress parse_address(const std::string& host, const std::string& tls_dir) {
  EngineAddress out;
  out.host = host.empty() ? std::string("unix://") + default_socket : host;
  out.tls_dir = tls_dir;
  const auto after = [&](std::string_view scheme) -> std::optional<std::string> {
    return out.host.rfind(scheme, 0) == 0 ? std::optional(out.host.substr(scheme.size())) : std::nullopt;
  };
  if (auto path = after("unix://"); path && path->rfind('/', 0) == 0) {
    out.unix_socket = *path;
    return out;
  }
  if (auto rest = after("ssh://")) return ssh_address(std::move(out), *rest);
  if (auto rest = after("tcp://"); rest && !rest->empty() && rest->find('/') == std::string::npos) {
    out.via = EngineAddress::Via::tcp;
    out.authority = *rest;
    if (out.authority.find(':') == std::string::npos) out.authority += tls_dir.empty() ? ":2375" : ":2376";
    return out;
  }
  throw Failure(Status::invalid, "`host` \"" + out.host + "\" cannot be read",
                "write unix:///path, tcp://host:port or ssh://user@host");
}

Project Project::from_settings(const Json& s) {
  Project out;
  const auto list = [&](const char* key) { return s.value(key, std::vector<std::string>()); };
  out.dir = s.at("project_dir").get<std::string>();
  out.files = list("files");
  out.services = list("services");
  out.profiles = list("profiles");
  out.program = list("program");
  out.ssh_options = list("ssh_options");
  out.env = s.value("env", std::map<std::string, std::string>());
  out.restart = s.value("restart", "on-failure");
  out.engine = parse_address(s.value("host", ""), s.value("tls_dir", ""));
  for (auto& file : out.files) {
    if (fs::path(file).is_relative()) file = (fs::path(out.dir) / file).string();
  }
  out.name = project_name(out, s.value("project", ""));
  if (out.name.empty()) throw Failure(Status::invalid, "the project has no name", "set `project`");
  return out;
}

std::vector<std::string> Project::compose_files() const {
  if (!files.empty()) return files;
  for (const char* stem : {"compose", "docker-compose"}) {
    for (const char* ending : {".yaml", ".yml"}) {
      const std::string base = dir + "/" + stem;
      if (!fs::exists(base + ending)) continue;
      std::vector<std::string> out{base + ending};
      for (const char* other : {".override.yaml", ".override.yml"}) {
        if (fs::exists(base + other)) out.push_back(base + other);
      }
      return out;
    }
  }
  throw Failure(Status::invalid, "there is no compose file in " + dir,
                "check `project_dir`, or name the files in `files`");
}

bool Project::includes(const std::string& service) const {
  return services.empty() || std::ranges::find(services, service) != services.end();
}

}  // namespace compose_plugin
