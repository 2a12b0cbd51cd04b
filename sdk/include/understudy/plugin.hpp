// SPDX-License-Identifier: Apache-2.0
// The five interfaces as small abstract classes, and UNDERSTUDY_PLUGIN, which exports a library.
//
//   struct Ping final : sdk::HealthSource { void check(const CheckRequest&, Reply<CheckResult> reply) override {...} };
//   UNDERSTUDY_PLUGIN(R"({"name": "ping", ...})", [](Host& host, const Envelope& e) { return std::make_unique<Ping>();
//   })
//
// One instance serves one interface. Handlers run on the [loop] and must return at once: answer the Reply later, from
// a host callback or from a Worker. A handler may throw Failure (or anything): it becomes the answer.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "understudy/host.hpp"
#include "understudy/reply.hpp"
#include "understudy/types.hpp"

namespace understudy::sdk {

/// Base of the five interfaces. Destroyed after the host's door is closed.
class Provider {
 public:
  Provider() = default;
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;
  virtual ~Provider() = default;
  virtual void handle(std::string_view method, const Json& params, Responder responder) = 0;
};

namespace detail {
template <class T>
void refuse(Reply<T>& reply, const char* what) {
  reply.fail(Status::unsupported, std::string("this plugin does not offer ") + what);
}
}  // namespace detail

class HealthSource : public Provider {
 public:
  /// Answers pass, degraded, fail or unknown. A check that fails is an `ok` reply with outcome fail, not an error.
  virtual void check(const CheckRequest& request, Reply<CheckResult> reply) = 0;
  /// Optional ("health.watch/1"): begin to call host.hint() at once when something happens. Answer when watching.
  virtual void watch(Reply<Done> reply) { detail::refuse(reply, "watch"); }

  void handle(std::string_view method, const Json& params, Responder responder) final {
    if (method == "health.check/1")
      return check(CheckRequest::from_json(params), Reply<CheckResult>(std::move(responder)));
    if (method == "health.watch/1") return watch(Reply<Done>(std::move(responder)));
    responder.fail(Status::unsupported, "no such method of a health source: " + std::string(method));
  }
};

class StandbyTarget : public Provider {
 public:
  virtual void observe(const ObserveRequest& request, Reply<Observation> reply) = 0;
  /// Repeats safely. Older epoch than what runs: `conflict`.
  virtual void activate(const ActivateRequest& request, Reply<Observation> reply) = 0;
  /// Repeats safely. Reports stopped only when that was seen.
  virtual void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) = 0;
  virtual void quote(Reply<Quote> reply) { detail::refuse(reply, "quote"); }
  virtual void logs(const LogsRequest&, Reply<LogLines> reply) { detail::refuse(reply, "logs"); }
  virtual void rollback(const RollbackRequest&, Reply<RollbackReport> reply) { detail::refuse(reply, "rollback"); }
  virtual void prewarm(const PrewarmRequest&, Reply<PrewarmReport> reply) { detail::refuse(reply, "prewarm"); }
  /// Optional, all three ("drill.start/1", "drill.observe/1", "drill.end/1"): a copy of the workload
  /// beside the service. observe(), activate() and deactivate() neither see it nor touch it.
  virtual void drill(const DrillRequest&, Reply<DrillReport> reply) { detail::refuse(reply, "drill"); }
  virtual void observe_drill(const ObserveRequest&, Reply<DrillReport> reply) { detail::refuse(reply, "drill"); }
  /// Ends the copy whatever its drill's name. Repeats safely. Reports stopped only when that was seen.
  virtual void end_drill(const EndDrillRequest&, Reply<StopReport> reply) { detail::refuse(reply, "drill"); }
  /// Looks only. What it finds is an `ok` reply with problems, not an error.
  virtual void diagnose(const DiagnoseRequest&, Reply<DiagnoseReport> reply) { detail::refuse(reply, "diagnose"); }

