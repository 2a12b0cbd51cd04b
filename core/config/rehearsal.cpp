// The [rehearse] tables.
#include "core/config/reader.hpp"
#include "core/config/spans.hpp"

namespace understudy::config {
namespace {

constexpr double most_outages = 10'000;

template <class T, class... Range>
void read_optional(Section& s, const char* key, std::optional<T>& out, T proposed, Range... range) {
  const bool present = s.has(key);
  s.read(key, proposed, range...);
  if (present) out = proposed;
}

}  // namespace

Rehearsal read_rehearsal(Section& s) {
  Rehearsal r;
  s.read("outages_per_year", r.outages_per_year, 0.0, most_outages);
  read_optional(s, "outage", r.outage, Millis(0), second, year);
  s.read("unreachable", r.unreachable, 0.0, 1.0);
  s.read("regional", r.regional, 0.0, 1.0);
  s.read("probe_loss", r.probe_loss, 0.0, 0.5);
  s.read("activation_spread", r.activation_spread, 0.0, 2.0);
  s.read("our_network_outages_per_year", r.our_network_outages_per_year, 0.0, most_outages);
  s.read("our_network_outage", r.our_network_outage, second, year);
  s.read("control_plane_outages_per_year", r.control_plane_outages_per_year, 0.0, most_outages);
  s.read("control_plane_outage", r.control_plane_outage, second, year);
  s.read("state_survives", r.state_survives, 0.0, 1.0);
  s.read("state_gb", r.state_gb, 0.0, 1e6);
  s.read("state_takes", r.state_takes, Millis(0), day);
  s.read("stop_takes", r.stop_takes, Millis(0), day);
  s.read("person", r.person, second, year);
  s.finish();
  return r;
}

RehearsedTarget read_rehearsed_target(Section& s) {
  RehearsedTarget t;
  read_optional(s, "outages_per_year", t.outages_per_year, Rehearsal().outages_per_year, 0.0, most_outages);
  read_optional(s, "outage", t.outage, Millis(0), second, year);
  read_optional(s, "unreachable", t.unreachable, Rehearsal().unreachable, 0.0, 1.0);
  read_optional(s, "activation_fails", t.activation_fails, 1 - Declared().success, 0.0, 1.0);
  read_optional(s, "warm_ready_in", t.warm_ready_in, Millis(0), Millis(0), day);
  read_optional(s, "warm_per_hour", t.warm_per_hour, Usd());
  s.finish();
  return t;
}

}  // namespace understudy::config
