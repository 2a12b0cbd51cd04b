// Cloud Run's list prices, in one place. Source: cloud.google.com/run/pricing, as read 2026-10; tier 2 as a factor on
// tier 1. They change: the settings `price.*` overrule each figure.
#pragma once

#include <string_view>

namespace gcp {

inline constexpr std::string_view prices_as_of = "2026-10-01";
inline constexpr std::string_view prices_source = "Cloud Run list prices";

struct Prices {
  double vcpu_second, gib_second;            ///< while an instance is billed in full
  double idle_vcpu_second, idle_gib_second;  ///< of a kept instance between requests
  double per_request;
  double free_vcpu_seconds, free_gib_seconds, free_requests;  ///< each month, for the whole billing account
};

/// CPU always allocated ("instance-based"): an instance costs the same whatever it does.
inline constexpr Prices instance_based{0.000018, 0.000002, 0.000018, 0.000002, 0, 240'000, 450'000, 0};
/// CPU only during requests ("request-based").
inline constexpr Prices request_based{0.000024,        0.0000025, 0.0000025, 0.0000025,
                                      0.4 / 1'000'000, 180'000,   360'000,   2'000'000};

inline constexpr double tier2_instance_based = 1.2, tier2_request_based = 1.4;
/// Everything else is tier 1.
inline constexpr std::string_view tier2_regions[] = {"africa-south1",      "asia-east2",
                                                     "asia-northeast3",    "asia-south2",
                                                     "asia-southeast1",    "asia-southeast2",
                                                     "asia-southeast3",    "australia-southeast1",
                                                     "europe-central2",    "australia-southeast2",
                                                     "europe-west10",      "europe-west12",
                                                     "europe-west2",       "europe-west3",
                                                     "europe-west6",       "me-central1",
                                                     "me-central2",        "northamerica-northeast1",
                                                     "us-west2",           "northamerica-northeast2",
                                                     "southamerica-east1", "southamerica-west1",
                                                     "us-west3",           "us-west4"};

}  // namespace gcp
