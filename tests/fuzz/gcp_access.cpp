// A token whose claims are read, and a snapshot's object as Cloud Storage lists it: a line the token, a line the
// object's name, and lines of its metadata, key=value.
#include "plugins/gcp_cloudrun/jwt.hpp"
#include "plugins/gcp_cloudrun/listing.hpp"
#include "plugins/gcp_cloudrun/text.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  const auto lines = fuzz::parts(input);
  const auto claims = gcp::claims_of(lines[0]);
  fuzz::must(claims.is_object(), "claims are an object");
  (void)fuzz::dumped(claims);
  constexpr std::int64_t now = 1'800'000'000'000;
  fuzz::must(gcp::ends_at(now, gcp::number_of(claims, "exp")) >= now, "a token ends no sooner than now");
  gcp::Object object;
  if (lines.size() > 1) object.name = "prefix/" + lines[1] + "/manifest.json";
  for (std::size_t i = 2; i < lines.size(); ++i) {
    const auto sign = lines[i].find('=');
    if (sign != std::string::npos) object.metadata[lines[i].substr(0, sign)] = lines[i].substr(sign + 1);
  }
  if (lines.size() < 2) return;
  const auto snapshot = gcp::listed(object);
  fuzz::must(lines[1].find('/') != std::string::npos || snapshot.id == lines[1], "the id is the folder's name");
  fuzz::must(snapshot.epoch <= static_cast<std::uint64_t>(INT64_MAX), "an epoch has one above it");
  fuzz::must(snapshot.valid || !snapshot.problem.empty(), "what is not valid says why");
}
