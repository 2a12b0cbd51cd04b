#include "tests/sim/troubles.hpp"

#include <utility>

namespace understudy::sim {

using failover::Command;

Troubles::Troubles(World& world) : world_(world), dice_(world.fault_dice) {
  for (int i = 0; i < fault_count; ++i) {
    if (world.setup.has(static_cast<Fault>(i))) kinds_.push_back(static_cast<Fault>(i));
  }
}

void Troubles::begin() {
  if (!kinds_.empty()) next();
}

void Troubles::next() {
  world_.line.after(Micros(static_cast<std::int64_t>(dice_.exponential(world_.setup.mean_between_faults_s) * 1e6)),
                    [this] {
                      if (world_.calm) return;
                      strike(kinds_[dice_.below(kinds_.size())]);
                      next();
                    });
}

void Troubles::end() {
  world_.calm = true;
  while (!broken_.empty()) {
    const auto mend = std::exchange(broken_.begin()->second, nullptr);
    broken_.erase(broken_.begin());
    mend();
  }
  if (!world_.orchestrator.up()) world_.orchestrator.start();  // its next start may be more than an hour away
}

Micros Troubles::some_time() {
  const double mean_s = dice_.chance(0.2) ? 300 : 40;
  return Micros(100'000 + static_cast<std::int64_t>(dice_.exponential(mean_s) * 1e6));
}

Site& Troubles::some_site() {
  const auto service = static_cast<int>(dice_.below(static_cast<std::uint64_t>(world_.services())));
  const auto& targets = world_.service(service).targets;
  const bool serving = dice_.chance(0.5);  // half of the trouble meets whoever serves
  auto& any = world_.site(service, dice_.below(targets.size()));
  return serving ? holder_or(any) : any;
}

/// Of its service, whoever serves.
Site& Troubles::holder_or(Site& site) {
  const auto& targets = world_.service(site.service).targets;
  for (std::size_t i = 0; world_.orchestrator.up() && i < targets.size(); ++i) {
    if (targets[i].id == world_.orchestrator.state(site.service).active) return world_.site(site.service, i);
  }
  return site;
}

void Troubles::until_mended(const std::string& who, const std::string& what, std::function<void()> mend,
                            Micros at_least) {
  if (world_.story.on) world_.story.add(who, what);
  const auto id = next_++;
  broken_.emplace(id, [this, who, what, mend = std::move(mend)] {
    if (world_.story.on) world_.story.add(who, "no longer: " + what);
    mend();
  });
  world_.line.after(at_least + some_time(), [this, id] {
    const auto it = broken_.find(id);
    if (it == broken_.end()) return;
    const auto mend_now = std::exchange(it->second, nullptr);
    broken_.erase(it);
    mend_now();
  });
}

void Troubles::strike(Fault fault) {
  switch (fault) {
    case Fault::crash:
    case Fault::crash_at_write:
    case Fault::freeze:
    case Fault::wall_jump:
    case Fault::disk_full: return strike_orchestrator(fault);
    case Fault::partition:
    case Fault::isolation:
    case Fault::lossy:
    case Fault::slow: return strike_network(fault);
    case Fault::provider_stuck:
    case Fault::provider_errors:
    case Fault::provider_lies: return strike_provider(fault);
    case Fault::store_down:
    case Fault::store_corrupts:
    case Fault::notifier_down: return strike_others(fault);
    case Fault::hands_off: return hands_off();
    case Fault::people: return person(false);
    case Fault::people_force: return person(true);
    default: return strike_site(fault);
  }
}

void Troubles::hands_off() {
  using enum config::Orchestrator::Mode;
  auto& mode = world_.setup.config.orchestrator.mode;
  if (mode == observe) return;
  const Micros soon(dice_.between(50'000, 5'000'000));
  mode = observe;
  world_.orchestrator.crash(soon);
  until_mended("a person", "mode = \"observe\"", [this, &mode, soon] {
    mode = act;
    world_.orchestrator.crash(soon);
  });
}

void Troubles::strike_orchestrator(Fault fault) {
  auto& o = world_.orchestrator;
  if (fault == Fault::crash) return o.crash(some_time());
  if (fault == Fault::crash_at_write) return o.crash_at_next_write();
  if (fault == Fault::freeze) {
    o.set_frozen(true);
    return until_mended("orchestrator", "stopped", [&o] { o.set_frozen(false); });
  }
  if (fault == Fault::wall_jump) {
    const Millis by(dice_.between(-900'000, 900'000));
    (by.count() > 0 ? world_.wall_jumped_forward : world_.wall_jumped_back) += std::chrono::abs(by);
    if (world_.story.on)
      world_.story.add("orchestrator", "its wall clock is set by " + std::to_string(by.count() / 1000) + " s");
    return o.wall_jumps(by);
  }
  if (world_.journal.full) return;
  world_.journal.full = true;
  until_mended("orchestrator", "its disk is full", [this] { world_.journal.full = false; });
}

void Troubles::cut(int from, int to, bool both, Micros at_least) {
  world_.network.cut(from, to);
  if (both) world_.network.cut(to, from);
  until_mended(
      "network", "cut: " + world_.node_name(from) + (both ? " <-> " : " -> ") + world_.node_name(to),
      [this, from, to, both] {
        world_.network.heal(from, to);
        if (both) world_.network.heal(to, from);
      },
      at_least);
}

void Troubles::strike_network(Fault fault) {
  auto& net = world_.network;
  if (fault == Fault::partition) {
    // All messages have the orchestrator at one end, or the store.
    const int one = dice_.chance(0.85) ? World::orchestrator_node : World::store_node;
    const int other = static_cast<int>(dice_.between(1, net.nodes() - 1));
    const bool outwards = dice_.chance(0.5);
    return cut(outwards ? one : other, outwards ? other : one, dice_.chance(0.5));
  }
  if (fault == Fault::isolation) {
    for (int n = 1; n < net.nodes(); ++n) net.cut(World::orchestrator_node, n);
    return until_mended("network", "the orchestrator's own network is gone", [&net] {
      for (int n = 1; n < net.nodes(); ++n) net.heal(World::orchestrator_node, n);
    });
  }
  if (fault == Fault::slow) {
    if (net.slow) return;
    net.slow = true;
    net.slow_share = 0.2 + 0.75 * dice_.unit();
    return until_mended("network", "slow", [&net] { net.slow = false; });
  }
  if (net.loss > 0) return;
  net.loss = dice_.unit() * 0.3;
  net.doubling = dice_.unit() * 0.3;
  until_mended("network", "messages are lost and doubled", [&net] { net.loss = net.doubling = 0; });
}

/// What a lease's arithmetic is for: the holder renews until it is revoked, hears of it late, and then of nothing.
void Troubles::corner(Site& site) {
  auto& net = world_.network;
  if (!site.guarded() || site.holds_over || site.stuck || net.late_to >= 0) return;
  const auto name = world_.name_of(site);
  site.set_stuck(true);
  until_mended(name, "its control plane takes requests and does nothing", [&site] { site.set_stuck(false); });
  site.set_serving(false);
  until_mended(name, "hangs", [&site] { site.set_serving(true); });
  net.late_to = site.host_node;
  until_mended(name, "is told everything late", [&net] { net.late_to = -1; });
  cut_when_revoked(site, dice_.between(100, 500));
}

void Troubles::cut_when_revoked(const Site& site, std::int64_t looks) {
  if (world_.calm || looks == 0) return;
  const auto& o = world_.orchestrator;
  if (o.up() && o.state(site.service).revoked) {
    const auto terms = world_.service(site.service).lease;
    const Micros soon(dice_.between(0, Micros(terms.op_timeout).count()));
    world_.line.after(soon, [this, &site, over = on_slowest(lease::wait_of(terms), terms.clock_error)] {
      if (!world_.calm) cut(World::orchestrator_node, site.host_node, true, over);
    });
    return;
  }
  world_.line.after(Micros(200'000), [this, &site, looks] { cut_when_revoked(site, looks - 1); });
}

void Troubles::strike_provider(Fault fault) {
  auto& site = some_site();
  const auto name = world_.name_of(site);
  if (fault == Fault::provider_stuck) {
    if (site.stuck) return;
    site.set_stuck(true);
    return until_mended(name, "its control plane takes requests and does nothing", [&site] { site.set_stuck(false); });
  }
  if (fault == Fault::provider_lies) {
    if (site.lies || !site.guarded() || site.holds_over) return;
    site.lies = true;
    return until_mended(name, "its control plane says \"stopped\" whatever runs", [&site] { site.lies = false; });
  }
  if (site.failing > 0) return;
  site.failing = 0.3 + dice_.unit() * 0.7;
  until_mended(name, "starts and stops fail there", [&site] { site.failing = 0; });
}

void Troubles::strike_site(Fault fault) {
  auto& site = some_site();
  const auto name = world_.name_of(site);
  const bool by_itself = dice_.chance(0.5);
  switch (fault) {
    case Fault::process_dies: return site.process_dies(by_itself);
    case Fault::host_dies:
      if (!site.host_up) return;
      site.host_dies();
      return until_mended(name, "off", [&site, by_itself] { site.host_returns(by_itself); });
    case Fault::hang: site.set_serving(false); return until_mended(name, "hangs", [&site] { site.set_serving(true); });
    case Fault::flap:
      for (int i = 0; i < 8; ++i) {
        world_.line.after(Micros(dice_.between(1'000'000, 240'000'000)), [&site, i] { site.set_serving(i % 2 != 0); });
      }
      return until_mended(name, "flaps", [&site] { site.set_serving(true); });
    case Fault::untellable:
      if (site.untellable) return;
      site.untellable = true;
      return until_mended(name, "its checks cannot tell", [&site] { site.untellable = false; });
    case Fault::degraded:
      if (site.degraded) return;
      site.degraded = true;
      return until_mended(name, "serves badly", [&site] { site.degraded = false; });
    case Fault::returns: return site.starts_by_itself();
    case Fault::host_suspends:
      if (site.suspended || !site.host_up) return;
      site.suspend();
      return until_mended(name, "asleep", [&site] { site.wake(); });
    case Fault::guard_frozen:
      if (!site.guarded() || site.guard_frozen) return;
      site.freeze_guard(true);
      return until_mended(name, "its guard is stopped", [&site] { site.freeze_guard(false); });
    case Fault::guard_dies:
      if (site.guarded() && site.guard_up && site.host_up && !site.suspended) site.guard_dies();
      return;
    case Fault::cornered: return corner(holder_or(site));
    default: return;
  }
}

void Troubles::strike_others(Fault fault) {
  if (fault == Fault::notifier_down) {
    const auto n = dice_.below(world_.notifiers.size());
    if (world_.notifiers[n] != Taken::yes) return;
    const bool never = next_ % 2 == 0;  // of what was broken before, so that older seeds keep their meaning
    world_.notifiers[n] = never ? Taken::never : Taken::no;
    return until_mended("notifier-" + std::to_string(n), never ? "refuses alerts" : "does not take alerts",
                        [this, n] { world_.notifiers[n] = Taken::yes; });
  }
  auto& store = world_.stores[dice_.below(world_.stores.size())];
  if (fault == Fault::store_down) {
    if (store.down) return;
    store.down = true;
    return until_mended("store", "does not answer", [&store] { store.down = false; });
  }
  if (store.kept.empty()) return;
  store.kept.back().info.valid = false;
  world_.story.add("store", "snapshot " + store.kept.back().info.id.value + " is damaged");
}

void Troubles::person(bool forcefully) {
  const auto service = static_cast<int>(dice_.below(static_cast<std::uint64_t>(world_.services())));
  const auto& targets = world_.service(service).targets;
  Command c;
  c.who = "anna";
  c.reason = "for a reason";
  c.what = static_cast<Command::What>(dice_.below(4));
  if (forcefully) c.what = Command::What::promote;
  if (c.what == Command::What::promote && dice_.chance(0.7)) c.target = targets[dice_.below(targets.size())].id;
  c.pause_for = Millis(dice_.between(10'000, 900'000));
  c.force = forcefully && dice_.chance(0.7);
  c.accept_loss = forcefully && dice_.chance(0.7);
  world_.orchestrator.command(service, std::move(c));
}

}  // namespace understudy::sim
