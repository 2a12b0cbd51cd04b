// List, and prune: removes whole snapshots by their ids below our own folder, nothing else.
#include "snapshot/epochs.hpp"
#include "store.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;
using understudy::snapshot::day_ms;

constexpr std::int64_t leftover_age_ms = 2 * day_ms;  // longer than any push may last
constexpr std::size_t most_fences = 16;

/// All of ours that a service has; what others put beside it stays.
void remove_all(const Vault& vault, const std::string& service, const Index& index, const Job& job) {
  const auto root = vault.root(service);
  // Only what was seen: some servers fail when what they are to remove is not there.
  const auto purge = [&](const char* folder, bool there) {
    if (there) (void)vault.program().run_if_there(job, {"purge", root + folder});
  };
  (void)vault.program().run_if_there(job, {"deletefile", vault.latest(service)});
  purge("/snapshots", !index.cards.empty());
  purge("/data", !index.data.empty());
  purge("/aside", !index.aside.empty());
  purge("/fence", !index.fences.empty());
  (void)vault.program().once(job, {"rmdir", root}, {});  // stays when it is not empty
}

/// What belongs to no snapshot and is not wanted any more.
void remove_leftovers(const Vault& vault, const PruneRequest& request, const Index& index, std::int64_t now,
                      const Job& job) {
  const auto& service = request.service;
  const auto purge_old = [&](const std::string& id, const std::string& folder, std::int64_t age_ms) {
    const auto born = time_in_id_ms(id);
    if (!born || now - *born <= age_ms) return false;
    (void)vault.program().run_if_there(job, {"purge", folder});
    return true;
  };
  for (const auto& id : index.data) {  // of pushes that were interrupted
    if (!index.has(id)) (void)purge_old(id, vault.data(service, id), leftover_age_ms);
  }
  for (const auto& id : index.aside) {
    const auto folder = vault.aside(service, id);
    if (purge_old(id, folder, understudy::snapshot::aside_age_ms(request)))
      job.host().log(LogLevel::info, folder + " had been kept aside for long enough and is removed");
  }
  for (const auto& name : index.fences.surplus(most_fences))
    (void)vault.program().run_if_there(job, {"deletefile", vault.fence(service, name)});
}

}  // namespace

SnapshotList Store::list(const std::string& service, const Job& job) {
  SnapshotList out;
  for (auto& card : vault_.index(job, service).cards) out.snapshots.push_back(std::move(card.snapshot));
  return out;
}

PruneReport Store::prune(const PruneRequest& request, const Job& job) {
  const Workshop::Turn turn(vault_.workshop(), vault_.root(request.service), job);
  const Index index = vault_.index(job, request.service);
  const auto now = wall_ms(job);
  const auto remove_data = [&](const std::string& id) {
    if (index.data.contains(id)) (void)vault_.program().run_if_there(job, {"purge", vault_.data(request.service, id)});
  };
  PruneReport out;
  understudy::snapshot::Keeping keeping(request, now);
  for (const auto& card : index.cards) {
    const auto& s = card.snapshot;
    if (keeping.keeps(s)) {
      ++out.kept;
      continue;
    }
    if (!request.dry_run && request.keep_at_least > 0) {
      // The card first: a removal that is cut short leaves data that belong to no snapshot, and no snapshot with holes.
      (void)vault_.program().run_if_there(job, {"deletefile", vault_.card(request.service, s.id)});
      remove_data(s.id);
    }
    out.removed.push_back(s.id);
  }
  if (request.dry_run) return out;
  if (request.keep_at_least == 0) {
    remove_all(vault_, request.service, index, job);
    return out;
  }
  remove_leftovers(vault_, request, index, now, job);
  return out;
}

}  // namespace rclone_store
