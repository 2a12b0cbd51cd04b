// One service at work: feeds its state machine with events, makes each step durable, then performs its effects. The
// only place where the pure machine meets the world. On the loop.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "core/failover/machine.hpp"
#include "core/policy/meter.hpp"
#include "core/policy/plan.hpp"
#include "core/runtime/alert_desk.hpp"
#include "core/runtime/control.hpp"
#include "core/runtime/fence_offer.hpp"
#include "core/runtime/prober.hpp"
#include "core/runtime/wiring.hpp"
#include "core/state/state_keeper.hpp"

namespace understudy::runtime {

class ServiceRunner {
 public:
  /// All references outlive the runner. `stored` is the journal's state, if it has one.
  ServiceRunner(const Wiring& wiring, const config::Config& config, const config::Service& service, Prober& prober,
                AlertDesk& desk, std::function<void()> changed);
  ~ServiceRunner();
  ServiceRunner(const ServiceRunner&) = delete;
  ServiceRunner& operator=(const ServiceRunner&) = delete;

  /// What cannot work: plugins that do not load. Empty: all is made.
  [[nodiscard]] std::vector<plugins::LoadError> build();
  void start(std::optional<failover::State> stored, std::uint64_t last_epoch);

  using Reply = std::function<void(sdk::Result)>;
  void command(failover::Command command, Reply reply);
  /// A guard renews: {"epoch", "ttl_ms"}, or why not. `unsupported`: no lease is kept for that target.
  void renew_lease(const lease::Renewal& renewal, Reply reply);
  /// What a guard has to show; empty: there is none.
  [[nodiscard]] const std::string& lease_key() const noexcept { return lease_key_; }
  /// Rollback, prewarm, diagnose, logs.
  void of_target(const TargetRequest& request, Reply reply);
  /// Begins a drill, beside the machine (drill.hpp).
  void drill(const DrillRequest& request, const Reply& reply);
  /// A rollback, a prewarm or a drill is under way.
  [[nodiscard]] bool changing() const;
  [[nodiscard]] policy::Plan plan(const failover::MakePlan& ask) const;
  [[nodiscard]] policy::Plan plan_if_failed_now() const;
  [[nodiscard]] state::StateKeeper* keeper() noexcept { return keeper_.get(); }
  void push_now(const Reply& reply);
  /// How it is made certain that nothing runs at a target, as status and plan show it.
  [[nodiscard]] FenceOffer fence_offer(const config::Target& target) const;
  [[nodiscard]] const failover::State& state() const noexcept { return state_; }
  [[nodiscard]] const config::Service& service() const noexcept { return service_; }
  [[nodiscard]] nlohmann::json status() const;

 private:
  struct Place {
    const config::Target* target = nullptr;
    std::unique_ptr<plugins::Instance> instance;
    std::vector<std::unique_ptr<plugins::Instance>> health, ready, drill_health;
    std::optional<Prober::ProbeId> health_probe, ready_probe;
    std::optional<Price> quote;
    bool observing = false;
    struct Look {
      std::string state = "unknown", detail;
      std::optional<std::uint64_t> epoch;
      bool reachable = false;
      WallTime at{};
      bool refused = false;  ///< it answered with a refusal: our way to it works
    };
    std::optional<Look> look;
    bool changing = false;               ///< a person's rollback or prewarm is under way
    std::function<void()> after_change;  ///< the machine's effect that waits for its end
  };

  // building (runner_build.cpp)
  void build_place(const config::Target& target, std::vector<plugins::LoadError>& problems);
  void build_checks(Place& place, std::vector<plugins::LoadError>& problems);
  void watch_hints(Place& place);
  void ask_quotes();
  /// Which epoch the store's snapshots have come to, for a journal that was lost, or an older one that was put back.
  void ask_store();
  void ask_store_later();

  // stepping
  void deliver(failover::Event event);
  void pump();
  [[nodiscard]] bool answered_meanwhile(const failover::Event& event);
  [[nodiscard]] failover::Step advance(const failover::Event& event, const failover::Now& at);
  [[nodiscard]] failover::PlanMade make_plan(const failover::MakePlan& ask) const;
  [[nodiscard]] bool store(const failover::Step& step, const failover::Now& at);
  void perform(const failover::Effect& effect);

