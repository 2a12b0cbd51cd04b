// All machines of the service under our leases at once: a lease excludes others from one machine only, so without the
// other machines' leases another controller could start one of them beside ours. Worker threads only.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "held.hpp"

namespace flyio_plugin {

class Group {
 public:
  Group(Api& api, std::string holder) : api_(api), holder_(std::move(holder)) {}

  /// Takes the leases that it has not yet of `all` and of what comes meanwhile, until a list shows no machine without
  /// one. Machines whose host is out of sight are left out: nobody can start them. Throws Failure(conflict) when
  /// another keeps a lease.
  void hold_all(Machines all, const Deadline& deadline);
  /// All that the last list showed; those that are held as they were seen last.
  [[nodiscard]] Machines seen() const;
  /// nullptr: it cannot be held, or is gone.
  [[nodiscard]] Held* find(const std::string& id);

 private:
  [[nodiscard]] bool missing(const Machine& machine) const;
  void hold(const std::string& id, const Deadline& deadline);
  void keep(const Deadline& deadline);

  Api& api_;
  const std::string holder_;
  std::map<std::string, std::unique_ptr<Held>> held_;
  std::set<std::string> gone_;
  Machines listed_;
};

}  // namespace flyio_plugin
