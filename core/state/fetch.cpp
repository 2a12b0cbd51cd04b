// A snapshot for a drill: past the queue, so that a save or a failover never waits for it.
#include <algorithm>

#include "core/answers/store.hpp"
#include "core/state/state_keeper.hpp"

namespace understudy::state {
namespace {

namespace fs = std::filesystem;
constexpr Millis fetch_budget{3'600'000};

}  // namespace

struct StateKeeper::Fetch {
  fs::path folder;
  bool into_folder = false;
  std::vector<SnapshotInfo> candidates;  ///< newest last
  std::string problems;
  Done done;
};

std::vector<StateKeeper::Folder> StateKeeper::folders(const config::Target& target, const fs::path& fetched) const {
  std::vector<Folder> out;
  for (const auto& [name, path] : named_paths(target)) out.push_back({fetched / name, path});
  return out;
}

void StateKeeper::fetch(const config::Target& target, const fs::path& folder, Done done) {
  auto fetch = std::make_shared<Fetch>();
  fetch->folder = folder;
  fetch->into_folder = !target.paths.empty();
  fetch->done = std::move(done);
  list([this, fetch, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired()) return;
    if (!result.ok()) return fetch->done({false, {}, result.error.message, result.error.status});
    for (auto& info : answers::snapshots(result.value)) {
      if (info.valid) fetch->candidates.push_back(std::move(info));
    }
    std::ranges::sort(fetch->candidates, {},
                      [](const SnapshotInfo& i) { return std::tuple(i.epoch, i.created, i.id.value); });
    if (fetch->candidates.empty()) return fetch->done({true, {}, "there is no snapshot"});
    fetch_next(fetch);
  });
}

void StateKeeper::fetch_next(const std::shared_ptr<Fetch>& fetch) {
  if (fetch->candidates.empty()) return fetch->done({false, {}, fetch->problems, sdk::Status::invalid});
  const auto snapshot = fetch->candidates.back();
  fetch->candidates.pop_back();
  sdk::Json which = {{"service", service_.id.value}, {"id", snapshot.id.value}};
  const auto answered = [this, fetch, snapshot, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired()) return;
    if (result.ok()) return fetch->done({true, snapshot, ""});
    fetch->problems += (fetch->problems.empty() ? "" : "; ") + snapshot.id.value + ": " + result.error.message;
    // Damaged: the one before it is the newest that verifies, as in a failover.
    if (result.error.status == sdk::Status::invalid) return fetch_next(fetch);
    fetch->done({false, {}, fetch->problems, result.error.status});
  };
  if (!fetch->into_folder) return (void)store_->call("store.verify/1", which, fetch_budget, answered);
  std::error_code ec;
  fs::remove_all(fetch->folder, ec);
  fs::create_directories(fetch->folder, ec);
  fs::permissions(fetch->folder, fs::perms::owner_all, ec);
  if (ec) return fetch->done({false, {}, "cannot make " + fetch->folder.string() + ": " + ec.message()});
  which["staging"] = fetch->folder.string();
  store_->call("store.pull/1", which, fetch_budget, answered);
}

}  // namespace understudy::state
