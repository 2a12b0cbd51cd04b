// Copying the state paths into a staged snapshot, each file read whole and unchanged, or linked from the one before.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <filesystem>
#include <map>

#include "files.hpp"
#include "store.hpp"

namespace local_dir {

namespace fs = std::filesystem;
using namespace understudy::sdk;

namespace {

constexpr int tries_of_a_changing_file = 3;

Entry entry_of(int fd) {
  struct stat st{};
  ::fstat(fd, &st);
  Entry e;
  e.mode = st.st_mode & 07777;
#if defined(__APPLE__)
  e.mtime_ns = st.st_mtimespec.tv_sec * 1'000'000'000LL + st.st_mtimespec.tv_nsec;
#else
  e.mtime_ns = st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
#endif
  e.size = st.st_size;
  e.type = S_ISDIR(st.st_mode) ? Entry::Type::folder : Entry::Type::file;
  return e;
}

bool same(const Entry& a, const Entry& b) { return a.size == b.size && a.mtime_ns == b.mtime_ns; }

/// What was stored is as it was, as far as that shows without reading it: a file that was cut short is copied anew.
bool stands(int folder, const std::string& path, const Entry& stored) {
  const Fd file = open_if_there(folder, path);
  return file.ok() && same(entry_of(file.get()), stored);
}

/// A file that is written through a mapping keeps its time until its pages have been written out
/// (dirty_expire_centisecs, 30 s): when it was read so soon after it was written, an equal time proves nothing.
constexpr std::int64_t settled_after_ns = 60'000'000'000;

bool settled(const Entry& entry, std::int64_t started_ms) {
  return entry.mtime_ns < started_ms * 1'000'000 - settled_after_ns;
}

}  // namespace

std::optional<Entry> Store::save_file(int from_folder, const std::string& from, int data, const std::string& to,
                                      Entry entry, const Entry* old, int old_data, const std::string& old_path,
                                      const Hooks& hooks) const {
  if (old != nullptr && !options_.compare_content && same(*old, entry) && stands(old_data, old_path, *old)) {
    const auto slash = to.rfind('/');
    const Fd folder = slash == std::string::npos ? Fd(::openat(data, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
                                                 : open_below(data, to.substr(0, slash), O_RDONLY | O_DIRECTORY);
    if (::linkat(old_data, old_path.c_str(), folder.get(),
                 to.substr(slash == std::string::npos ? 0 : slash + 1).c_str(), 0) == 0) {
      entry.sha256 = old->sha256;
      return entry;
    }
  }
  for (int tries = 0; tries < tries_of_a_changing_file; ++tries) {
    const Fd source = open_if_there(from_folder, from);
    if (!source.ok()) return std::nullopt;  // gone since it was listed: a temporary file of the service
    const Entry before = entry_of(source.get());
    const Fd target = open_below(data, to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    entry.sha256 = copy_and_hash(source.get(), target.get(), from, hooks.between);
    const Entry after = entry_of(source.get());
    if (before.size != after.size || before.mtime_ns != after.mtime_ns) continue;
    entry.size = after.size;
    entry.mtime_ns = after.mtime_ns;
    set_times(target.get(), entry.mtime_ns);
    if (options_.sync && ::fsync(target.get()) != 0) throw failure("cannot write " + to, errno);
    return entry;
  }
  throw Failure(Status::transient, from + " keeps changing while it is read",
                "let the service write to a new file and rename it, or save when it is quiet");
}

SavedPath Store::save(const StatePath& path, int data, const Loaded* previous, const Hooks& hooks,
                      std::int64_t& bytes) const {
  SavedPath out;
  out.name = path.name;
  if (!harmless(path.name) || path.name.find('/') != std::string::npos)
    throw Failure(Status::invalid, "\"" + path.name + "\" cannot be a name in a snapshot");
  std::map<std::string, const Entry*> old;
  Fd old_data;
  if (previous != nullptr) {
    old_data = Fd(::open((previous->folder + "/data").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const auto& p : previous->manifest.paths) {
      if (p.name != path.name) continue;
      const auto started_ms = previous->manifest.started_ms;
      if (p.root.type == Entry::Type::file && settled(p.root, started_ms)) old[""] = &p.root;
      for (const auto& e : p.entries) {
        if (e.type == Entry::Type::file && settled(e, started_ms)) old[e.path] = &e;
      }
    }
  }
  const auto known = [&](const std::string& p) {
    const auto it = old.find(p);
    return it == old.end() ? nullptr : it->second;
  };
  const Fd top(::open(path.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!top.ok() && errno == ENOENT)
    throw Failure(Status::invalid, "the state path " + path.path + " does not exist", "check `paths`");
  if (!top.ok()) throw failure("cannot open " + path.path, errno);
  out.root = entry_of(top.get());
  if (out.root.type == Entry::Type::file) {
    const Fd parent = open_folder(fs::path(path.path).parent_path().string());
    auto saved = save_file(parent.get(), fs::path(path.path).filename().string(), data, path.name, out.root, known(""),
                           old_data.get(), path.name, hooks);
    if (!saved) throw Failure(Status::transient, path.path + " vanished while it was read", "try again");
    out.root = std::move(*saved);
    bytes += out.root.size;
    return out;
  }
  make_folders_below(data, path.name);
  for (auto& e : walk(top.get(), path.path, hooks.skipped)) {
    hooks.between();
    const std::string to = below(path.name, e.path);
    if (e.type == Entry::Type::folder) make_folders_below(data, to);
    if (e.type == Entry::Type::file) {
      const std::string from = e.path;
      auto saved = save_file(top.get(), from, data, to, e, known(from), old_data.get(), to, hooks);
      if (!saved) continue;
      e = std::move(*saved);
      bytes += e.size;
      hooks.progress(bytes, 0);
    }
    out.entries.push_back(std::move(e));
  }
  return out;
}

}  // namespace local_dir
