// A service's state as the journal keeps it, perhaps written by another version.
#include "core/failover/state.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  const auto in = fuzz::json(input);
  if (in.is_discarded()) return;
  const auto state = failover::state_from_json(in);
  if (!state) return;
  const auto out = failover::to_json(*state);
  const auto again = failover::state_from_json(out);
  fuzz::must(again && failover::to_json(*again) == out, "a state reads back as written");
}
