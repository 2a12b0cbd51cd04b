// The containers of the service are the workload: it is started and stopped by the number of instances that Cloud Run
// keeps, and each start is a new revision whose variables carry the epoch.
#include <algorithm>
#include <mutex>

#include "mode.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;
using State = Observation::State;

constexpr Millis look_again{1'000}, most_kept_to_undo{20'000};

std::string images_of(const Json& holder) {
  std::string out;
  for (const auto& container : list_of(holder, "containers")) out += text_of(container, "image") + "\n";
  return out;
}

/// The newest ready revision from before the first one with the images that are used now.
const Revision& earlier(const std::vector<Revision>& all, const ServiceView& service) {
  const std::string now = images_of(object_of(service.raw, "template"));
  auto first = all.begin();  // after the oldest that has them; `all` is newest first
  for (auto it = all.begin(); it != all.end(); ++it) {
    if (images_of(it->raw) == now) first = std::next(it);
  }
  const auto old =
      std::find_if(first, all.end(), [&](const Revision& r) { return r.ready && images_of(r.raw) != now; });
  if (old != all.end()) return *old;
  throw Failure(Status::invalid, "there is no earlier ready revision with another image to roll back to",
                "deploy the image that is wanted");
}

Json own_variables(const ServiceView& service) {
  Json out = Json::object();
  for (const auto& container : list_of(object_of(service.raw, "template"), "containers")) {
    for (const auto& entry : list_of(container, "env")) {
      if (const auto name = text_of(entry, "name"); name.rfind("UNDERSTUDY_", 0) == 0)
        out[name] = text_of(entry, "value");
    }
  }
  return out;
}

class ControlPlane final : public Mode {
 public:
  ControlPlane(Host& host, CloudRun& run, ModeSettings settings)
      : host_(host), run_(run), settings_(std::move(settings)) {}

  Observation observe(const Deadline& deadline) override { return judged(run_.look(deadline)); }

  Observation activate(const ActivateRequest& request, const Deadline& deadline) override {
    const Millis kept = std::min(most_kept_to_undo, deadline.left() / 4);
    try {
      const auto view = run_.change([&](const ServiceView& now) { return start(now, request); }, CloudRun::Until::ready,
                                    deadline.at_most(deadline.left() - kept));
      return seen(view, settings_);
    } catch (const Failure& failure) {
      const auto& error = failure.error();
      if (error.kind != "operation") throw;
      throw Failure(undone(error, request, deadline));
    }
  }

  StopReport deactivate(const DeactivateRequest& request, const Deadline& deadline) override {
    return stop(request, true, deadline);
  }

  PrewarmReport prewarm(const Deadline&) override {
    return {false,
            "an instance of this service is the workload itself, so it cannot be warmed without being started; "
            "`mode = \"supervisor\"` is the warm standby"};
  }

  /// The template decides what the next activation runs, so it gets the earlier revision's containers. What runs is
  /// stopped first, so that the two revisions never both run.
  RollbackReport rollback(const RollbackRequest& request, const Deadline& deadline) override {
    const auto all = run_.revisions(deadline);
    const auto before = run_.look(deadline);
    if (done(before, request)) return told(before);
    const bool stopping = pending(before, request) || before.kept_instances() > 0;
    bool touched = pending(before, request);
    try {
      if (stopping) {
        (void)run_.change([&](const ServiceView& now) { return held(now, request, all); }, CloudRun::Until::settled,
                          deadline);
        touched = true;
        await_stopped(deadline);
      }
      const auto until = stopping ? CloudRun::Until::ready : CloudRun::Until::settled;
      return told(run_.change([&](const ServiceView& now) { return back(now, request, all); }, until, deadline));
    } catch (const Failure& failure) {
      Error error = failure.error();
      if (touched || error.kind == "operation") error.status = Status::unknown;
      if (touched) error.message = "the workload was stopped for the rollback, and then: " + error.message;
      throw Failure(error);
    }
  }

