// Fence: a file that every later push sees, and then a look at what was there before it.
#include <utility>

#include "snapshot/epochs.hpp"
#include "store.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;
using understudy::snapshot::refuse_fence;

/// The name that says what was the newest below `epoch`, by epoch and id.
std::string bound_of(const Index& index, std::uint64_t epoch) {
  std::pair<std::uint64_t, std::string> newest;
  const auto count = [&](const Snapshot& s) {
    if (s.valid && s.epoch < epoch) newest = std::max(newest, {s.epoch, s.id});
  };
  for (const auto& c : index.cards) count(c.snapshot);
  // That one was saved whole, also when the listing is behind and does not show its card yet.
  if (index.named && !index.fences.late(index.named->snapshot)) count(index.named->snapshot);
  return Fences::bound_name(epoch, newest.first, newest.second);
}

void set_fence(Vault& vault, const FenceRequest& request, const Index& before, const Job& job) {
  const TemporaryFolder work = vault.workshop().temporary();
  const std::string text = Json{{"epoch", request.epoch}}.dump() + "\n";
  const auto write = [&](const std::string& name) {
    vault.write(job, vault.fence(request.service, name), text, work.path());
  };
  if (before.fences.highest() < request.epoch) write(Fences::name(request.epoch));
  // A push writes its card and then looks for fences; a fence is written and then looks for cards. So each card that
  // was acknowledged is seen here, and each that is not seen here sees the fence.
  const Index now = vault.index(job, request.service);
  if (request.epoch < now.highest_epoch) refuse_fence(request.epoch, now.highest_epoch);
  if (now.fences.complete(request.epoch)) return;  // by another, and answered: a second look may have seen less
  write(bound_of(now, request.epoch));
}

}  // namespace

FenceReport Store::fence(const FenceRequest& request, const Job& job) {
  const Index before = vault_.index(job, request.service);
  if (request.epoch < before.highest_epoch) refuse_fence(request.epoch, before.highest_epoch);
  if (before.fences.complete(request.epoch)) return {request.epoch};
  try {
    set_fence(vault_, request, before, job);
  } catch (const Failure& failure) {
    Error error = failure.error();
    if (error.status == Status::conflict) throw;
    error.status = Status::unknown;
    error.message = "it is not known whether the fence holds: " + error.message;
    throw Failure(error);
  }
  return {request.epoch};
}

}  // namespace rclone_store
