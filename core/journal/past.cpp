#include "core/journal/past.hpp"

#include <algorithm>

#include "core/journal/database.hpp"
#include "core/journal/schema.hpp"

namespace understudy::journal {
namespace {

constexpr int outages_read = 1000;
constexpr int activations_read = 50;  // as plans use

WallTime wall(std::int64_t ms) { return WallTime(Millis(ms)); }

/// An epoch is held until the next is granted, the last one until now.
void read_held(Database& db, const ServiceId& service, WallTime now, Past& out) {
  auto s = db.prepare("SELECT target, at_ms FROM epoch WHERE service = ? ORDER BY epoch");
  s.bind(service.value);
  TargetId holder;
  WallTime since{};
  const auto held_until = [&](WallTime end) {
    if (!holder.empty()) out.held[holder] += std::max(end - since, Millis(0));
  };
  while (s.step()) {
    held_until(wall(s.integer(1)));
    holder = TargetId(s.text(0));
    since = wall(s.integer(1));
  }
  held_until(now);
}

void read_outages(Database& db, const ServiceId& service, Past& out) {
  auto s = db.prepare("SELECT target, ended_ms - started_ms FROM outage WHERE service = ? ORDER BY id DESC LIMIT ?");
  s.bind(service.value).bind(outages_read);
  while (s.step()) out.outages.push_back({TargetId(s.text(0)), Millis(s.integer(1))});
}

void read_activations(Database& db, const ServiceId& service, Past& out) {
  auto s = db.prepare(
      "SELECT target, succeeded, took_ms, started_ms FROM activation WHERE service = ? AND (succeeded OR kind <> "
      "'failback') ORDER BY id DESC LIMIT ?");
  s.bind(service.value).bind(outages_read);
  while (s.step()) {
    auto& of_target = out.activations[TargetId(s.text(0))];
    if (of_target.size() < activations_read)
      of_target.push_back({s.integer(1) != 0, Millis(s.integer(2)), wall(s.integer(3))});
  }
}

void read_size(Database& db, const ServiceId& service, Past& out) {
  auto s = db.prepare("SELECT bytes FROM snapshot WHERE service = ? AND valid = 1 ORDER BY created_ms DESC LIMIT 1");
  if (s.bind(service.value).step()) out.state_bytes = s.integer(0);
}

}  // namespace

std::variant<Past, Problem> read_past(const std::filesystem::path& data_dir, const ServiceId& service, WallTime now) {
  const auto file = data_dir / "journal.db";
  std::error_code ec;
  if (!std::filesystem::exists(file, ec))
    return Problem{"there is no journal at " + file.string(), "history begins with the first `understudy run`"};
  try {
    Database db(file, Database::Mode::read_only);
    if (db.text("PRAGMA user_version") != std::to_string(schema_version))
      return Problem{file.string() + " was written by another version of Understudy", "run `understudy run` once"};
    Past out;
    read_held(db, service, now, out);
    read_outages(db, service, out);
    read_activations(db, service, out);
    read_size(db, service, out);
    return out;
  } catch (const DbError& error) {
    return Problem{file.string() + " cannot be read: " + error.what(), "run it as the orchestrator's user"};
  }
}

}  // namespace understudy::journal
