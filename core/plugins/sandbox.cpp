#include "core/plugins/sandbox.hpp"

#include <sys/resource.h>
#include <unistd.h>
#include <csignal>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

namespace understudy::plugins {
namespace {

constexpr rlim_t most_descriptors = 256;
#ifndef UNDERSTUDY_SANITIZED
constexpr rlim_t most_memory = 2ULL * 1024 * 1024 * 1024;
#endif

void limit(decltype(RLIMIT_CORE) what, rlim_t most) noexcept {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return;
  now.rlim_cur = now.rlim_max = now.rlim_max == RLIM_INFINITY ? most : (now.rlim_max < most ? now.rlim_max : most);
  ::setrlimit(what, &now);
}

void close_from(int first) noexcept {
#if defined(__linux__) && defined(SYS_close_range)
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0) return;
#endif
  for (int fd = first; fd < 65536; ++fd) ::close(fd);
}

}  // namespace

void confine_self(int first_closed) noexcept {
#if defined(__linux__)
  // The core may have ended before this line; its closed socket ends us then.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
  close_from(first_closed);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, most_descriptors);
#ifndef UNDERSTUDY_SANITIZED
  limit(RLIMIT_AS, most_memory);  // a sanitizer's shadow alone is larger than any limit that makes sense
#endif
}

}  // namespace understudy::plugins
