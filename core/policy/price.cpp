#include "core/policy/price.hpp"

namespace understudy::policy {

Price with_overrides(Price quoted, const config::PriceOverride& file) {
  if (file.standby_per_hour) quoted.standby_per_hour = *file.standby_per_hour;
  if (file.active_per_hour) quoted.active_per_hour = *file.active_per_hour;
  if (file.activation) quoted.activation = *file.activation;
  if (file.transfer_per_gb) quoted.transfer_per_gb = *file.transfer_per_gb;
  if (file.min_billing) quoted.min_billing = *file.min_billing;
  if (file.place.line > 0)
    quoted.source =
        file.place.file + ":" + std::to_string(file.place.line) + (quoted.source.empty() ? "" : ", " + quoted.source);
  return quoted;
}

}  // namespace understudy::policy
