// A library spoken to over the bare C port, as no well-meaning host would: malformed bytes, answers that never come,
// destruction in the middle. It counts what a real host would drop.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/time.hpp"
#include "understudy/abi.h"
#include "understudy/status.hpp"

namespace understudy::conformance {

class RawPort {
 public:
  /// What the host does with the plugin's own calls.
  enum class Host {
    refuses,  ///< answers each `transient`
    silent    ///< never answers
  };
  /// `secret`: what secret.get/1 answers, whatever `host` says.
  RawPort(const us_plugin& entry, Host host, std::string secret);
  ~RawPort();
  RawPort(const RawPort&) = delete;
  RawPort& operator=(const RawPort&) = delete;

  /// False when the plugin refused; refusal() says why.
  [[nodiscard]] bool create(const std::string& envelope);
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
  /// Returns the op. An exception that leaves the verb is remembered in threw().
  us_op call(std::string_view method, std::string_view params, Millis budget);
  void cancel(us_op op);
  void complete(us_op op, std::int32_t status, std::string_view result);
  void notify(std::string_view topic, std::string_view params);
  /// How long it took.
  Millis destroy();

  /// Serves the plugin's own calls until `op` was answered, for `at_most`.
  [[nodiscard]] bool wait(us_op op, Millis at_most);
  /// Serves them for so long, whatever comes.
  void serve(Millis time);

  [[nodiscard]] int answers(us_op op) const;
  [[nodiscard]] sdk::Status status(us_op op) const;
  [[nodiscard]] std::string body(us_op op) const;
  /// Everything that the plugin said where it may be seen: answers, notifications, the arguments of processes.
  [[nodiscard]] std::string heard() const;
  [[nodiscard]] bool threw() const noexcept { return threw_; }
  [[nodiscard]] int verbs_after_destroy() const noexcept { return late_; }
  [[nodiscard]] int calls_in_create() const noexcept { return calls_in_create_; }

 private:
  struct Asked {
    us_op op;
    std::string method, params;
  };
  struct Answer {
    int times = 0;
    std::int32_t status = 0;
    std::string body;
  };
  static void on_call(void* ctx, us_op op, us_bytes method, us_bytes params, std::int64_t budget_ms) noexcept;
  static void on_cancel(void* ctx, us_op op) noexcept;
  static void on_complete(void* ctx, us_op op, std::int32_t status, us_bytes result) noexcept;
  static void on_notify(void* ctx, us_bytes topic, us_bytes params) noexcept;
  template <class Fn>
  void guarded(Fn fn);
  [[nodiscard]] bool serve_one(std::unique_lock<std::mutex>& lock, std::chrono::steady_clock::time_point until);

  const us_plugin& entry_;
  const Host host_;
  const std::string secret_;
  us_port plugin_{sizeof(us_port), 0, nullptr, nullptr, nullptr, nullptr, nullptr};
  bool alive_ = false;
  std::string refusal_;
  us_op last_op_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<us_op, Answer> answers_;
  std::deque<Asked> inbox_;
  std::string heard_;
  bool creating_ = false, threw_ = false;
  int calls_in_create_ = 0;
  std::atomic<bool> gone_{false};
  std::atomic<int> late_{0};
};

}  // namespace understudy::conformance