  void handle(std::string_view method, const Json& params, Responder responder) final {
    if (method == "standby.observe/1")
      return observe(ObserveRequest::from_json(params), Reply<Observation>(std::move(responder)));
    if (method == "standby.activate/1")
      return activate(ActivateRequest::from_json(params), Reply<Observation>(std::move(responder)));
    if (method == "standby.deactivate/1")
      return deactivate(DeactivateRequest::from_json(params), Reply<StopReport>(std::move(responder)));
    if (method == "standby.quote/1") return quote(Reply<Quote>(std::move(responder)));
    if (method == "standby.logs/1") return logs(LogsRequest::from_json(params), Reply<LogLines>(std::move(responder)));
    if (method == "standby.rollback/1")
      return rollback(RollbackRequest::from_json(params), Reply<RollbackReport>(std::move(responder)));
    if (method == "drill.start/1")
      return drill(DrillRequest::from_json(params), Reply<DrillReport>(std::move(responder)));
    if (method == "drill.observe/1")
      return observe_drill(ObserveRequest::from_json(params), Reply<DrillReport>(std::move(responder)));
    if (method == "drill.end/1")
      return end_drill(EndDrillRequest::from_json(params), Reply<StopReport>(std::move(responder)));
    if (method == "standby.prewarm/1")
      return prewarm(PrewarmRequest::from_json(params), Reply<PrewarmReport>(std::move(responder)));
    if (method == "target.diagnose/1")
      return diagnose(DiagnoseRequest::from_json(params), Reply<DiagnoseReport>(std::move(responder)));
    responder.fail(Status::unsupported, "no such method of a standby target: " + std::string(method));
  }
};

class StateStore : public Provider {
 public:
  virtual void push(const PushRequest& request, Reply<Snapshot> reply) = 0;
  virtual void pull(const PullRequest& request, Reply<Snapshot> reply) = 0;
  virtual void list(const ListRequest& request, Reply<SnapshotList> reply) = 0;
  virtual void verify(const VerifyRequest& request, Reply<Snapshot> reply) = 0;
  virtual void prune(const PruneRequest& request, Reply<PruneReport> reply) = 0;
  /// Optional ("store.fence/1"): from its success on whatever an older epoch saves is refused with `conflict`, also a
  /// push that is under way: look again where it becomes the newest. On disk before it is answered, and seen by all who
  /// share the store. Repeats safely. Must not wait for a push. An epoch below one that is known: `conflict`.
  virtual void fence(const FenceRequest&, Reply<FenceReport> reply) { detail::refuse(reply, "fence"); }

  void handle(std::string_view method, const Json& params, Responder responder) final {
    if (method == "store.push/1") return push(PushRequest::from_json(params), Reply<Snapshot>(std::move(responder)));
    if (method == "store.pull/1") return pull(PullRequest::from_json(params), Reply<Snapshot>(std::move(responder)));
    if (method == "store.list/1")
      return list(ListRequest::from_json(params), Reply<SnapshotList>(std::move(responder)));
    if (method == "store.verify/1")
      return verify(VerifyRequest::from_json(params), Reply<Snapshot>(std::move(responder)));
    if (method == "store.prune/1")
      return prune(PruneRequest::from_json(params), Reply<PruneReport>(std::move(responder)));
    if (method == "store.fence/1")
      return fence(FenceRequest::from_json(params), Reply<FenceReport>(std::move(responder)));
    responder.fail(Status::unsupported, "no such method of a state store: " + std::string(method));
  }
};

class Notifier : public Provider {
 public:
  virtual void send(const Alert& alert, Reply<Receipt> reply) = 0;

  void handle(std::string_view method, const Json& params, Responder responder) final {
    if (method == "notify.send/1")
      return send(Alert::from_json(params.value("alert", Json::object())), Reply<Receipt>(std::move(responder)));
    responder.fail(Status::unsupported, "no such method of a notifier: " + std::string(method));
  }
};

/// Where secrets of the configuration are kept: under the key that the manifest names as `secret_source`.
class SecretSource : public Provider {
 public:
  /// Never logs the value. What cannot be had is told with what to do about it.
  virtual void fetch(const SecretRequest& request, Reply<SecretValue> reply) = 0;

