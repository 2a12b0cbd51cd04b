// The facts as Prometheus reads them.
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "core/agent/report.hpp"

namespace understudy::agent {
namespace {

class Page {
 public:
  explicit Page(std::string service) : service_(std::move(service)) {}

  void gauge(const char* name, const char* help, double value, const prometheus::Labels& more = {}) {
    prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels(more)).Set(value);
  }
  void counter(const char* name, const char* help, std::uint64_t value, const prometheus::Labels& more = {}) {
    auto& one = prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels(more));
    one.Increment(static_cast<double>(value));
  }
  [[nodiscard]] std::string text() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

 private:
  [[nodiscard]] prometheus::Labels labels(prometheus::Labels more) const {
    more["service"] = service_;
    return more;
  }

  std::string service_;
  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
};

double seconds(WallTime t) { return static_cast<double>(t.time_since_epoch().count()) / 1000.0; }

}  // namespace

namespace {

void add_lease(Page& page, const Facts& f) {
  page.gauge("understudy_agent_watchdog_up", "1 while a second process guards this one",
             f.watchdog == WatchdogState::up ? 1 : 0);
  const auto& lease = f.lease;
  page.gauge("understudy_agent_lease_held", "1 while the workload may run",
             lease.state == LeaseFacts::State::held ? 1 : 0);
  page.gauge("understudy_agent_lease_seconds_left", "until the workload is ended without a renewal",
             lease.left ? static_cast<double>(lease.left->count()) / 1000.0 : 0);
  const char* const name = "understudy_agent_lease_renewals_total";
  page.counter(name, "renewals by what came of them", lease.granted, {{"result", "granted"}});
  page.counter(name, "renewals by what came of them", lease.refused, {{"result", "refused"}});
  page.counter(name, "renewals by what came of them", lease.failed, {{"result", "failed"}});
}

}  // namespace

std::string to_metrics(const Facts& f) {
  Page page(f.service);
  page.gauge("understudy_agent_uptime_seconds", "since the supervisor started", seconds(f.now) - seconds(f.started));
  page.gauge("understudy_agent_active", "1 while the workload ought to run here", f.mode == Mode::active ? 1 : 0);
  page.gauge("understudy_agent_epoch", "newest activation that was accepted", static_cast<double>(f.epoch.value));
  page.gauge("understudy_workload_up", "1 while the workload runs and passes its checks",
             f.work == Work::running ? 1 : 0);
  page.gauge("understudy_workload_failed", "1 when it was given up after its restarts", f.work == Work::failed ? 1 : 0);
  page.counter("understudy_workload_restarts_total", "starts again after an end that nobody asked for", f.restarts);
  page.counter("understudy_agent_activations_total", "activations by result", f.activations, {{"result", "ok"}});
  page.counter("understudy_agent_activations_total", "activations by result", f.failed_activations,
               {{"result", "failed"}});
  page.counter("understudy_agent_pushes_total", "snapshots saved, by result", f.pushes, {{"result", "ok"}});
  page.counter("understudy_agent_pushes_total", "snapshots saved, by result", f.failed_pushes, {{"result", "failed"}});
  page.gauge("understudy_agent_unsaved", "1 while what the stopped workload left is not in the store",
             f.unsaved ? 1 : 0);
  add_lease(page, f);
  if (f.snapshot)
    page.gauge("understudy_snapshot_created_timestamp_seconds", "newest snapshot that this site restored or saved",
               seconds(f.snapshot->created));
  return page.text();
}

}  // namespace understudy::agent
