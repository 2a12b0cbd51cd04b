#include "core/answers/store.hpp"

#include <algorithm>
#include <string_view>

#include "core/answers/values.hpp"

namespace understudy::answers {
namespace {

using sdk::Json;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t longest_id = 200;

/// A folder is named after it: nothing that leads elsewhere.
bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= longest_id && id.front() != '.' &&
         std::ranges::none_of(id, [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '/' || c == '\\'; });
}

}  // namespace

SnapshotInfo snapshot(const Json& answer) {
  const auto told = epoch(answer, "epoch");
  SnapshotInfo out{SnapshotId(text(answer, "id")),
                   told.value_or(Epoch{}),
                   WallTime(Millis(whole(answer, "created_ms", 0, 0, latest_ms).value_or(0))),
                   whole(answer, "bytes", 0, 0, most).value_or(0),
                   whole(answer, "files", 0, 0, most).value_or(0),
                   flag(answer, "valid", true),
                   text(answer, "problem")};
  const char* wrong = !told                  ? "its epoch is an impossible number"
                      : !is_id(out.id.value) ? "its name is not that of a snapshot"
                                             : nullptr;
  if (wrong == nullptr) return out;
  out.valid = false;
  out.problem = wrong;
  return out;
}

std::vector<SnapshotInfo> snapshots(const Json& answer) {
  std::vector<SnapshotInfo> out;
  for (const auto& one : answer.value("snapshots", Json::array())) out.push_back(snapshot(one));
  return out;
}

std::optional<Epoch> fence(const Json& answer) {
  (void)answer.at("epoch");  // throws
  return epoch(answer, "epoch");
}

}  // namespace understudy::answers
