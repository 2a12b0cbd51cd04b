// One simulated world: everything that takes part in a run, on one timeline.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/sim/timeline.hpp"
#include "tests/sim/invariants.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/orchestrator.hpp"
#include "tests/sim/setup.hpp"
#include "tests/sim/site.hpp"
#include "tests/sim/store.hpp"
#include "tests/sim/story.hpp"

namespace understudy::sim {

class World {
 public:
  static constexpr int orchestrator_node = 0, store_node = 1, first_notifier_node = 2;

  /// `without`: invariants that are not looked at.
  World(Dice dice, Mutation mutation, bool tell, const std::set<std::string>& without);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Lets `time` pass. False when an invariant was broken.
  bool pass(Micros time);
  /// Counts what happens at one instant. Throws when there is no end to it.
  void happens();

  // messages
  void send(int from, int to, std::function<void()> arrives);
  /// A request whose answer has a deadline. `done` hears what came, or nothing at the deadline, and perhaps more: late
  /// and doubled answers. `deadline` is true time.
  template <class T>
  void call(int from, int to, Micros deadline, std::function<void(std::function<void(T)>)> serve,
            std::function<void(std::optional<T>)> done) {
    auto answered = std::make_shared<bool>(false);
    line.after(deadline, [answered, done] {
      if (!std::exchange(*answered, true)) done(std::nullopt);
    });
    send(from, to, [this, from, to, answered, done, serve = std::move(serve)] {
      serve([this, from, to, answered, done](T answer) {
        send(to, from, [answered, done, answer] {
          *answered = true;
          done(answer);
        });
      });
    });
  }

  // what the parts tell
  void runs_changed(int of_service) { invariants.runs_changed(*this, of_service); }
  void renewal_arrives(Site& site, const lease::Renewal& ask, std::uint64_t renewal);
  void site_pushes(const Site& site);
  void orchestrator_pushes(const Site& site, Epoch epoch, WallTime at);
  void tell_step(const Stored& stored);
  /// Our own network works.
  [[nodiscard]] bool reference_answers() const;
  /// Wall time of a host whose clock nobody has set.
  [[nodiscard]] WallTime true_wall() const;
  [[nodiscard]] bool acts() const { return setup.config.orchestrator.mode == config::Orchestrator::Mode::act; }
  [[nodiscard]] int reference_node() const noexcept { return network.nodes() - 1; }

  [[nodiscard]] const config::Service& service(int index) const {
    return setup.config.services[static_cast<std::size_t>(index)];
  }
  [[nodiscard]] int services() const { return static_cast<int>(setup.config.services.size()); }
  [[nodiscard]] Site& site(int of_service, std::size_t target) {
    return *sites[static_cast<std::size_t>(of_service)][target];
  }
  [[nodiscard]] const Site& site(int of_service, std::size_t target) const {
    return *sites[static_cast<std::size_t>(of_service)][target];
  }
  [[nodiscard]] std::string name_of(const Site& site) const;
  /// In words, for the story.
  [[nodiscard]] std::string node_name(int node) const;

  const Mutation mutation;
  Setup setup;
  Timeline<std::function<void()>> line;
  Story story;
  Dice net_dice, sites_dice, fault_dice;
  Network network;
  std::vector<std::vector<std::unique_ptr<Site>>> sites;  ///< by service, then target
  std::vector<Store> stores;                              ///< by service
  std::vector<Epoch> forced;                              ///< by service: runs of older epochs a person has accepted
  std::vector<Taken> notifiers;                           ///< what each makes of an alert at present
  Journal journal;
  Invariants invariants;
  Orchestrator orchestrator;
  std::uint64_t next_id = 1;
  bool calm = false;  ///< faults are over
  Millis wall_jumped_forward{0}, wall_jumped_back{0};

 private:
  Time instant_{};
  int happened_ = 0;  ///< at that instant
};

}  // namespace understudy::sim
