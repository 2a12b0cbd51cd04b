// What must stand in a health check's answer, and the answer: path, condition, status set, and body, a line each.
#include "plugins/http/conditions.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace http_plugin;

FUZZ(input) {
  auto lines = fuzz::parts(input);
  lines.resize(std::max<std::size_t>(lines.size(), 4));
  const Json body = sdk::parse_json(lines[3]);
  try {
    const Json expected = sdk::parse_json(lines[1]);
    const JsonCondition condition(lines[0], expected.is_discarded() ? Json(lines[1]) : expected);
    if (!body.is_discarded()) {
      if (const auto problem = condition.problem(body)) (void)fuzz::dumped(*problem);
    }
    (void)StatusSet(sdk::parse_json(lines[2])).contains(200);
    (void)Pattern(lines[1], "body_matches").in(lines[3]);
  } catch (const sdk::Failure& failure) {
    (void)fuzz::dumped(failure.error().to_json());
  }
}
