#include "copy.hpp"

#include <algorithm>
#include <sstream>

namespace compose_plugin {
namespace {

using namespace understudy::sdk;

/// One line of what compose renders: two blanks a level, one key a line.
struct Line {
  std::string text;
  std::size_t indent = 0;
  std::string key, value;

  explicit Line(std::string line) : text(std::move(line)) {
    indent = std::min(text.find_first_not_of(' '), text.size());
    const auto colon = text.find(':', indent);
    if (colon == std::string::npos || item()) return;
    key = text.substr(indent, colon - indent);
    const auto at = text.find_first_not_of(" '\"", colon + 1);
    if (at != std::string::npos) value = text.substr(at, text.find_last_not_of(" '\"") + 1 - at);
  }
  [[nodiscard]] bool item() const { return text.compare(indent, 2, "- ") == 0; }
};

[[noreturn]] void shared(const std::string& what, const std::string& hint) {
  throw Failure(Status::invalid, "a copy would share " + what + " with the standby", hint);
}

/// `path` is `folder`, or in it.
bool within(const std::string& path, const std::string& folder) {
  return path.compare(0, folder.size(), folder) == 0 && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// What a service's `volumes` mount from the host: a copy writes to its own folders only.
class Mounts {
 public:
  Mounts(const CopyRules& rules, const DrillRequest& request) : allowed_(rules.shared) {
    for (const auto& folder : request.folders) allowed_.push_back(folder.to);
  }

  void take(const Line& line, const std::string& service) {
    if (!line.item()) return learn(line.key, line.value);
    end();
    service_ = service;
    const Line first(std::string(line.indent, ' ') + "  " + line.text.substr(line.indent + 2));
    const auto begins = first.key.find_first_not_of("'\"");
    const bool path =
        begins != std::string::npos && std::string_view("/.~").find(first.key[begins]) != std::string_view::npos;
    if (!path) return learn(first.key, first.value);  // else as compose 1 writes it: /from:/to:ro
    bind_ = true;
    source_ = first.key.substr(begins);
    const auto mode = first.value.find_last_of(':');
    read_only_ = mode != std::string::npos && (first.value + ",").find("ro,", mode) != std::string::npos;
  }

  [[nodiscard]] bool allows(const std::string& path) const {
    return std::any_of(allowed_.begin(), allowed_.end(), [&](const auto& folder) { return within(path, folder); });
  }

  /// Of the last one.
  void end() {
    if (bind_ && !read_only_ && !allows(source_))
      shared(
          source_ + " (service " + service_ + ")",
          "mount it read_only, take it from a variable that `drill = { env }` sets, or name it in `drill = { shared }` "
          "when two may write to it");
    bind_ = read_only_ = false;
    source_.clear();
  }

 private:
  void learn(const std::string& key, const std::string& value) {
    if (key == "type") bind_ = value == "bind";
    if (key == "source") source_ = value;
    if (key == "read_only") read_only_ = value == "true";
  }

  std::vector<std::string> allowed_;
  std::string service_, source_;
  bool bind_ = false, read_only_ = false;
};

/// Removes and judges, line by line.
class Filter {
 public:
  Filter(const Project& copy, const CopyRules& rules, const DrillRequest& request)
      : copy_(copy), rules_(rules), mounts_(rules, request) {}

  std::string operator()(const std::string& rendered) {
    std::istringstream in(rendered);
    for (std::string text; std::getline(in, text);) take(Line(std::move(text)));
    mounts_.end();
    return std::move(out_);
  }

 private:
  void take(const Line& line) {
    if (line.indent == 0 && !line.key.empty()) section_ = line.key;
    look_at_mounts(line);
    if (skipping_ && (line.indent > 4 || (line.indent == 4 && line.item()))) return;
    skipping_ = section_ == "services" && line.indent == 4 &&
                (line.key == "container_name" || (line.key == "ports" && !rules_.ports));
    if (skipping_) return;
    judge(line);
    out_ += line.text + "\n";
  }

  void look_at_mounts(const Line& line) {
    if (line.indent <= 4 && !line.item()) {
      mounts_.end();
      in_mounts_ = section_ == "services" && line.indent == 4 && line.key == "volumes";
    } else if (in_mounts_) {
      mounts_.take(line, part_);
    }
  }

  void judge(const Line& line) {
    if (line.indent == 2) part_ = line.key;
    // A volume that is a folder of the host, or of another one (":/path"), by its driver's options.
    const bool device = section_ == "volumes" && line.indent == 6 && line.key == "device";
    if (device && line.value.find('/') != std::string::npos && !mounts_.allows(line.value))
      shared(line.value + " (volume " + part_ + ")",
             "take it from a variable that `drill = { env }` sets, or name it in `drill = { shared }`");
    if (line.indent != 4) return;
    if (section_ == "services" && line.key == "network_mode" && line.value == "host" && !rules_.ports)
      shared("the host's network (service " + part_ + ")", "set `drill = { ports = true }` when that does no harm");
    if (section_ != "volumes" && (section_ != "networks" || rules_.ports)) return;
    const bool external = line.key == "external" && line.value != "false";
    const bool fixed = line.key == "name" && line.value.rfind(copy_.name + "_", 0) != 0;
    if (external || fixed) {
      shared("the " + section_.substr(0, section_.size() - 1) + " " + part_,
             "let the compose file take its name from a variable, and set that in `drill = { env = … }`");
    }
  }

  const Project& copy_;
  const CopyRules& rules_;
  Mounts mounts_;
  std::string section_, part_, out_;
  bool skipping_ = false, in_mounts_ = false;
};

/// As a path of its own, or the beginning of one; not in the variables that are ours.
bool names_path(const std::string& text, const std::string& path) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.find("UNDERSTUDY_") != std::string::npos) continue;
    for (std::size_t at = 0; (at = line.find(path, at)) != std::string::npos; at += path.size()) {
      const auto end = at + path.size();
      const bool begins = at == 0 || std::string_view(" '\"=:").find(line[at - 1]) != std::string_view::npos;
      if (begins && (end == line.size() || std::string_view("/:'\" ").find(line[end]) != std::string_view::npos))
        return true;
    }
  }
  return false;
}

}  // namespace

