// The orchestrator: all services of one configuration, at work, and the commands that people give them. A reload makes
// a new generation of everything and hands the states over; nothing of a bad file gets that far. On the loop.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "core/runtime/control.hpp"
#include "core/runtime/load.hpp"
#include "core/runtime/service_runner.hpp"

namespace understudy::runtime {

class Orchestrator final : public Control {
 public:
  struct World {
    boost::asio::io_context& loop;
    host::Logger& log;
    host::Services& services;
    journal::Journal& journal;
  };

  /// `files`: read again at a reload.
  Orchestrator(World world, std::vector<std::filesystem::path> files);
  ~Orchestrator() override;

  /// Makes the plugins and starts the services; what cannot work, or nothing. Nothing is started then.
  [[nodiscard]] std::vector<plugins::LoadError> start(config::Config config,
                                                      std::unique_ptr<plugins::Registry> registry);
  [[nodiscard]] const config::Config& config() const;

  sdk::Json status() const override;
  std::uint64_t revision() const override { return revision_; }
  void on_change(std::uint64_t seen, Millis at_most, std::function<void()> fn) override;
  void plan(const ServiceId& service, Reply reply) override;
  void promote(const PromoteRequest& request, Reply reply) override;
  void failback(const PromoteRequest& request, Reply reply) override;
  void of_target(const TargetRequest& request, Reply reply) override;
  void renew_lease(const ServiceId& service, const lease::Renewal& renewal, Reply reply) override;
  std::optional<std::string> lease_key(const ServiceId& service) const override;
  void wrong_lease_key(const ServiceId& service) override;
  void drill(const DrillRequest& request, Reply reply) override;
  void pause(const PauseRequest& request, Reply reply) override;
  void resume(const PauseRequest& request, Reply reply) override;
  sdk::Json alerts() const override;
  void acknowledge(const AcknowledgeRequest& request, Reply reply) override;
  void silence(const SilenceRequest& request, Reply reply) override;
  void end_silence(const std::string& id, const Requester& by, Reply reply) override;
  void test_alert(const AlertTest& test, Reply reply) override;
  void reload(const Requester& by, Reply reply) override;
  void snapshot_list(const ServiceId& service, Reply reply) override;
  void snapshot_push(const ServiceId& service, const Requester& by, Reply reply) override;
  void snapshot_verify(const ServiceId& service, const SnapshotId& id, Reply reply) override;
  void snapshot_restore(const ServiceId& service, const SnapshotId& id, const std::string& folder, const Requester& by,
                        Reply reply) override;
  void history(const HistoryQuery& query, Reply reply) override;
  sdk::Json plugins() const override;

 private:
  struct Generation;
  struct Waiter {
    std::uint64_t id, seen;
    boost::asio::steady_timer timer;
    std::function<void()> fn;
  };
  void changed();
  void move_command(failover::Command::What what, const PromoteRequest& request, Reply reply);
  void for_services(const ServiceId& service, const failover::Command& command, Reply reply);
  [[nodiscard]] ServiceRunner* find(const ServiceId& service, const Reply& reply);
  [[nodiscard]] state::StateKeeper* keeper(const ServiceId& service, const Reply& reply);
  void note(const ServiceId& service, const std::string& kind, const std::string& text);
  void prune_in(Millis wait);

  World world_;
  std::vector<std::filesystem::path> files_;
  std::unique_ptr<Generation> generation_;
  std::list<Waiter> waiters_;
  std::uint64_t next_waiter_ = 1;
  std::uint64_t revision_ = 1;
  bool change_posted_ = false;
  boost::asio::steady_timer prune_timer_;
  WallTime started_;
  std::map<ServiceId, std::chrono::steady_clock::time_point> wrong_key_told_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::runtime
