#include "workshop.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <thread>

#include "hashes.hpp"

namespace rclone_store {
namespace {

namespace fs = std::filesystem;
constexpr auto look_every = std::chrono::milliseconds(50);
constexpr const char* temporary_prefix = "read-";
constexpr std::time_t leftover_age_s = 2 * 86'400;  // longer than any call may last

/// Readers hold no lock; what one left behind in a crash shows by its age.
void sweep(const std::string& dir) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir, ec)) {
    struct stat st{};
    if (entry.path().filename().string().rfind(temporary_prefix, 0) != 0) continue;
    if (::lstat(entry.path().c_str(), &st) == 0 && std::time(nullptr) - st.st_ctime > leftover_age_s)
      remove_tree(entry.path().string());
  }
}

}  // namespace

void Workshop::open() const { make_private_folder(dir_); }

TemporaryFolder Workshop::temporary() const {
  open();
  sweep(dir_);
  return {dir_, temporary_prefix};
}

Workshop::Turn::Turn(const Workshop& workshop, const std::string& destination, const Job& job) {
  workshop.open();
  const std::string place = workshop.dir_ + "/" + sha256_of(destination).substr(0, 16);
  folder_ = place + ".work";
  const std::string name = place + ".lock";
  lock_ = Fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_.ok()) throw_errno("cannot open " + name, errno);
  while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw_errno("cannot lock " + name, errno);
    job.between();
    std::this_thread::sleep_for(look_every);
  }
  remove_tree(folder_);
  make_private_folder(folder_);
}

Workshop::Turn::~Turn() { remove_tree(folder_); }

}  // namespace rclone_store
