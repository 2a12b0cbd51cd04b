// What machines cost. The table of Fly's list prices is in prices.cpp and nowhere else. Pure.
#pragma once

#include "machine.hpp"

namespace flyio_plugin {

/// Dollars an hour of a running machine. A region that the table does not know counts as the dearest.
[[nodiscard]] double running_usd_per_hour(const Guest& guest, const std::string& region);
[[nodiscard]] bool region_is_known(const std::string& region);
[[nodiscard]] const char* prices_as_of();

/// For the machines that exist, else for those that the settings would make.
[[nodiscard]] understudy::sdk::Quote quote_for(const Machines& machines, const Settings& settings);

}  // namespace flyio_plugin
