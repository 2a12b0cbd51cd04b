#include "core/plugins/local_instance.hpp"

#include <atomic>
#include <future>
#include <unordered_map>

#include <boost/asio/dispatch.hpp>

#include "core/plugins/deadlines.hpp"
#include "core/plugins/for_ever.hpp"
#include "core/plugins/host_calls.hpp"
#include "core/plugins/start_patience.hpp"
#include "understudy/json.hpp"

namespace understudy::plugins {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr std::size_t largest_payload = 4 * 1024 * 1024;
constexpr auto slack = std::chrono::milliseconds(100);  // past the budget, for the plugin's own timeout to speak first
constexpr auto stuck_after = std::chrono::seconds(5);   // in one call

us_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(us_bytes raw) { return raw.len == 0 ? std::string_view() : std::string_view(raw.data, raw.len); }
sdk::Result failure(sdk::Status status, std::string message, std::string kind = {}) {
  return {{}, {status, std::move(message), {}, std::move(kind), {}}};
}

/// What both directions share. Outlives the Instance until the last late answer has been dropped.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(const Registry::Wiring& w, std::shared_ptr<Library> lib, std::shared_ptr<LibraryThread> t,
       std::shared_ptr<Stats> st, host::Caller c)
      : wiring(w),
        library(std::move(lib)),
        thread(std::move(t)),
        stats(std::move(st)),
        caller(c),
        calls(
            w, std::move(c),
            [this](us_op op, std::int32_t status, const std::string& body) { to_plugin(op, status, body); },
            [this](const char* topic, const std::string& body) { item_to_plugin(topic, body); }),
        deadlines(w.loop, [this](us_op op) {
          const auto keep = shared_from_this();
          deadline_passed(op);
        }) {}

  const Registry::Wiring wiring;
  const std::shared_ptr<Library> library;
  const std::shared_ptr<LibraryThread> thread;
  const std::shared_ptr<Stats> stats;
  const host::Caller caller;
  us_port plugin{};
  std::atomic<bool> closed{false};
  std::string create_error, create_hint;
  HostCalls calls;
  Deadlines deadlines;

  us_port host_port() noexcept {
    return {sizeof(us_port), 0, this, host_call, host_cancel, host_complete, host_notify};
  }

  // ---- core → plugin ---------------------------------------------------------------------------------------------
  struct Waiting {
    Instance::Done done;
    Clock::time_point since, deadline;
  };
  std::unordered_map<us_op, Waiting> waiting;
  us_op next_op = 1;

  us_op call(std::string_view method, const sdk::Json& params, Millis budget, Instance::Done done) {
    if (thread && thread->busy_for() > stuck_after) {
      done(failure(sdk::Status::transient,
                   "plugin " + caller.plugin + " has been stuck in a call for " +
                       std::to_string(thread->busy_for().count() / 1000) + " s",
                   "stuck"));
      return 0;
    }
    const us_op op = next_op++;
    const auto now = Clock::now();
    waiting.emplace(op, Waiting{std::move(done), now, now + budget + slack});
    std::string text = sdk::write_json(params);
    const auto keep = shared_from_this();
    if (!thread) {
      plugin.call(plugin.ctx, op, bytes(method), bytes(text), budget.count());
    } else {
      run_verb([self = keep, op, m = std::string(method), text = std::move(text), budget] {
        self->plugin.call(self->plugin.ctx, op, bytes(m), bytes(text), budget.count());
      });
    }
    if (!waiting.contains(op)) return 0;  // answered inside the call, which is normal
    deadlines.add(op, now + budget + slack);
    return op;
  }

  void cancel(us_op op) {
    if (!waiting.contains(op)) return;
    run_verb([self = shared_from_this(), op] { self->plugin.cancel(self->plugin.ctx, op); });
  }

  void deadline_passed(us_op op) {
    cancel(op);
    answer(op, failure(sdk::Status::unknown, "plugin " + caller.plugin + " did not answer in time", "deadline"));
  }

  void answer(us_op op, sdk::Result result) {
    const auto it = waiting.find(op);
    if (it == waiting.end()) {
      wiring.log.write(host::Level::warning, caller.instance,
                       "an answer that nobody waits for was dropped (late, or given twice)");
      return;
    }
    auto done = std::move(it->second.done);
    ++stats->calls;
    if (!result.ok()) ++stats->failures;
    stats->time += std::chrono::duration_cast<Micros>(Clock::now() - it->second.since);
    deadlines.remove(op, it->second.deadline);
    waiting.erase(it);
    if (const auto problem = hand_over(done, without_secrets(wiring.log, std::move(result))))
      wiring.log.write(host::Level::error, caller.instance, *problem);
  }

  template <class Fn>
  void run_verb(Fn fn) {
    if (!thread) return fn();
    if (!thread->post(std::move(fn)))
      wiring.log.write(host::Level::error, caller.instance, "the plugin's queue is full");
  }

  void drop_all() {
    closed.store(true);
    calls.close();
    deadlines.close();
    auto orphans = std::exchange(waiting, {});
    for (auto& [op, entry] : orphans) entry.done(failure(sdk::Status::cancelled, "the plugin instance is going away"));
  }

 private:
  static Link& self(void* ctx) { return *static_cast<Link*>(ctx); }

  /// Already where everything happens: no copy of the message is needed.
  [[nodiscard]] bool on_the_loop() const {
    return !closed.load() && wiring.loop.get_executor().running_in_this_thread();
  }

  template <class Fn>
  void on_loop(Fn fn) {
    asio::dispatch(wiring.loop, [link = shared_from_this(), fn = std::move(fn)]() mutable {
      if (!link->closed.load()) fn(*link);
    });
  }

  // ---- plugin → core, any thread ---------------------------------------------------------------------------------
  static void host_complete(void* ctx, us_op op, std::int32_t raw, us_bytes body) noexcept {
    if (body.len > largest_payload) body = {nullptr, 0};
    if (self(ctx).on_the_loop()) return self(ctx).answer(op, read(raw, view(body)));
    self(ctx).on_loop([op, raw, text = std::string(view(body))](Link& link) { link.answer(op, read(raw, text)); });
  }

  static sdk::Result read(std::int32_t raw, std::string_view text) {
    const auto status = sdk::status_from(raw);
    sdk::Json value = sdk::read_json(text);
    if (status != sdk::Status::ok) return {{}, sdk::Error::from_json(status, value)};
    if (!value.is_object()) return failure(sdk::Status::unknown, "the plugin's answer is not a JSON object", "garbage");
    return {std::move(value)};
  }

  static void host_call(void* ctx, us_op op, us_bytes method, us_bytes params, std::int64_t budget_ms) noexcept {
    if (self(ctx).on_the_loop()) return self(ctx).calls.serve(op, view(method), view(params), Millis(budget_ms));
    self(ctx).on_loop([op, m = std::string(view(method)), p = std::string(view(params)), budget_ms](Link& link) {
      link.calls.serve(op, m, p, Millis(budget_ms));
    });
  }

  void to_plugin(us_op op, std::int32_t status, const std::string& body) {
    if (!thread) return plugin.complete(plugin.ctx, op, status, bytes(body));
    run_verb([link = shared_from_this(), op, status, body] {
      if (!link->closed.load()) link->plugin.complete(link->plugin.ctx, op, status, bytes(body));
    });
  }

  void item_to_plugin(const char* topic, const std::string& body) {
    if (!thread) return plugin.notify(plugin.ctx, bytes(topic), bytes(body));
    run_verb([link = shared_from_this(), topic, body] {
      if (!link->closed.load()) link->plugin.notify(link->plugin.ctx, bytes(topic), bytes(body));
    });
  }

  static void host_cancel(void* ctx, us_op op) noexcept {
    self(ctx).on_loop([op](Link& link) { link.calls.cancel(op); });
  }

  static void host_notify(void* ctx, us_bytes topic, us_bytes params) noexcept {
    auto& link = self(ctx);
    if (params.len > largest_payload) return;
    if (view(topic) == "create.failed") {  // inside create(), on the thread that waits for it
      const auto body = sdk::parse_json(view(params));
      const auto error = sdk::Error::from_json(sdk::Status::invalid, body);
      link.create_error = error.message;
      link.create_hint = error.hint;
      return;
    }
    link.on_loop([t = std::string(view(topic)), p = std::string(view(params))](Link& l) { l.calls.notified(t, p); });
  }
};

