// The boundary's quick reader and writer of JSON against the library's.
#include "understudy/json.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  const auto quick = sdk::read_json(input);
  const auto library = sdk::parse_json(input);
  fuzz::must(quick.is_discarded() == library.is_discarded(), "both take the same texts");
  if (quick.is_discarded()) return;
  fuzz::must(quick == library, "both read the same");
  const auto text = sdk::write_json(quick);
  fuzz::must(text == quick.dump(), "both write the same");
  fuzz::must(sdk::read_json(text) == quick, "what is written is read again");
}
