#include "store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "aside.hpp"
#include "fence.hpp"
#include "files.hpp"
#include "snapshot/epochs.hpp"

namespace local_dir {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

constexpr std::int64_t leftover_age_ms = day_ms;

}  // namespace

std::string below(const std::string& name, const std::string& path) { return path.empty() ? name : name + "/" + path; }

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
  if (!plain_name(id)) throw Failure(Status::invalid, "\"" + id + "\" is no snapshot's name");
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

Store::Known Store::look(const std::string& service, const Hooks& hooks) const {
  Known out;
  out.epoch = read_fence(home(service));
  for (const auto& s : list(service, hooks).snapshots) {
    if (!s.valid) continue;
    out.epoch = std::max(out.epoch, s.epoch);
    if (out.newest.empty()) out.newest = s.id;
  }
  return out;
}

FenceReport Store::fence(const FenceRequest& request, const Hooks& hooks) {
  check_disk();
  const std::string folder = home(request.service);
  make_folders(folder);
  // Each push of a newer epoch has raised the fence. Only where none is yet (a store of an earlier version) do the
  // snapshots tell, and to read their manifests may take long. Not waiting for the writers' lock: a push may hold it
  // for an hour. What comes between this look and the lock has raised the fence itself.
  std::uint64_t known = read_fence(folder);
  if (known == 0) known = look(request.service, hooks).epoch;
  const Fd committing = commit_lock(folder, hooks.between);
  known = std::max(known, read_fence(folder));
  if (request.epoch < known) refuse_fence(request.epoch, known);
  raise_fence(folder, request.epoch);
  return {request.epoch};
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
    ::fchmod(target.get(), static_cast<mode_t>(e.mode));
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
          ::fchmod(open_below(staging.get(), below(p.name, it->path), O_RDONLY | O_DIRECTORY).get(),
                   static_cast<mode_t>(it->mode));
      }
      ::fchmod(open_below(staging.get(), p.name, O_RDONLY | O_DIRECTORY).get(), static_cast<mode_t>(p.root.mode));
    }
    return m.snapshot;
  } catch (...) {
    for (const auto& p : m.paths) remove_tree(request.staging + "/" + p.name);  // nothing unverified stays
    throw;
  }
}

SnapshotList Store::list(const std::string& service, const Hooks& hooks) const {
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
    hooks.between();
    const std::string id = entry.path().filename().string();
    if (id.front() == '.' || !entry.is_directory()) continue;  // half-written ones begin with a dot
    try {
      auto snapshot = load(service, id).manifest.snapshot;
      out.snapshots.push_back(std::move(snapshot));
    } catch (const Failure& f) {
      // One that cannot be read now may be the newest: nothing older is to be taken for it.
      if (f.error().status != Status::invalid) throw;
      Snapshot damaged;
      damaged.id = id;
      damaged.valid = false;
      damaged.problem = f.error().message;
      out.snapshots.push_back(std::move(damaged));
    }
  }
  std::ranges::sort(out.snapshots, newer);
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

PruneReport Store::prune(const PruneRequest& request, std::int64_t now_ms, const Hooks& hooks) {
  check_disk();
  PruneReport out;
  const std::string folder = home(request.service);
  if (!fs::exists(folder)) return out;
  const Fd locked = writers_lock(folder);
  Keeping keeping(request, now_ms);
  for (const auto& s : list(request.service, hooks).snapshots) {
    if (keeping.keeps(s)) {
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
  prune_aside(folder, now_ms, aside_age_ms(request), leftover_age_ms, hooks.aside_removed);
  for (const auto& entry : fs::directory_iterator(folder + "/snapshots", ec)) {
    struct stat st{};
    if (entry.path().filename().string().rfind(incoming, 0) != 0 || ::stat(entry.path().c_str(), &st) != 0) continue;
    if (now_ms - static_cast<std::int64_t>(st.st_mtime) * 1000 > leftover_age_ms) remove_tree(entry.path().string());
  }
  return out;
}

}  // namespace local_dir
