#include "core/host/unblocked_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>

namespace understudy::host {
namespace {

constexpr int patience_ms = 20, most_waits = 16;  // the latter for one line: a long one goes piece by piece
#if defined(MSG_NOSIGNAL)
constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;
#else
constexpr int send_flags = MSG_DONTWAIT;
#endif

/// O_NONBLOCK on `fd` itself would be everybody's who shares it: children, and the shell that started us. -1: cannot.
int opened_again([[maybe_unused]] int fd) noexcept {
#if defined(__linux__)
  char name[40];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return ::open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
#else
  return -1;  // elsewhere it is the same description again
#endif
}

}  // namespace

UnblockedOutput::UnblockedOutput(int fd) noexcept : fd_(fd), kind_(Kind::polled) {
  struct stat what{};
  if (::fstat(fd, &what) != 0) return;
  if (S_ISREG(what.st_mode)) {
    kind_ = Kind::file;  // opened again it would have a place of its own, and write over what others wrote
  } else if (S_ISSOCK(what.st_mode)) {
    kind_ = Kind::socket;
  } else if (opened_ = opened_again(fd); opened_ >= 0) {
    kind_ = Kind::opened;
  }
}

UnblockedOutput::~UnblockedOutput() {
  if (opened_ >= 0) ::close(opened_);
}

bool UnblockedOutput::write(std::string_view line) noexcept { return (!torn_ || put("\n")) && put(line); }

bool UnblockedOutput::put(std::string_view text) noexcept {
  std::size_t done = 0;
  for (int waits = 0; done < text.size();) {
    const auto n = once(text.substr(done));
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      torn_ = text[done - 1] != '\n';
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      break;
    } else if (errno == EAGAIN && (!kept_up_ || ++waits > most_waits || !room_within(patience_ms))) {
      break;
    }
  }
  kept_up_ = done == text.size();
  return kept_up_;
}

long UnblockedOutput::once(std::string_view text) const noexcept {
  switch (kind_) {
    case Kind::file: return ::write(fd_, text.data(), text.size());
    case Kind::socket: return ::send(fd_, text.data(), text.size(), send_flags);
    case Kind::opened: return ::write(opened_, text.data(), text.size());
    case Kind::polled: break;
  }
  // Another may take the room between the two calls: as good as can be without a descriptor of our own.
  if (!room_within(0)) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(fd_, text.data(), std::min<std::size_t>(text.size(), 512));
}

bool UnblockedOutput::room_within(int timeout_ms) const noexcept {
  pollfd one{fd_, POLLOUT, 0};
  return ::poll(&one, 1, timeout_ms) > 0;
}

}  // namespace understudy::host
