#include "cli/plugin_tools.hpp"

#include <boost/dll/runtime_symbol_info.hpp>

#include "core/config/loader.hpp"
#include "core/config/plugin_file.hpp"
#include "core/runtime/load.hpp"

namespace understudy::cli {
namespace {

namespace fs = std::filesystem;

/// The schemas of one library, read in a child process.
class OneLibrary final : public config::SchemaSource {
 public:
  explicit OneLibrary(const fs::path& library)
      : name_(library.stem().string()), registry_({library.parent_path()}, {}, this_program()) {}
  std::variant<nlohmann::json, Problem> schema(const std::string&, const std::string& interface_name) override {
    auto found = registry_.find(name_);
    if (auto* error = std::get_if<plugins::LoadError>(&found)) return Problem{error->message, error->hint};
    const auto& interfaces = std::get<std::shared_ptr<plugins::Library>>(found)->manifest().interfaces;
    if (!interfaces.contains(interface_name))
      return Problem{"plugin " + name_ + " has no interface \"" + interface_name + "\"", ""};
    return interfaces.at(interface_name).value("settings", nlohmann::json::object());
  }
  std::vector<std::string> names() override { return {name_}; }

 private:
  std::string name_;
  plugins::Registry registry_;
};

}  // namespace

fs::path this_program() { return boost::dll::program_location().string(); }

std::optional<fs::path> find_library(Context& cx, const std::string& given) {
  std::error_code ec;
  if (given.find('/') != std::string::npos || given.ends_with(".so")) {
    auto path = fs::absolute(given, ec);
    if (fs::is_regular_file(path, ec)) return path;
    cx.fail(wrong_use, given + ": no such file", "name the library that was built, NAME.so");
    return std::nullopt;
  }
  const auto orchestrator = config::load_orchestrator_only(cx.files(), config::process_environment());
  auto folders = orchestrator ? orchestrator->plugin_path : std::vector<fs::path>();
  const auto bundled = runtime::bundled_plugin_folders();
  folders.insert(folders.end(), bundled.begin(), bundled.end());
  for (const auto& folder : folders) {
    if (fs::is_regular_file(folder / (given + ".so"), ec)) return folder / (given + ".so");
  }
  cx.fail(wrong_use, "no plugin \"" + given + "\"", "name its file, or add its folder to plugin_path");
  return std::nullopt;
}

std::optional<std::map<std::string, config::PluginUse>> read_plugin_settings(Context& cx, const fs::path& library,
                                                                             const std::string& file) {
  if (file.empty()) return std::map<std::string, config::PluginUse>();
  OneLibrary schemas(library);
  auto read = config::load_plugin_file(file, library.stem().string(), schemas, config::process_environment());
  std::fputs(config::render(read.diagnostics, on_terminal(2)).c_str(), stderr);
  if (read.ok()) return std::move(read.uses);
  cx.exit_code = wrong_use;
  return std::nullopt;
}

}  // namespace understudy::cli
