#include "core/agent/ledger_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <nlohmann/json.hpp>

namespace understudy::agent {
namespace {

namespace fs = std::filesystem;
constexpr const char* phases[] = {"none", "active", "failed", "ended"};

std::optional<Ledger> from_json(const nlohmann::json& in) {
  if (!in.is_object()) return std::nullopt;
  Ledger out;
  const auto phase = in.value("phase", "");
  for (int i = 0; i < 4; ++i) {
    if (phase == phases[i]) out.phase = static_cast<Ledger::Phase>(i);
  }
  out.epoch = Epoch{in.at("epoch").get<std::uint64_t>()};
  out.operation = in.value("operation", "");
  out.snapshot = SnapshotId(in.value("snapshot", ""));
  out.restored = in.value("restored", false);
  out.at = WallTime(Millis(in.value("at_ms", std::int64_t{0})));
  return out;
}

std::string problem(const fs::path& file) { return file.string() + " cannot be written: " + std::strerror(errno); }

}  // namespace

std::variant<Ledger, std::string> read_ledger(const fs::path& file) {
  std::error_code ec;
  if (!fs::exists(file, ec)) return Ledger{};
  std::ifstream in(file);
  try {
    if (const auto ledger = from_json(nlohmann::json::parse(in))) return *ledger;
  } catch (const nlohmann::json::exception&) {
    // told below
  }
  return file.string() + " is damaged: remove it when you know that no other site runs the service";
}

std::optional<std::string> write_ledger(const fs::path& file, const Ledger& ledger) {
  const nlohmann::json out = {{"epoch", ledger.epoch.value},   {"phase", phases[static_cast<int>(ledger.phase)]},
                              {"operation", ledger.operation}, {"snapshot", ledger.snapshot.value},
                              {"restored", ledger.restored},   {"at_ms", ledger.at.time_since_epoch().count()}};
  const std::string text = out.dump(1) + "\n";
  const std::string beside = file.string() + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return problem(beside);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  auto said = problem(beside);
  ::close(fd);
  if (!written) return said;
  if (::rename(beside.c_str(), file.c_str()) != 0) return problem(file);
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return std::nullopt;
}

}  // namespace understudy::agent
