#include "core/host/boot_id.hpp"

#if defined(__linux__)
#include <fstream>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#include <sys/types.h>
#endif

#include "core/host/boot_clock.hpp"
#include "core/host/clock.hpp"

namespace understudy::host {

std::string boot_id() {
  std::string out;
#if defined(__linux__)
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, out);
#elif defined(__APPLE__)
  char text[64] = {};
  std::size_t size = sizeof text - 1;
  if (::sysctlbyname("kern.bootsessionuuid", text, &size, nullptr, 0) == 0) out = text;
#endif
  return out;
}

std::string boot_mark(WallTime now, Time since_boot) {
  const auto booted = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch() - since_boot.time_since_epoch());
  return "booted-at-" + std::to_string(booted.count());
}

std::string boot_mark() {
  auto id = boot_id();
  return id.empty() ? boot_mark(wall_now(), boot_now()) : id;
}

}  // namespace understudy::host
