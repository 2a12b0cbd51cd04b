#include "files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace local_dir {

namespace fs = std::filesystem;
using namespace understudy::sdk;
using understudy::snapshot::Fd;

namespace {

constexpr auto look_every = std::chrono::milliseconds(5);

Fd open_lock(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.ok()) throw failure("cannot open " + path, errno);
  return fd;
}

}  // namespace

Failure failure(const std::string& what, int error) {
  if (error == ENOSPC || error == EDQUOT)
    return {Status::transient, what + ": the disk is full", "free space, or use another disk"};
  return {Status::transient, what + ": " + std::strerror(error)};
}

bool plain_name(const std::string& name) {
  return understudy::snapshot::harmless(name) && name.find('/') == std::string::npos && name.front() != '.';
}

std::string slurp(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok() && errno == ENOENT) throw Failure(Status::invalid, "there is no " + path);
  if (!fd.ok()) throw failure("cannot read " + path, errno);
  std::string out;
  char some[64 * 1024];
  for (;;) {
    const auto n = ::read(fd.get(), some, sizeof some);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw failure("cannot read " + path, errno);
    if (n == 0) return out;
    out.append(some, static_cast<std::size_t>(n));
  }
}

void write_file(const std::string& path, const std::string& text, bool sync) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.ok() || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      (sync && ::fsync(fd.get()) != 0))
    throw failure("cannot write " + path, errno);
}

void replace_file(const std::string& folder, const std::string& name, const std::string& text, bool sync) {
  const std::string path = folder + "/" + name;
  write_file(path + ".new", text, sync);
  if (::rename((path + ".new").c_str(), path.c_str()) != 0) throw failure("cannot write " + path, errno);
  if (sync) understudy::snapshot::sync_folder(folder);
}

void set_times(int fd, std::int64_t mtime_ns) {
  const timespec times[2] = {{0, UTIME_OMIT}, {mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000}};
  ::futimens(fd, times);
}

void make_folders(const std::string& path) {
  std::error_code ec;
  fs::create_directories(path, ec);
  if (ec) throw Failure(Status::transient, "cannot make " + path + ": " + ec.message(), "check `dir`");
}

Fd writers_lock(const std::string& folder) {
  Fd fd = open_lock(folder + "/lock");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    throw Failure(Status::transient, "another process is writing to " + folder, "try again when it is done");
  return fd;
}

Fd aside_lock(const std::string& folder) {
  Fd fd = open_lock(folder + "/aside.lock");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    throw Failure(Status::transient, "another process is keeping something there");
  return fd;
}

Fd commit_lock(const std::string& folder, const std::function<void()>& between) {
  Fd fd = open_lock(folder + "/commit.lock");
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw failure("cannot lock " + folder + "/commit.lock", errno);
    between();
    std::this_thread::sleep_for(look_every);
  }
  return fd;
}

}  // namespace local_dir
