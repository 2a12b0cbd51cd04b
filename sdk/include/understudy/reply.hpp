// SPDX-License-Identifier: Apache-2.0
// Responder and Reply<T>: the one answer that each call is owed. Move-only; may be kept and answered later, on any
// thread. If the last owner forgets it, its destructor answers US_UNKNOWN, so that no path leaves the host waiting.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "understudy/status.hpp"

namespace understudy::sdk {

/// What is known of one call: how long it may take, and whether the host still wants the answer.
struct CallState {
  Millis budget{0};                    ///< as the host gave it, counted from the call
  std::atomic<bool> cancelled{false};  ///< advisory: stop soon and answer `cancelled`, or finish if that is nearer

  // For the trampoline: while a handler runs on `handler_thread`, a Reply that its exception unwinds leaves its sink in
  // `orphan`, so that the answer says what was thrown and not merely that it was forgotten.
  std::atomic<std::thread::id> handler_thread{};
  std::function<void(Status, const Json&)> orphan{};
};

namespace detail {
/// The answer to a call that nobody answered.
[[nodiscard]] inline Error dropped() {
  return {Status::unknown, "the plugin dropped the request without an answer", {}, {}, {}};
}
}  // namespace detail

/// The untyped answer. [any thread], but one thread at a time.
class Responder {
 public:
  using Sink = std::function<void(Status, const Json&)>;

  explicit Responder(Sink sink, std::shared_ptr<CallState> state = std::make_shared<CallState>())
      : sink_(std::move(sink)), state_(std::move(state)) {}
  Responder(Responder&& other) noexcept : sink_(std::exchange(other.sink_, nullptr)), state_(std::move(other.state_)) {}
  Responder& operator=(Responder&& other) noexcept {
    if (this != &other) {
      forget();
      sink_ = std::exchange(other.sink_, nullptr);
      state_ = std::move(other.state_);
    }
    return *this;
  }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder() { forget(); }

  void ok(const Json& value = Json::object()) { finish(Status::ok, value); }
  void fail(const Error& error) {
    finish(error.status == Status::ok ? Status::unknown : error.status, error.to_json());
  }
  void fail(Status status, std::string message, std::string hint = {}) {
    fail(Error{status, std::move(message), std::move(hint), {}, {}});
  }
  /// Hands on what a host service answered: right for what only looked. Of a request that changes something `transient`
  /// would promise too much, unless Error::never_arrived(): answer `unknown`.
  void fail_with(const Result& result) { fail(result.error); }
  [[nodiscard]] bool answered() const noexcept { return !sink_; }
  [[nodiscard]] Millis budget() const noexcept { return state_->budget; }
  [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled.load(std::memory_order_relaxed); }

 private:
  void finish(Status status, const Json& body) {
    if (auto sink = std::exchange(sink_, nullptr)) sink(status, body);
  }
  void forget() noexcept {
    if (!sink_) return;
    if (std::uncaught_exceptions() > 0 && state_->handler_thread.load() == std::this_thread::get_id()) {
      state_->orphan = std::exchange(sink_, nullptr);
      return;
    }
    try {
      finish(Status::unknown, detail::dropped().to_json());
    } catch (...) {  // NOLINT(bugprone-empty-catch): a destructor; the host's deadline is the second net
    }
  }
  Sink sink_;
  std::shared_ptr<CallState> state_;
};

/// The typed answer: T must have `Json to_json() const`. Same rules as Responder.
template <class T>
class Reply {
 public:
  explicit Reply(Responder responder) : responder_(std::move(responder)) {}
  void operator()(const T& value) { responder_.ok(value.to_json()); }
  void fail(const Error& error) { responder_.fail(error); }
  void fail(Status status, std::string message, std::string hint = {}) {
    responder_.fail(status, std::move(message), std::move(hint));
  }
  void fail_with(const Result& result) { responder_.fail_with(result); }
  [[nodiscard]] bool answered() const noexcept { return responder_.answered(); }
  [[nodiscard]] Millis budget() const noexcept { return responder_.budget(); }
  [[nodiscard]] bool cancelled() const noexcept { return responder_.cancelled(); }

 private:
  Responder responder_;
};

/// Makes a Reply copyable, for std::function: the lambda captures the pointer.
template <class T>
[[nodiscard]] std::shared_ptr<Reply<T>> share(Reply<T>&& reply) {
  return std::make_shared<Reply<T>>(std::move(reply));
}

}  // namespace understudy::sdk
