#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "sigv4.hpp"

namespace s3_store {
namespace {

namespace fs = std::filesystem;
using understudy::sdk::Failure;
using understudy::sdk::Status;

constexpr std::size_t block = 256 * 1024;
constexpr int tries_of_a_changing_file = 3;

Failure failure(const std::string& what, int error) {
  if (error == ENOSPC || error == EDQUOT)
    return {Status::transient, what + ": the disk is full", "free space, or name a `spool` on another disk"};
  if (error == ENOENT) return {Status::invalid, what + ": it does not exist", "check the path"};
  if (error == EACCES || error == EPERM)
    return {Status::denied, what + ": permission denied", "let Understudy's user in"};
  return {Status::transient, what + ": " + std::strerror(error)};
}

class Fd {
 public:
  Fd(const std::string& path, int flags, unsigned mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool ok() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

std::int64_t mtime_of(const struct stat& st) {
#if defined(__APPLE__)
  return st.st_mtimespec.tv_sec * 1'000'000'000LL + st.st_mtimespec.tv_nsec;
#else
  return st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
#endif
}

void write_all(int to, const char* data, std::size_t n, const std::string& name) {
  while (n > 0) {
    const auto done = ::write(to, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw failure("cannot write " + name, errno);
    data += done;
    n -= static_cast<std::size_t>(done);
  }
}

/// Hashes all of `from`; copies it when `to` is open.
std::string pump(const Fd& from, const Fd* to, const std::string& name, const std::function<void()>& between) {
  Sha256 hash;
  const auto buffer = std::make_unique<char[]>(block);
  while (true) {
    between();
    const auto n = ::read(from.get(), buffer.get(), block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw failure("cannot read " + name, errno);
    if (n == 0) return hash.hex();
    hash.add(buffer.get(), static_cast<std::size_t>(n));
    if (to != nullptr) write_all(to->get(), buffer.get(), static_cast<std::size_t>(n), "a copy of " + name);
  }
}

/// Nothing for what cannot be saved, or is gone.
std::optional<Entry> entry_of(const std::string& path, const std::string& relative, bool follow,
                              const std::function<void(const std::string&)>& skipped) {
  struct stat st{};
  if (::fstatat(AT_FDCWD, path.c_str(), &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT && !follow) return std::nullopt;
    throw failure("cannot look at the state path " + path, errno);
  }
  Entry e;
  e.path = relative;
  e.mode = st.st_mode & 07777;
  e.mtime_ns = mtime_of(st);
  if (S_ISREG(st.st_mode)) return e;
  if (S_ISDIR(st.st_mode)) {
    e.type = Entry::Type::folder;
    return e;
  }
  if (S_ISLNK(st.st_mode)) {
    e.type = Entry::Type::link;
    std::error_code gone;
    e.link = fs::read_symlink(path, gone).string();
    return gone ? std::nullopt : std::optional(e);
  }
  skipped(path);
  return std::nullopt;
}

void walk_into(const std::string& root, const std::string& relative,
               const std::function<void(const std::string&)>& skipped, std::vector<Entry>& out) {
  std::vector<std::string> names;
  std::error_code ec;
  const auto folder = below(root, relative);
  for (auto it = fs::directory_iterator(folder, ec); !ec && it != fs::directory_iterator(); it.increment(ec))
    names.push_back(it->path().filename().string());
  if (ec && ec.value() != ENOENT) throw failure("cannot list " + folder, ec.value());
  std::ranges::sort(names);
  for (const auto& name : names) {
    const auto path = relative.empty() ? name : relative + "/" + name;
    auto e = entry_of(below(root, path), path, false, skipped);
    if (!e) continue;
    const bool folder_too = e->type == Entry::Type::folder;
    out.push_back(std::move(*e));
    if (folder_too) walk_into(root, path, skipped, out);
  }
}

}  // namespace

TemporaryFolder::TemporaryFolder(const std::string& parent, const std::string& prefix)
    : path_(parent + "/" + prefix + "XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw failure("cannot make a folder in " + parent, errno);
}
TemporaryFolder::~TemporaryFolder() { remove_tree(path_); }

std::vector<Entry> walk(const std::string& path, const std::function<void(const std::string&)>& skipped) {
  auto root = entry_of(path, "", true, skipped);
  if (!root) throw Failure(Status::invalid, "the state path " + path + " is neither a file nor a folder");
  const bool folder = root->type == Entry::Type::folder;
  std::vector<Entry> out{std::move(*root)};
  if (folder) walk_into(path, "", skipped, out);
  return out;
}

bool copy_and_hash(const std::string& from, const std::string& to, Entry& entry, const std::function<void()>& between) {
  for (int tries = 0; tries < tries_of_a_changing_file; ++tries) {
    // Non-blocking: it may have become a pipe. A link is followed only at the path itself.
    const Fd source(from, O_RDONLY | O_NONBLOCK | (entry.path.empty() ? 0 : O_NOFOLLOW));
    if (!source.ok() && (errno == ENOENT || errno == ELOOP)) return false;
    if (!source.ok()) throw failure("cannot read " + from, errno);
    struct stat before{}, after{};
    ::fstat(source.get(), &before);
    if (!S_ISREG(before.st_mode)) return false;
    const Fd target(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (!target.ok()) throw failure("cannot write " + to, errno);
    entry.sha256 = pump(source, &target, from, between);
    ::fstat(source.get(), &after);
    struct stat copied{};
    ::fstat(target.get(), &copied);
    if (mtime_of(before) != mtime_of(after) || before.st_size != copied.st_size) continue;
    entry.size = copied.st_size;
    entry.mtime_ns = mtime_of(after);
    entry.mode = after.st_mode & 07777;
    return true;
  }
  throw Failure(Status::transient, from + " keeps changing while it is read",
                "let the service write to a new file and rename it, or save when it is quiet");
}

std::string hash_of(const std::string& file, const std::function<void()>& between) {
  const Fd source(file, O_RDONLY | O_NOFOLLOW);
  if (!source.ok()) throw failure("cannot read " + file, errno);
  return pump(source, nullptr, file, between);
}

void make_folders(const std::string& root, const SavedPath& path) {
  for (const auto& e : path.entries) {
    if (e.type != Entry::Type::folder) continue;
    const auto folder = below(root, e.path);
    if (::mkdir(folder.c_str(), 0700) != 0) throw failure("cannot make the folder " + folder, errno);
  }
}

void finish_tree(const std::string& root, const SavedPath& path) {
  // Links only now: no file was written through one.
  for (const auto& e : path.entries) {
    const auto at = below(root, e.path);
    if (e.type == Entry::Type::link && ::symlink(e.link.c_str(), at.c_str()) != 0)
      throw failure("cannot make the link " + at, errno);
  }
  // Modes of folders last, deepest first: one of them may forbid writing.
  for (auto e = path.entries.rbegin(); e != path.entries.rend(); ++e) {
    if (e->type == Entry::Type::folder) ::chmod(below(root, e->path).c_str(), e->mode);
  }
}

void put_in_place(const std::string& file, const std::string& to, const Entry& entry) {
  const timespec times[2] = {{0, UTIME_OMIT}, {entry.mtime_ns / 1'000'000'000, entry.mtime_ns % 1'000'000'000}};
  ::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW);
  if (::chmod(file.c_str(), entry.mode) != 0 || ::rename(file.c_str(), to.c_str()) != 0)
    throw failure("cannot write " + to, errno);
}

void remove_tree(const std::string& path) {
  std::error_code ec;
  // Folders without write permission are part of what people save.
  for (auto it = fs::recursive_directory_iterator(path, ec); !ec && it != fs::recursive_directory_iterator();
       it.increment(ec)) {
    if (it->is_directory(ec) && !it->is_symlink(ec))
      fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, ec);
  }
  fs::remove_all(path, ec);
}

}  // namespace s3_store