class LocalInstance final : public Instance {
 public:
  LocalInstance(std::shared_ptr<Link> link, std::string interface_name)
      : link_(std::move(link)), interface_(std::move(interface_name)) {}
  ~LocalInstance() override {
    const auto link = link_;
    const us_plugin* entry = &link->library->entry();
    void* ctx = link->plugin.ctx;
    if (link->thread && link->thread->busy_for() > stuck_after) {
      link->drop_all();
      link->wiring.log.write(host::Level::error, link->caller.instance, "the plugin hangs and is left behind");
      keep_for_ever(link);  // it may still call
      return;
    }
    if (!link->thread) {
      link->drop_all();
      entry->destroy(ctx);
      return;
    }
    link->drop_all();
    auto gone = std::make_shared<std::promise<void>>();
    auto wait = gone->get_future();
    link->thread->post([entry, ctx, gone, link] {
      entry->destroy(ctx);
      gone->set_value();
    });
    if (wait.wait_for(stuck_after) != std::future_status::ready) {
      link->wiring.log.write(host::Level::error, link->caller.instance, "the plugin did not end and is left behind");
    }
  }

  Ticket call(std::string_view method, const sdk::Json& params, Millis budget, Done done) override {
    return link_->call(method, params, budget, std::move(done));
  }
  void cancel(Ticket ticket) override { link_->cancel(ticket); }
  void on_notify(OnNotify handler) override { link_->calls.on_notify(std::move(handler)); }
  [[nodiscard]] bool offers(std::string_view method) const override {
    return link_->library->provides(interface_, method);
  }
  [[nodiscard]] const std::string& name() const override { return link_->caller.instance; }
  [[nodiscard]] const std::string& plugin() const override { return link_->caller.plugin; }

