// standby.rollback/1, standby.prewarm/1 and target.diagnose/1. Worker threads only.
#pragma once

#include "provision.hpp"

namespace flyio_plugin {

/// Every machine goes back to the image that it had before; one that runs is started again with it, and keeps its
/// epoch.
[[nodiscard]] understudy::sdk::RollbackReport roll_back(Api& api, const std::string& holder,
                                                        const understudy::sdk::RollbackRequest& request,
                                                        const Deadline& deadline);

/// There is a machine, and with `prewarm = "suspend"` it is suspended with the image booted and waiting.
[[nodiscard]] understudy::sdk::PrewarmReport prewarm(Api& api, const std::string& holder,
                                                     const understudy::sdk::PrewarmRequest& request,
                                                     const Deadline& deadline);

/// Token, app, regions, machines or an image: what a start would stumble over.
[[nodiscard]] understudy::sdk::DiagnoseReport diagnose(Api& api, const Deadline& deadline);

}  // namespace flyio_plugin