CopyRules CopyRules::from_settings(const Json& settings) {
  const Json drill = settings.value("drill", Json::object());
  CopyRules out{drill.value("env", std::map<std::string, std::string>()), drill.value("ports", false), {}};
  for (auto path : drill.value("shared", std::vector<std::string>())) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    if (!path.empty()) out.shared.push_back(std::move(path));
  }
  return out;
}

Project copy_of(Project project, const CopyRules& rules) {
  project.name += "-drill";
  project.restart = "no";
  for (const auto& [name, value] : rules.env) project.env[name] = value;
  return project;
}

std::map<std::string, std::string> copy_variables(const DrillRequest& request) {
  std::string folders;
  for (const auto& f : request.folders) folders += (folders.empty() ? "" : ":") + f.to;
  return {{"UNDERSTUDY_SERVICE", request.service},
          {"UNDERSTUDY_TARGET", request.target},
          {"UNDERSTUDY_EPOCH", "0"},
          {"UNDERSTUDY_SNAPSHOT", request.snapshot},
          {"UNDERSTUDY_OPERATION", request.drill},
          {"UNDERSTUDY_DRILL", request.drill},
          {"UNDERSTUDY_STATE", folders}};
}

std::string harmless(const std::string& rendered, const Project& copy, const CopyRules& rules,
                     const DrillRequest& request) {
  if (request.folders.empty() && !request.snapshot.empty()) {
    throw Failure(Status::invalid, "the target has no `paths`, so nothing tells where a copy may keep its state",
                  "give the target its `paths`");
  }
  for (const auto& f : request.folders) {
    if (!names_path(rendered, f.from) && names_path(rendered, f.to)) continue;
    shared("the state in " + f.from,
           "let the compose file take its folder from a variable: \"${UNDERSTUDY_STATE:-./state}:/state\"");
  }
  return Filter(copy, rules, request)(rendered);
}

}  // namespace compose_plugin