 private:
  std::shared_ptr<Link> link_;
  std::string interface_;
};

/// create() itself; on the library's thread when it has one, so that a hanging one is noticed.
std::int32_t run_create(const std::shared_ptr<Link>& link, const std::string& settings) {
  const auto create = [link, settings]() -> std::int32_t {
    const us_port port = link->host_port();
    link->plugin.size = sizeof(us_port);
    try {
      return link->library->entry().create(&port, bytes(settings), &link->plugin);
    } catch (...) {  // the contract forbids it; a C++ plugin of the same runtime can still do it
      link->create_error = "create() threw across the boundary";
      return US_INVALID;
    }
  };
  if (!link->thread) return create();
  auto answer = std::make_shared<std::promise<std::int32_t>>();
  auto wait = answer->get_future();
  link->thread->post([create, answer] { answer->set_value(create()); });
  if (wait.wait_for(start_patience) != std::future_status::ready) {
    link->closed.store(true);
    return US_UNKNOWN;
  }
  return wait.get();
}

}  // namespace

std::variant<std::unique_ptr<Instance>, LoadError> make_local_instance(const Registry::Wiring& wiring,
                                                                       std::shared_ptr<Library> library,
                                                                       std::shared_ptr<LibraryThread> thread,
                                                                       std::shared_ptr<Stats> stats,
                                                                       host::Caller caller, const sdk::Json& envelope) {
  auto link =
      std::make_shared<Link>(wiring, std::move(library), std::move(thread), std::move(stats), std::move(caller));
  const auto status = run_create(link, sdk::write_json(envelope));
  if (status != US_OK) {
    if (status == US_UNKNOWN && link->create_error.empty()) {
      keep_for_ever(link);  // a hung create may still write to it
      return LoadError{"plugin " + link->caller.plugin + " did not finish create() for " + link->caller.instance +
                           " within " + std::to_string(start_patience_s) + " s",
                       "create() must do no I/O", true};
    }
    const std::string why =
        link->create_error.empty() ? std::string(sdk::name_of(sdk::status_from(status))) : link->create_error;
    return LoadError{"plugin " + link->caller.plugin + " refused " + link->caller.instance + ": " + why,
                     link->create_hint};
  }
  const auto& port = link->plugin;
  if (port.call == nullptr || port.cancel == nullptr || port.complete == nullptr || port.notify == nullptr) {
    return LoadError{"plugin " + link->caller.plugin + " left a verb of its port empty", "this is a bug of the plugin"};
  }
  const auto interface_name = envelope.value("interface", "");
  return std::make_unique<LocalInstance>(std::move(link), interface_name);
}

}  // namespace understudy::plugins
