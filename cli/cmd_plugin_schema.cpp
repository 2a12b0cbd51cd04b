// understudy plugin schema: a JSON Schema of orchestrator.toml for editors.
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/config/loader.hpp"
#include "core/config/schema.hpp"
#include "core/runtime/load.hpp"

namespace understudy::cli {
namespace {

void schema(Context& cx, bool overlay) {
  const auto orchestrator = config::load_orchestrator_only(cx.files(), config::process_environment());
  const auto registry =
      runtime::make_registry(orchestrator ? orchestrator->plugin_path : std::vector<std::filesystem::path>());
  config::SchemaOptions options;
  options.overlay = overlay;
  for (const auto& [path, one] : registry->all()) {
    if (const auto* library = std::get_if<std::shared_ptr<plugins::Library>>(&one))
      options.plugins[(*library)->manifest().name] = (*library)->manifest().interfaces;
  }
  print(config::file_schema(options).dump(2) + "\n");
}

}  // namespace

void add_plugin_schema(CLI::App& family, Context& cx) {
  auto* command = family.add_subcommand("schema", "A JSON Schema of orchestrator.toml with the plugins that are found");
  auto overlay = std::make_shared<bool>(false);
  command->add_flag("--overlay", *overlay, "for a file that overlays another: nothing is required");
  command->footer(
      "For completion in an editor with taplo: save it, and put `#:schema ./orchestrator.schema.json` on the\n"
      "first line of the file.");
  command->callback([&cx, overlay] { schema(cx, *overlay); });
}

}  // namespace understudy::cli
