#include "run_record.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

#include "understudy/status.hpp"

namespace process_plugin {

using understudy::sdk::Failure;
using understudy::sdk::Json;
using understudy::sdk::Status;

namespace {

/// Nothing when it is none.
std::optional<RunRecord> record_in(const Json& j) {
  const auto number = [&](const char* key, std::uint64_t most) {
    const auto it = j.find(key);
    if (it == j.end()) return std::optional<std::uint64_t>(0);
    const bool fits = it->is_number_unsigned() && it->get<std::uint64_t>() <= most;
    return fits ? std::optional(it->get<std::uint64_t>()) : std::nullopt;
  };
  constexpr std::uint64_t most_epoch = std::uint64_t{1} << 52;  // as the core takes none above it
  const auto epoch = number("epoch", most_epoch), pid = number("pid", std::numeric_limits<int>::max()),
             start = number("start", std::numeric_limits<std::uint64_t>::max());
  const auto text = [&](const char* key) { return j.value(key, Json("")); };
  const auto operation = text("operation"), boot = text("boot");
  if (!epoch || !pid || !start || !operation.is_string() || !boot.is_string()) return std::nullopt;
  return RunRecord{*epoch, operation.get<std::string>(), boot.get<std::string>(), static_cast<int>(*pid), *start};
}

}  // namespace

std::optional<RunRecord> read_record(const std::string& file) {
  std::ifstream in(file);
  if (!in) return std::nullopt;
  const Json j = Json::parse(in, nullptr, false);
  if (auto out = j.is_object() ? record_in(j) : std::nullopt) return out;
  throw Failure(Status::unknown, file + " is damaged", "look whether the service runs, then remove the file");
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
