#include "store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

namespace local_dir {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

constexpr int tries_of_a_changing_file = 3;
constexpr std::int64_t leftover_age_ms = 86'400'000;
constexpr const char* incoming = ".incoming-";

[[nodiscard]] Failure failure(const std::string& what, int error) {
  if (error == ENOSPC || error == EDQUOT)
    return {Status::transient, what + ": the disk is full", "free space, or use another disk"};
  return {Status::transient, what + ": " + std::strerror(error)};
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Failure(Status::invalid, "cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& text, bool sync) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.ok() || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      (sync && ::fsync(fd.get()) != 0))
    throw failure("cannot write " + path, errno);
}

void set_times(int fd, std::int64_t mtime_ns) {
  const timespec times[2] = {{0, UTIME_OMIT}, {mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000}};
  ::futimens(fd, times);
}

/// Where the data of a path lies inside its snapshot.
std::string below(const std::string& name, const std::string& path) { return path.empty() ? name : name + "/" + path; }

/// One writer at a time for a service.
Fd lock(const std::string& folder) {
  Fd fd(::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.ok()) throw failure("cannot open " + folder + "/lock", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    throw Failure(Status::transient, "another process is writing to " + folder, "try again when it is done");
  return fd;
}

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

}  // namespace

std::string Store::home(const std::string& service) const {
  if (!harmless(service) || service.find('/') != std::string::npos)
    throw Failure(Status::invalid, "\"" + service + "\" cannot be a folder's name");
  return options_.dir + "/" + service;
}

void Store::check_disk() const {
  if (!options_.must_exist.empty() && !fs::exists(options_.must_exist)) {
    throw Failure(Status::transient, options_.must_exist + " is not there: the disk is probably not mounted",
                  "mount it; nothing was written");
  }
}

Store::Loaded Store::load(const std::string& service, const std::string& id) const {
  if (!harmless(id) || id.find('/') != std::string::npos || id.front() == '.')
    throw Failure(Status::invalid, "\"" + id + "\" is no snapshot's name");
  const std::string folder = home(service) + "/snapshots/" + id;
  if (!fs::is_directory(folder)) throw Failure(Status::invalid, "there is no snapshot " + id);
  const std::string text = slurp(folder + "/manifest.json");
  std::string expected = slurp(folder + "/manifest.sha256");
  while (!expected.empty() && expected.back() == '\n') expected.pop_back();
  if (sha256_hex(text) != expected)
    throw Failure(Status::invalid, "the manifest of " + id + " was changed or is cut short");
  Loaded out{read_manifest(text), folder};
  if (out.manifest.snapshot.id != id)
    throw Failure(Status::invalid, "the manifest in " + id + " belongs to " + out.manifest.snapshot.id);
  return out;
}

std::optional<Entry> Store::save_file(int from_folder, const std::string& from, int data, const std::string& to,
                                      Entry entry, const Entry* old, int old_data, const std::string& old_path,
                                      const Hooks& hooks) const {
  if (old != nullptr && !options_.compare_content && old->size == entry.size && old->mtime_ns == entry.mtime_ns) {
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
      if (p.root.type == Entry::Type::file) old[""] = &p.root;
      for (const auto& e : p.entries) {
        if (e.type == Entry::Type::file) old[e.path] = &e;
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

Snapshot Store::push(const PushRequest& request, const Hooks& hooks) {
  check_disk();
  const std::string folder = home(request.service);
  const std::string snapshots = folder + "/snapshots";
  std::error_code ec;
  fs::create_directories(snapshots, ec);
  if (ec) throw Failure(Status::transient, "cannot make " + snapshots + ": " + ec.message(), "check `dir`");
  const Fd locked = lock(folder);
  if (!harmless(request.id) || request.id.find('/') != std::string::npos || request.id.front() == '.')
    throw Failure(Status::invalid, "\"" + request.id + "\" is no snapshot's name");
  if (fs::exists(snapshots + "/" + request.id))
    throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
  std::optional<Loaded> previous;
  for (const auto& s : list(request.service).snapshots) {
    if (!s.valid) continue;
    if (s.epoch > request.epoch)
      throw Failure(Status::conflict,
                    "epoch " + std::to_string(request.epoch) + " is older than that of the newest snapshot, " +
                        std::to_string(s.epoch),
                    "a site that was replaced must not save over its successor");
    previous = load(request.service, s.id);
    break;
  }
  const std::string staging = snapshots + "/" + incoming + request.id;
  remove_tree(staging);
  try {
    fs::create_directories(staging + "/data");
    Manifest manifest;
    std::int64_t bytes = 0;
    {
      const Fd data = open_folder(staging + "/data");
      for (const auto& p : request.paths)
        manifest.paths.push_back(save(p, data.get(), previous ? &*previous : nullptr, hooks, bytes));
    }
    manifest.snapshot.id = request.id;
    manifest.snapshot.epoch = request.epoch;
    manifest.snapshot.bytes = bytes;
    manifest.snapshot.created_ms =
        std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
    for (const auto& p : manifest.paths) {
      manifest.snapshot.files += p.root.type == Entry::Type::file ? 1 : 0;
      manifest.snapshot.files += std::ranges::count(p.entries, Entry::Type::file, &Entry::type);
    }
    const std::string text = write_manifest(manifest);
    write_file(staging + "/manifest.json", text, options_.sync);
    write_file(staging + "/manifest.sha256", sha256_hex(text) + "\n", options_.sync);
    if (options_.sync) sync_folder(staging);
    fs::rename(staging, snapshots + "/" + request.id);
    if (options_.sync) sync_folder(snapshots);
    write_file(folder + "/latest.new", request.id + "\n", options_.sync);
    fs::rename(folder + "/latest.new", folder + "/latest");
    return manifest.snapshot;
  } catch (const fs::filesystem_error& e) {
    remove_tree(staging);
    throw failure(e.what(), e.code().value());
  } catch (...) {
    remove_tree(staging);
    throw;
  }
}

Snapshot Store::pull(const PullRequest& request, const Hooks& hooks) {
  check_disk();
  const auto loaded = load(request.service, request.id);
  const Fd data = open_folder(loaded.folder + "/data");
  const Fd staging = open_folder(request.staging);
  const auto& m = loaded.manifest;
  std::int64_t done = 0;
  const auto bring = [&](const std::string& path, const Entry& e) {
    const Fd source = open_below(data.get(), path, O_RDONLY);
    const Fd target = open_below(staging.get(), path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (copy_and_hash(source.get(), target.get(), path, hooks.between) != e.sha256)
      throw Failure(Status::invalid, path + " in snapshot " + request.id + " is not what was saved");
    ::fchmod(target.get(), e.mode);
    set_times(target.get(), e.mtime_ns);
    if (options_.sync && ::fsync(target.get()) != 0) throw failure("cannot write " + path, errno);
    done += e.size;
    hooks.progress(done, m.snapshot.bytes);
  };
  try {
    for (const auto& p : m.paths) {
      if (p.root.type == Entry::Type::file) {
        bring(p.name, p.root);
        continue;
      }
      make_folders_below(staging.get(), p.name);
      for (const auto& e : p.entries) {
        hooks.between();
        const std::string path = below(p.name, e.path);
        if (e.type == Entry::Type::folder) make_folders_below(staging.get(), path);
        if (e.type == Entry::Type::file) bring(path, e);
        if (e.type == Entry::Type::link) {
          const auto slash = path.rfind('/');
          const Fd folder = open_below(staging.get(), path.substr(0, slash), O_RDONLY | O_DIRECTORY);
          if (::symlinkat(e.link.c_str(), folder.get(), path.substr(slash + 1).c_str()) != 0)
            throw failure("cannot make the link " + path, errno);
        }
      }
      // Modes of folders last, deepest first: one of them may forbid writing.
      for (auto it = p.entries.rbegin(); it != p.entries.rend(); ++it) {
        if (it->type == Entry::Type::folder)
          ::fchmod(open_below(staging.get(), below(p.name, it->path), O_RDONLY | O_DIRECTORY).get(), it->mode);
      }
      ::fchmod(open_below(staging.get(), p.name, O_RDONLY | O_DIRECTORY).get(), p.root.mode);
    }
    return m.snapshot;
  } catch (...) {
    for (const auto& p : m.paths) remove_tree(request.staging + "/" + p.name);  // nothing unverified stays
    throw;
  }
}

SnapshotList Store::list(const std::string& service) const {
  SnapshotList out;
  check_disk();
  const std::string folder = home(service) + "/snapshots";
  std::error_code ec;
  const fs::directory_iterator entries(folder, ec);
  // Nothing there yet is no error. Anything else is: "no snapshot" would let a service start without its state.
  if (ec == std::errc::no_such_file_or_directory) return out;
  if (ec)
    throw Failure(ec == std::errc::permission_denied ? Status::denied : Status::transient,
                  folder + " cannot be listed: " + ec.message(), "it must be a folder that Understudy's user may read");
  for (const auto& entry : entries) {
    const std::string id = entry.path().filename().string();
    if (id.front() == '.' || !entry.is_directory()) continue;  // half-written ones begin with a dot
    try {
      auto snapshot = load(service, id).manifest.snapshot;
      out.snapshots.push_back(std::move(snapshot));
    } catch (const Failure& f) {
      Snapshot damaged;
      damaged.id = id;
      damaged.valid = false;
      damaged.problem = f.error().message;
      out.snapshots.push_back(std::move(damaged));
    }
  }
  std::ranges::sort(out.snapshots, std::greater<>(), [](const Snapshot& s) { return std::pair(s.created_ms, s.id); });
  return out;
}

Snapshot Store::verify(const std::string& service, const std::string& id, const Hooks& hooks) const {
  check_disk();
  const auto loaded = load(service, id);
  const Fd data = open_folder(loaded.folder + "/data");
  const auto check = [&](const std::string& path, const Entry& e) {
    const Fd file = open_below(data.get(), path, O_RDONLY);
    if (hash_of(file.get(), path, hooks.between) != e.sha256)
      throw Failure(Status::invalid, path + " in snapshot " + id + " is not what was saved");
  };
  for (const auto& p : loaded.manifest.paths) {
    if (p.root.type == Entry::Type::file) check(p.name, p.root);
    for (const auto& e : p.entries) {
      if (e.type == Entry::Type::file) check(below(p.name, e.path), e);
    }
  }
  return loaded.manifest.snapshot;
}

PruneReport Store::prune(const PruneRequest& request, std::int64_t now_ms) {
  check_disk();
  PruneReport out;
  const std::string folder = home(request.service);
  if (!fs::exists(folder)) return out;
  const Fd locked = lock(folder);
  int valid_seen = 0;
  for (const auto& s : list(request.service).snapshots) {
    const bool young = now_ms - s.created_ms < request.keep_days * 86'400'000LL;
    const bool kept = request.keep_at_least > 0 &&
                      (!s.valid || young || valid_seen < request.keep_at_least);  // a damaged one is for a person
    valid_seen += s.valid ? 1 : 0;
    if (kept) {
      ++out.kept;
      continue;
    }
    out.removed.push_back(s.id);
    if (request.dry_run) continue;
    // Renamed first: a removal that is cut short leaves no snapshot with holes.
    const std::string dead = folder + "/snapshots/" + incoming + s.id;
    std::error_code ec;
    fs::rename(folder + "/snapshots/" + s.id, dead, ec);
    remove_tree(dead);
  }
  if (request.dry_run) return out;
  std::error_code ec;
  if (request.keep_at_least == 0) remove_tree(folder);
  for (const auto& entry : fs::directory_iterator(folder + "/snapshots", ec)) {
    struct stat st{};
    if (entry.path().filename().string().rfind(incoming, 0) != 0 || ::stat(entry.path().c_str(), &st) != 0) continue;
    if (now_ms - static_cast<std::int64_t>(st.st_mtime) * 1000 > leftover_age_ms) remove_tree(entry.path().string());
  }
  return out;
}

}  // namespace local_dir
