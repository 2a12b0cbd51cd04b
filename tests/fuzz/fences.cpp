// Which epochs may still save, as the bundled stores keep it where others may write: `latest` of a bucket, names of
// files on a remote, a line in a folder.
#include "plugins/rclone_gdrive/fences.hpp"
#include "plugins/gcp_cloudrun/latest.hpp"
#include "plugins/local_dir/fence.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;

namespace {

const sdk::Snapshot sample = [] {
  sdk::Snapshot out;
  out.id = "20261120T101500.123Z-e7";
  out.epoch = 7;
  return out;
}();

void read_latest(const std::string& text) {
  const auto latest = gcp::Latest::from(text);
  if (!latest) return;
  const auto again = gcp::Latest::from(latest->text());
  fuzz::must(again && again->text() == latest->text(), "latest reads back as written");
  fuzz::must(again->lowest() == latest->lowest(), "no fence is lost where it is written again");
  fuzz::must(!latest->late(sample) || sample.epoch < latest->lowest(), "what is late is of an epoch below a fence");
}

void read_names(const std::string& text) {
  rclone_store::Fences fences;
  for (const auto& name : fuzz::parts(text)) fences.add(name);
  fuzz::must(fences.surplus(0).empty() == fences.empty(), "every file of a fence can be removed");
  fuzz::must(!fences.late(sample) || sample.epoch < fences.highest(), "what is late is of an epoch below a fence");
  const auto before = fences.highest();
  fences.add(rclone_store::Fences::name(8));
  fences.add(rclone_store::Fences::bound_name(8, sample.epoch, sample.id));
  fuzz::must(fences.highest() >= std::max<std::uint64_t>(before, 8) && fences.complete(8), "a fence is only added to");
}

}  // namespace

FUZZ(input) {
  const std::string text(input);
  if (const auto epoch = local_dir::fence_from(text))
    fuzz::must(local_dir::fence_from(std::to_string(*epoch) + "\n") == epoch, "a fence reads back as written");
  read_latest(text);
  read_names(text);
}
