#include "core/plugins/registry.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/plugins/isolated_instance.hpp"
#include "core/plugins/local_instance.hpp"

namespace understudy::plugins {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto remembered_for = std::chrono::minutes(1);

std::vector<fs::path> candidates(const std::vector<fs::path>& folders, const std::string& name) {
  std::vector<fs::path> out;
  for (const auto& folder : folders) {
    std::error_code ec;
    const auto file = fs::weakly_canonical(folder / (name + ".so"), ec);
    if (!ec && fs::exists(file, ec) && std::ranges::find(out, file) == out.end()) out.push_back(file);
  }
  return out;
}

/// What a process needs to find its way, and what the file grants.
std::map<std::string, std::string> guest_environment(const config::PluginUse& use) {
  std::map<std::string, std::string> out;
  std::vector<std::string> names{"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"};
#ifdef UNDERSTUDY_SANITIZED
  names.insert(names.end(), {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"});  // where to report to is among them
#endif
  names.insert(names.end(), use.pass_env.begin(), use.pass_env.end());
  for (const auto& name : names) {
    if (const char* value = std::getenv(name.c_str()); value != nullptr) out[name] = value;
  }
  return out;
}

std::string joined(const std::vector<fs::path>& folders) {
  std::string out;
  for (const auto& f : folders) out += (out.empty() ? "" : ", ") + f.string();
  return out.empty() ? "nothing" : out;
}

}  // namespace

void Failures::remember(const std::string& plugin, const LoadError& error) {
  failed_.insert_or_assign(plugin, Failed{error, Clock::now()});
}

const LoadError* Failures::recent(const std::string& plugin) const {
  const auto it = failed_.find(plugin);
  return it != failed_.end() && Clock::now() - it->second.at < remembered_for ? &it->second.error : nullptr;
}

Registry::Registry(std::vector<fs::path> path, std::vector<fs::path> bundled, fs::path program)
    : path_(std::move(path)), bundled_(std::move(bundled)), program_(std::move(program)) {}
Registry::~Registry() = default;

std::variant<std::shared_ptr<Library>, LoadError> Registry::find(const std::string& name) {
  if (const auto it = loaded_.find(name); it != loaded_.end()) return it->second;
  if (const auto* known = unusable_.recent(name)) return *known;
  const auto files = candidates(path_, name);
  if (files.empty())
    return LoadError{"no plugin \"" + name + "\" (looked for " + name + ".so in " + joined(path_) + ")",
                     "install it there, or add its folder to plugin_path"};
  if (files.size() > 1)
    return LoadError{"two plugins are called \"" + name + "\": " + files[0].string() + " and " + files[1].string(),
                     "remove one, or take its folder out of plugin_path"};
  auto loaded = is_bundled(files.front()) ? load_library(files.front()) : describe_library(files.front(), program_);
  if (const auto* error = std::get_if<LoadError>(&loaded)) {
    unusable_.remember(name, *error);
    return *error;
  }
  auto library = std::get<std::shared_ptr<Library>>(loaded);
  if (library->manifest().name != name) {
    return LoadError{files.front().string() + ": calls itself \"" + library->manifest().name + "\"",
                     "rename the file to " + library->manifest().name + ".so"};
  }
  loaded_.emplace(name, library);
  return library;
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> out;
  for (const auto& folder : path_) {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(folder, ec)) {
      if (entry.path().extension() == ".so") out.push_back(entry.path().stem().string());
    }
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

std::vector<std::pair<fs::path, std::variant<std::shared_ptr<Library>, LoadError>>> Registry::all() {
  std::vector<std::pair<fs::path, std::variant<std::shared_ptr<Library>, LoadError>>> out;
  for (const auto& name : names()) {
    const auto files = candidates(path_, name);
    if (!files.empty()) out.emplace_back(files.front(), find(name));
  }
  return out;
}

bool Registry::is_bundled(const fs::path& library) const {
  std::error_code ec;
  const auto folder = fs::weakly_canonical(library.parent_path(), ec);
  return std::ranges::any_of(bundled_, [&](const fs::path& b) { return fs::weakly_canonical(b, ec) == folder; });
}

std::shared_ptr<Stats> Registry::stats_of(const std::string& plugin) {
  auto& slot = stats_[plugin];
  if (!slot) slot = std::make_shared<Stats>();
  return slot;
}

std::variant<std::unique_ptr<Instance>, LoadError> Registry::make(const Wiring& wiring, const config::PluginUse& use,
                                                                  const std::string& interface_name,
                                                                  const std::string& instance,
                                                                  const std::string& service,
                                                                  const std::string& target) {
  auto found = find(use.plugin);
  if (auto* error = std::get_if<LoadError>(&found)) return *error;
  auto library = std::get<std::shared_ptr<Library>>(found);
  const auto& manifest = library->manifest();
  if (!manifest.interfaces.contains(interface_name)) {
    std::string offered;
    for (const auto& [name, body] : manifest.interfaces.items()) offered += (offered.empty() ? "" : ", ") + name;
    return LoadError{"plugin " + use.plugin + " has no interface \"" + interface_name + "\" (for " + instance + ")",
                     "it offers " + offered};
  }
  const auto methods = wiring.services.methods();
  for (const auto& need : manifest.needs) {
    if (std::ranges::find(methods, need) == methods.end()) {
      return LoadError{"plugin " + use.plugin + " needs \"" + need + "\", which this Understudy does not offer",
                       "update Understudy"};
    }
  }
  const sdk::Json envelope = {{"interface", interface_name},
                              {"instance", instance},
                              {"service", service},
                              {"target", target},
                              {"settings", use.settings}};
  if (const auto* known = hung_.recent(use.plugin))
    return LoadError{"plugin " + use.plugin + " is not asked again for " + instance + " so soon: " + known->message,
                     known->hint};
  auto made = make_with(wiring, use, std::move(library), envelope);
  if (const auto* error = std::get_if<LoadError>(&made); error != nullptr && error->hung)
    hung_.remember(use.plugin, *error);
  return made;
}

std::variant<std::unique_ptr<Instance>, LoadError> Registry::make_with(const Wiring& wiring,
                                                                       const config::PluginUse& use,
                                                                       std::shared_ptr<Library> library,
                                                                       const sdk::Json& envelope) {
  const std::string isolation = !use.isolation.empty()        ? use.isolation
                                : is_bundled(library->path()) ? "loop"
                                                              : "process";
  host::Caller caller{use.plugin, envelope.at("instance").get<std::string>(), use.secrets, use.grants};
  if (is_bundled(library->path())) caller.grants.emplace_back("operator");
  if (isolation == "process") {
    caller.environment = guest_environment(use);
    return make_isolated_instance(wiring, std::move(library), program_, *caller.environment, stats_of(use.plugin),
                                  caller, envelope);
  }
  if (!library->loaded()) {
    auto loaded = load_library(library->path());
    if (auto* error = std::get_if<LoadError>(&loaded)) return *error;
    library = loaded_[use.plugin] = std::get<std::shared_ptr<Library>>(loaded);
  }
  std::shared_ptr<LibraryThread> thread;
  if (isolation == "thread") {
    auto& slot = threads_[use.plugin];
    if (!slot) slot = std::make_shared<LibraryThread>();
    thread = slot;
  }
  return make_local_instance(wiring, std::move(library), std::move(thread), stats_of(use.plugin), caller, envelope);
}

}  // namespace understudy::plugins
