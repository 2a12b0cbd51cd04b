// List, and prune: removes whole snapshots by their ids below our own folder, nothing else.
#include <algorithm>

#include "store.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t leftover_age_ms = 2 * day_ms;  // longer than any push may last

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
    (void)vault_.program().run_if_there(job, {"purge", vault_.data(request.service, id)});
  };
  PruneReport out;
  int valid_seen = 0;
  for (const auto& card : index.cards) {
    const auto& s = card.snapshot;
    const bool young = now - s.created_ms < request.keep_days * day_ms;
    const bool kept = !s.valid || young || valid_seen < std::max(1, request.keep_at_least);  // damaged: for a person
    valid_seen += s.valid ? 1 : 0;
    if (kept) {
      ++out.kept;
      continue;
    }
    if (!request.dry_run) {
      // The card first: a removal that is cut short leaves data that belong to no snapshot, and no snapshot with holes.
      (void)vault_.program().run_if_there(job, {"deletefile", vault_.card(request.service, s.id)});
      remove_data(s.id);
    }
    out.removed.push_back(s.id);
  }
  if (request.dry_run) return out;
  for (const auto& id : index.data) {  // of pushes that were interrupted
    const auto born = time_in_id_ms(id);
    if (!index.has(id) && born && now - *born > leftover_age_ms) remove_data(id);
  }
  return out;
}

}  // namespace rclone_store
