// Fence: into `latest`, by compare-and-swap, together with what was the newest at that moment. A push moves the same
// object, so that one of the two sees the other.
#include <algorithm>

#include "listing.hpp"
#include "snapshot/epochs.hpp"
#include "store.hpp"

namespace gcp {

using namespace understudy::sdk;

namespace {
constexpr int most_fence_swaps = 10;
}

std::uint64_t Store::highest_epoch(const std::string& service, const Latest& newest, const Deadline& deadline) {
  // `latest` may be behind: removed, or its push ended between the manifest and it.
  std::uint64_t out = newest.lowest();
  for (const auto& s : list(service, newest, deadline).snapshots) {
    if (s.valid) out = std::max(out, s.epoch);
  }
  return out;
}

/// `latest` with the fence in it. The newest is taken from the manifests: one that is there now counts.
Latest Store::with_fence(const FenceRequest& request, const Latest& now, const Deadline& deadline) {
  Latest out = now;
  Place below;
  for (const auto& s : list(request.service, now, deadline).snapshots) {
    if (!s.valid) continue;
    const Place place{s.epoch, s.id};
    out.newest = std::max(out.newest, place);
    if (s.epoch < request.epoch) below = std::max(below, place);
  }
  if (now.newest.first < request.epoch) below = std::max(below, now.newest);
  if (out.lowest() > request.epoch) refuse_fence(request.epoch, out.lowest());
  out.fence(request.epoch, below);
  return out;
}

FenceReport Store::fence(const FenceRequest& request, const Deadline& deadline) {
  const std::string name = home(request.service) + "latest";
  for (int i = 0; i < most_fence_swaps; ++i) {
    const auto now = latest(request.service, deadline);
    if (now.lowest() == request.epoch && now.fenced(request.epoch)) return {request.epoch};
    const auto wanted = with_fence(request, now, deadline);
    try {
      if (bucket_.write(name, wanted.text(), {}, now.generation, deadline)) return {request.epoch};
    } catch (const Failure& failure) {
      Error error = failure.error();
      if (error.status == Status::transient) error.status = Status::unknown;  // its answer may have been lost
      throw Failure(error);
    }
  }
  throw Failure(Status::transient, "gs://" + bucket_.name() + "/" + name + " is moved by others again and again");
}

}  // namespace gcp
