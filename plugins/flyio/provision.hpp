// Machines that do not exist yet: created stopped and out of reach of Fly's proxy. Worker threads only.
#pragma once

#include "held.hpp"

namespace flyio_plugin {

struct Site {
  std::string service, target;
};

/// Creates one stopped machine in `region` ("": where Fly likes) and returns its id. `all`: those that exist; a model
/// among them serves when the settings name no image. Throws NoRoom, or Failure.
[[nodiscard]] std::string create_machine(Api& api, const Site& site, const Machines& all, const std::string& region,
                                         const Deadline& deadline);
/// The regions to try, in order: the settings', else the one that Fly likes.
[[nodiscard]] std::vector<std::string> regions_to_try(const Settings& settings);
/// In the first region with room.
[[nodiscard]] std::string create_somewhere(Api& api, const Site& site, const Machines& all, const Deadline& deadline);

}  // namespace flyio_plugin
