// Push: staged beside, and at one moment, under the commit lock, made the newest; or set aside, when a newer epoch is
// known by then.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "aside.hpp"
#include "fence.hpp"
#include "files.hpp"
#include "store.hpp"

namespace local_dir {

namespace fs = std::filesystem;
using namespace understudy::sdk;

namespace {

/// Before anything is read: whether what is of an older epoch can be kept at all.
void check_room_aside(const std::string& folder, const PushRequest& request, std::uint64_t newest) {
  if (is_aside(folder, request.id))
    refuse_old(request.epoch, newest, "its data are kept in " + aside_of(folder, request.id) + " already");
  if (const auto n = count_aside(folder); n >= most_aside)
    refuse_old(request.epoch, newest,
               "nothing was stored: " + std::to_string(n) + " are kept in " + folder + "/aside already");
}

Snapshot described(const PushRequest& request, const std::vector<SavedPath>& paths, std::int64_t bytes) {
  Snapshot out;
  out.id = request.id;
  out.epoch = request.epoch;
  out.bytes = bytes;
  out.created_ms = std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
  for (const auto& p : paths) {
    out.files += p.root.type == Entry::Type::file ? 1 : 0;
    out.files += std::ranges::count(p.entries, Entry::Type::file, &Entry::type);
  }
  return out;
}

}  // namespace

Snapshot Store::push(const PushRequest& request, const Hooks& hooks) {
  check_disk();
  const std::string folder = home(request.service);
  const std::string snapshots = folder + "/snapshots";
  make_folders(snapshots);
  const Fd locked = writers_lock(folder);
  if (!plain_name(request.id)) throw Failure(Status::invalid, "\"" + request.id + "\" is no snapshot's name");
  if (fs::exists(snapshots + "/" + request.id))
    throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
  const Known known = look(request.service);
  const bool old = request.epoch < known.epoch;
  if (old) check_room_aside(folder, request, known.epoch);
  const std::string staging = snapshots + "/" + incoming + request.id;
  remove_tree(staging);
  try {
    std::optional<Loaded> previous;
    if (!known.newest.empty()) previous = load(request.service, known.newest);
    auto snapshot = stage(request, staging, previous ? &*previous : nullptr, hooks);
    commit(request, staging, known.epoch, hooks);
    return snapshot;
  } catch (const Failure& f) {
    remove_tree(staging);
    if (old && f.error().status != Status::conflict)
      refuse_old(request.epoch, known.epoch, "its data could not be kept aside: " + f.error().message);
    throw;
  } catch (const fs::filesystem_error& e) {
    remove_tree(staging);
    throw failure(e.what(), e.code().value());
  } catch (...) {
    remove_tree(staging);
    throw;
  }
}

Snapshot Store::stage(const PushRequest& request, const std::string& staging, const Loaded* previous,
                      const Hooks& hooks) const {
  fs::create_directories(staging + "/data");
  Manifest manifest;
  std::int64_t bytes = 0;
  {
    const Fd data = open_folder(staging + "/data");
    for (const auto& p : request.paths) manifest.paths.push_back(save(p, data.get(), previous, hooks, bytes));
  }
  manifest.snapshot = described(request, manifest.paths, bytes);
  const std::string text = write_manifest(manifest);
  write_file(staging + "/manifest.json", text, options_.sync);
  write_file(staging + "/manifest.sha256", sha256_hex(text) + "\n", options_.sync);
  if (options_.sync) sync_folder(staging);
  return manifest.snapshot;
}

void Store::commit(const PushRequest& request, const std::string& staging, std::uint64_t known,
                   const Hooks& hooks) const {
  const std::string folder = home(request.service);
  const std::string snapshots = folder + "/snapshots";
  const Fd committing = commit_lock(folder, hooks.between);
  // A fence may have been set while this was copied.
  if (const auto lowest = std::max(known, read_fence(folder)); request.epoch < lowest) {
    set_aside(folder, request.id, staging, options_.sync);
    refuse_old(request.epoch, lowest, "its data are kept in " + aside_of(folder, request.id));
  }
  raise_fence(folder, request.epoch);  // so that this epoch counts also when its snapshots are damaged or gone
  fs::rename(staging, snapshots + "/" + request.id);
  try {
    if (options_.sync) sync_folder(snapshots);
    replace_file(folder, "latest", request.id + "\n", options_.sync);
  } catch (const Failure& f) {
    throw Failure(Status::unknown, "snapshot " + request.id + " is there, but perhaps not on the disk: " + f.what());
  }
}

}  // namespace local_dir
