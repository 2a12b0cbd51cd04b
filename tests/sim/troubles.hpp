// What goes wrong in a run, and what people do meanwhile. When the trouble is over everything is mended.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "tests/sim/world.hpp"

namespace understudy::sim {

class Troubles {
 public:
  explicit Troubles(World& world);
  /// Schedules faults for as long as the setup says.
  void begin();
  /// Mends all that is broken.
  void end();

 private:
  void next();
  void strike(Fault fault);
  void strike_orchestrator(Fault fault);
  void hands_off();
  void strike_network(Fault fault);
  void strike_provider(Fault fault);
  void strike_site(Fault fault);
  void strike_others(Fault fault);
  void person(bool forcefully);
  void corner(Site& site);
  void cut_when_revoked(const Site& site, std::int64_t looks);
  void cut(int from, int to, bool both, Micros at_least = Micros(0));
  /// `mend` happens after some time, or at the end.
  void until_mended(const std::string& who, const std::string& what, std::function<void()> mend,
                    Micros at_least = Micros(0));
  [[nodiscard]] Micros some_time();
  [[nodiscard]] Site& some_site();
  [[nodiscard]] Site& holder_or(Site& site);

  World& world_;
  Dice& dice_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, std::function<void()>> broken_;
  std::vector<Fault> kinds_;
};

}  // namespace understudy::sim
