// standby.deactivate/1: every machine of ours stopped, and seen so. One object for one call.
#pragma once

#include <memory>

#include "held.hpp"

namespace flyio_plugin {

class Stopping {
 public:
  Stopping(Api& api, std::string holder, const understudy::sdk::DeactivateRequest& request, const Deadline& deadline);
  /// Throws Failure(conflict) when something newer runs.
  [[nodiscard]] understudy::sdk::StopReport run();

 private:
  [[nodiscard]] understudy::sdk::StopReport stop_all();
  void refuse_newer(const Machines& machines) const;
  void ask(const Machine& machine);
  void wait_for(Held& held);
  /// Whoever holds the lease of a machine at rest may be starting it.
  void look_for_starters(const Machines& all);
  /// A start of ours whose answer was lost may still come: it is refused while another lease than its own holds.
  void refuse_late_start(const Machine& machine);
  void forget_rollback(Held& held);
  void may_start(const std::string& what);
  void complain(const std::string& what);
  [[nodiscard]] understudy::sdk::StopReport report(bool ran);

  Api& api_;
  const std::string holder_;
  const understudy::sdk::DeactivateRequest request_;
  const Deadline deadline_;
  std::vector<std::unique_ptr<Held>> held_;
  std::string complaints_, starters_;
  bool asked_ = false;  ///< for a change: from now on nothing may promise that there was no effect
};

}  // namespace flyio_plugin