  void handle(std::string_view method, const Json& params, Responder responder) final {
    if (method == "secret.fetch/1")
      return fetch(SecretRequest::from_json(params), Reply<SecretValue>(std::move(responder)));
    responder.fail(Status::unsupported, "no such method of a secret source: " + std::string(method));
  }
};

namespace detail {

/// One instance behind the C port: turns verbs into virtual calls and exceptions into answers.
class Instance {
 public:
  explicit Instance(const us_port& port) : host_(port) {}

  template <class Factory>
  void build(Factory& factory, const Envelope& envelope) {
    provider_ = factory(host_, envelope);
    if (!provider_) throw Failure(Status::unsupported, "this plugin has no interface \"" + envelope.interface + "\"");
  }

  [[nodiscard]] us_port port() noexcept {
    return {sizeof(us_port), 0, this, on_call, on_cancel, on_complete, on_notify};
  }

  void close() {
    // Nobody waits for their answers any more: workers that look end early, and the destructor waits for them.
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [op, state] : *calls_) state->cancelled.store(true);
    }
    host_.close();
    provider_.reset();
  }

 private:
  static Instance& self(void* ctx) noexcept { return *static_cast<Instance*>(ctx); }

  static void on_call(void* ctx, us_op op, us_bytes method, us_bytes params, std::int64_t budget_ms) noexcept {
    auto& me = self(ctx);
    auto state = std::make_shared<CallState>();
    state->budget = Millis(budget_ms);
    {
      const std::lock_guard lock(me.mutex_);
      me.calls_->emplace(op, state);
    }
    // The sink outlives the instance when a Reply does, so it owns what it touches.
    Responder responder(
        [port = me.host_.port(), op, calls = me.calls_, guard = me.guard_](Status status, const Json& body) {
          {
            const std::lock_guard lock(*guard);
            calls->erase(op);
          }
          const std::string text = dump(body);
          port->with([&](const us_port& p) { p.complete(p.ctx, op, static_cast<std::int32_t>(status), bytes(text)); });
        },
        state);
    me.dispatch(view(method), view(params), std::move(responder), *state);
  }

  void dispatch(std::string_view method, std::string_view params, Responder responder, CallState& state) noexcept {
    state.handler_thread.store(std::this_thread::get_id());
    const Error thrown = run_handler(method, params, std::move(responder));
    state.handler_thread.store({});
    auto sink = std::exchange(state.orphan, nullptr);
    if (thrown.status == Status::ok) {
      if (sink) answer(sink, dropped());  // unwound by what the handler itself caught
    } else if (sink) {
      answer(sink, thrown);
    } else {  // it had been answered, or handed on: the exception is still worth a line
      complain(thrown);
    }
  }

  static void answer(const Responder::Sink& sink, const Error& error) noexcept {
    try {
      sink(error.status, error.to_json());
    } catch (...) {  // NOLINT(bugprone-empty-catch): the host's deadline is the second net
    }
  }

  /// The error that the handler threw, or one with Status::ok.
  Error run_handler(std::string_view method, std::string_view params, Responder responder) noexcept {
    try {
      const Json parsed = read_json(params);
      if (!parsed.is_object()) {
        responder.fail(Status::invalid, "params are not a JSON object");
      } else {
        provider_->handle(method, parsed, std::move(responder));
      }
      return {Status::ok, {}, {}, {}, {}};
    } catch (const Failure& failure) {
      return failure.error();
    } catch (const Json::exception& e) {
      return {Status::invalid, std::string("malformed params: ") + e.what(), {}, {}, {}};
    } catch (const std::exception& e) {
      return {Status::unknown, std::string("the plugin threw: ") + e.what(), {}, {}, {}};
    } catch (...) {
      return {Status::unknown, "the plugin threw something that is no std::exception", {}, {}, {}};
    }
  }

  void complain(const Error& error) noexcept {
    try {
      host_.log(LogLevel::error, error.message);
    } catch (...) {  // NOLINT(bugprone-empty-catch): nothing may leave a trampoline
    }
  }

  static void on_cancel(void* ctx, us_op op) noexcept {
    auto& me = self(ctx);
    const std::lock_guard lock(me.mutex_);
    if (const auto it = me.calls_->find(op); it != me.calls_->end()) it->second->cancelled.store(true);
  }
  static void on_complete(void* ctx, us_op op, std::int32_t status, us_bytes result) noexcept {
    try {
      self(ctx).host_.complete(op, status, result);
    } catch (const std::exception& e) {
      self(ctx).complain({Status::unknown, std::string("a callback threw: ") + e.what(), {}, {}, {}});
    } catch (...) {
      self(ctx).complain({Status::unknown, "a callback threw", {}, {}, {}});
    }
  }
  static void on_notify(void* ctx, us_bytes, us_bytes params) noexcept {
    try {
      const Json parsed = read_json(view(params));
      if (parsed.is_object()) self(ctx).host_.item(parsed);
    } catch (const std::exception& e) {
      self(ctx).complain({Status::unknown, std::string("a stream handler threw: ") + e.what(), {}, {}, {}});
    } catch (...) {
      self(ctx).complain({Status::unknown, "a stream handler threw", {}, {}, {}});
    }
  }

  Host host_;
  std::unique_ptr<Provider> provider_;
  std::shared_ptr<std::mutex> guard_ = std::make_shared<std::mutex>();
  std::mutex& mutex_ = *guard_;
  using Calls = std::unordered_map<us_op, std::shared_ptr<CallState>>;
  std::shared_ptr<Calls> calls_ = std::make_shared<Calls>();
};

