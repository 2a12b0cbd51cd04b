// What the operating system knows of processes. The one place with calls that differ between systems.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace process_plugin {

struct ProcessInfo {
  int pid = 0;
  std::uint64_t start = 0;  ///< with the pid it names one process for ever (until the next boot)
  std::string name;         ///< of the program
  std::string command;      ///< its arguments, joined by spaces
  unsigned user = 0;
  int group = 0;  ///< process group
  bool zombie = false;
};

[[nodiscard]] std::optional<ProcessInfo> info(int pid);
[[nodiscard]] std::vector<int> all_pids();
/// Processes whose environment holds `entry` ("NAME=value"), zombies left out. Empty where the system does not tell.
[[nodiscard]] std::vector<int> with_environment(const std::string& entry);
/// Zombies left out.
[[nodiscard]] std::vector<int> of_group(int group);
/// Changes with every boot.
[[nodiscard]] std::string boot_id();
/// Waits until the process has ended, at most `timeout_ms`. True when it has.
[[nodiscard]] bool wait_for_end(int pid, std::uint64_t start, int timeout_ms);
/// A descriptor that is readable once the process has ended, or -1 where there is none.
[[nodiscard]] int end_descriptor(int pid);
/// Closes every descriptor from `first` on. Async-signal-safe.
void close_from(int first) noexcept;

}  // namespace process_plugin
