// Push: the files as new objects, then the manifest, then `latest` by compare-and-swap. What an older epoch brings is
// kept for a person under refused.json in place of the manifest.
#include <algorithm>
#include <charconv>

#include "listing.hpp"
#include "saving.hpp"
#include "snapshot/epochs.hpp"
#include "store.hpp"

namespace gcp {

using namespace understudy::sdk;

namespace {

constexpr int most_swaps = 10;

std::string hex(std::uint64_t number) {
  char out[17];
  return {out, std::to_chars(out, out + sizeof out, number, 16).ptr};
}

/// Where one attempt's files go.
std::string data_of(const std::string& place, std::int64_t now) {
  return place + "data-" + hex(static_cast<std::uint64_t>(now));
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

Failure there_already(const std::string& id) { return {Status::conflict, "there is a snapshot " + id + " already"}; }

}  // namespace

Snapshot Store::push(const PushRequest& request, const Work& work) {
  const std::string place = folder(request.service, request.id);
  const auto pointer = latest(request.service, work.deadline);
  auto highest = pointer.lowest();
  if (highest <= request.epoch) highest = highest_epoch(request.service, pointer, work.deadline);
  if (highest > request.epoch) keep_aside(request, highest, work);
  if (bucket_.stat(place + manifest_leaf, work.deadline)) throw there_already(request.id);
  const auto now = now_ms(bucket_.host());
  const std::string data = data_of(place, now);
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
      if (newest.lowest() > request.epoch) {
        // A fence that has found our manifest has promised it to whoever asked for the fence: it counts.
        if (newest.decides(request.epoch) && !newest.late(manifest.snapshot)) return;
        set_aside(request, text, metadata, written->generation, newest.lowest(), deadline);
      }
      // Also when one of the same site is newer: only a swap proves that no fence was set.
      newest.newest = std::max(newest.newest, {request.epoch, request.id});
      if (bucket_.write(home(request.service) + "latest", newest.text(), {}, newest.generation, deadline)) return;
      newest = latest(request.service, deadline);
    }
    throw Failure(Status::transient, "`latest` is moved by others again and again");
  });
}

void Store::write_refused(const PushRequest& request, const std::string& text, Metadata metadata, std::uint64_t newest,
                          const Deadline& deadline) {
  metadata["newer"] = std::to_string(newest);
  (void)bucket_.write(folder(request.service, request.id) + refused_leaf, text, metadata, 0, deadline);
}

void Store::set_aside(const PushRequest& request, const std::string& text, const Metadata& metadata,
                      std::int64_t manifest, std::uint64_t newest, const Deadline& deadline) {
  const std::string place = folder(request.service, request.id);
  const Deadline own(time_aside(deadline.left()));
  std::string fate = "its data are kept in gs://" + bucket_.name() + "/" + place;
  try {
    write_refused(request, text, metadata, newest, own);
    if (manifest != 0) bucket_.remove(place + manifest_leaf, manifest, own);
  } catch (const std::exception& e) {
    fate += ", and that could not be written down (" + std::string(e.what()) + "): they lie at that site too";
  }
  refuse_old(request.epoch, newest, fate);
}

void Store::check_room_aside(const PushRequest& request, std::uint64_t newest, const Deadline& deadline) {
  const std::string place = folder(request.service, request.id), shown = "gs://" + bucket_.name() + "/";
  const auto kept = bucket_.list_leaves(home(request.service) + "snapshots/", refused_leaf, deadline);
  for (const auto& object : kept) {
    if (object.name == place + refused_leaf)
      refuse_old(request.epoch, newest, "its data are kept in " + shown + place + " already");
  }
  if (kept.size() >= most_aside) {
    refuse_old(request.epoch, newest,
               "nothing was sent: " + std::to_string(kept.size()) + " are kept already, each with a " + refused_leaf +
                   " below " + shown + home(request.service) + "snapshots/");
  }
  if (bucket_.stat(place + manifest_leaf, deadline)) throw there_already(request.id);
}

void Store::keep_aside(const PushRequest& request, std::uint64_t newest, const Work& work) {
  const std::string place = folder(request.service, request.id);
  Work own = work;
  own.deadline = Deadline(time_aside(work.deadline.left()));
  try {
    check_room_aside(request, newest, own.deadline);
    const auto now = now_ms(bucket_.host());
    const std::string data = data_of(place, now);
    const auto manifest = manifest_of(request, save(bucket_, data, request.paths, parallel_, own), now);
    const auto text = write_manifest(manifest);
    own.check();
    write_refused(request, text, metadata_of(manifest, text, data), newest, own.deadline);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::conflict) throw;
    refuse_old(request.epoch, newest, only_at_the_site(failure.what()));
  } catch (const std::exception& e) {
    refuse_old(request.epoch, newest, only_at_the_site(e.what()));
  }
  refuse_old(request.epoch, newest, "its data are kept in gs://" + bucket_.name() + "/" + place);
}

}  // namespace gcp
