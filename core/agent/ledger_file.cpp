#include "core/agent/ledger_file.hpp"

#include <fstream>

#include <nlohmann/json.hpp>

#include "core/agent/durable_file.hpp"
#include "core/model/epoch_from.hpp"

namespace understudy::agent {
namespace {

namespace fs = std::filesystem;
constexpr const char* phases[] = {"none", "active", "failed", "ended"};

/// One that cannot be would refuse every order to come.
std::optional<Epoch> stored_epoch(const nlohmann::json& in) {
  const auto& number = in.at("epoch");
  return number.is_number_unsigned() ? epoch_from(number.get<std::uint64_t>()) : std::nullopt;
}

nlohmann::json told(const std::optional<Unsaved>& unsaved) {
  if (!unsaved) return nullptr;
  return {{"epoch", unsaved->epoch.value}, {"refused", unsaved->refused}, {"why", unsaved->why}};
}

std::optional<Ledger> from_json(const nlohmann::json& in) {
  if (!in.is_object()) return std::nullopt;
  Ledger out;
  const auto phase = in.value("phase", "");
  for (int i = 0; i < 4; ++i) {
    if (phase == phases[i]) out.phase = static_cast<Ledger::Phase>(i);
  }
  const auto epoch = stored_epoch(in);
  if (!epoch) return std::nullopt;
  out.epoch = *epoch;
  out.operation = in.value("operation", "");
  if (const auto it = in.find("snapshot"); it != in.end()) out.snapshot = SnapshotId(it->get<std::string>());
  out.restored = in.value("restored", false);
  out.store = in.value("store", "");
  // An agent of before this was noted wrote none.
  if (const auto unsaved = in.value("unsaved", nlohmann::json()); unsaved.is_object()) {
    const auto of = stored_epoch(unsaved);
    if (!of) return std::nullopt;
    out.unsaved = Unsaved{*of, unsaved.value("refused", false), unsaved.value("why", "")};
  }
  out.at = WallTime(Millis(in.value("at_ms", std::int64_t{0})));
  return out;
}

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
  nlohmann::json out = {{"epoch", ledger.epoch.value},
                        {"phase", phases[static_cast<int>(ledger.phase)]},
                        {"operation", ledger.operation},
                        {"restored", ledger.restored},
                        {"store", ledger.store},
                        {"unsaved", told(ledger.unsaved)},
                        {"at_ms", ledger.at.time_since_epoch().count()}};
  if (ledger.snapshot) out["snapshot"] = ledger.snapshot->value;
  // The store's words may be of any encoding.
  return write_durably(file, out.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace understudy::agent
