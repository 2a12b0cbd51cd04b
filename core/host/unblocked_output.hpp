// Lines for an output whose reader may stall (a pipe of a container engine, a terminal that is stopped): who writes
// them must go on. A lease that is not ended since a log line waits for its reader is two writers.
#pragma once

#include <string_view>

namespace understudy::host {

/// One thread at a time.
class UnblockedOutput {
 public:
  /// `fd` is the caller's, and stays open longer than this.
  explicit UnblockedOutput(int fd) noexcept;
  ~UnblockedOutput();
  UnblockedOutput(const UnblockedOutput&) = delete;
  UnblockedOutput& operator=(const UnblockedOutput&) = delete;

  /// False: not all of it went, and the rest is dropped. Waits a moment (20 ms, at most 16 times) for a reader that
  /// kept up until now, and not at all for one that did not. A regular file is waited for: no call tells how long its
  /// disk takes.
  bool write(std::string_view line) noexcept;

 private:
  bool put(std::string_view text) noexcept;
  [[nodiscard]] long once(std::string_view text) const noexcept;
  [[nodiscard]] bool room_within(int timeout_ms) const noexcept;

  enum class Kind { file, socket, opened, polled };
  int fd_;
  Kind kind_;
  int opened_ = -1;  ///< the same output, opened again so that only we do not block
  bool kept_up_ = true;
  bool torn_ = false;  ///< what went last is the beginning of a line
};

}  // namespace understudy::host