  // what people ask of a target (runner_targets.cpp)
  [[nodiscard]] std::optional<sdk::Error> why_not(const Place* place, const TargetRequest& request) const;
  void change(Place& place, const TargetRequest& request, Reply reply);
  void change_ended(Place& place, const TargetRequest& request, const std::string& operation,
                    const sdk::Result& result);

  // effects (runner_effects.cpp)
  struct Performer;
  struct Driller;
  /// Drops the answer when the runner is gone.
  [[nodiscard]] plugins::Instance::Done guarded(plugins::Instance::Done done) const;
  void observe(const TargetId& id);
  /// An error for the person who must act: what is wrong, and what to do.
  [[nodiscard]] static std::string said(const sdk::Error& error);
  /// What an answer to activate or deactivate told of a target.
  void saw(const TargetId& id, std::string state, std::string detail);
  void observe_others();
  void fence(const failover::Fence& e);
  void activate(const failover::Activate& e);
  void arm(const failover::Arm& arm);
  [[nodiscard]] Millis first_push_in() const;
  void tell_late_push();
  [[nodiscard]] bool serving() const;
  [[nodiscard]] bool saves_by_itself() const;
  void look_at_store();
  void tell_age(const sdk::Result& listed);
  void push_periodically(Millis wait);
  void remember(const std::vector<SnapshotInfo>& snapshots);
  void pushed(const state::StateKeeper::Answer& answer);
  void tell(Alert alert);
  [[nodiscard]] bool is_open(Alert alert) const;
  [[nodiscard]] std::optional<Time> last_pass(const TargetId& id);
  /// What was told of the checks of `target`, which are not asked any more, or anew.
  void settle(const TargetId& target);
  /// Nothing comes of it; who waits for its answer is told.
  void drop(const failover::Event& event);
  void answer(std::uint64_t asked, sdk::Result result);  ///< of `replies_`, once
  void tell_blind(const TargetId& target, const std::string& cause, bool blind);
  [[nodiscard]] Place* place(const TargetId& id);
  [[nodiscard]] bool act() const { return config_.orchestrator.mode == config::Orchestrator::Mode::act; }
  [[nodiscard]] policy::Candidate candidate(const Place& place, const failover::MakePlan& ask) const;
  [[nodiscard]] Price price_of(const Place& place) const;
  [[nodiscard]] std::size_t idle_candidates(std::size_t& failing) const;
  [[nodiscard]] std::vector<policy::Meter::Rate> rates() const;
  [[nodiscard]] std::int64_t state_bytes() const;
  /// Writes down what was spent since the last time.
  void account();
  void account_periodically();

  const Wiring& wiring_;
  const config::Config& config_;
  const config::Service& service_;
  Prober& prober_;
  AlertDesk& desk_;
  std::function<void()> changed_;
  failover::State state_;
  std::map<TargetId, std::unique_ptr<Place>> places_;
  std::unique_ptr<state::StateKeeper> keeper_;
  std::deque<failover::Event> queue_;
  bool pumping_ = false, stuck_ = false;    ///< stuck: the step at the head cannot be stored
  std::map<std::uint64_t, Reply> replies_;  ///< of commands, renewals and saves by hand
  std::uint64_t next_command_ = 1;
  std::unique_ptr<boost::asio::steady_timer> timers_[failover::timer_count];
  boost::asio::steady_timer observe_timer_, push_timer_, retry_timer_, account_timer_, store_timer_;
  std::unique_ptr<Driller> drill_;
  policy::Meter meter_;
  Time accounted_{};
  journal::Batch unaccounted_;     ///< what could not be written
  std::string started_operation_;  ///< of the last start whose fee was counted
  bool looking_ = false;           ///< into the store, for who saves by itself
  bool pushing_ = false;           ///< a save in time is under way or waits
  std::string lease_key_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::runtime
