// The settings that target, health and state share. Read in create: no I/O; what cannot be is refused with a sentence.
#pragma once

#include "cloud_run.hpp"
#include "credentials.hpp"
#include "supervisor.hpp"

namespace gcp {

/// A base address as it is joined with a path.
[[nodiscard]] std::string without_slash(std::string address);
[[nodiscard]] CredentialSettings credential_settings(const understudy::sdk::Json& settings);
[[nodiscard]] ServiceAddress service_address(const understudy::sdk::Json& settings);
[[nodiscard]] Supervisor::Options supervisor_options(const understudy::sdk::Json& settings);

}  // namespace gcp
