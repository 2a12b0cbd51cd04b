#include <nlohmann/json.hpp>

#include "core/failover/state.hpp"

namespace understudy::failover {
namespace {

using Json = nlohmann::json;

constexpr std::string_view phase_names[phase_count] = {"starting", "active",   "suspect", "plan",  "revoke",
                                                       "fence",    "failback", "gate",    "grant", "activate",
                                                       "verify",   "paused",   "hold"};
constexpr std::string_view kind_names[] = {"start", "failover", "switchover", "failback", "rollback"};

WallTime wall(const Json& in, const char* key) { return WallTime(Millis(in.value(key, std::int64_t{0}))); }
TargetId target(const Json& in, const char* key) { return TargetId(in.value(key, std::string())); }
MoveKind kind_of(const Json& in) { return static_cast<MoveKind>(std::clamp(in.value("kind", 1), 0, 4)); }
Part part(const Json& in, const char* key) { return static_cast<Part>(std::clamp(in.value(key, 0), 0, 4)); }

Json move_json(const Move& m) {
  Json tried = Json::array();
  for (const auto& t : m.tried) tried.push_back(t.value);
  return {{"id", m.id},
          {"kind", static_cast<int>(m.kind)},
          {"origin", m.origin.value},
          {"from", m.from.value},
          {"to", m.to.value},
          {"reason", m.reason},
          {"who", m.who},
          {"chosen", m.chosen},
          {"forced", m.forced},
          {"accept_loss", m.accept_loss},
          {"attempt", m.attempt},
          {"tried", tried},
          {"fence", static_cast<int>(m.fence)},
          {"save", static_cast<int>(m.save)},
          {"prepare", static_cast<int>(m.prepare)},
          {"saved", m.saved.value},
          {"snapshot", m.snapshot.value},
          {"snapshot_created", ms(m.snapshot_created)},
          {"operation", m.operation},
          {"started", ms(m.started.wall)},
          {"activated_at", ms(m.activated.wall)},
          {"voluntary", m.voluntary}};
}

Move move_from(const Json& in) {
  Move m;
  m.id = in.value("id", std::uint64_t{0});
  m.kind = kind_of(in);
  m.origin = target(in, "origin");
  m.from = target(in, "from");
  m.to = target(in, "to");
  m.reason = in.value("reason", "");
  m.who = in.value("who", "");
  m.chosen = in.value("chosen", false);
  m.forced = in.value("forced", false);
  m.accept_loss = in.value("accept_loss", false);
  m.attempt = in.value("attempt", 0);
  for (const auto& t : in.value("tried", Json::array())) m.tried.emplace_back(t.get<std::string>());
  m.fence = part(in, "fence");
  m.save = part(in, "save");
  m.prepare = part(in, "prepare");
  m.saved = SnapshotId(in.value("saved", ""));
  m.snapshot = SnapshotId(in.value("snapshot", ""));
  m.snapshot_created = wall(in, "snapshot_created");
  m.operation = in.value("operation", "");
  m.started = Since(wall(in, "started"));
  m.activated = Since(wall(in, "activated_at"));
  m.voluntary = in.value("voluntary", false);
  return m;
}

Failed failed_from(const Json& in) {
  Failed out{Since(wall(in, "since")), {}};
  if (in.contains("well")) out.well = Since(wall(in, "well"));
  return out;
}

State read(const Json& in) {
  State s;
  s.phase = *phase_from(in.at("phase").get<std::string>());
  s.hold_from = *phase_from(in.at("hold_from").get<std::string>());
  s.since = wall(in, "since");
  s.index = in.at("index").get<std::uint64_t>();
  s.active = target(in, "active");
  s.running = in.at("running").get<bool>();
  s.epoch = {in.at("epoch").get<std::uint64_t>()};
  s.data_at = target(in, "data_at");
  s.revoked = in.value("revoked", false);
  const auto guards = in.value("guards", Json::object());
  for (const auto& [name, g] : guards.items())
    s.guards[TargetId(name)] = {{g.value("epoch", std::uint64_t{0})},
                                Millis(g.value("ttl_ms", std::int64_t{0})),
                                Millis(g.value("kill_time_ms", std::int64_t{0})),
                                g.value("holds_over", false),
                                g.value("instance", "")};
  if (in.contains("move")) s.move = move_from(in.at("move"));
  if (in.contains("last_move")) {
    const auto& l = in.at("last_move");
    s.last_move = LastMove{
        l.value("id", std::uint64_t{0}), kind_of(l),      target(l, "from"), target(l, "to"), l.value("result", ""),
        Millis(l.value("took_ms", 0LL)), wall(l, "ended")};
  }
  if (in.contains("blocked")) {
    const auto& b = in.at("blocked");
    s.blocked = Blocked{b.value("by", ""), b.value("text", ""), b.value("unblock", ""), wall(b, "since")};
  }
  if (in.contains("pause")) {
    const auto& p = in.at("pause");
    s.pause = Pause{wall(p, "until"), p.value("who", ""), p.value("reason", "")};
  }
  for (const auto& t : in.value("failovers", Json::array())) s.failovers.emplace_back(Millis(t.get<std::int64_t>()));
  s.failback_failures = in.value("failback_failures", 0);
  const auto intruders = in.value("intruders", Json::object());
  for (const auto& [name, since] : intruders.items())
    s.intruders[TargetId(name)] = WallTime(Millis(since.get<std::int64_t>()));
  for (const auto& t : in.value("unsaved", Json::array())) s.unsaved.emplace(t.get<std::string>());
  for (const auto& t : in.value("ran", Json::array())) s.ran.emplace(t.get<std::string>());
  s.incident = in.value("incident", "");
  if (in.contains("outage_since")) s.outage_since = wall(in, "outage_since");
  const auto failed = in.value("failed", Json::object());
  for (const auto& [name, since] : failed.items()) s.failed[TargetId(name)] = failed_from(since);
  s.random = in.value("random", std::uint64_t{0});
  s.next_operation = in.value("next_operation", std::uint64_t{1});
  return s;
}

}  // namespace

std::string_view to_string(Phase phase) noexcept { return phase_names[static_cast<int>(phase)]; }
std::string_view to_string(MoveKind kind) noexcept { return kind_names[static_cast<int>(kind)]; }

std::optional<Phase> phase_from(std::string_view text) noexcept {
  for (int i = 0; i < phase_count; ++i) {
    if (phase_names[i] == text) return static_cast<Phase>(i);
  }
  return std::nullopt;
}

nlohmann::json to_json(const State& s) {
  Json out = {{"phase", to_string(s.phase)},
              {"hold_from", to_string(s.hold_from)},
              {"since", ms(s.since)},
              {"index", s.index},
              {"active", s.active.value},
              {"running", s.running},
              {"epoch", s.epoch.value},
              {"data_at", s.data_at.value},
              {"failback_failures", s.failback_failures},
              {"random", s.random},
              {"next_operation", s.next_operation}};
  if (s.revoked) out["revoked"] = true;
  for (const auto& [id, g] : s.guards)
    out["guards"][id.value] = {{"epoch", g.epoch.value},
                               {"ttl_ms", g.ttl.count()},
                               {"kill_time_ms", g.kill_time.count()},
                               {"holds_over", g.holds_over},
                               {"instance", g.instance}};
  if (s.move) out["move"] = move_json(*s.move);
  if (s.last_move) {
    const auto& l = *s.last_move;
    out["last_move"] = {
        {"id", l.id},         {"kind", static_cast<int>(l.kind)}, {"from", l.from.value}, {"to", l.to.value},
        {"result", l.result}, {"took_ms", l.took.count()},        {"ended", ms(l.ended)}};
  }
  if (s.blocked) {
    out["blocked"] = {{"by", s.blocked->by},
                      {"text", s.blocked->text},
                      {"unblock", s.blocked->unblock},
                      {"since", ms(s.blocked->since)}};
  }
  if (s.pause) out["pause"] = {{"until", ms(s.pause->until)}, {"who", s.pause->who}, {"reason", s.pause->reason}};
  Json failovers = Json::array();
  for (const auto t : s.failovers) failovers.push_back(ms(t));
  out["failovers"] = std::move(failovers);
  for (const auto& [id, since] : s.intruders) out["intruders"][id.value] = ms(since);
  for (const auto& id : s.unsaved) out["unsaved"].push_back(id.value);
  for (const auto& id : s.ran) out["ran"].push_back(id.value);
  if (!s.incident.empty()) out["incident"] = s.incident;
  if (s.outage_since) out["outage_since"] = ms(*s.outage_since);
  for (const auto& [id, failed] : s.failed) {
    auto& one = out["failed"][id.value] = {{"since", ms(failed.since.wall)}};
    if (failed.well) one["well"] = ms(failed.well->wall);
  }
  return out;
}

std::optional<State> state_from_json(const nlohmann::json& in) {
  try {
    if (!phase_from(in.at("phase").get<std::string>()) || !phase_from(in.at("hold_from").get<std::string>()))
      return std::nullopt;
    return read(in);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace understudy::failover
