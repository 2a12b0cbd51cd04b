#include "prices.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

// Source: https://fly.io/docs/about/pricing/ ("Started Fly Machines", "Stopped Fly Machines", "Volumes"): the newest
// copy that could be read on the date below; the page itself bears none. List prices, without reservations and taxes.
constexpr const char* as_of = "2026-11-21";
constexpr const char* source = "Fly.io's list prices (fly.io/docs/about/pricing)";

// In Ashburn, dollars a second. Each CPU brings memory; what is above that is paid by the GB.
constexpr double shared_cpu = 0.0000008465, performance_cpu = 0.000012732, memory_gb = 0.000002316;
constexpr double shared_brings_gb = 0.25, performance_brings_gb = 2;
// Dollars a GB and 30 days: root file system of a machine that is stopped or suspended; volume, always.
constexpr double stopped_rootfs = 0.15, volume = 0.15;
constexpr double hours_of_30_days = 720;

struct Region {
  std::string_view code;
  double markup;
};
constexpr std::array<Region, 17> regions{{{"ams", 1.038461538},
                                          {"arn", 1.038461538},
                                          {"cdg", 1.134615385},
                                          {"dfw", 1.25},
                                          {"ewr", 1},
                                          {"fra", 1.153846154},
                                          {"gru", 1.615384615},
                                          {"iad", 1},
                                          {"jnb", 1.302884615},
                                          {"lax", 1.199519231},
                                          {"lhr", 1.134615385},
                                          {"nrt", 1.307692308},
                                          {"ord", 1.25},
                                          {"sin", 1.269230769},
                                          {"sjc", 1.192307692},
                                          {"syd", 1.269230769},
                                          {"yyz", 1.115384615}}};

double markup_of(const std::string& region) {
  const auto it = std::ranges::find(regions, region, &Region::code);
  return it != regions.end() ? it->markup : std::ranges::max(regions, {}, &Region::markup).markup;
}

/// What Fly gives a machine whose config does not say: the smallest.
Guest guest_of(const Json& config) {
  Guest out;
  const Json said = config.is_object() ? config.value("guest", Json::object()) : Json::object();
  out.kind = said.value("cpu_kind", out.kind);
  out.cpus = said.value("cpus", out.cpus);
  out.memory_mb = said.value("memory_mb", out.memory_mb);
  return out;
}

double volumes_gb(const Json& config) {
  double out = 0;
  const Json mounts = config.is_object() ? config.value("mounts", Json::array()) : Json::array();
  for (const auto& mount : mounts) out += mount.value("size_gb", 0.0);
  return out;
}

struct Place {
  Guest guest;
  std::string region;
  double volume_gb = 0;
};

std::vector<Place> places_of(const Machines& machines, const Settings& settings) {
  std::vector<Place> out;
  for (const auto& m : machines) out.push_back({guest_of(m.known_config), m.region, volumes_gb(m.known_config)});
  // Those that would be started first come first.
  std::ranges::stable_sort(out, {}, [&](const Place& p) { return settings.rank_of(p.region); });
  while (out.size() < static_cast<std::size_t>(settings.count)) {
    const auto guest =
        settings.config.contains("guest") ? guest_of(settings.config) : parse_size(settings.size, settings.memory_mb);
    out.push_back({guest, settings.regions.empty() ? "" : settings.regions.front(), volumes_gb(settings.config)});
  }
  return out;
}

}  // namespace

double running_usd_per_hour(const Guest& guest, const std::string& region) {
  const bool shared = guest.kind != "performance";
  const double brings = guest.cpus * (shared ? shared_brings_gb : performance_brings_gb);
  const double more = std::max(0.0, static_cast<double>(guest.memory_mb) / 1024 - brings);
  return (guest.cpus * (shared ? shared_cpu : performance_cpu) + more * memory_gb) * markup_of(region) * 3600;
}

bool region_is_known(const std::string& region) {
  return std::ranges::find(regions, region, &Region::code) != regions.end();
}

const char* prices_as_of() { return as_of; }

Quote quote_for(const Machines& machines, const Settings& settings) {
  Quote out;
  const auto places = places_of(machines, settings);
  const double rootfs = settings.rootfs_gb * stopped_rootfs / hours_of_30_days;
  int running = 0;
  for (const auto& place : places) {
    const double disk = place.volume_gb * volume / hours_of_30_days;
    out.standby_usd_per_hour += disk + (machines.empty() ? 0 : rootfs);
    const bool runs = running++ < settings.count;
    out.active_usd_per_hour += disk + (runs ? running_usd_per_hour(place.guest, place.region) : rootfs);
  }
  out.transfer_usd_per_gb = 0;  // inbound data is free
  out.min_billing_s = 1;
  out.source = source;
  out.as_of = as_of;
  if (settings.price.empty()) return out;
  out.standby_usd_per_hour = settings.price.value("standby_per_hour", out.standby_usd_per_hour);
  out.active_usd_per_hour = settings.price.value("active_per_hour", out.active_usd_per_hour);
  out.transfer_usd_per_gb = settings.price.value("transfer_per_gb", out.transfer_usd_per_gb);
  out.source = "the target's settings, else " + out.source;
  return out;
}

}  // namespace flyio_plugin
