// What must always hold (SAFETY.md), one class each, watching the simulated world from outside: what really runs, what
// the machine decided and stored, what was performed, what people heard. I13 is not here: drills are not of the
// machine.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/failover/machine.hpp"
#include "core/model/health.hpp"
#include "core/model/snapshot.hpp"

namespace understudy::sim {

class World;
struct OutboxRow;

struct Violation {
  std::string invariant, what;
};

/// A step that was stored (or that the orchestrator took for stored).
struct Stored {
  int service;
  const failover::State& before;
  const failover::Event& event;
  const failover::Step& step;
  const failover::Now& now;
};

class Invariant {
 public:
  explicit Invariant(std::string named) : invariant(std::move(named)) {}
  virtual ~Invariant() = default;
  virtual void on_step(const World&, const Stored&) {}
  virtual void on_performed(const World&, int /*service*/, const failover::Effect&) {}
  virtual void on_runs_changed(const World&, int /*service*/) {}
  virtual void on_started(const World&) {}  ///< the orchestrator, anew
  /// A check of a target has really found this, and our own network did work or not.
  virtual void on_probed(const World&, int /*service*/, const TargetId&, Outcome, bool /*network_ok*/) {}
  virtual void on_alert_stored(const World&, const Alert&) {}
  virtual void on_delivered(const World&, const OutboxRow&) {}
  virtual void on_tick(const World&) {}  ///< every few seconds
  virtual void on_end(const World&) {}

  const std::string invariant;        ///< as in SAFETY.md
  std::optional<std::string> broken;  ///< how

 protected:
  void breaks(std::string how) {
    if (!broken) broken = std::move(how);
  }
};

class Invariants {
 public:
  /// `without`: the names of those that are left out, also of what the run itself judges.
  explicit Invariants(std::set<std::string> without);
  /// All that can be broken.
  [[nodiscard]] static std::set<std::string> names();
  void stepped(const World& world, const Stored& stored);
  void performed(const World& world, int service, const failover::Effect& effect);
  void runs_changed(const World& world, int service);
  void started(const World& world);
  void probed(const World& world, int service, const TargetId& target, Outcome outcome, bool network_ok);
  void alert_stored(const World& world, const Alert& alert);
  void delivered(const World& world, const OutboxRow& row);
  void tick(const World& world);
  void end(const World& world);
  /// Of what the run itself judges: liveness, and a machine that throws or does not come to an end.
  void add(Violation violation);

  [[nodiscard]] const std::optional<Violation>& violation() const noexcept { return violation_; }

 private:
  template <class Hook>
  void each(const Hook& hook) {
    if (violation_) return;
    for (const auto& one : all_) {
      hook(*one);
      if (one->broken && !violation_) violation_ = Violation{one->invariant, *one->broken};
    }
  }
  const std::set<std::string> without_;
  std::vector<std::unique_ptr<Invariant>> all_;
  std::optional<Violation> violation_;
};

}  // namespace understudy::sim
