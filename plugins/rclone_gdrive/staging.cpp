#include "staging.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace rclone_store {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

constexpr int tries_of_a_changing_file = 5;
constexpr const char* manifest_object = "manifest.json";

}  // namespace

Staging::Staging(const Job& job, std::string folder, Manifest* previous) : job_(job), folder_(std::move(folder)) {
  if (previous != nullptr) previous_ = files_of(*previous);
  std::ranges::sort(previous_, {}, &FileRef::object);
  make_folders(folder_);
}

void Staging::take(const StatePath& path) {
  if (!harmless_name(path.name)) throw Failure(Status::invalid, "\"" + path.name + "\" cannot be a name in a snapshot");
  SavedPath out;
  out.name = path.name;
  const Fd top(::open(path.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!top.ok()) throw_errno("cannot open the state path " + path.path, errno);
  out.root = entry_of(top.get());
  if (out.root.type == Entry::Type::file) {
    const fs::path file(path.path);
    const Fd parent = open_folder(file.parent_path().empty() ? "." : file.parent_path().string());
    if (!save(parent.get(), file.filename().string(), object_name(path.name, ""), out.root))
      throw Failure(Status::transient, path.path + " vanished while it was read", "try again");
    manifest_.paths.push_back(std::move(out));
    return;
  }
  const auto skipped = [&](const std::string& what) {
    job_.host().log(LogLevel::warning, what + " is a socket, pipe or device and is not saved");
  };
  for (auto& entry : walk(top.get(), path.path, skipped)) {
    job_.between();
    if (entry.type == Entry::Type::file && !save(top.get(), entry.path, object_name(path.name, entry.path), entry))
      continue;
    out.entries.push_back(std::move(entry));
  }
  manifest_.paths.push_back(std::move(out));
}

void Staging::close() {
  const auto text = write_manifest(manifest_);
  write_text(folder_ + "/" + manifest_object, text);
  Hasher hasher;
  hasher.add(text.data(), text.size());
  manifest_entry_.size = static_cast<std::int64_t>(text.size());
  manifest_entry_.hashes = hasher.result();
  copied_.emplace_back(manifest_object);
}

std::vector<FileRef> Staging::files() {
  auto out = files_of(manifest_);
  out.push_back({manifest_object, &manifest_entry_});
  return out;
}

bool Staging::save(int root, const std::string& file, const std::string& object, Entry& entry) {
  const auto old = std::ranges::lower_bound(previous_, object, {}, &FileRef::object);
  const bool known = old != previous_.end() && old->object == object;
  const auto same = [&] {
    return known && old->entry->size == entry.size && old->entry->hashes.sha256 == entry.hashes.sha256;
  };
  // Looks unchanged: its bytes decide, and only if they differ it is copied.
  if (known && old->entry->size == entry.size && old->entry->mtime_ns == entry.mtime_ns) {
    if (!read(root, file, "", entry)) return false;
    if (same()) {
      unchanged_.push_back(object);
      return true;
    }
  }
  const std::string to = folder_ + "/" + object;
  make_folders(fs::path(to).parent_path().string());
  if (!read(root, file, to, entry)) return false;
  if (same()) {
    ::unlink(to.c_str());
    unchanged_.push_back(object);
  } else {
    copied_.push_back(object);
  }
  return true;
}

bool Staging::read(int root, const std::string& file, const std::string& to, Entry& entry) const {
  for (int tries = 0; tries < tries_of_a_changing_file; ++tries) {
    const Fd source = open_below(root, file, O_RDONLY | O_NONBLOCK);
    if (!source.ok() && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
      if (!to.empty()) ::unlink(to.c_str());
      return false;
    }
    if (!source.ok()) throw_errno("cannot open " + file, errno);
    const Entry before = entry_of(source.get());
    const Fd target(to.empty() ? -1 : ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!to.empty() && !target.ok()) throw_errno("cannot write a copy of " + file, errno);
    const auto hashes = read_and_hash(source.get(), target.get(), file, [this] { job_.between(); });
    const Entry after = entry_of(source.get());
    if (before.size != after.size || before.mtime_ns != after.mtime_ns) continue;
    entry.size = after.size;
    entry.mtime_ns = after.mtime_ns;
    entry.mode = after.mode;
    entry.hashes = hashes;
    return true;
  }
  throw Failure(Status::transient, file + " keeps changing while it is read",
                "let the service write to a new file and rename it, or save when it is quiet");
}

}  // namespace rclone_store
