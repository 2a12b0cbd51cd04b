// A child process without a shell: the one place that forks. POSIX.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model/time.hpp"

namespace understudy::host {

/// What a child says of itself before it becomes the program: its pid, behind the words of who wants to know.
struct Announcement {
  std::int64_t tag = 0;
  std::int64_t pid = 0;
};

struct ChildSpec {
  std::vector<std::string> argv;           ///< argv[0] is looked up in PATH
  std::string cwd;                         ///< empty: ours
  std::map<std::string, std::string> env;  ///< added to ours
  bool clean_environment = false;          ///< `env` is the whole environment
  int pass_descriptor = -1;                ///< becomes descriptor 3 of the child; it gets no others of ours
  int keep_descriptor = -1;                ///< with pass_descriptor: gets this one too, under its number, above 3
  bool inherit_output = false;             ///< it writes where we write: no pipes for that
  bool die_with_parent = false;  ///< killed when this thread ends, however it ends. Linux; elsewhere it lives on
  int announce_to = -1;          ///< a socket that gets an Announcement, written by the child before it is the program
  std::int64_t announce_tag = 0;
  std::optional<Time> not_after;  ///< of the boot clock: later than this it does not become the program: ETIME
};

/// Descriptors are ours to close; all are close-on-exec.
struct Child {
  int pid = -1;
  int in = -1, out = -1, err = -1;  ///< pipes to and from the child; out and err are -1 when it inherits ours
};

/// Starts it as the leader of a process group of its own. On failure `error` is the errno of what failed (ENOENT: no
/// such program) and `what` names it.
struct SpawnResult {
  std::optional<Child> child;
  int error = 0;
  std::string what;
};
[[nodiscard]] SpawnResult spawn(const ChildSpec& spec);

/// How it ended: exit code, or the signal that killed it.
struct Ended {
  std::optional<int> exit_code;
  std::optional<int> signal;
};
/// Nothing while it runs. [any thread]
[[nodiscard]] std::optional<Ended> reap(int pid);

/// Whether reap() would tell how it ended. Until then its number, and that of its group, is nobody else's. [any thread]
[[nodiscard]] bool has_ended(int pid) noexcept;

/// A descriptor that becomes readable when the process ends (pidfd), or -1 where the system has none: then poll reap().
[[nodiscard]] int exit_descriptor(int pid);

}  // namespace understudy::host
