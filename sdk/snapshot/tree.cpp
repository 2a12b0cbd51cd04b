#include "snapshot/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "understudy/status.hpp"

namespace understudy::snapshot {
namespace {

using understudy::sdk::Failure;
using understudy::sdk::Status;

constexpr std::size_t block = 256 * 1024;

[[noreturn]] void fail(const std::string& what, int error) {
  if (error == ENOSPC || error == EDQUOT)
    throw Failure(Status::transient, what + ": the disk is full", "free space, or use another disk");
  if (error == ENOENT) throw Failure(Status::invalid, what + ": it does not exist", "check the path");
  if (error == EACCES || error == EPERM)
    throw Failure(Status::denied, what + ": permission denied", "let Understudy's user in");
  throw Failure(Status::transient, what + ": " + std::strerror(error));
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(const void* data, std::size_t n) { EVP_DigestUpdate(context_.get(), data, n); }
  std::string hex() {
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    EVP_DigestFinal_ex(context_.get(), raw, &n);
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (unsigned int i = 0; i < n; ++i) {
      out += digits[raw[i] >> 4];
      out += digits[raw[i] & 15];
    }
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void write_all(int to, const char* data, std::size_t n, const std::string& name) {
  while (n > 0) {
    const ssize_t done = ::write(to, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("cannot write " + name, errno);
    data += done;
    n -= static_cast<std::size_t>(done);
  }
}

std::string read_link(int folder, const std::string& name) {
  std::string out(4096, '\0');
  const ssize_t n = ::readlinkat(folder, name.c_str(), out.data(), out.size());
  if (n < 0) fail("cannot read the link " + name, errno);
  out.resize(static_cast<std::size_t>(n));
  return out;
}

std::vector<std::string> names_in(int folder, const std::string& label) {
  // openat gives a position of its own: a duplicate would share it with the caller's descriptor.
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* dir = own >= 0 ? ::fdopendir(own) : nullptr;
  if (dir == nullptr) {
    if (own >= 0) ::close(own);
    fail("cannot list " + label, errno);
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

void walk_into(int folder, const std::string& prefix, const std::string& label,
               const std::function<void(const std::string&)>& skipped, std::vector<Entry>& out) {
  for (const auto& name : names_in(folder, label + "/" + prefix)) {
    struct stat st{};
    const std::string path = prefix.empty() ? name : prefix + "/" + name;
    if (::fstatat(folder, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone while we looked
      fail("cannot look at " + label + "/" + path, errno);
    }
    Entry e;
    e.path = path;
    e.mode = st.st_mode & 07777;
#if defined(__APPLE__)
    e.mtime_ns = st.st_mtimespec.tv_sec * 1'000'000'000LL + st.st_mtimespec.tv_nsec;
#else
    e.mtime_ns = st.st_mtim.tv_sec * 1'000'000'000LL + st.st_mtim.tv_nsec;
#endif
    if (S_ISREG(st.st_mode)) {
      e.size = st.st_size;
      out.push_back(std::move(e));
    } else if (S_ISLNK(st.st_mode)) {
      e.type = Entry::Type::link;
      e.link = read_link(folder, name);
      out.push_back(std::move(e));
    } else if (S_ISDIR(st.st_mode)) {
      e.type = Entry::Type::folder;
      out.push_back(std::move(e));
      const Fd below(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!below.ok()) fail("cannot open " + label + "/" + path, errno);
      walk_into(below.get(), path, label, skipped, out);
    } else {
      skipped(label + "/" + path);
    }
  }
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Fd open_folder(const std::string& path) {
  Fd out(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out.ok()) fail("cannot open the folder " + path, errno);
  return out;
}

namespace {
/// Not ok() with errno set when the last step fails.
Fd try_open_below(int root, const std::string& path, int flags, unsigned mode) {
  if (!harmless(path)) throw Failure(Status::invalid, "the path \"" + path + "\" would leave its folder");
  Fd at(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::size_t from = 0;
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', from)) {
    Fd next(
        ::openat(at.get(), path.substr(from, slash - from).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.ok()) fail("cannot open the folder of " + path, errno);
    at = std::move(next);
    from = slash + 1;
  }
  return Fd(::openat(at.get(), path.substr(from).c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode));
}
}  // namespace

Fd open_below(int root, const std::string& path, int flags, unsigned mode) {
  Fd out = try_open_below(root, path, flags, mode);
  if (!out.ok()) fail("cannot open " + path, errno);
  return out;
}

Fd open_if_there(int root, const std::string& path) {
  Fd out = try_open_below(root, path, O_RDONLY, 0);
  if (!out.ok() && errno != ENOENT) fail("cannot open " + path, errno);
  return out;
}

void make_folders_below(int root, const std::string& path) {
  for (auto slash = path.find('/');; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    const auto parent = part.rfind('/');
    const Fd folder = parent == std::string::npos ? Fd(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
                                                  : open_below(root, part.substr(0, parent), O_RDONLY | O_DIRECTORY);
    if (::mkdirat(folder.get(), part.substr(parent == std::string::npos ? 0 : parent + 1).c_str(), 0700) != 0 &&
        errno != EEXIST)
      fail("cannot make the folder " + part, errno);
    if (slash == std::string::npos) return;
  }
}

std::vector<Entry> walk(int root, const std::string& label, const std::function<void(const std::string&)>& skipped) {
  std::vector<Entry> out;
  walk_into(root, "", label, skipped, out);
  return out;
}

std::string read_and_hash(int fd, const std::string& name,
                          const std::function<void(const char*, std::size_t)>& each_block) {
  Sha256 hash;
  std::vector<char> buffer(block);
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot read " + name, errno);
    if (n == 0) return hash.hex();
    hash.add(buffer.data(), static_cast<std::size_t>(n));
    each_block(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string copy_and_hash(int from, int to, const std::string& name, const std::function<void()>& between) {
  return read_and_hash(from, name, [&](const char* bytes, std::size_t n) {
    between();
    if (to >= 0) write_all(to, bytes, n, name);
  });
}

std::string hash_of(int fd, const std::string& name, const std::function<void()>& between) {
  return copy_and_hash(fd, -1, name, between);
}

std::string sha256_hex(const std::string& text) {
  Sha256 hash;
  hash.add(text.data(), text.size());
  return hash.hex();
}

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

void remove_tree(const std::string& path) {
  std::error_code ec;
  // Folders without write permission are part of what people save.
  for (auto it = std::filesystem::recursive_directory_iterator(path, ec);
       !ec && it != std::filesystem::recursive_directory_iterator(); it.increment(ec)) {
    if (it->is_directory(ec) && !it->is_symlink(ec))
      std::filesystem::permissions(it->path(), std::filesystem::perms::owner_all, std::filesystem::perm_options::add,
                                   ec);
  }
  std::filesystem::remove_all(path, ec);
}

void sync_folder(const std::string& path) {
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.ok()) ::fsync(folder.get());
}

}  // namespace understudy::snapshot
