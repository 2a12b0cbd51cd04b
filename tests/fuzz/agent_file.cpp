// The file of `understudy agent`.
#include "core/config/agent_file.hpp"
#include "tests/fuzz/schemas.hpp"

using namespace understudy;

FUZZ(input) {
  fuzz::Schemas schemas;
  const fuzz::MemoryFile file(input);
  const auto environment = fuzz::environment();
  const auto got = config::load_agent(
      {file.path()}, [&](const std::vector<std::filesystem::path>&) -> config::SchemaSource& { return schemas; },
      environment);
  fuzz::tell(got.diagnostics);
  fuzz::must(got.agent || !got.diagnostics.empty(), "a refused file says why");
}
