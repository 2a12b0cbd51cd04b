// standby.activate/1: as many machines as wanted run with the epoch, or it is told why not. One object for one call.
#pragma once

#include "group.hpp"
#include "provision.hpp"

namespace flyio_plugin {

class Activation {
 public:
  Activation(Api& api, std::string holder, const understudy::sdk::ActivateRequest& request, const Deadline& deadline);
  /// Throws Failure: `unknown` when something may run.
  [[nodiscard]] understudy::sdk::Observation run();

 private:
  /// Runs already with this epoch: nothing to do. Throws when something else runs.
  [[nodiscard]] bool done_before(const Machines& all) const;
  void hold_all(const Machines& all);
  void create_in(const std::string& region);
  void bring_up_enough();
  void use_what_exists(const Machines& all);
  void create_more();
  void bring_up(Held& held);
  void prepare(Held& held);
  void refuse_newer(const Machines& machines) const;
  void no_room(const std::string& why);
  [[nodiscard]] understudy::sdk::Error as_seen(understudy::sdk::Error error);

  Api& api_;
  const understudy::sdk::ActivateRequest request_;
  const Deadline whole_, deadline_;
  Group group_;
  int running_ = 0;
  bool started_something_ = false, start_is_open_ = false;
  std::string no_room_;  ///< where there was none, and what Fly said
};

}  // namespace flyio_plugin