inline void say_why(const us_port& port, const Error& error) noexcept {
  try {
    const std::string body = dump(error.to_json());
    port.notify(port.ctx, bytes("create.failed"), bytes(body));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the status still tells that it failed
  }
}

template <class Factory>
std::int32_t create(const us_port* host, us_bytes settings, us_port* out, Factory factory) noexcept {
  try {
    const Json parsed = parse_json(view(settings));
    if (!parsed.is_object()) throw Failure(Status::invalid, "the settings envelope is not a JSON object");
    auto instance = std::make_unique<Instance>(*host);
    instance->build(factory, Envelope::from_json(parsed));
    write_port(out, instance.release()->port());
    return US_OK;
  } catch (const Failure& failure) {
    say_why(*host, failure.error());
    return failure.error().status == Status::ok ? US_UNKNOWN : static_cast<std::int32_t>(failure.error().status);
  } catch (const std::exception& e) {
    say_why(*host, {Status::invalid, e.what(), {}, {}, {}});
    return US_INVALID;
  } catch (...) {
    say_why(*host, {Status::invalid, "create threw something that is no std::exception", {}, {}, {}});
    return US_INVALID;
  }
}

inline void destroy(void* ctx) noexcept {
  auto* instance = static_cast<Instance*>(ctx);
  instance->close();
  delete instance;
}

using Create = std::int32_t(const us_port* host, us_bytes settings, us_port* out);

inline us_plugin library(std::string_view manifest, Create* create) noexcept {
  return {sizeof(us_plugin), US_ABI_MAJOR, US_ABI_MINOR, 0, {manifest.data(), manifest.size()}, create, [](void* ctx) {
            destroy(ctx);
          }};
}

}  // namespace detail
}  // namespace understudy::sdk

/// Exports a library. `manifest_json` is a string literal, or other text that lives as long as the library; the rest is
/// a callable std::unique_ptr<Provider>(Host&, const Envelope&) that does no I/O and may throw Failure.
#define UNDERSTUDY_PLUGIN(manifest_json, ...)                                                     \
  extern "C" US_EXPORT const us_plugin* understudy_plugin(void) {                                 \
    static const us_plugin plugin = ::understudy::sdk::detail::library(                           \
        manifest_json, [](const us_port* us_host_, us_bytes us_settings_, us_port* us_out_) {     \
          return ::understudy::sdk::detail::create(us_host_, us_settings_, us_out_, __VA_ARGS__); \
        });                                                                                       \
    return &plugin;                                                                               \
  }
