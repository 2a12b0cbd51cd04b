#include "saving.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "text.hpp"

namespace gcp {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

constexpr int tries_of_a_changing_file = 3;
constexpr std::size_t longest_path = 700;  // of the 1024 bytes that an object's name may have

std::string below(const std::string& name, const std::string& path) { return path.empty() ? name : name + "/" + path; }

/// A folder of our own for files in between; gone with it.
class Scratch {
 public:
  Scratch() {
    std::string name = fs::temp_directory_path().string() + "/understudy-gcs-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw Failure(Status::transient, "cannot make a temporary folder: " + std::string(std::strerror(errno)));
    path_ = name;
  }
  ~Scratch() { remove_tree(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] std::string file() { return path_ + "/" + std::to_string(next_++); }

 private:
  std::string path_;
  std::atomic<int> next_{0};
};

struct Hashes {
  std::string sha256, crc32c;
  std::int64_t size = 0, mtime_ns = 0;
};

void look_at(int fd, Hashes& out) {
  struct stat st{};
  ::fstat(fd, &st);
  out.size = st.st_size;
#if defined(__APPLE__)
  out.mtime_ns = st.st_mtimespec.tv_sec * 1'000'000'000LL + st.st_mtimespec.tv_nsec;
#else
  out.mtime_ns = st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
#endif
}

Hashes hashes_of(int fd, const std::string& name, const Work& work) {
  Hashes out;
  Crc32c crc;
  out.sha256 = read_and_hash(fd, name, [&](const char* bytes, std::size_t n) {
    work.check();
    crc.add(bytes, n);
  });
  out.crc32c = crc.base64();
  look_at(fd, out);
  return out;
}

/// One file to be saved.
struct Part {
  int folder;        ///< open
  std::string from;  ///< below it
  std::string path;  ///< the whole path, for the host that sends it
  std::string to;
  Entry* entry;
  bool gone = false;
};

/// The path that the host can be given: JSON holds UTF-8 only, so another name is sent from a copy.
std::string sendable(const Part& part, int fd, Scratch& scratch, const Work& work) {
  if (is_utf8(part.path)) return part.path;
  auto copy = scratch.file();
  const Fd to(::open(copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (::lseek(fd, 0, SEEK_SET) != 0 || !to.ok()) throw Failure(Status::transient, "cannot write " + copy);
  (void)copy_and_hash(fd, to.get(), part.from, [&] { work.check(); });
  return copy;
}

/// False when it changed while it was sent: what arrived is removed again.
bool send_once(Bucket& bucket, const Part& part, const Hashes& now, const std::string& path, const Work& work) {
  std::optional<Object> stored;
  try {
    stored = bucket.upload(part.to, path, work.deadline);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::invalid && ::access(path.c_str(), R_OK) != 0) return false;
    throw;
  }
  if (stored && stored->size == now.size && stored->crc32c == now.crc32c) return true;
  bucket.remove(part.to, stored ? stored->generation : 0, work.deadline);
  return false;
}

void save_file(Bucket& bucket, Part& part, Scratch& scratch, const Work& work) {
  for (int tries = 0; tries < tries_of_a_changing_file; ++tries) {
    work.check();
    const Fd source = open_if_there(part.folder, part.from);
    part.gone = !source.ok();
    if (part.gone) return;  // since it was listed: a temporary file of the service
    const auto now = hashes_of(source.get(), part.from, work);
    const auto path = sendable(part, source.get(), scratch, work);
    if (!send_once(bucket, part, now, path, work)) continue;
    part.entry->sha256 = now.sha256;
    part.entry->size = now.size;
    part.entry->mtime_ns = now.mtime_ns;
    return;
  }
  throw Failure(Status::transient, part.from + " keeps changing while it is read",
                "let the service write to a new file and rename it, or save when it is quiet");
}

/// Keeps the folders open that the parts are relative to.
struct Plan {
  std::vector<Fd> folders;
  std::vector<Part> parts;
};

Entry root_entry(int fd) {
  struct stat st{};
  ::fstat(fd, &st);
  Hashes about;
  look_at(fd, about);
  Entry out;
  out.mode = st.st_mode & 07777;
  out.mtime_ns = about.mtime_ns;
  out.size = st.st_size;
  out.type = S_ISDIR(st.st_mode) ? Entry::Type::folder : Entry::Type::file;
  return out;
}

void plan_path(const StatePath& path, const std::string& data, SavedPath& out, Plan& plan, const Work& work) {
  if (!harmless(path.name) || path.name.find('/') != std::string::npos)
    throw Failure(Status::invalid, "\"" + path.name + "\" cannot be a name in a snapshot");
  Fd top(::open(path.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!top.ok()) {
    throw Failure(errno == ENOENT ? Status::invalid : Status::transient,
                  "cannot open the state path " + path.path + ": " + std::strerror(errno), "check `paths`");
  }
  out.name = path.name;
  out.root = root_entry(top.get());
  if (out.root.type == Entry::Type::file) {
    const fs::path whole(path.path);
    plan.folders.push_back(open_folder(whole.has_parent_path() ? whole.parent_path().string() : "."));
    plan.parts.push_back(
        {plan.folders.back().get(), whole.filename().string(), path.path, object_name(data, path.name), &out.root});
    return;
  }
  out.entries = walk(top.get(), path.path, work.warn);
  for (auto& e : out.entries) {
    if (e.type != Entry::Type::file) continue;
    plan.parts.push_back(
        {top.get(), e.path, below(path.path, e.path), object_name(data, below(path.name, e.path)), &e});
  }
  plan.folders.push_back(std::move(top));
}

void drop_gone(const Plan& plan, std::vector<SavedPath>& paths) {
  for (const auto& part : plan.parts) {
    if (!part.gone) continue;
    for (auto& path : paths) {
      if (&path.root == part.entry)
        throw Failure(Status::transient, part.path + " vanished while it was read", "try again");
    }
    part.entry->path.clear();  // marked: no entry has an empty path
  }
  for (auto& path : paths) std::erase_if(path.entries, [](const Entry& e) { return e.path.empty(); });
}

struct Wanted {
  std::string path;  ///< below the staging folder
  const Entry* entry;
};

std::vector<Wanted> files_of(const Manifest& manifest) {
  std::vector<Wanted> out;
  for (const auto& p : manifest.paths) {
    if (p.root.type == Entry::Type::file) out.push_back({p.name, &p.root});
    for (const auto& e : p.entries) {
      if (e.type == Entry::Type::file) out.push_back({below(p.name, e.path), &e});
    }
  }
  return out;
}

void must_match(int fd, const Wanted& wanted, const Manifest& manifest, const Work& work) {
  if (hash_of(fd, wanted.path, [&] { work.check(); }) != wanted.entry->sha256) {
    throw Failure(Status::invalid, wanted.path + " in snapshot " + manifest.snapshot.id + " is not what was saved");
  }
}

void fetch(Bucket& bucket, const std::string& data, const Wanted& wanted, const std::string& to,
           const Manifest& manifest, const Work& work) {
  work.check();
  if (!bucket.download(object_name(data, wanted.path), to, work.deadline))
    throw Failure(Status::invalid, wanted.path + " in snapshot " + manifest.snapshot.id + " is missing");
}

void bring_file(Bucket& bucket, const std::string& data, const Wanted& wanted, int staging, const std::string& to,
                const Manifest& manifest, const Work& work) {
  fetch(bucket, data, wanted, to, manifest, work);
  const Fd file(::open(to.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.ok()) throw Failure(Status::transient, "cannot open " + to + ": " + std::strerror(errno));
  must_match(file.get(), wanted, manifest, work);
  const auto& e = *wanted.entry;
  const timespec times[2] = {{0, UTIME_OMIT}, {e.mtime_ns / 1'000'000'000, e.mtime_ns % 1'000'000'000}};
  const auto slash = wanted.path.rfind('/');
  const Fd folder = slash == std::string::npos
                        ? Fd(::openat(staging, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
                        : open_below(staging, wanted.path.substr(0, slash), O_RDONLY | O_DIRECTORY);
  const auto name = wanted.path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (::fchmod(file.get(), static_cast<mode_t>(e.mode)) != 0 || ::futimens(file.get(), times) != 0 ||
      ::fsync(file.get()) != 0 || ::renameat(AT_FDCWD, to.c_str(), folder.get(), name.c_str()) != 0)
    throw Failure(Status::transient, "cannot write " + wanted.path + ": " + std::strerror(errno));
}

void make_folders(const Manifest& manifest, int staging) {
  for (const auto& p : manifest.paths) {
    if (p.root.type == Entry::Type::folder) make_folders_below(staging, p.name);
    for (const auto& e : p.entries) {
      if (e.type == Entry::Type::folder) make_folders_below(staging, below(p.name, e.path));
    }
  }
}

/// Links last, so that nothing was written through one; modes of folders last, deepest first: one may forbid writing.
void finish(const Manifest& manifest, int staging) {
  for (const auto& p : manifest.paths) {
    for (const auto& e : p.entries) {
      if (e.type != Entry::Type::link) continue;
      const std::string path = below(p.name, e.path);
      const auto slash = path.rfind('/');
      const Fd folder = open_below(staging, path.substr(0, slash), O_RDONLY | O_DIRECTORY);
      if (::symlinkat(e.link.c_str(), folder.get(), path.substr(slash + 1).c_str()) != 0)
        throw Failure(Status::transient, "cannot make the link " + path + ": " + std::strerror(errno));
    }
    if (p.root.type != Entry::Type::folder) continue;
    for (auto it = p.entries.rbegin(); it != p.entries.rend(); ++it) {
      if (it->type == Entry::Type::folder)
        ::fchmod(open_below(staging, below(p.name, it->path), O_RDONLY | O_DIRECTORY).get(),
                 static_cast<mode_t>(it->mode));
    }
    ::fchmod(open_below(staging, p.name, O_RDONLY | O_DIRECTORY).get(), static_cast<mode_t>(p.root.mode));
  }
}

}  // namespace

std::string object_name(const std::string& data, const std::string& path) {
  std::string out;
  for (std::size_t from = 0; from <= path.size();) {
    const auto end = std::min(path.find('/', from), path.size());
    out += (out.empty() ? "" : "/") + escaped(std::string_view(path).substr(from, end - from));
    from = end + 1;
  }
  return data + "/" + (out.size() <= longest_path ? out : "long/" + sha256_hex(path));
}

std::vector<SavedPath> save(Bucket& bucket, const std::string& data, const std::vector<StatePath>& paths, int parallel,
                            const Work& work) {
  std::vector<SavedPath> out(paths.size());
  Plan plan;
  for (std::size_t i = 0; i < paths.size(); ++i) plan_path(paths[i], data, out[i], plan, work);
  std::int64_t total = 0;
  for (const auto& part : plan.parts) total += part.entry->size;
  Scratch scratch;
  std::atomic<std::int64_t> done{0};
  each(plan.parts.size(), parallel, [&](std::size_t i) {
    save_file(bucket, plan.parts[i], scratch, work);
    work.progress(done += plan.parts[i].entry->size, total);
  });
  drop_gone(plan, out);
  return out;
}

void bring(Bucket& bucket, const std::string& data, const Manifest& manifest, const std::string& staging, int parallel,
           const Work& work) {
  const Fd folder = open_folder(staging);
  try {
    make_folders(manifest, folder.get());
    const auto files = files_of(manifest);
    const std::string incoming = staging + "/.understudy-incoming";
    make_folders_below(folder.get(), ".understudy-incoming");
    std::atomic<std::int64_t> done{0};
    each(files.size(), parallel, [&](std::size_t i) {
      bring_file(bucket, data, files[i], folder.get(), incoming + "/" + std::to_string(i), manifest, work);
      work.progress(done += files[i].entry->size, manifest.snapshot.bytes);
    });
    remove_tree(incoming);
    finish(manifest, folder.get());
  } catch (...) {
    remove_tree(staging + "/.understudy-incoming");
    for (const auto& p : manifest.paths) remove_tree(staging + "/" + p.name);  // nothing unverified stays
    throw;
  }
}

void compare(Bucket& bucket, const std::string& data, const Manifest& manifest, int parallel, const Work& work) {
  Scratch scratch;
  const auto files = files_of(manifest);
  std::atomic<std::int64_t> done{0};
  each(files.size(), parallel, [&](std::size_t i) {
    const auto to = scratch.file();
    fetch(bucket, data, files[i], to, manifest, work);
    const Fd file(::open(to.c_str(), O_RDONLY | O_CLOEXEC));
    ::unlink(to.c_str());
    must_match(file.get(), files[i], manifest, work);
    work.progress(done += files[i].entry->size, manifest.snapshot.bytes);
  });
}

}  // namespace gcp
