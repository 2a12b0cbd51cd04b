#include "run_record.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "understudy/status.hpp"

namespace process_plugin {

using understudy::sdk::Failure;
using understudy::sdk::Json;
using understudy::sdk::Status;

std::optional<RunRecord> read_record(const std::string& file) {
  std::ifstream in(file);
  if (!in) return std::nullopt;
  const Json j = Json::parse(in, nullptr, false);
  if (!j.is_object())
    throw Failure(Status::unknown, file + " is damaged", "look whether the service runs, then remove the file");
  return RunRecord{j.value("epoch", std::uint64_t{0}), j.value("operation", ""), j.value("boot", ""), j.value("pid", 0),
                   j.value("start", std::uint64_t{0})};
}

void write_record(const std::string& file, const RunRecord& r) {
  const std::string text =
      Json{{"epoch", r.epoch}, {"operation", r.operation}, {"boot", r.boot}, {"pid", r.pid}, {"start", r.start}}
          .dump() +
      "\n";
  const std::string fresh = file + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool ok =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!ok || ::rename(fresh.c_str(), file.c_str()) != 0) {
    throw Failure(Status::transient, "cannot write " + file + ": " + std::strerror(ok ? errno : error),
                  "check the disk and the permissions of run_dir");
  }
  const auto slash = file.rfind('/');
  const int folder = ::open(slash == std::string::npos ? "." : file.substr(0, slash).c_str(), O_RDONLY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

}  // namespace process_plugin
