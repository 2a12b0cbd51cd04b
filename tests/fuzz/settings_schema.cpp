// The schema of its settings that a plugin's manifest gives: the input is the schema, the file is fixed.
#include "core/config/plugin_file.hpp"
#include "tests/fuzz/schemas.hpp"

using namespace understudy;

namespace {

constexpr std::string_view file = R"([health]
settings = { url = "http://localhost/", wait = "5s", size = "2KiB", list = [1, 2, "x"], on = true, count = 3, share = "5%",
             table = { a = "b", c = { d = 1.5 } }, password = { env = "P" }, dir = "~/x", price = "$0.25" }
)";

}  // namespace

FUZZ(input) {
  auto schema = fuzz::json(input);
  if (!schema.is_object()) return;  // as the manifest's reader asks for
  fuzz::Schemas schemas(std::move(schema));
  static const fuzz::MemoryFile settings(file);
  const auto environment = fuzz::environment();
  fuzz::tell(config::load_plugin_file(settings.path(), "web", schemas, environment).diagnostics);
}
