// A drill's copy of a compose project: another project of the same files that shares nothing with the standby's own but
// images. The text part is pure.
#pragma once

#include <string>
#include <vector>

#include "project.hpp"

namespace compose_plugin {

/// What the settings say of copies.
struct CopyRules {
  std::map<std::string, std::string> env;  ///< added to `env`
  bool ports = false;  ///< published ports, host and shared networks are kept: the copy answers where the target would
  std::vector<std::string> shared;  ///< paths of this host that it may write to as the standby does

  [[nodiscard]] static CopyRules from_settings(const understudy::sdk::Json& settings);
};

/// The project of a target's copies: "NAME-drill".
[[nodiscard]] Project copy_of(Project project, const CopyRules& rules);
/// The variables that a copy is started with.
[[nodiscard]] std::map<std::string, std::string> copy_variables(const understudy::sdk::DrillRequest& request);

/// `rendered`: what `compose config` prints for the copy. Without what two projects cannot both have (container names)
/// and, unless the rules say otherwise, without published ports. Throws sdk::Failure(invalid) when the copy would share
/// state with the standby: its folders, another writable folder of the host, an external volume, a volume of a fixed
/// name; or traffic.
[[nodiscard]] std::string harmless(const std::string& rendered, const Project& copy, const CopyRules& rules,
                                   const understudy::sdk::DrillRequest& request);

}  // namespace compose_plugin
