// Push: staged beside, and at one moment, under the commit lock, made the newest; or set aside, when a newer epoch is
// known by then.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "aside.hpp"
#include "fence.hpp"
#include "files.hpp"
#include "snapshot/epochs.hpp"
#include "store.hpp"

namespace local_dir {

namespace fs = std::filesystem;
using namespace understudy::sdk;

namespace {

constexpr const char* no_time = "there was not time enough";

/// Before anything is read: whether what is of an older epoch can be kept at all.
void check_room_aside(const std::string& folder, const PushRequest& request, std::uint64_t newest) {
  if (is_aside(folder, request.id))
    refuse_old(request.epoch, newest, "its data are kept in " + aside_of(folder, request.id) + " already");
  if (const auto n = count_aside(folder); n >= most_aside)
    refuse_old(request.epoch, newest,
               "nothing was stored: " + std::to_string(n) + " are kept in " + folder + "/aside already");
}

/// Looks now and then, while a push is copied, whether a fence has overtaken it. If so, its successor does not wait for
/// it any more, and it has only as long as it takes to keep it aside.
class Watch {
 public:
  Watch(std::string folder, std::uint64_t epoch, const Hooks& hooks, Fd lock)
      : folder_(std::move(folder)), epoch_(epoch), hooks_(hooks), lock_(std::move(lock)) {}

  void between() {
    hooks_.between();
    if (!aside_ && Clock::now() - looked_ >= look_every) look();
    if (aside_ && aside_->over()) throw Failure(Status::transient, no_time);
  }
  /// The epoch of the fence, or 0: one last look, at the end of a push that has failed.
  [[nodiscard]] std::uint64_t overtaken_by() noexcept {
    try {
      if (!aside_) look();
    } catch (const std::exception&) {
      return 0;  // it is damaged: the push has failed for a reason of its own
    }
    return newer_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto look_every = Millis(250);

  void look() {
    looked_ = Clock::now();
    const auto lowest = read_fence(folder_);
    if (lowest <= epoch_) return;
    newer_ = lowest;
    aside_.emplace(time_aside(hooks_.deadline.left()));
    lock_ = Fd();
  }

  const std::string folder_;
  const std::uint64_t epoch_;
  const Hooks& hooks_;
  Fd lock_;
  Clock::time_point looked_ = Clock::now();
  std::uint64_t newer_ = 0;
  std::optional<Deadline> aside_;
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Snapshot described(const PushRequest& request, const std::vector<SavedPath>& paths, std::int64_t bytes) {
  Snapshot out;
  out.id = request.id;
  out.epoch = request.epoch;
  out.bytes = bytes;
  out.created_ms = now_ms();
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
  if (!plain_name(request.id)) throw Failure(Status::invalid, "\"" + request.id + "\" is no snapshot's name");
  if (fs::exists(snapshots + "/" + request.id))
    throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
  // Before the lock: a replaced site is refused also while its successor saves.
  if (const auto lowest = read_fence(folder); request.epoch < lowest) keep_aside(request, lowest, hooks);
  Fd locked = writers_lock(folder);
  const Known known = look(request.service, hooks);
  if (request.epoch < known.epoch) {
    locked = Fd();
    keep_aside(request, known.epoch, hooks);
  }
  Watch watch(folder, request.epoch, hooks, std::move(locked));
  Hooks watching = hooks;
  watching.between = [&watch] { watch.between(); };
  const std::string staging = snapshots + "/" + incoming + request.id;
  remove_tree(staging);
  try {
    std::optional<Loaded> previous;
    if (!known.newest.empty()) previous = load(request.service, known.newest);
    auto snapshot = stage(request, staging, previous ? &*previous : nullptr, watching);
    commit(request, staging, known.epoch, watching);
    return snapshot;
  } catch (const std::exception& e) {
    hooks.afterwards([staging] { remove_tree(staging); });
    const auto* told = dynamic_cast<const Failure*>(&e);
    // Of a snapshot that is there already a later fence says nothing.
    if (told != nullptr && (told->error().kind == "old_epoch" || told->error().status == Status::unknown)) throw;
    if (const auto newest = watch.overtaken_by(); newest > 0)
      refuse_old(request.epoch, newest, only_at_the_site(e.what()));
    if (const auto* io = dynamic_cast<const fs::filesystem_error*>(&e)) throw failure(io->what(), io->code().value());
    throw;
  }
}

void Store::keep_aside(const PushRequest& request, std::uint64_t newest, const Hooks& hooks) const {
  const std::string folder = home(request.service);
  const Deadline deadline(time_aside(hooks.deadline.left()));
  Hooks own = hooks;
  own.between = [&] {
    hooks.between();
    if (deadline.over()) throw Failure(Status::transient, no_time);
  };
  try {
    check_room_aside(folder, request, newest);
    const Fd locked = aside_lock(folder);
    const std::string staging = folder + "/aside/" + incoming + request.id;
    hooks.afterwards([staging] { remove_tree(staging); });
    remove_tree(staging);
    const Known known = look(request.service, own);
    std::optional<Loaded> previous;
    if (!known.newest.empty()) previous = load(request.service, known.newest);
    (void)stage(request, staging, previous ? &*previous : nullptr, own);
    set_aside(folder, request.id, staging, options_.sync);
  } catch (const std::exception& e) {
    if (const auto* told = dynamic_cast<const Failure*>(&e); told != nullptr && told->error().kind == "old_epoch")
      throw;
    refuse_old(request.epoch, newest, only_at_the_site(e.what()));
  }
  refuse_old(request.epoch, newest, "its data are kept in " + aside_of(folder, request.id));
}

Snapshot Store::stage(const PushRequest& request, const std::string& staging, const Loaded* previous,
                      const Hooks& hooks) const {
  fs::create_directories(staging + "/data");
  Manifest manifest;
  manifest.started_ms = now_ms();
  std::int64_t bytes = 0;
  {
    const Fd data = open_folder(staging + "/data");
    for (const auto& p : request.paths) manifest.paths.push_back(save(p, data.get(), previous, hooks, bytes));
  }
  manifest.snapshot = described(request, manifest.paths, bytes);
  // Of one epoch the later save is the newer, whatever was done to the clock between them.
  if (previous != nullptr && previous->manifest.snapshot.epoch == request.epoch)
    manifest.snapshot.created_ms = std::max(manifest.snapshot.created_ms, previous->manifest.snapshot.created_ms + 1);
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
    std::string fate = "its data are kept in " + aside_of(folder, request.id);
    try {
      set_aside(folder, request.id, staging, options_.sync);
    } catch (const std::exception& e) {
      fate = only_at_the_site(e.what());
    }
    refuse_old(request.epoch, lowest, fate);
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
