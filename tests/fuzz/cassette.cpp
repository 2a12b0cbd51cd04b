// A cassette, which people send with their bug reports.
#include "core/conformance/cassette.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  const fuzz::MemoryFile file(input);
  try {
    const auto cassette = conformance::read_cassette(file.path());
    (void)fuzz::dumped(conformance::to_json(cassette));
    for (const auto& step : cassette.steps) (void)conformance::answer_from_json(step.answer);
    for (const auto& exchange : cassette.exchanges) {
      if (exchange.after_ms >= 0) (void)conformance::answer_from_json(exchange.answer);
    }
  } catch (const std::runtime_error& e) {
    fuzz::must(*e.what() != '\0', "a refused cassette says why");
  }
}