 private:
  std::optional<Patch> start(const ServiceView& now, const ActivateRequest& request) const {
    if (now.epoch && *now.epoch > request.epoch) {
      throw Failure(Status::conflict, "epoch " + std::to_string(request.epoch) + " is older than " +
                                          std::to_string(*now.epoch) + ", which was started here");
    }
    if (now.ended && *now.ended >= request.epoch) {
      throw Failure(Status::conflict, "epoch " + std::to_string(request.epoch) + " is over: epoch " +
                                          std::to_string(*now.ended) + " was stopped here");
    }
    if (now.kept_instances() > 0) {
      if (now.epoch == request.epoch) return std::nullopt;
      throw Failure(Status::conflict,
                    now.epoch ? "it runs already, with epoch " + std::to_string(*now.epoch)
                              : "it runs already, and Understudy did not start it",
                    "stop it first");
    }
    if (settings_.role.works_between_requests && now.cpu_only_in_requests) {
      const auto problem = no_cpu(settings_.role.service);
      throw Failure(Status::invalid, problem.message, problem.hint);
    }
    return started(now, variables(request), settings_.role.scaling, settings_.instances);
  }

  /// Noted on the service, and nothing is left to be started again.
  static bool done(const ServiceView& now, const RollbackRequest& request) {
    return now.rolled_back.operation == request.operation && now.rolled_back.instances == 0;
  }
  static bool pending(const ServiceView& now, const RollbackRequest& request) {
    return now.rolled_back.operation == request.operation && now.rolled_back.instances > 0;
  }
  static RollbackReport told(const ServiceView& view) {
    return {view.rolled_back.from, view.rolled_back.to,
            "revision " + short_name(view.latest_created) + " has the containers of " + view.rolled_back.to +
                (view.kept_instances() == 0 ? "; nothing runs" : "")};
  }

