#include "core/runtime/load.hpp"

#include <algorithm>

#include <boost/dll/runtime_symbol_info.hpp>

namespace understudy::runtime {
namespace {

namespace fs = std::filesystem;

class RegistrySchemas final : public config::SchemaSource {
 public:
  explicit RegistrySchemas(plugins::Registry& registry) : registry_(registry) {}

  std::variant<nlohmann::json, Problem> schema(const std::string& plugin, const std::string& interface_name) override {
    auto found = registry_.find(plugin);
    if (auto* error = std::get_if<plugins::LoadError>(&found)) return Problem{error->message, error->hint};
    const auto& manifest = std::get<std::shared_ptr<plugins::Library>>(found)->manifest();
    const auto it = manifest.interfaces.find(interface_name);
    if (it == manifest.interfaces.end()) {
      std::string offered;
      for (const auto& [name, body] : manifest.interfaces.items()) offered += (offered.empty() ? "" : ", ") + name;
      return Problem{"plugin " + plugin + " cannot be used as a " + interface_name, "it offers: " + offered};
    }
    return it->value("settings", nlohmann::json::object());
  }
  std::vector<std::string> names() override { return registry_.names(); }
  bool offers(const std::string& plugin, const std::string& interface_name, const std::string& method) override {
    const auto found = registry_.find(plugin);
    const auto* library = std::get_if<std::shared_ptr<plugins::Library>>(&found);
    return library == nullptr || !(*library)->manifest().interfaces.contains(interface_name) ||
           (*library)->provides(interface_name, method);
  }
  std::optional<std::string> secret_source(const std::string& key) override {
    for (const auto& [path, found] : registry_.all()) {
      const auto* library = std::get_if<std::shared_ptr<plugins::Library>>(&found);
      if (library != nullptr && (*library)->manifest().raw.value("secret_source", "") == key)
        return (*library)->manifest().name;
    }
    return std::nullopt;
  }

 private:
  plugins::Registry& registry_;
};

}  // namespace

std::unique_ptr<config::SchemaSource> schemas_of(plugins::Registry& registry) {
  return std::make_unique<RegistrySchemas>(registry);
}

std::vector<fs::path> bundled_plugin_folders() {
  std::error_code ec;
  const fs::path program = boost::dll::program_location().string();
  const auto bin = fs::weakly_canonical(program, ec).parent_path();
  std::vector<fs::path> out;
  for (const char* relative : {"../plugins", "../lib/understudy/plugins", "../lib64/understudy/plugins"}) {
    const auto folder = fs::weakly_canonical(bin / relative, ec);
    if (!ec && fs::is_directory(folder, ec)) out.push_back(folder);
  }
  // Debian puts libraries under lib/TRIPLET.
  for (const auto& entry : fs::directory_iterator(bin / "../lib", ec)) {
    const auto folder = entry.path() / "understudy/plugins";
    if (fs::is_directory(folder, ec)) out.push_back(fs::weakly_canonical(folder, ec));
  }
  return out;
}

std::unique_ptr<plugins::Registry> make_registry(const std::vector<fs::path>& plugin_path) {
  const auto bundled = bundled_plugin_folders();
  auto path = plugin_path;
  path.insert(path.end(), bundled.begin(), bundled.end());
  return std::make_unique<plugins::Registry>(std::move(path), bundled, boost::dll::program_location().string());
}

Loaded load(const std::vector<fs::path>& files) {
  Loaded out;
  std::unique_ptr<config::SchemaSource> schemas;
  const auto environment = config::process_environment();
  out.result = config::load(
      files,
      [&](const config::Orchestrator& o) -> config::SchemaSource& {
        out.registry = make_registry(o.plugin_path);
        schemas = schemas_of(*out.registry);
        return *schemas;
      },
      environment);
  return out;
}

}  // namespace understudy::runtime
