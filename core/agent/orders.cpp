#include "core/agent/orders.hpp"

#include <algorithm>

namespace understudy::agent {
namespace {

std::string number(Epoch e) { return std::to_string(e.value); }

Admission stale(Epoch told, Epoch known) {
  return {Admission::Verdict::stale,
          {},
          "epoch " + number(told) + " is over: epoch " + number(known) + " was here",
          "ask for a newer epoch, or with \"force\": true when you know that nothing else runs the service"};
}

/// Later writes of the same epoch go before earlier ones.
bool older(const SnapshotInfo& a, const SnapshotInfo& b) {
  return std::tuple(a.epoch, a.created, a.id.value) < std::tuple(b.epoch, b.created, b.id.value);
}

}  // namespace

Admission admit(const Ledger& ledger, const ActivateOrder& order, bool running) {
  if (!order.epoch && !order.force)
    return {Admission::Verdict::invalid,
            {},
            "\"epoch\" is missing",
            "say which activation this is, or \"force\": true to start by hand"};
  const Epoch epoch = order.epoch.value_or(ledger.epoch);
  if (epoch == ledger.epoch && running) return {Admission::Verdict::already, epoch, {}, {}};
  if (order.force) return {Admission::Verdict::accept, std::max(epoch, ledger.epoch), {}, {}};
  if (epoch < ledger.epoch) return stale(epoch, ledger.epoch);
  if (epoch == ledger.epoch && ledger.phase == Ledger::Phase::ended)
    return {Admission::Verdict::stale,
            {},
            "epoch " + number(epoch) + " was deactivated here",
            "ask for a newer epoch, or with \"force\": true when you know that nothing else runs the service"};
  return {Admission::Verdict::accept, epoch, {}, {}};
}

Admission admit(const Ledger& ledger, const DeactivateOrder& order) {
  const Epoch epoch = order.epoch.value_or(ledger.epoch);
  if (epoch < ledger.epoch) return stale(epoch, ledger.epoch);
  return {Admission::Verdict::accept, epoch, {}, {}};
}

std::optional<std::string> ran_elsewhere(const std::vector<SnapshotInfo>& stored, Epoch epoch) {
  for (const auto& one : stored) {
    if (one.valid && one.epoch > epoch)
      return "the store holds snapshot " + one.id.value + " of epoch " + number(one.epoch) +
             ": another site has run the service since epoch " + number(epoch);
  }
  return std::nullopt;
}

Choice choose(const std::vector<SnapshotInfo>& stored, const ActivateOrder& order, Epoch epoch) {
  std::vector<SnapshotInfo> valid;
  std::ranges::copy_if(stored, std::back_inserter(valid), &SnapshotInfo::valid);
  std::ranges::sort(valid, older);
  if (const auto problem = ran_elsewhere(valid, epoch); problem && !order.force)
    return {false, {}, *problem, "ask for a newer epoch; \"force\": true starts all the same"};
  // Its own later snapshots are newer than the one that it was once told to start from.
  if (!valid.empty() && valid.back().epoch == epoch) return {true, valid.back().id, {}, {}};
  if (order.snapshot && !order.snapshot->empty()) {
    const auto wanted = std::ranges::find(valid, *order.snapshot, &SnapshotInfo::id);
    if (wanted != valid.end()) return {true, wanted->id, {}, {}};
    if (!order.force)
      return {false,
              {},
              "snapshot " + order.snapshot->value + " is not in the store, or is damaged",
              "is this the orchestrator's store? \"force\": true takes the newest that is whole"};
  }
  if (!valid.empty()) return {true, valid.back().id, {}, {}};
  if (!stored.empty() && !order.force)
    return {false, {}, "every snapshot in the store is damaged", "\"force\": true starts with what is here"};
  if (order.snapshot || order.force) return {true, {}, {}, {}};
  return {false, {}, "the store has no snapshot", "\"snapshot\": \"\" starts with what is here"};
}

}  // namespace understudy::agent
