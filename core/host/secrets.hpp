// Where secrets come from: environment, file, systemd credential.
#pragma once

#include <string>

#include "core/config/config.hpp"
#include "core/host/log.hpp"
#include "understudy/status.hpp"

namespace understudy::host {

/// Reads the value and registers it with the log's redactor. Files are cut at the trailing newline and may hold 64 KiB.
[[nodiscard]] sdk::Result read_secret(const config::SecretRef& ref, Logger& log);

}  // namespace understudy::host
