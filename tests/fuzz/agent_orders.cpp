// The bodies of the supervisor's /activate and /deactivate, and what is made of them.
#include "core/agent/order_bodies.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace understudy::agent;

FUZZ(input) {
  Ledger ledger;
  ledger.epoch = Epoch{5};
  ledger.phase = Ledger::Phase::ended;
  const auto activate = read_activate(input);
  if (const auto* order = std::get_if<ActivateOrder>(&activate)) {
    const auto taken = admit(ledger, *order, false);
    fuzz::must(taken.verdict != Admission::Verdict::accept || taken.epoch >= ledger.epoch, "epochs only rise");
    fuzz::must(taken.verdict != Admission::Verdict::accept || order->force || taken.epoch > ledger.epoch,
               "an epoch that was ended is not taken again");
    (void)choose({}, *order, taken.epoch);
    fuzz::must(taken.verdict != Admission::Verdict::accept || taken.epoch.next() > taken.epoch,
               "there is a next epoch");
  } else {
    fuzz::must(!std::get<BadBody>(activate).why.empty(), "a refused body says why");
  }
  const auto deactivate = read_deactivate(input);
  if (const auto* order = std::get_if<DeactivateOrder>(&deactivate)) {
    fuzz::must(!order->grace || (order->grace->count() >= 0 && *order->grace <= Millis(86'400'000)),
               "the grace is bounded");
    (void)admit(ledger, *order);
  }
}
