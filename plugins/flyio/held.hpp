// One machine under our lease, and what is done with it. Every change is confirmed by the machine's state, not by the
// reply to the change. Worker threads only.
#pragma once

#include <functional>

#include "lease.hpp"

namespace flyio_plugin {

/// There is no room for the machine on its host or in its region: another may do.
class NoRoom : public understudy::sdk::Failure {
 public:
  using Failure::Failure;
};

class Held {
 public:
  /// Takes the lease, then reads the machine again. Throws Failure.
  Held(Api& api, const std::string& machine, const std::string& holder, const Deadline& deadline,
       Lease::Nonce nonce = Lease::Nonce::any);

  [[nodiscard]] const Machine& machine() const { return machine_; }
  void look(const Deadline& deadline);
  void keep_lease(const Deadline& deadline) { (void)lease_.nonce(deadline); }
  /// The lease ends by itself.
  void leave_locked() { lease_.leave(); }
  /// Called from time to time while it waits.
  void while_waiting(std::function<void(const Deadline&)> task) { while_waiting_ = std::move(task); }

  /// The whole config, as a new version that stays stopped. Nothing is sent when it has it already.
  void configure(const understudy::sdk::Json& config, const Deadline& deadline, bool launch = false);
  /// Adds to its metadata without a new version, so that a suspended machine keeps its memory.
  void note(const understudy::sdk::Json& metadata, const Deadline& deadline);
  /// Until it is seen started and stays so for `survive`. Throws NoRoom, or Failure with how its process ended.
  void start(understudy::sdk::Millis survive, const Deadline& deadline);
  /// Asks for the stop only. False: Fly did not take the request.
  bool ask_to_stop(understudy::sdk::Millis grace, bool kill, const Deadline& deadline);
  void suspend(const Deadline& deadline);
  void set_cordon(bool on, const Deadline& deadline);
  /// Until its state is one of `phase`, or the deadline. Tells whether it is.
  bool await(Phase phase, const std::string& state, const Deadline& deadline);

  /// A start was sent and nobody knows whether it will still have an effect.
  [[nodiscard]] bool start_is_open() const { return start_open_; }

 private:
  void pulse(const Deadline& deadline);
  Answer change(const std::string& path, understudy::sdk::Json body, const Deadline& deadline,
                const char* method = "POST");
  [[noreturn]] void fail(const Answer& answer, const std::string& what) const;
  bool try_start(int attempt, const Deadline& deadline);
  void survives(understudy::sdk::Millis survive, const Deadline& deadline);
  [[nodiscard]] bool ended_since(std::int64_t event_ms) const;
  [[noreturn]] void ended();

  Api& api_;
  Machine machine_;
  Lease lease_;
  std::function<void(const Deadline&)> while_waiting_;
  bool start_open_ = false;
};

}  // namespace flyio_plugin
