#include "target.hpp"

#include "mode.hpp"
#include "quote.hpp"
#include "settings.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

DiagnoseReport report_of(const std::vector<Problem>& problems) {
  DiagnoseReport out;
  for (const auto& p : problems) out.problems.push_back({p.severity, p.message, p.hint});
  return out;
}
ModeSettings mode_settings(const Json& settings) {
  ModeSettings out;
  out.role.supervisor = settings.value("mode", "control_plane") == "supervisor";
  out.role.scaling = settings.value("scaling", "manual") == "minimum" ? Scaling::minimum : Scaling::manual;
  out.role.works_between_requests = settings.value("works_between_requests", true);
  out.role.service = settings.at("service").get<std::string>();
  out.env = settings.value("env", Json::object());
  out.quiet_manual = Millis(settings.value("quiet_after_stop", out.quiet_manual.count()));
  out.quiet_minimum = Millis(settings.value("idle_for", out.quiet_minimum.count()));
  out.instances = settings.value("instances", std::int64_t{1});
  out.url = settings.value("url", "");
  while (!out.url.empty() && out.url.back() == '/') out.url.pop_back();
  return out;
}

Usage usage_of(const Json& settings, bool supervisor) {
  Usage out;
  out.active_instances = settings.value("instances", std::int64_t{1});
  out.standby_instances = supervisor ? out.active_instances : 0;
  out.requests_per_hour = settings.value("requests_per_hour", 0.0);
  out.seconds_per_request = static_cast<double>(settings.value("time_per_request", std::int64_t{100})) / 1000;
  out.free_share = settings.value("free_tier_share", 0.0);
  out.overrides = settings.value("price", Json::object());
  return out;
}

class Target final : public StandbyTarget {
 public:
  Target(Host& host, const Envelope& e)
      : settings_(e.settings),
        mode_settings_(mode_settings(e.settings)),
        tokens_(host, credential_settings(e.settings)),
        client_(host, tokens_),
        run_(client_, service_address(e.settings)),
        supervisor_(host, tokens_, supervisor_options(e.settings)),
        mode_(mode_settings_.role.supervisor ? supervised(host, run_, supervisor_, mode_settings_)
                                             : control_plane(host, run_, mode_settings_)) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, deadline] { return mode_->observe(deadline); });
  }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply), [this, request, deadline] { return mode_->activate(request, deadline); });
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply), [this, request, deadline] { return mode_->deactivate(request, deadline); });
  }
  void quote(Reply<Quote> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, deadline] {
      return quote_of(run_.look(deadline), run_.address().region, usage_of(settings_, mode_settings_.role.supervisor));
    });
  }

  void rollback(const RollbackRequest& request, Reply<RollbackReport> reply) override {
    if (request.operation.empty())
      return reply.fail(Status::invalid, "`operation` is missing: a rollback needs a name");
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply), [this, request, deadline] { return mode_->rollback(request, deadline); });
  }
  void prewarm(const PrewarmRequest&, Reply<PrewarmReport> reply) override {
    const Deadline deadline(reply.budget());
    acting_.answer(std::move(reply), [this, deadline] { return mode_->prewarm(deadline); });
  }
  void diagnose(const DiagnoseRequest&, Reply<DiagnoseReport> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, deadline] { return report_of(problems(deadline)); });
  }

 private:
  std::vector<Problem> problems(const Deadline& deadline) {
    try {
      const auto view = run_.look(deadline);
      auto out = gcp::diagnose(view, mode_settings_.role);
      rehearse(view, deadline, out);
      return out;
    } catch (const Failure& failure) {
      return {{"error", failure.error().message, failure.error().hint}};
    }
  }
  /// The change of an activation, checked by Cloud Run and not made: are we allowed to?
  void rehearse(const ServiceView& view, const Deadline& deadline, std::vector<Problem>& out) {
    try {
      run_.rehearse(scaled(view, mode_settings_.role.scaling, mode_settings_.instances), view.etag, deadline);
    } catch (const Failure& failure) {
      out.push_back({"error", failure.error().message, failure.error().hint});
    }
  }

  const Json settings_;
  const ModeSettings mode_settings_;
  Tokens tokens_;
  Client client_;
  CloudRun run_;
  Supervisor supervisor_;
  std::unique_ptr<Mode> mode_;
  Worker acting_, looking_;  // last: their threads end before what they use. Two, so that a long start can be watched
};

}  // namespace

std::unique_ptr<Provider> make_target(Host& host, const Envelope& envelope) {
  return std::make_unique<Target>(host, envelope);
}

}  // namespace gcp
