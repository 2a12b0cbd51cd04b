// What runs here, on disk: so that after a restart it is found again and not taken for something else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace process_plugin {

struct RunRecord {
  std::uint64_t epoch = 0;
  std::string operation, boot;
  int pid = 0;  ///< 0: stopped
  std::uint64_t start = 0;
};

/// Nothing when there is none. Throws sdk::Failure when the file is there but cannot be understood.
[[nodiscard]] std::optional<RunRecord> read_record(const std::string& file);
/// Durable when it returns: written beside, synced, renamed. Throws sdk::Failure.
void write_record(const std::string& file, const RunRecord& record);

}  // namespace process_plugin
