#include "copy.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <string_view>

namespace process_plugin {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

/// Replaces a path where it stands for itself in `text`: as the whole, with more of a path behind it, or after = , and
/// :.
bool replace_path(std::string& text, const std::string& path, const std::string& by) {
  constexpr std::string_view before = "=,:", after = "/,:";
  bool found = false;
  for (std::size_t at = 0; (at = text.find(path, at)) != std::string::npos;) {
    const auto end = at + path.size();
    const bool whole = (at == 0 || before.find(text[at - 1]) != std::string_view::npos) &&
                       (end == text.size() || after.find(text[end]) != std::string_view::npos);
    if (whole) text.replace(at, path.size(), by);
    found = found || whole;
    at += whole ? by.size() : 1;
  }
  return found;
}

fs::path folder_of(const LaunchSpec& spec) { return spec.cwd.empty() ? fs::current_path() : fs::path(spec.cwd); }

/// How a command that runs in `cwd` may write `path`; the longest first.
std::vector<std::string> spellings(const std::string& path, const fs::path& cwd) {
  std::vector<std::string> out{path};
  const auto relative = fs::path(path).lexically_relative(cwd).string();
  if (relative.find_first_not_of("./") == std::string::npos) return out;  // it is the folder itself, or above it
  if (relative.rfind("..", 0) != 0) out.push_back("./" + relative);
  out.push_back(relative);
  return out;
}

bool part_of_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

/// What ends before `end` is a shell's word for a folder: $PWD, ${HOME}, $(pwd), ~.
bool is_expansion(const std::string& text, std::size_t end) {
  while (end > 0 &&
         (part_of_name(text[end - 1]) || std::string_view("{}()").find(text[end - 1]) != std::string_view::npos))
    --end;
  return end > 0 && (text[end - 1] == '$' || text[end - 1] == '~' || text[end - 1] == '`');
}

/// `path`, or something in it, wherever it stands: also where it cannot be replaced with certainty.
bool names(const std::string& text, const std::string& path) {
  for (std::size_t at = 0; (at = text.find(path, at)) != std::string::npos; ++at) {
    const auto end = at + path.size();
    const bool begins = at == 0 || (text[at - 1] == '/' ? is_expansion(text, at - 1) : !part_of_name(text[at - 1]));
    if (begins && (end == text.size() || !part_of_name(text[end]))) return true;
  }
  return false;
}

/// The argument or variable that names the folder; nothing: none does.
std::optional<std::string> names_folder(const LaunchSpec& spec, const std::vector<std::string>& paths) {
  const auto in = [&](const std::string& text) {
    return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) { return names(text, path); });
  };
  for (std::size_t i = 1; i < spec.argv.size(); ++i) {
    if (in(spec.argv[i])) return spec.argv[i];
  }
  for (const auto& [name, value] : spec.env) {
    if (in(value)) return name + "=" + value;
  }
  return std::nullopt;
}

bool move_folder(LaunchSpec& spec, const DrillRequest::Folder& folder, const std::vector<std::string>& paths) {
  bool found = false;  // every spelling: one that stays would be the standby's own
  for (const auto& path : paths) {
    for (std::size_t i = 1; i < spec.argv.size(); ++i) found = replace_path(spec.argv[i], path, folder.to) || found;
    for (auto& [name, value] : spec.env) found = replace_path(value, path, folder.to) || found;
  }
  const auto within = folder_of(spec).lexically_normal().lexically_relative(folder.from).string();
  if (within.empty() || within.rfind("..", 0) == 0) return found;
  spec.cwd = (fs::path(folder.to) / within).lexically_normal().string();  // it works in the folder itself
  return true;
}

[[noreturn]] void would_share(const std::string& why) {
  throw Failure(
      Status::invalid, why + ", so a copy would use it too",
      "name the folder in an argument or a variable of its own, or say in `drill = { command }` how a copy is "
      "started; it gets its folder in UNDERSTUDY_STATE");
}

/// What the settings say of copies is added already. `said`: they have a command for them, which is taken as it is.
void keep_apart(LaunchSpec& spec, const LaunchSpec& own, const DrillRequest::Folder& folder, bool said) {
  const auto paths = spellings(folder.from, folder_of(own));
  const bool moved = move_folder(spec, folder, paths);
  if (said) return;
  if (const auto where = names_folder(spec, paths))
    would_share("\"" + *where + "\" names " + folder.from + " where it cannot be replaced");
  // A variable of `drill.env` may have taken the place of the one that named it.
  if (!moved && !names_folder(own, paths)) would_share("neither `command` nor `env` names " + folder.from);
}

}  // namespace

LaunchSpec copy_of(LaunchSpec spec, const Json& settings, const DrillRequest& request) {
  const Json drill = settings.value("drill", Json::object());
  const LaunchSpec own = spec;
  const bool told = drill.contains("command") || drill.contains("env");
  if (drill.contains("command")) spec.argv = drill.at("command").get<std::vector<std::string>>();
  for (const auto& [name, value] : drill.value("env", std::map<std::string, std::string>())) spec.env[name] = value;
  if (spec.argv.empty()) throw Failure(Status::invalid, "`drill.command` is empty");
  std::string folders;
  for (const auto& folder : request.folders) {
    folders += (folders.empty() ? "" : ":") + folder.to;
    keep_apart(spec, own, folder, drill.contains("command"));
  }
  if (request.folders.empty() && !request.snapshot.empty() && !told) {
    throw Failure(Status::invalid, "the target has no `paths`, so nothing tells where a copy may keep its state",
                  "give the target its `paths`, or say in `drill = { command, env }` how a copy is started");
  }
  spec.env["UNDERSTUDY_SERVICE"] = request.service;
  spec.env["UNDERSTUDY_TARGET"] = request.target;
  spec.env["UNDERSTUDY_EPOCH"] = "0";
  spec.env["UNDERSTUDY_SNAPSHOT"] = request.snapshot;
  spec.env["UNDERSTUDY_OPERATION"] = request.drill;
  spec.env["UNDERSTUDY_DRILL"] = request.drill;
  spec.env["UNDERSTUDY_STATE"] = folders;
  return spec;
}

}  // namespace process_plugin
