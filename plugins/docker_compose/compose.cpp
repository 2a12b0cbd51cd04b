#include "compose.hpp"

#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

namespace compose_plugin {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

/// A file that is gone when this is. Only its owner can read it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    std::string name = (fs::temp_directory_path() / "understudy-compose-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    if (fd < 0)
      throw Failure(Status::transient,
                    "cannot write in " + fs::temp_directory_path().string() + ": " + std::strerror(errno));
    path_ = name;
    const auto written = ::write(fd, content.data(), content.size());
    ::close(fd);
    if (written != static_cast<ssize_t>(content.size())) {
      ::unlink(path_.c_str());
      throw Failure(Status::transient, "cannot write " + path_ + ": is the disk full?");
    }
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) out.push_back(std::move(line));
  }
  return out;
}

/// What compose says last is the reason; before it stands what it did.
std::string reason(const Json& ended) {
  const auto said = lines_of(ended.value("stderr", ""));
  std::string out;
  for (std::size_t i = said.size() > 3 ? said.size() - 3 : 0; i < said.size(); ++i)
    out += (out.empty() ? "" : " | ") + said[i];
  return out.empty() ? "exit code " + std::to_string(ended.value("exit_code", -1)) : out;
}

bool succeeded(const Json& ended) { return ended.value("exit_code", -1) == 0; }

}  // namespace

std::map<std::string, std::string> activation_variables(const ActivateRequest& request) {
  return {{"UNDERSTUDY_SERVICE", request.service},
          {"UNDERSTUDY_TARGET", request.target},
          {"UNDERSTUDY_EPOCH", std::to_string(request.epoch)},
          {"UNDERSTUDY_SNAPSHOT", request.snapshot},
          {"UNDERSTUDY_OPERATION", request.operation}};
}

Compose::Compose(Host& host, const Project& project, Engine& engine)
    : host_(host), project_(project), engine_(engine), program_(project.program) {}

const Compose::Words& Compose::program(const Deadline& deadline) {
  if (!program_.empty()) return program_;
  for (const Words& candidate : {Words{"docker", "compose"}, Words{"docker-compose"}}) {
    Words argv = candidate;
    argv.emplace_back("version");
    const auto result = host_.blocking("process.run/1", {{"argv", argv}}, deadline.left());
    if (result.ok() && succeeded(result.value)) return program_ = candidate;
  }
  throw Failure(Status::invalid, "neither `docker compose` nor docker-compose can be run here",
                "install one of them, or name it in `program`");
}

Compose::Words Compose::files_and(const std::string& more) const {
  auto out = project_.compose_files();
  out.push_back(more);
  return out;
}

Json Compose::run(const Words& words, const Words& files, const std::map<std::string, std::string>& env,
                  const Deadline& deadline) {
  Words argv = program(deadline);
  const auto add = [&](std::initializer_list<std::string> more) { argv.insert(argv.end(), more); };
  add({"--project-name", project_.name, "--project-directory", project_.dir});
  for (const auto& file : files) add({"-f", file});
  for (const auto& profile : project_.profiles) add({"--profile", profile});
  argv.insert(argv.end(), words.begin(), words.end());
  std::map<std::string, std::string> all = env;
  all.insert(project_.env.begin(), project_.env.end());
  for (const auto& [name, value] : engine_.environment(deadline)) all[name] = value;
  const auto result =
      host_.blocking("process.run/1", {{"argv", argv}, {"cwd", project_.dir}, {"env", all}}, deadline.left());
  if (!result.ok()) throw Failure(result.error);
  return result.value;
}

std::vector<std::string> Compose::services(const Deadline& deadline) {
  return project_.services.empty() ? all_services(deadline) : project_.services;
}

std::vector<std::string> Compose::all_services(const Deadline& deadline) {
  const Json ended = run({"config", "--services"}, project_.compose_files(), {}, deadline);
  if (!succeeded(ended))
    throw Failure(Status::invalid, "compose cannot read the project: " + reason(ended),
                  "run `docker compose config` in " + project_.dir);
  auto out = lines_of(ended.value("stdout", ""));
  if (out.empty())
    throw Failure(Status::invalid, "the compose project in " + project_.dir + " has no services",
                  "are they behind a profile? name it in `profiles`");
  return out;
}

/// A second compose file, merged over the project's own. JSON is YAML too, and needs no quoting rules of ours.
std::string Compose::addition(const Variables& variables, const Variables& labels, const Words& services) const {
  Json out = {{"services", Json::object()}};
  for (const auto& service : services) {
    auto environment = project_.env;
    environment.insert(variables.begin(), variables.end());
    for (auto& [name, value] : environment) {
      for (std::size_t at = 0; (at = value.find('$', at)) != std::string::npos; at += 2) value.insert(at, 1, '$');
    }
    Json one = {{"environment", environment}, {"labels", labels}};
    if (project_.restart != "keep") one["restart"] = project_.restart;
    out["services"][service] = std::move(one);
  }
  return out.dump();
}

void Compose::start(const Words& files, const Variables& variables, const Deadline& deadline) {
  Words words{"up", "-d"};
  words.insert(words.end(), project_.services.begin(), project_.services.end());
  const Json ended = run(words, files, variables, deadline);
  if (!succeeded(ended))
    throw Failure(Status::transient, "compose could not start project " + project_.name + ": " + reason(ended),
                  "run `docker compose up` in " + project_.dir);
}

void Compose::up(const ActivateRequest& request, const Deadline& deadline) {
  const auto variables = activation_variables(request);
  const TemporaryFile file(addition(variables,
                                    {{label_epoch, std::to_string(request.epoch)},
                                     {"understudy.operation", request.operation},
                                     {"understudy.service", request.service},
                                     {"understudy.target", request.target}},
                                    services(deadline)));
  start(files_and(file.path()), variables, deadline);
}

void Compose::up_copy(const DrillRequest& request, const CopyRules& rules, const Deadline& deadline) {
  const auto variables = copy_variables(request);
  // `up` starts what those of `services` depend on too, and that acts on the world as well.
  const TemporaryFile file(
      addition(variables, {{label_drill, request.drill}, {label_epoch, "0"}}, all_services(deadline)));
  const Json rendered = run({"config"}, files_and(file.path()), variables, deadline);
  if (!succeeded(rendered))
    throw Failure(Status::invalid, "compose cannot read the project: " + reason(rendered),
                  "run `docker compose config` in " + project_.dir);
  const TemporaryFile copy(harmless(rendered.value("stdout", ""), project_, rules, request));
  start({copy.path()}, variables, deadline);
}

std::vector<std::string> Compose::logs(int lines, const Deadline& deadline) {
  Words words{"logs", "--no-color", "--tail", std::to_string(lines)};
  words.insert(words.end(), project_.services.begin(), project_.services.end());
  const Json ended = run(words, project_.compose_files(), {}, deadline);
  if (!succeeded(ended)) throw Failure(Status::transient, "compose gives no logs: " + reason(ended));
  auto out = lines_of(ended.value("stdout", ""));
  if (!out.empty() && out.front().rfind("Attaching to", 0) == 0) out.erase(out.begin());
  return out;
}

}  // namespace compose_plugin
