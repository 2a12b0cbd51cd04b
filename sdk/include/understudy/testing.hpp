// A host for an author's own tests: no Understudy, no network. The test answers what the plugin asks of its host.
//
//   sdk::testing::FakeHost host(understudy_plugin());
//   host.on("http.request/1", [](const Json& asked) { return Result{{{"status", 200}, {"body", "{}"}}}; });
//   auto check = host.make("health", {{"url", "http://x/"}});
//   assert(check.call("health.check/1").get()["outcome"] == "pass");
//
// Single-threaded towards the plugin, as the real loop is; a plugin may answer from threads of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "understudy/plugin.hpp"

namespace understudy::sdk::testing {

/// A message that the plugin sent with notify().
struct Notice {
  std::string topic;
  Json params;
};

class FakeHost {
 public:
  using Answer = std::function<Result(const Json& params)>;

  /// Throws Failure when the library is not of this ABI or its manifest is no JSON object.
  explicit FakeHost(const us_plugin* plugin) : plugin_(plugin) {
    if (plugin == nullptr || plugin->abi_major != US_ABI_MAJOR)
      throw Failure(Status::invalid, "not of this plugin ABI");
    manifest = Json::parse(detail::view(plugin->manifest), nullptr, false);
    if (!manifest.is_object()) throw Failure(Status::invalid, "the manifest is not a JSON object");
    on("clock.now/1", [](const Json&) { return Result{{{"wall_ms", 1'700'000'000'000}, {"monotonic_us", 0}}}; });
    on("timer.after/1", [](const Json&) { return Result{Json::object()}; });
  }

  /// Answers a host method from now on. A method that nobody answers is `unsupported`.
  void on(const std::string& method, Answer answer) { answers_[method] = std::move(answer); }

  class Instance;
  /// Throws Failure with what the plugin said when it refuses the settings.
  [[nodiscard]] Instance make(const std::string& interface_name, const Json& settings);

  Json manifest;
  std::vector<std::pair<std::string, Json>> asked;  ///< what plugins asked of the host, in order

 private:
  friend class Instance;
  const us_plugin* plugin_;
  std::map<std::string, Answer> answers_;
};

class FakeHost::Instance {
 public:
  Instance(FakeHost& host, const Json& envelope) : state_(std::make_unique<State>()) {
    state_->host = &host;
    const us_port port{sizeof(us_port), 0, state_.get(), on_call, on_cancel, on_complete, on_notify};
    const std::string text = envelope.dump();
    state_->plugin.size = sizeof(us_port);
    const auto status = host.plugin_->create(&port, detail::bytes(text), &state_->plugin);
    if (status == US_OK) return;
    state_->plugin.ctx = nullptr;
    std::string why = "create() answered " + std::string(name_of(status_from(status)));
    for (const auto& n : state_->notices) {
      if (n.topic == "create.failed") why = n.params.value("message", why);
    }
    throw Failure(status_from(status), why);
  }
  Instance(Instance&&) = default;
  Instance& operator=(Instance&&) = delete;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() {
    if (state_ && state_->plugin.ctx != nullptr) state_->host->plugin_->destroy(state_->plugin.ctx);
  }

  /// Waits for the one answer; `unknown` with kind "deadline" when none comes within the budget.
  Result call(std::string_view method, const Json& params = Json::object(), Millis budget = Millis(5'000)) {
    const us_op op = ++state_->last_op;
    const std::string text = params.dump();
    state_->plugin.call(state_->plugin.ctx, op, detail::bytes(method), detail::bytes(text), budget.count());
    const auto answered = [&] {
      const std::lock_guard lock(state_->mutex);
      return state_->answers.contains(op);
    };
    if (!run(answered, budget)) return {{}, {Status::unknown, "no answer in time", {}, "deadline", {}}};
    const std::lock_guard lock(state_->mutex);
    return state_->answers.at(op);
  }

  /// Serves what the plugin asks by itself (timers, polls) until done() holds; false when the time is up before.
  bool run(const std::function<bool()>& done, Millis budget = Millis(5'000)) {
    const auto end = std::chrono::steady_clock::now() + budget;
    while (!done()) {
      std::unique_lock lock(state_->mutex);
      if (!state_->inbox.empty()) {
        const auto next = std::move(state_->inbox.front());
        state_->inbox.pop_front();
        lock.unlock();
        serve(next);
      } else {
        // A little at a time: done() may look at what wakes nobody.
        state_->wake.wait_for(lock, std::chrono::milliseconds(1));
      }
      if (std::chrono::steady_clock::now() > end) return done();
    }
    return true;
  }
  [[nodiscard]] std::vector<Notice> notices() const {
    const std::lock_guard lock(state_->mutex);
    return state_->notices;
  }

 private:
  struct Asked {
    us_op op;
    std::string method;
    Json params;
  };
  struct State {
    FakeHost* host = nullptr;
    us_port plugin{};
    us_op last_op = 0;
    std::mutex mutex;
    std::condition_variable wake;
    std::map<us_op, Result> answers;
    std::deque<Asked> inbox;
    std::vector<Notice> notices;
  };

  void serve(const Asked& request) {
    state_->host->asked.emplace_back(request.method, request.params);
    const auto it = state_->host->answers_.find(request.method);
    const Result result = it != state_->host->answers_.end()
                              ? it->second(request.params)
                              : Result{{}, {Status::unsupported, "the test answers no " + request.method, {}, {}, {}}};
    const std::string text = detail::dump(result.ok() ? result.value : result.error.to_json());
    state_->plugin.complete(state_->plugin.ctx, request.op, static_cast<std::int32_t>(result.error.status),
                            detail::bytes(text));
  }

  static void on_call(void* ctx, us_op op, us_bytes method, us_bytes params, std::int64_t) {
    auto& me = *static_cast<State*>(ctx);
    const std::lock_guard lock(me.mutex);
    me.inbox.push_back({op, std::string(detail::view(method)), Json::parse(detail::view(params), nullptr, false)});
    me.wake.notify_all();
  }
  static void on_cancel(void*, us_op) {}
  static void on_complete(void* ctx, us_op op, std::int32_t status, us_bytes raw) {
    auto& me = *static_cast<State*>(ctx);
    Json value = Json::parse(detail::view(raw), nullptr, false);
    const std::lock_guard lock(me.mutex);
    me.answers[op] =
        status == US_OK ? Result{std::move(value)} : Result{{}, Error::from_json(status_from(status), value)};
    me.wake.notify_all();
  }
  static void on_notify(void* ctx, us_bytes topic, us_bytes params) {
    auto& me = *static_cast<State*>(ctx);
    const std::lock_guard lock(me.mutex);
    me.notices.push_back({std::string(detail::view(topic)), Json::parse(detail::view(params), nullptr, false)});
  }

  std::unique_ptr<State> state_;
};

inline FakeHost::Instance FakeHost::make(const std::string& interface_name, const Json& settings) {
  return {*this,
          {{"interface", interface_name},
           {"instance", "test/" + interface_name},
           {"service", "test"},
           {"target", "here"},
           {"settings", settings}}};
}

}  // namespace understudy::sdk::testing
