// What the process that has loaded a stranger's library prints of it.
#include "core/plugins/manifest.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  const auto got = plugins::read_description("/x/y.so", input, "it ended with exit code 0");
  if (const auto* error = std::get_if<plugins::LoadError>(&got))
    return fuzz::must(!error->message.empty(), "a refused plugin says why");
  const auto& manifest = std::get<plugins::Manifest>(got);
  for (const auto& [name, body] : manifest.interfaces.items())
    fuzz::must(body.at("provides").is_array(), "a checked manifest lists its methods");
}
