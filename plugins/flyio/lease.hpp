// A machine's lease: while it is ours, nobody else changes the machine. Worker threads only.
#pragma once

#include <chrono>
#include <string>

#include "api.hpp"

namespace flyio_plugin {

/// Who but `holder` has a machine's lease, for people; empty when nobody has, or it cannot be told.
[[nodiscard]] std::string leased_by_another(Api& api, const std::string& machine, const std::string& holder,
                                            const Deadline& deadline);

/// `holder` is in the lease's description and unique to a plugin instance, so that a lease whose answer was lost is
/// known again as ours.
class Lease {
 public:
  /// Waits for another's lease to end until the deadline. Throws Failure(conflict) with its owner when it does not.
  Lease(Api& api, std::string machine, std::string holder, const Deadline& deadline);
  /// Gives it back; when that fails it ends by itself.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// The nonce that each change must carry. Renewed when half of its time is over; throws Failure when it is lost.
  [[nodiscard]] const std::string& nonce(const Deadline& deadline);

 private:
  [[nodiscard]] Answer ask(const Deadline& deadline);
  [[nodiscard]] bool adopt(const Deadline& deadline);
  void taken(const understudy::sdk::Json& data);

  Api& api_;
  const std::string machine_, holder_;
  std::string nonce_;
  std::chrono::steady_clock::time_point renew_at_{};
};

}  // namespace flyio_plugin
