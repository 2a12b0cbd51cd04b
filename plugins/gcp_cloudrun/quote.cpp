#include "quote.hpp"

#include <algorithm>

#include "prices.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr double hour_s = 3600, hours_a_month = 730;

Prices prices_for(const ServiceView& service, const std::string& region, const Json& overrides) {
  Prices out = service.cpu_only_in_requests ? request_based : instance_based;
  if (std::ranges::find(tier2_regions, region) != std::end(tier2_regions)) {
    const double factor = service.cpu_only_in_requests ? tier2_request_based : tier2_instance_based;
    for (double* price : {&out.vcpu_second, &out.gib_second, &out.idle_vcpu_second, &out.idle_gib_second})
      *price *= factor;
  }
  out.vcpu_second = overrides.value("vcpu_second", out.vcpu_second);
  out.gib_second = overrides.value("gib_second", out.gib_second);
  out.idle_vcpu_second =
      overrides.value("idle_vcpu_second", service.cpu_only_in_requests ? out.idle_vcpu_second : out.vcpu_second);
  out.idle_gib_second =
      overrides.value("idle_gib_second", service.cpu_only_in_requests ? out.idle_gib_second : out.gib_second);
  out.per_request = overrides.value("million_requests", out.per_request * 1e6) / 1e6;
  return out;
}

/// `busy` of `instances` hours are billed in full, the rest as idle.
double per_hour(const ServiceView& s, const Prices& p, double instances, double busy, double requests,
                double free_share) {
  const double free = free_share / hours_a_month;
  const double full = std::min(busy, instances) * hour_s, idle = std::max(0.0, instances - busy) * hour_s;
  const double cpu = std::max(0.0, full * s.vcpu - p.free_vcpu_seconds * free);
  const double memory = std::max(0.0, full * s.memory_gib - p.free_gib_seconds * free);
  return cpu * p.vcpu_second + memory * p.gib_second +
         idle * (s.vcpu * p.idle_vcpu_second + s.memory_gib * p.idle_gib_second) +
         std::max(0.0, requests - p.free_requests * free) * p.per_request;
}

}  // namespace

Quote quote_of(const ServiceView& service, const std::string& region, const Usage& usage) {
  const auto prices = prices_for(service, region, usage.overrides);
  const auto standby = static_cast<double>(usage.standby_instances),
             active = static_cast<double>(usage.active_instances);
  const bool always = !service.cpu_only_in_requests;
  const double busy = usage.requests_per_hour * usage.seconds_per_request / hour_s;
  Quote out;
  out.standby_usd_per_hour = per_hour(service, prices, standby, always ? standby : 0, 0, usage.free_share);
  out.active_usd_per_hour =
      per_hour(service, prices, active, always ? active : busy, usage.requests_per_hour, usage.free_share);
  out.standby_usd_per_hour = usage.overrides.value("standby_per_hour", out.standby_usd_per_hour);
  out.active_usd_per_hour = usage.overrides.value("active_per_hour", out.active_usd_per_hour);
  out.transfer_usd_per_gb = usage.overrides.value("transfer_per_gb", 0.0);  // bringing data in is free
  out.min_billing_s = always ? 60 : 0;
  out.source = usage.overrides.empty() ? std::string(prices_source) : "the target's settings and Cloud Run list prices";
  out.as_of = prices_as_of;
  return out;
}

}  // namespace gcp
