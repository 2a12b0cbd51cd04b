#include "tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "understudy/status.hpp"

namespace rclone_store {
namespace {

namespace fs = std::filesystem;
using understudy::sdk::Failure;
using understudy::sdk::Status;

constexpr std::size_t block = 256 * 1024;

std::int64_t mtime_of(const struct stat& st) {
#if defined(__APPLE__)
  return st.st_mtimespec.tv_sec * 1'000'000'000LL + st.st_mtimespec.tv_nsec;
#else
  return st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
#endif
}

Entry entry_from(const struct stat& st) {
  Entry out;
  out.mode = st.st_mode & 07777;
  out.mtime_ns = mtime_of(st);
  if (S_ISDIR(st.st_mode)) out.type = Entry::Type::folder;
  if (S_ISLNK(st.st_mode)) out.type = Entry::Type::link;
  if (S_ISREG(st.st_mode)) out.size = st.st_size;
  return out;
}

std::vector<std::string> names_in(int folder, const std::string& label) {
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = own >= 0 ? ::fdopendir(own) : nullptr;
  if (dir == nullptr) {
    const int error = errno;
    if (own >= 0) ::close(own);
    throw_errno("cannot list " + label, error);
  }
  std::vector<std::string> out;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") out.push_back(name);
  }
  ::closedir(dir);
  std::ranges::sort(out);
  return out;
}

std::string link_text(int folder, const std::string& name) {
  std::string out(4096, '\0');
  const ssize_t n = ::readlinkat(folder, name.c_str(), out.data(), out.size());
  if (n < 0) throw_errno("cannot read the link " + name, errno);
  out.resize(static_cast<std::size_t>(n));
  return out;
}

void walk_into(int folder, const std::string& prefix, const std::string& label,
               const std::function<void(const std::string&)>& skipped, std::vector<Entry>& out) {
  for (const auto& name : names_in(folder, label + "/" + prefix)) {
    const std::string path = prefix.empty() ? name : prefix + "/" + name;
    struct stat st{};
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone while we looked
      throw_errno("cannot look at " + label + "/" + path, errno);
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode)) {
      skipped(label + "/" + path);
      continue;
    }
    Entry entry = entry_from(st);
    entry.path = path;
    if (entry.type == Entry::Type::link) entry.link = link_text(folder, name);
    const bool is_folder = entry.type == Entry::Type::folder;
    out.push_back(std::move(entry));
    if (!is_folder) continue;
    const Fd below(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below.ok()) throw_errno("cannot open " + label + "/" + path, errno);
    walk_into(below.get(), path, label, skipped, out);
  }
}

void write_all(int to, const char* data, std::size_t size, const std::string& name) {
  while (size > 0) {
    const ssize_t done = ::write(to, data, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw_errno("cannot write a copy of " + name, errno);
    data += done;
    size -= static_cast<std::size_t>(done);
  }
}

}  // namespace

void throw_errno(const std::string& what, int error) {
  if (error == ENOSPC || error == EDQUOT)
    throw Failure(Status::transient, what + ": the local disk is full",
                  "free space, or set `work_dir` to another disk");
  if (error == ENOENT) throw Failure(Status::invalid, what + ": it does not exist", "check the path");
  if (error == EACCES || error == EPERM)
    throw Failure(Status::denied, what + ": permission denied", "let Understudy's user in");
  throw Failure(Status::transient, what + ": " + std::strerror(error));
}

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

TemporaryFolder::TemporaryFolder(const std::string& parent, const std::string& prefix)
    : path_(parent + "/" + prefix + "XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw_errno("cannot make a folder in " + parent, errno);
}
TemporaryFolder::~TemporaryFolder() { remove_tree(path_); }

Fd open_folder(const std::string& path) {
  Fd out(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out.ok()) throw_errno("cannot open the folder " + path, errno);
  return out;
}

Fd open_below(int root, const std::string& path, int flags, unsigned mode) {
  if (!harmless(path)) throw Failure(Status::invalid, "the path \"" + path + "\" would leave its folder");
  Fd at(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::size_t from = 0;
  for (auto slash = path.find('/'); at.ok() && slash != std::string::npos; slash = path.find('/', from)) {
    at = Fd(
        ::openat(at.get(), path.substr(from, slash - from).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    from = slash + 1;
  }
  if (!at.ok()) return at;
  return Fd(::openat(at.get(), path.substr(from).c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode));
}

Entry entry_of(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) throw_errno("cannot look at an open file", errno);
  return entry_from(st);
}

std::vector<Entry> walk(int root, const std::string& label, const std::function<void(const std::string&)>& skipped) {
  std::vector<Entry> out;
  walk_into(root, "", label, skipped, out);
  return out;
}

Hashes read_and_hash(int from, int to, const std::string& name, const Between& between) {
  Hasher hasher;
  std::vector<char> buffer(block);
  while (true) {
    between();
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("cannot read " + name, errno);
    if (n == 0) return hasher.result();
    hasher.add(buffer.data(), static_cast<std::size_t>(n));
    if (to >= 0) write_all(to, buffer.data(), static_cast<std::size_t>(n), name);
  }
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Failure(Status::invalid, "cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const std::string& path, const std::string& text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.ok()) throw_errno("cannot write " + path, errno);
  write_all(fd.get(), text.data(), text.size(), path);
}

void make_folders(const std::string& path) {
  std::error_code ec;
  fs::create_directories(path, ec);
  if (ec) throw_errno("cannot make the folder " + path, ec.value());
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

void make_private_folder(const std::string& path) {
  const auto parent = fs::path(path).parent_path().string();
  if (!parent.empty()) make_folders(parent);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("cannot make the folder " + path, errno);
  struct stat st{};
  // Another user's folder under this name would read, or change, the state on its way.
  if (::lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != ::getuid() || (st.st_mode & 022) != 0)
    throw Failure(Status::denied, path + " is not a folder of ours alone",
                  "remove it, or set `work_dir` to a folder that only Understudy's user may write");
}

bool harmless_name(const std::string& name) { return harmless(name) && name.find('/') == std::string::npos; }

bool harmless(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string::npos) return false;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

}  // namespace rclone_store
