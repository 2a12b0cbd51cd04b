// A machine's lease: while it is ours, nobody else changes the machine. Worker threads only.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "api.hpp"

namespace flyio_plugin {

/// The holder's name on a lease that is taken to stop a machine: whoever meets it knows that nobody starts it.
[[nodiscard]] std::string as_stopper(const std::string& holder);

struct Lessee {
  std::string starter;    ///< who may be starting it, or that this cannot be told, for people; empty: nobody
  bool stopping = false;  ///< a lease of one that stops it keeps everybody else out
};
/// Of a machine at rest, as `holder` sees it.
[[nodiscard]] Lessee lessee_of(Api& api, const std::string& machine, const std::string& holder,
                               const Deadline& deadline);

/// `holder` is in the lease's description and unique to a plugin instance, so that a lease whose answer was lost is
/// known again as ours.
class Lease {
 public:
  /// With a `fresh` nonce what was sent under an earlier lease of ours is refused from now on.
  enum class Nonce { any, fresh };
  /// Waits for another's lease to end until the deadline. Throws Failure(conflict) with its owner when it does not.
  Lease(Api& api, std::string machine, std::string holder, const Deadline& deadline, Nonce wanted = Nonce::any);
  /// Gives it back; when that fails it ends by itself.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// The nonce that each change must carry. Renewed when half of its time is over; throws Failure when it is lost.
  [[nodiscard]] const std::string& nonce(const Deadline& deadline);
  /// It is not given back, but ends by itself: a late request with an older nonce finds the machine locked.
  void leave() { left_ = true; }

 private:
  [[nodiscard]] Answer ask(const Deadline& deadline);
  [[nodiscard]] bool adopt(const Deadline& deadline);
  [[nodiscard]] bool renounce(Nonce wanted, const Deadline& deadline);
  [[nodiscard]] bool give_back(const Deadline& deadline);
  void taken(const understudy::sdk::Json& data);

  Api& api_;
  const std::string machine_, holder_;
  std::string description_;  ///< `holder`, or what an adopted lease was taken for
  std::string nonce_;
  bool left_ = false;
  std::chrono::steady_clock::time_point renew_at_{};
};

}  // namespace flyio_plugin
