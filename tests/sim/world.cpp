#include "tests/sim/world.hpp"

#include <algorithm>
#include <stdexcept>

namespace understudy::sim {
namespace {

using namespace failover;

constexpr int most_at_one_instant = 20'000;

Setup setup_of(Dice dice) { return draw_setup(dice); }

int nodes_of(const Setup& setup) {
  int out = World::first_notifier_node + static_cast<int>(setup.config.notifiers.size()) + 1;
  for (const auto& targets : setup.targets) out += 2 * static_cast<int>(targets.size());
  return out;
}

std::string words(const Event& event) {
  if (const auto* h = std::get_if<HealthSeen>(&event))
    return h->target.value + " is " + std::string(to_string(h->verdict)) + (h->failing ? ", and fails" : "") + " (" +
           h->cause + ")";
  if (const auto* f = std::get_if<Fenced>(&event))
    return f->target.value + (f->stopped ? " is confirmed stopped" : " is not confirmed stopped: " + f->detail);
  if (const auto* a = std::get_if<Activated>(&event))
    return a->target.value + " answers to its start: " + std::string(sdk::name_of(a->status)) + ", " + a->detail;
  if (const auto* s = std::get_if<Saved>(&event))
    return s->ok ? "saved " + s->snapshot.id.value : "not saved: " + s->detail;
  if (const auto* p = std::get_if<Prepared>(&event))
    return p->ok ? "brought " + (p->snapshot.id.empty() ? "nothing: there is none" : p->snapshot.id.value)
                 : "not brought: " + p->detail;
  if (const auto* c = std::get_if<Command>(&event)) {
    static constexpr const char* what[] = {"promote", "failback", "pause", "resume"};
    return c->who + " says: " + what[static_cast<int>(c->what)] + " " + c->target.value + (c->force ? " --force" : "") +
           (c->accept_loss ? " --accept-loss" : "");
  }
  if (const auto* t = std::get_if<TimerFired>(&event); t != nullptr && t->kind == TimerKind::lease)
    return "the wait for the end of the lease is over";
  return "";
}

std::string words(const Effect& effect) {
  if (const auto* f = std::get_if<Fence>(&effect)) return "stop " + f->target.value;
  if (const auto* s = std::get_if<Save>(&effect)) return "save what " + s->target.value + " has";
  if (const auto* p = std::get_if<Prepare>(&effect)) return "bring the state to " + p->target.value;
  if (const auto* a = std::get_if<Activate>(&effect))
    return "start " + a->target.value + " with epoch " + std::to_string(a->epoch.value) +
           (a->snapshot.empty() ? "" : " from " + a->snapshot.value);
  if (const auto* t = std::get_if<Tell>(&effect))
    return "tell people: " + t->alert.title + (t->alert.state == AlertState::resolved ? " (over)" : "");
  if (const auto* a = std::get_if<Answer>(&effect))
    return a->status == sdk::Status::ok ? "answer: accepted" : "answer: " + a->message;
  if (const auto* l = std::get_if<LeaseAnswer>(&effect);
      l != nullptr && l->judgement.verdict != lease::Judgement::Verdict::granted)
    return "refuse a lease: " + l->judgement.why;
  return "";
}

}  // namespace

World::World(Dice dice, Mutation planted, bool tell, const std::set<std::string>& without)
    : mutation(planted),
      setup(setup_of(dice.split())),
      net_dice(dice.split()),
      sites_dice(dice.split()),
      fault_dice(dice.split()),
      network(nodes_of(setup)),
      stores(setup.targets.size()),
      forced(setup.targets.size()),
      notifiers(setup.config.notifiers.size(), Taken::yes),
      invariants(without),
      orchestrator(*this, setup.orchestrator_rate) {
  story.on = tell;
  int node = first_notifier_node + static_cast<int>(setup.config.notifiers.size());
  sites.resize(setup.targets.size());
  for (int s = 0; s < services(); ++s) {
    stores[static_cast<std::size_t>(s)].mutation = mutation;
    for (std::size_t t = 0; t < service(s).targets.size(); ++t, node += 2) {
      const auto& place = setup.targets[static_cast<std::size_t>(s)][t];
      sites[static_cast<std::size_t>(s)].push_back(
          std::make_unique<Site>(*this, s, service(s).targets[t], place, node));
    }
  }
}

bool World::pass(Micros time) {
  const Time end = line.now() + time;
  while (!invariants.violation()) {
    auto next = line.take(end);
    story.now = line.now();
    if (!next) return true;
    happens();
    (*next)();
  }
  return false;
}

void World::happens() {
  if (line.now() != std::exchange(instant_, line.now())) happened_ = 0;
  if (++happened_ > most_at_one_instant)
    throw std::runtime_error("more than " + std::to_string(most_at_one_instant) +
                             " events at one instant: there is no end to them");
}

void World::send(int from, int to, std::function<void()> arrives) {
  if (!network.open(from, to)) return;
  const bool twice = network.doubling > 0 && net_dice.chance(network.doubling);
  const auto one = [&](std::function<void()> then) {
    if (network.loss > 0 && net_dice.chance(network.loss)) return;
    line.after(network.delay(to, net_dice), [this, from, to, then = std::move(then)] {
      if (network.open(from, to)) then();
    });
  };
  if (twice) one(arrives);
  one(std::move(arrives));
}

void World::renewal_arrives(Site& site, const lease::Renewal& ask, std::uint64_t renewal) {
  orchestrator.renewal(site.service, ask, [this, &site, renewal](const LeaseAnswer& answer) {
    send(orchestrator_node, site.host_node, [&site, renewal, answer] { site.renewed(renewal, answer); });
  });
}

WallTime World::true_wall() const {
  return WallTime(Millis(1'800'003'600'000) + std::chrono::duration_cast<Millis>(line.now().time_since_epoch()));
}

bool World::reference_answers() const {
  return network.open(orchestrator_node, reference_node()) && network.open(reference_node(), orchestrator_node);
}

void World::site_pushes(const Site& site) {
  if (!site.runs()) return;
  send(site.host_node, store_node,
       [this, &site, epoch = site.workload()->epoch, request = next_id++, content = line.now()] {
         auto& store = stores[static_cast<std::size_t>(site.service)];
         if (store.down) return;
         const auto info = store.push(request, site.target().id, epoch, true_wall(), content);
         if (story.on && !info) story.add("store", "refuses a snapshot of " + name_of(site) + ": its epoch is old");
       });
}

void World::orchestrator_pushes(const Site& site, Epoch epoch, WallTime at) {
  if (!site.host_up || site.suspended || !network.open(orchestrator_node, site.host_node)) return;
  send(orchestrator_node, store_node, [this, &site, epoch, at, request = next_id++, content = site.wrote_until()] {
    auto& store = stores[static_cast<std::size_t>(site.service)];
    if (!store.down) (void)store.push(request, site.target().id, epoch, at, content);
  });
}

std::string World::name_of(const Site& site) const {
  const std::string target = site.target().id.value;
  return services() == 1 ? target : target + "/" + std::to_string(site.service + 1);
}

std::string World::node_name(int node) const {
  if (node == orchestrator_node) return "orchestrator";
  if (node == store_node) return "store";
  if (node == reference_node()) return "the rest of the world";
  for (const auto& of : sites) {
    for (const auto& site : of) {
      if (node == site->host_node) return name_of(*site);
      if (node == site->host_node + 1) return name_of(*site) + "'s control plane";
    }
  }
  return "notifier-" + std::to_string(node - first_notifier_node);
}

void World::tell_step(const Stored& stored) {
  for (const auto& record : stored.step.records) {
    const auto* granted = std::get_if<Granted>(&record);
    if (granted == nullptr) continue;
    const auto& move = stored.before.move ? stored.before.move : stored.step.state.move;
    const auto* command = std::get_if<Command>(&stored.event);
    if ((move && move->forced) || (command != nullptr && command->force))
      forced[static_cast<std::size_t>(stored.service)] = granted->epoch;
  }
  if (!story.on) return;
  const std::string who = services() == 1 ? "machine" : "machine/" + std::to_string(stored.service + 1);
  if (const auto text = words(stored.event); !text.empty()) story.add(who, text);
  const auto& after = stored.step.state;
  if (after.phase != stored.before.phase || after.epoch != stored.before.epoch || after.active != stored.before.active)
    story.add(who, std::string(failover::to_string(stored.before.phase)) + " -> " +
                       std::string(failover::to_string(after.phase)) + "   (" + after.active.value + ", epoch " +
                       std::to_string(after.epoch.value) + ")");
  for (const auto& effect : stored.step.effects) {
    if (const auto text = words(effect); !text.empty()) story.add(who, "   " + text);
  }
}

}  // namespace understudy::sim