  static void refuse_older(const ServiceView& now, const RollbackRequest& request) {
    if (now.epoch && *now.epoch > request.epoch)
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*now.epoch) + ") was started here");
  }

  /// No instance kept, and how many there were is noted.
  static std::optional<Patch> held(const ServiceView& now, const RollbackRequest& request,
                                   const std::vector<Revision>& all) {
    if (pending(now, request) || done(now, request)) return std::nullopt;
    refuse_older(now, request);
    const Revision& old = earlier(all, now);
    Patch out = scaled(now, Scaling::manual, 0);
    note_rollback(out, now,
                  {request.operation, short_name(now.latest_ready), old.name, now.kept_instances(), now.manual});
    return out;
  }

  void await_stopped(const Deadline& deadline) {
    while (true) {
      const auto now = observe(deadline);
      if (now.state == State::stopped) return;
      if (now.state == State::active || now.state == State::starting)
        throw Failure(Status::conflict, "somebody else started it again: " + now.detail);
      if (deadline.left() < look_again * 2) {
        throw Failure(Status::transient, "it is not seen stopped yet: " + now.detail,
                      "ask for the same rollback again: it goes on from there");
      }
      pause(host_, look_again);
    }
  }

  static std::optional<Patch> back(const ServiceView& now, const RollbackRequest& request,
                                   const std::vector<Revision>& all) {
    if (done(now, request)) return std::nullopt;
    refuse_older(now, request);
    if (now.kept_instances() > 0) throw Failure(Status::conflict, "somebody else started it meanwhile");
    const bool again = pending(now, request);
    if (again && now.epoch && now.ended && *now.ended >= *now.epoch)
      throw Failure(Status::conflict, "it was stopped for good meanwhile", "the next activation starts it");
    const Revision& old = earlier(all, now);
    const auto& noted = now.rolled_back;
    Patch out = again ? scaled(now, noted.manual ? Scaling::manual : Scaling::minimum, noted.instances) : Patch{};
    Json next = object_of(now.raw, "template");
    next.erase("revision");
    next["containers"] = with_env(list_of(old.raw, "containers"), own_variables(now));
    next["volumes"] = list_of(old.raw, "volumes");
    out.body["template"] = std::move(next);
    out.body["traffic"] = routed("").body.at("traffic");
    out.mask += out.mask.empty() ? "traffic,template" : ",traffic,template";
    note_rollback(out, now, {request.operation, again ? noted.from : short_name(now.latest_ready), old.name, 0, false});
    return out;
  }

  struct Stop {
    std::uint64_t epoch = 0;
    bool final = true;  ///< the epoch is noted as over
    bool ran = false;
    std::optional<std::int64_t> quiet;  ///< the generation in which it was seen stopped before anything was changed
  };

  /// What is off already is changed all the same: that moves the etag, which a start on its way has to show.
  std::optional<Patch> ending(const ServiceView& now, Stop& how) const {
    if (now.epoch && *now.epoch > how.epoch && now.kept_instances() > 0)
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*now.epoch) + ") runs here");
    const bool off = now.kept_instances() == 0 && (now.manual || settings_.role.scaling == Scaling::minimum);
    const bool noted = !how.final || (now.ended && *now.ended >= how.epoch);
    if (off && noted) return std::nullopt;
    how.ran = how.ran || now.kept_instances() > 0;
    how.quiet.reset();
    if (off && judged(now).state == State::stopped) how.quiet = now.generation;
    Patch out;
    if (!off) out = scaled(now, settings_.role.scaling, 0);
    if (how.final) note_end(out, now, how.epoch);
    return out;
  }

  StopReport stop(const DeactivateRequest& request, bool final, const Deadline& deadline) {
    Stop how{request.epoch, final, false, std::nullopt};
    const auto view =
        run_.change([&](const ServiceView& now) { return ending(now, how); }, CloudRun::Until::settled, deadline);
    // Only the note came in between: whoever had started and stopped it too would have made two changes more.
    if (how.quiet && view.kept_instances() == 0 && view.generation <= *how.quiet + 1) {
      const std::lock_guard lock(mutex_);
      quiet_etag_ = view.etag;
    }
    while (true) {
      const auto now = observe(deadline);
      if (now.state == State::stopped) return {true, (how.ran ? "" : "nothing ran; ") + now.detail};
      if (now.state == State::active || now.state == State::starting)
        return {false, "somebody else started it again: " + now.detail};
      if (deadline.left() < look_again * 2) return {false, now.detail};
      pause(host_, look_again);
    }
  }

  /// A stop's own note does not make a stopped service one that is still ending.
  Observation judged(const ServiceView& view) const {
    auto out = seen(view, settings_);
    const std::lock_guard lock(mutex_);
    if (out.state == State::stopping && view.settled() && !view.etag.empty() && view.etag == quiet_etag_)
      return {State::stopped, out.epoch, view.summary()};
    return out;
  }

  Json variables(const ActivateRequest& request) const {
    Json out = settings_.env;
    out["UNDERSTUDY_SERVICE"] = request.service;
    out["UNDERSTUDY_TARGET"] = request.target;
    out["UNDERSTUDY_EPOCH"] = std::to_string(request.epoch);
    out["UNDERSTUDY_SNAPSHOT"] = request.snapshot;
    out["UNDERSTUDY_OPERATION"] = request.operation;
    return out;
  }

  /// Cloud Run took the start and the new revision failed: the instances that it keeps may be of the one before, so
  /// they are taken away again. Only what is then seen stopped is no effect.
  Error undone(Error error, const ActivateRequest& request, const Deadline& deadline) {
    try {
      const auto report =
          stop({request.service, request.target, request.epoch, request.operation, Millis(0)}, false, deadline);
      if (report.stopped) return error;
      error.message += "; " + report.detail;
    } catch (const Failure& failure) {
      error.message += "; and it could not be stopped again: " + failure.error().message;
    }
    error.status = Status::unknown;
    return error;
  }

  Host& host_;
  CloudRun& run_;
  const ModeSettings settings_;
  mutable std::mutex mutex_;
  std::string quiet_etag_;  ///< of the service as it was stopped, and only noted since
};

}  // namespace

Observation seen(const ServiceView& service, const ModeSettings& settings) {
  Observation out;
  out.epoch = service.epoch;
  out.detail = service.summary();
  if (service.kept_instances() > 0) {
    out.state = service.ready() ? State::active : service.failed() ? State::unknown : State::starting;
    return out;
  }
  const auto quiet = (service.manual ? settings.quiet_manual : settings.quiet_minimum).count();
  const auto since = service.seen_ms - service.moved_ms;
  if (service.settled() && since >= quiet) {
    out.state = State::stopped;
    return out;
  }
  out.state = State::stopping;
  if (service.settled()) {
    out.detail += "; an instance may still be ending for " + std::to_string((quiet - since + 999) / 1000) + " s";
  }
  return out;
}

std::unique_ptr<Mode> control_plane(Host& host, CloudRun& run, ModeSettings settings) {
  return std::make_unique<ControlPlane>(host, run, std::move(settings));
}

}  // namespace gcp
