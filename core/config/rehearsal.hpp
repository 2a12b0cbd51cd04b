// What the file says of the world in which `understudy rehearse` lets a service live: [rehearse], and of single targets
// [service.NAME.target.NAME.rehearse]. Nothing else reads it.
#pragma once

#include <optional>

#include "core/model/cost.hpp"
#include "core/model/time.hpp"

namespace understudy::config {

/// Of one target. Nothing: as [rehearse] says.
struct RehearsedTarget {
  std::optional<double> outages_per_year;  ///< 0..10,000
  std::optional<Millis> outage;            ///< mean length
  std::optional<double> unreachable;       ///< 0..1
  std::optional<double> activation_fails;  ///< 0..1; nothing: 1 - declared.success
  std::optional<Millis> warm_ready_in;     ///< were it kept warm; nothing: a quarter of ready_in
  std::optional<Usd> warm_per_hour;        ///< what keeping it warm costs; nothing: as much as running
};

struct Rehearsal {
  double outages_per_year = 4;      ///< of each target
  std::optional<Millis> outage;     ///< mean length; nothing: the service's expected_outage
  double unreachable = 0.2;         ///< share of outages in which neither the place nor its provider answers
  double regional = 0.5;            ///< share of outages that take the whole failure domain
  double probe_loss = 0.0001;       ///< chance that a round of checks fails though all is well
  double activation_spread = 0.25;  ///< of the logarithm of how long an activation takes; 0: always the same
  double our_network_outages_per_year = 2;
  Millis our_network_outage{300'000};
  double control_plane_outages_per_year = 1;  ///< of each target: it goes on, but nothing can be started or stopped
  Millis control_plane_outage{1'800'000};
  double state_survives = 0.5;  ///< chance that what a target that is down left can still be saved
  double state_gb = 0.1;        ///< 10^9 bytes
  Millis state_takes{5'000};    ///< saving it, or bringing it
  Millis stop_takes{2'000};     ///< stopping a target whose provider answers
  Millis person{1'800'000};     ///< until a person comes to what needs one
};

}  // namespace understudy::config
