// The manifest of a snapshot, which anybody with the store's keys may have written.
#include "snapshot/manifest.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

FUZZ(input) {
  snapshot::Manifest manifest;
  try {
    manifest = snapshot::read_manifest(std::string(input));
  } catch (const sdk::Failure& failure) {
    fuzz::must(failure.error().status == sdk::Status::invalid, "a damaged manifest is invalid");
    (void)fuzz::dumped(failure.error().to_json());
    return;
  }
  for (const auto& saved : manifest.paths) {
    fuzz::must(saved.name.find('/') == std::string::npos && snapshot::harmless(saved.name),
               "a path stays in the folder");
    for (const auto& entry : saved.entries) fuzz::must(snapshot::harmless(entry.path), "an entry stays in its folder");
  }
  const auto text = snapshot::write_manifest(manifest);
  fuzz::must(snapshot::write_manifest(snapshot::read_manifest(text)) == text, "a manifest reads back as written");
}
