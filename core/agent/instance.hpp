// Which agent this is. Two of one target (a container and its replacement, a virtual machine and its clone) have the
// same target and the same epoch, and only this name tells the orchestrator that they are two.
//
// It is made of a random id in the agent's data_dir and of the host's boot: an agent that is started again keeps its
// name; a disk that was copied or restored has another one once a host has booted with it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

namespace understudy::agent {

struct NoInstance {
  std::string why;
};

/// The name of the agent whose random id is in `file`, on a host whose boot is `boot` (host::boot_mark()): 37 letters,
/// digits and '-'. The id is made, and is durable when this returns, if there is none, or none that can be read; why it
/// could not be.
[[nodiscard]] std::variant<std::string, NoInstance> instance_of(const std::filesystem::path& file,
                                                                std::string_view boot);

}  // namespace understudy::agent
