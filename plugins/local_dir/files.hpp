// Small files and locks in a service's folder. [worker]. Everything throws sdk::Failure naming the path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "snapshot/tree.hpp"
#include "understudy/status.hpp"

namespace local_dir {

/// What went wrong at `what`, of an errno.
[[nodiscard]] understudy::sdk::Failure failure(const std::string& what, int error);
/// One harmless part of a path that begins with no dot.
[[nodiscard]] bool plain_name(const std::string& name);

/// Missing: `invalid`. That it cannot be read now says nothing of what is in it: `transient`.
[[nodiscard]] std::string slurp(const std::string& path);
void write_file(const std::string& path, const std::string& text, bool sync);
/// The old text or the new one, whatever ends it: written beside and renamed.
void replace_file(const std::string& folder, const std::string& name, const std::string& text, bool sync);
void set_times(int fd, std::int64_t mtime_ns);
void make_folders(const std::string& path);

/// Held by a push or a prune from its beginning to its end (or until a fence has overtaken it): one writer at a time
/// for a service. Does not wait.
[[nodiscard]] understudy::snapshot::Fd writers_lock(const std::string& folder);
/// Held while what a replaced site brings is copied aside, which no other writer waits for. Does not wait.
[[nodiscard]] understudy::snapshot::Fd aside_lock(const std::string& folder);
/// Held for a moment: by a push while it becomes the newest, and by a fence while it is set, so that each sees what the
/// other has done. Waits; `between` is asked meanwhile and may throw.
[[nodiscard]] understudy::snapshot::Fd commit_lock(const std::string& folder, const std::function<void()>& between);

}  // namespace local_dir
