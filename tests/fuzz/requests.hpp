// What the core asks of a plugin, for the whole_* fuzzers: the same of every target, and of every store.
#pragma once

#include "tests/fuzz/whole.hpp"

namespace understudy::fuzz {

inline Json with(Json out, const Json& more) {
  out.update(more);
  return out;
}

inline Json at() { return {{"service", "shop"}, {"target", "here"}}; }
inline Json start() {
  return with(at(), {{"epoch", 5}, {"operation", "op-5"}, {"snapshot", "s"}, {"reason", "failover"}});
}
inline Json stop() { return with(at(), {{"epoch", 5}, {"operation", "stop-5"}, {"grace_ms", 1000}}); }
/// Of a rollback or a prewarm.
inline Json change() { return with(at(), {{"epoch", 5}, {"operation", "op"}}); }
inline Json look() { return {{"timeout_ms", 5000}}; }

/// Everything that a store is asked: list, push, pull, verify, prune, fence, in this order.
inline std::vector<Question> of_store(const Json& settings) {
  const Json shop = {{"service", "shop"}}, one = with(shop, {{"id", "20261120T101502.000Z-e5"}});
  const auto state = std::filesystem::path(own_file("state/file", "content")).parent_path().string();
  const Json staging = {{"staging", (work_folder() / "staging").string()}};
  return {
      {"state", settings, "store.list/1", shop},
      {"state", settings, "store.push/1", with(one, {{"epoch", 5}, {"paths", {{{"name", "state"}, {"path", state}}}}})},
      {"state", settings, "store.pull/1", with(one, staging)},
      {"state", settings, "store.verify/1", one},
      {"state", settings, "store.prune/1", with(shop, {{"keep_days", 0}, {"keep_at_least", 1}, {"dry_run", false}})},
      {"state", settings, "store.fence/1", with(shop, {{"epoch", 6}})}};
}

}  // namespace understudy::fuzz
