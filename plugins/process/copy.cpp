#include "copy.hpp"

#include <filesystem>
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

/// How a command that runs in `cwd` may write `path`; the longest first.
std::vector<std::string> spellings(const std::string& path, const std::string& cwd) {
  std::vector<std::string> out{path};
  const auto relative = fs::path(path).lexically_relative(cwd.empty() ? fs::current_path() : fs::path(cwd)).string();
  if (relative.empty() || relative == "." || relative.rfind("..", 0) == 0) return out;
  out.push_back("./" + relative);
  out.push_back(relative);
  return out;
}

bool move_folder(LaunchSpec& spec, const DrillRequest::Folder& folder) {
  bool found = false;  // every spelling: one that stays would be the standby's own
  for (const auto& path : spellings(folder.from, spec.cwd)) {
    for (std::size_t i = 1; i < spec.argv.size(); ++i) found = replace_path(spec.argv[i], path, folder.to) || found;
    for (auto& [name, value] : spec.env) found = replace_path(value, path, folder.to) || found;
  }
  return found;
}

}  // namespace

LaunchSpec copy_of(LaunchSpec spec, const Json& settings, const DrillRequest& request) {
  const Json drill = settings.value("drill", Json::object());
  const bool told = drill.contains("command") || drill.contains("env");
  if (drill.contains("command")) spec.argv = drill.at("command").get<std::vector<std::string>>();
  for (const auto& [name, value] : drill.value("env", std::map<std::string, std::string>())) spec.env[name] = value;
  if (spec.argv.empty()) throw Failure(Status::invalid, "`drill.command` is empty");
  std::string folders;
  for (const auto& folder : request.folders) {
    folders += (folders.empty() ? "" : ":") + folder.to;
    if (move_folder(spec, folder) || told) continue;
    throw Failure(Status::invalid, "neither `command` nor `env` names " + folder.from + ", so a copy would use it too",
                  "name the folder there, or say in `drill = { command, env }` how a copy is started; it gets its "
                  "folder in UNDERSTUDY_STATE");
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
