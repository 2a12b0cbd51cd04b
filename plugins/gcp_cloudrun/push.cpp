// Push: the files as new objects, then the manifest, then `latest` by compare-and-swap. What an older epoch brings is
// kept for a person under refused.json in place of the manifest.
#include <charconv>

#include "listing.hpp"
#include "saving.hpp"
#include "store.hpp"

namespace gcp {

using namespace understudy::sdk;

namespace {

constexpr int most_swaps = 10;
constexpr std::size_t most_refused = 5;

std::string hex(std::uint64_t number) {
  char out[17];
  return {out, std::to_chars(out, out + sizeof out, number, 16).ptr};
}

/// From the manifest on the push may have had its effect.
template <class Fn>
auto in_doubt(const std::string& id, Fn fn) {
  try {
    return fn();
  } catch (const Failure& failure) {
    Error error = failure.error();
    if (error.status == Status::conflict) throw;
    error.status = Status::unknown;
    error.message = "whether snapshot " + id + " counts is not known: " + error.message;
    throw Failure(error);
  }
}

[[noreturn]] void refuse(const PushRequest& request, std::uint64_t newer, const std::string& fate) {
  throw Failure(Error{Status::conflict,
                      "epoch " + std::to_string(request.epoch) + " is older than " + std::to_string(newer) +
                          ", the newest that this store knows; " + fate,
                      "a site that was replaced must not save over its successor; look at what it had, then delete it",
                      "old_epoch",
                      {}});
}

Failure there_already(const std::string& id) { return {Status::conflict, "there is a snapshot " + id + " already"}; }

}  // namespace

Snapshot Store::push(const PushRequest& request, const Work& work) {
  const std::string place = folder(request.service, request.id);
  const auto highest = highest_epoch(request.service, latest(request.service, work.deadline), work.deadline);
  if (bucket_.stat(place + manifest_leaf, work.deadline)) throw there_already(request.id);
  const auto now = now_ms(bucket_.host());
  const std::string data = place + "data-" + hex(static_cast<std::uint64_t>(now));
  if (highest > request.epoch) keep_aside(request, data, now, highest, work);
  const auto manifest = manifest_of(request, save(bucket_, data, request.paths, parallel_, work), now);
  work.check();
  publish(request, manifest, data, work.deadline);
  return manifest.snapshot;
}

void Store::publish(const PushRequest& request, const Manifest& manifest, const std::string& data,
                    const Deadline& deadline) {
  const std::string place = folder(request.service, request.id), text = write_manifest(manifest);
  const auto metadata = metadata_of(manifest, text, data);
  auto newest = latest(request.service, deadline);  // once more: to send it may have taken an hour
  if (newest.lowest() > request.epoch) set_aside(request, text, metadata, 0, newest.lowest(), deadline);
  const auto written =
      in_doubt(request.id, [&] { return bucket_.write(place + manifest_leaf, text, metadata, 0, deadline); });
  if (!written) throw there_already(request.id);
  in_doubt(request.id, [&] {
    for (int i = 0; i < most_swaps; ++i) {
      if (newest.newest.second == request.id) return;  // a fence has found our manifest: it counts
      if (newest.lowest() > request.epoch)
        set_aside(request, text, metadata, written->generation, newest.lowest(), deadline);
      if (newest.newest.first == request.epoch && newest.newest.second > request.id) return;  // of the same site
      newest.newest = {request.epoch, request.id};
      if (bucket_.write(home(request.service) + "latest", newest.text(), {}, newest.generation, deadline)) return;
      newest = latest(request.service, deadline);
    }
    throw Failure(Status::transient, "`latest` is moved by others again and again");
  });
}

/// A newer epoch began while this was on its way.
void Store::set_aside(const PushRequest& request, const std::string& text, Metadata metadata, std::int64_t manifest,
                      std::uint64_t newer, const Deadline& deadline) {
  const std::string place = folder(request.service, request.id);
  metadata["newer"] = std::to_string(newer);
  (void)bucket_.write(place + refused_leaf, text, metadata, 0, deadline);
  if (manifest != 0) bucket_.remove(place + manifest_leaf, manifest, deadline);
  refuse(request, newer, "its data are kept in gs://" + bucket_.name() + "/" + place);
}

/// A newer epoch had begun before this was asked for.
void Store::keep_aside(const PushRequest& request, const std::string& data, std::int64_t now, std::uint64_t newer,
                       const Work& work) {
  const std::string place = folder(request.service, request.id), shown = "gs://" + bucket_.name() + "/";
  const auto kept = bucket_.list_leaves(home(request.service) + "snapshots/", refused_leaf, work.deadline);
  for (const auto& object : kept) {
    if (object.name == place + refused_leaf)
      refuse(request, newer, "its data are kept in " + shown + place + " already");
  }
  if (kept.size() >= most_refused) {
    refuse(request, newer,
           "nothing was sent: " + std::to_string(kept.size()) + " are kept already, each with a " + refused_leaf +
               " below " + shown + home(request.service) + "snapshots/");
  }
  std::string text;
  Metadata metadata;
  try {
    const auto manifest = manifest_of(request, save(bucket_, data, request.paths, parallel_, work), now);
    text = write_manifest(manifest);
    metadata = metadata_of(manifest, text, data);
    work.check();
  } catch (const Failure& failure) {
    refuse(request, newer, "its data could not be kept aside: " + failure.error().message);
  }
  set_aside(request, text, metadata, 0, newer, work.deadline);
}

}  // namespace gcp
