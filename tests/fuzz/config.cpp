// orchestrator.toml, and a second file over it behind a NUL.
#include "tests/fuzz/schemas.hpp"

using namespace understudy;

FUZZ(input) {
  fuzz::Schemas schemas;
  const auto cut = input.find('\0');
  const fuzz::MemoryFile base(input.substr(0, cut));
  const fuzz::MemoryFile over(cut == std::string_view::npos ? std::string_view() : input.substr(cut + 1));
  const auto environment = fuzz::environment();
  const auto got = config::load(
      {base.path(), over.path()}, [&](const config::Orchestrator&) -> config::SchemaSource& { return schemas; },
      environment);
  fuzz::tell(got.diagnostics);
  fuzz::must(got.config || !got.diagnostics.empty(), "a refused file says why");
  (void)config::load_orchestrator_only({base.path()}, environment);
  if (!got.config) return;
  for (const auto& service : got.config->services)
    fuzz::must(service.find(service.primary) != nullptr, "a checked service has its primary");
  for (const auto& route : got.config->routes) fuzz::must(!route.to.empty(), "a checked route leads somewhere");
}
