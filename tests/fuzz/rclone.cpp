// What rclone says and lists, and the files that it brings: cards, manifests, latest.json. The seal that those carry is
// made here, since no mutation would find it.
#include "plugins/rclone_gdrive/diagnosis.hpp"
#include "plugins/rclone_gdrive/hashes.hpp"
#include "plugins/rclone_gdrive/manifest.hpp"
#include "plugins/rclone_gdrive/program_words.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace rclone_store;
using sdk::Json;

namespace {

template <class Read, class Write>
void read_back(const std::string& text, Read read, Write write) {
  try {
    const auto value = read(text);
    const auto again = write(value);
    fuzz::must(write(read(again)) == again, "what the store keeps reads back as written");
  } catch (const sdk::Failure& failure) {
    fuzz::must(failure.error().status == sdk::Status::invalid, "a damaged file is invalid");
  }
}

void read_files(const std::string& text) {
  read_back(text, read_card, write_card);
  read_back(text, read_latest, write_latest);
  read_back(text, read_manifest, [](Manifest manifest) {
    for (const auto& file : files_of(manifest)) fuzz::must(harmless(file.object), "a file stays in its folder");
    return write_manifest(manifest);
  });
}

}  // namespace

FUZZ(input) {
  const std::string text(input);
  ProgramWords words({"secret"});
  for (const auto& line : fuzz::parts(text)) {
    if (const auto progress = words.line(line)) (void)fuzz::dumped(*progress);
  }
  Ended ended{1, std::nullopt, text, words.complaints()};
  for (const auto& line : ended.errors) fuzz::must(line.find("secret") == std::string::npos, "a secret is not kept");
  (void)fuzz::dumped(diagnose(ended, "remote:", "").error.to_json());
  try {
    (void)parse_listing(text);
  } catch (const sdk::Failure& failure) {
    fuzz::must(failure.error().status == sdk::Status::transient,
               "a listing that cannot be read may be asked for again");
  }
  (void)time_in_id_ms(text);
  read_files(text);
  Json value = sdk::parse_json(text);
  if (!value.is_object()) return;
  value.erase("check");
  try {
    value["check"] = sha256_of(value.dump());
  } catch (const Json::exception&) {
    return;  // bytes that JSON cannot hold
  }
  read_files(value.dump());
}
