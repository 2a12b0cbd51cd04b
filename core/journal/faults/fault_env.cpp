// UNDERSTUDY_KILL_AT=before:7 kills this process before its seventh commit; after:7 right after it.
// UNDERSTUDY_FAULT_LOG names a file to which each point passed is appended.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/journal/fault_point.hpp"

namespace understudy::journal {

void fault_point(std::string_view where) noexcept {
  static int before = 0;
  static int after = 0;
  const int count = where == "before" ? ++before : ++after;
  const std::string name = std::string(where) + ":" + std::to_string(count);
  if (const char* path = std::getenv("UNDERSTUDY_FAULT_LOG")) {
    if (std::FILE* out = std::fopen(path, "a")) {
      std::fprintf(out, "%s\n", name.c_str());
      std::fclose(out);
    }
  }
  const char* wanted = std::getenv("UNDERSTUDY_KILL_AT");
  if (wanted != nullptr && name == wanted) ::raise(SIGKILL);
}

}  // namespace understudy::journal
