// The file of `plugin test` and `plugin call`, as TOML and as JSON.
#include "core/config/plugin_file.hpp"
#include "tests/fuzz/schemas.hpp"

using namespace understudy;

FUZZ(input) {
  fuzz::Schemas schemas;
  const fuzz::MemoryFile file(input);
  const auto environment = fuzz::environment();
  for (const auto* plugin : {"web", "box"})
    fuzz::tell(config::load_plugin_file(file.path(), plugin, schemas, environment).diagnostics);
  (void)config::load_kit_options(file.path());
  try {
    (void)config::load_plugin_json(file.path(), "web");
  } catch (const std::runtime_error& e) {
    fuzz::must(*e.what() != '\0', "a refused file says why");
  }
}
