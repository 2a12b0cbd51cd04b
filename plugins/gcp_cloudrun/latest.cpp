#include "latest.hpp"

#include <algorithm>

#include "snapshot/epochs.hpp"
#include "text.hpp"

namespace gcp {

using understudy::sdk::Json;

namespace {
constexpr std::size_t most_fences = 16;

/// 0 when it is missing; throws for what can be none.
std::uint64_t epoch_of(const Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it == object.end() ? 0 : understudy::snapshot::epoch_from(*it);
}
}  // namespace

std::uint64_t Latest::lowest() const { return std::max(newest.first, fences_.empty() ? 0 : fences_.back().epoch); }

bool Latest::fenced(std::uint64_t epoch) const {
  return std::ranges::find(fences_, epoch, &Fence::epoch) != fences_.end();
}

bool Latest::late(const understudy::sdk::Snapshot& snapshot) const {
  const Place place{snapshot.epoch, snapshot.id};
  return std::ranges::any_of(fences_, [&](const Fence& f) { return snapshot.epoch < f.epoch && place > f.newest; });
}

void Latest::fence(std::uint64_t epoch, Place newest_below) {
  fences_.push_back({epoch, std::move(newest_below)});
  std::ranges::sort(fences_, {}, &Fence::epoch);
  if (fences_.size() > most_fences) fences_.erase(fences_.begin());
}

std::string Latest::text() const {
  Json out = {{"id", newest.second}, {"epoch", lowest()}};
  if (newest.first != lowest()) out["id_epoch"] = newest.first;
  for (const auto& f : fences_)
    out["fences"].push_back({{"epoch", f.epoch}, {"newest", {{"id", f.newest.second}, {"epoch", f.newest.first}}}});
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Latest> Latest::from(const std::string& text) try {
  const Json body = understudy::sdk::parse_json(text);
  Latest out;
  out.newest = {epoch_of(body, body.contains("id_epoch") ? "id_epoch" : "epoch"), text_of(body, "id")};
  for (const auto& f : list_of(body, "fences")) {
    const Json& below = object_of(f, "newest");
    out.fence(epoch_of(f, "epoch"), {epoch_of(below, "epoch"), text_of(below, "id")});
  }
  if (out.newest.second.empty() && out.fences_.empty()) return std::nullopt;
  if (out.lowest() < epoch_of(body, "epoch")) return std::nullopt;  // the fence that it was written with is missing
  return out;
} catch (const understudy::sdk::Failure&) {  // an epoch that can be none
  return std::nullopt;
}

}  // namespace gcp
