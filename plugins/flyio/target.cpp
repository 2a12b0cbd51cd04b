#include "target.hpp"

#include <cstdio>
#include <random>

#include "activation.hpp"
#include "extras.hpp"
#include "prices.hpp"
#include "stopping.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

/// Whose leases are ours: not to be guessed by another instance with the same names.
std::string holder_of(const Envelope& e) {
  std::random_device dice;
  char code[20];
  std::snprintf(code, sizeof code, "%08x%08x", dice(), dice());
  return "understudy " + e.service + "/" + e.target + " " + code;
}

class Target final : public StandbyTarget {
 public:
  Target(Host& host, const Envelope& e)
      : settings_(Settings::from_json(e.settings)), api_(host, settings_), holder_(holder_of(e)) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply),
                    [this, deadline] { return observation_of(api_.machines(deadline), settings_.count); });
  }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply),
                   [this, request, deadline] { return Activation(api_, holder_, request, deadline).run(); });
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply),
                   [this, request, deadline] { return Stopping(api_, holder_, request, deadline).run(); });
  }
  void rollback(const RollbackRequest& request, Reply<RollbackReport> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply), [this, request, deadline] { return roll_back(api_, holder_, request, deadline); });
  }
  void prewarm(const PrewarmRequest& request, Reply<PrewarmReport> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply),
                   [this, request, deadline] { return flyio_plugin::prewarm(api_, holder_, request, deadline); });
  }
  void diagnose(const DiagnoseRequest&, Reply<DiagnoseReport> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, deadline] {
      return flyio_plugin::diagnose(api_, deadline.earlier(std::min(Millis(1'000), deadline.left() / 4)));
    });
  }
  void quote(Reply<Quote> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, deadline] { return price(deadline); });
  }

 private:
  /// Prices are wanted also when the provider is down: then those of the settings' machines.
  Quote price(const Deadline& deadline) {
    try {
      return quote_for(api_.machines(deadline.at_most(Millis(10'000))), settings_);
    } catch (const Failure& failure) {
      if (failure.error().status == Status::cancelled) throw;
      auto quote = quote_for({}, settings_);
      quote.source += "; for a " + settings_.size + ", because the app could not be asked";
      return quote;
    }
  }

  const Settings settings_;
  Api api_;
  const std::string holder_;
  // Last: their threads end before what they use. A look must not wait for a long start.
  Worker looking_, acting_;
};

}  // namespace

std::unique_ptr<Provider> make_target(Host& host, const Envelope& envelope) {
  return std::make_unique<Target>(host, envelope);
}

}  // namespace flyio_plugin
