// What a service costs per hour, from its resources and the list prices. Pure.
#pragma once

#include <string>

#include "service_view.hpp"

namespace gcp {

struct Usage {
  std::int64_t standby_instances = 0, active_instances = 1;
  double requests_per_hour = 0;  ///< while active
  double seconds_per_request = 0.1;
  double free_share = 0;                                              ///< of the monthly free tier that is left for it
  understudy::sdk::Json overrides = understudy::sdk::Json::object();  ///< the setting `price`
};

[[nodiscard]] understudy::sdk::Quote quote_of(const ServiceView& service, const std::string& region,
                                              const Usage& usage);

}  // namespace gcp
