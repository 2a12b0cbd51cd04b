#include "core/journal/writer.hpp"

namespace understudy::journal {
namespace {

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void event(Database& db, const MachineRecord& m, const std::string& kind, std::string_view severity,
           const TargetId& target, std::uint64_t epoch, const std::string& text) {
  auto s = db.prepare("INSERT INTO event (service, target, at_ms, kind, severity, epoch, text) VALUES (?,?,?,?,?,?,?)");
  s.bind(m.service.value).bind(target.value).bind(ms(m.at)).bind(kind).bind(severity).bind(epoch).bind(text).run();
}

struct MachineWriter {
  Database& db;
  const MachineRecord& m;

  void operator()(const failover::Intent& r) const {
    auto s = db.prepare("INSERT INTO intent (operation, service, kind, target, epoch, at_ms) VALUES (?,?,?,?,?,?)");
    s.bind(r.operation)
        .bind(m.service.value)
        .bind(r.kind)
        .bind(r.target.value)
        .bind(r.epoch.value)
        .bind(ms(m.at))
        .run();
  }
  void operator()(const failover::Outcome& r) const {
    auto s =
        db.prepare("UPDATE intent SET status = ?, detail = ?, ended_ms = ? WHERE operation = ? AND status IS NULL");
    s.bind(r.status).bind(r.detail).bind(ms(m.at)).bind(r.operation).run();
  }
  void operator()(const failover::Granted& r) const {
    auto s = db.prepare("INSERT INTO epoch (service, epoch, target, at_ms, who, why) VALUES (?,?,?,?,?,?)");
    s.bind(m.service.value).bind(r.epoch.value).bind(r.target.value).bind(ms(m.at)).bind(r.who).bind(r.why).run();
    const std::string by = r.who.empty() ? "" : " by " + r.who;
    event(db, m, "epoch.granted", "info", r.target, r.epoch.value,
          "epoch " + std::to_string(r.epoch.value) + " is granted to " + r.target.value + by + ": " + r.why);
  }
  void operator()(const failover::Note& r) const { event(db, m, r.kind, to_string(r.severity), r.target, 0, r.text); }
  void operator()(const failover::ActivationTimed& r) const {
    auto s = db.prepare(
        "INSERT INTO activation (service, target, epoch, kind, started_ms, took_ms, succeeded, failure) VALUES "
        "(?,?,?,?,?,?,?,?)");
    s.bind(m.service.value)
        .bind(r.target.value)
        .bind(r.epoch.value)
        .bind(to_string(r.kind))
        .bind(ms(r.started))
        .bind(static_cast<std::int64_t>(r.took.count()))
        .bind(r.succeeded ? 1 : 0)
        .bind(r.failure)
        .run();
  }
  void operator()(const failover::OutageEnded& r) const {
    auto s = db.prepare("INSERT INTO outage (service, target, started_ms, ended_ms) VALUES (?,?,?,?)");
    s.bind(m.service.value).bind(r.target.value).bind(ms(r.started)).bind(ms(r.ended)).run();
  }

  static std::string_view to_string(Severity severity) { return understudy::to_string(severity); }
  static std::string_view to_string(failover::MoveKind kind) { return failover::to_string(kind); }
};

struct Writer {
  Database& db;

  void operator()(const StateRow& r) const {
    auto s = db.prepare(
        "INSERT INTO service (name, state) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET state = excluded.state");
    s.bind(r.service.value).bind(dump(r.state)).run();
  }
  void operator()(const MachineRecord& r) const { std::visit(MachineWriter{db, r}, r.record); }
  void operator()(const SnapshotRow& r) const {
    auto s = db.prepare(
        "INSERT INTO snapshot (service, id, epoch, created_ms, bytes, files, valid, problem) VALUES (?,?,?,?,?,?,?,?) "
        "ON CONFLICT (service, id) DO UPDATE SET epoch = excluded.epoch, created_ms = excluded.created_ms, "
        "bytes = excluded.bytes, files = excluded.files, valid = excluded.valid, problem = excluded.problem");
    const auto& i = r.info;
    s.bind(r.service.value)
        .bind(i.id.value)
        .bind(i.epoch.value)
        .bind(ms(i.created))
        .bind(i.bytes)
        .bind(i.files)
        .bind(i.valid ? 1 : 0)
        .bind(i.problem)
        .run();
  }
  void operator()(const SpendRow& r) const {
    auto s = db.prepare("INSERT INTO spend (service, target, from_ms, to_ms, usd) VALUES (?,?,?,?,?)");
    s.bind(r.service.value).bind(r.target.value).bind(ms(r.from)).bind(ms(r.to)).bind(r.amount.value).run();
  }
  void operator()(const DrillRow& r) const {
    auto s = db.prepare(
        "INSERT INTO activation (service, target, epoch, kind, started_ms, took_ms, succeeded, failure) VALUES "
        "(?,?,0,'drill',?,?,?,?)");
    s.bind(r.service.value)
        .bind(r.target.value)
        .bind(ms(r.started))
        .bind(static_cast<std::int64_t>(r.took.count()))
        .bind(r.succeeded ? 1 : 0)
        .bind(r.failure)
        .run();
  }
  void operator()(const OutboxPut& r) const {
    auto s = db.prepare(
        "INSERT INTO outbox (id, notifier, alert, state, attempt, not_before_ms, duplicate, detail) VALUES "
        "(?,?,?,'queued',0,?,0,'') ON CONFLICT (id) DO NOTHING");
    s.bind(r.id).bind(r.notifier.value).bind(dump(r.alert)).bind(ms(r.not_before)).run();
  }
  void operator()(const DocumentPut& r) const {
    auto s = db.prepare(
        "INSERT INTO document (space, key, value, at_ms) VALUES (?,?,?,?) ON CONFLICT (space, key) DO UPDATE SET "
        "value = excluded.value, at_ms = excluded.at_ms");
    s.bind(r.space).bind(r.key).bind(dump(r.value)).bind(ms(r.at)).run();
  }
  void operator()(const DocumentErase& r) const {
    auto s = db.prepare("DELETE FROM document WHERE space = ? AND key = ?");
    s.bind(r.space).bind(r.key).run();
  }
  void operator()(const OutboxUpdate& r) const {
    auto s = db.prepare("UPDATE outbox SET state = ?, attempt = ?, not_before_ms = ?, detail = ? WHERE id = ?");
    s.bind(to_string(r.state)).bind(r.attempt).bind(ms(r.not_before)).bind(r.detail).bind(r.id).run();
  }
  void operator()(const OutboxHasten& r) const {
    auto s = db.prepare(
        "UPDATE outbox SET not_before_ms = ? WHERE state = 'queued' AND not_before_ms > ? AND (? = '' OR notifier = "
        "?)");
    s.bind(ms(r.due)).bind(ms(r.due)).bind(r.notifier.value).bind(r.notifier.value).run();
  }
};

}  // namespace

std::string_view to_string(OutboxState state) noexcept {
  switch (state) {
    case OutboxState::queued: return "queued";
    case OutboxState::sending: return "sending";
    case OutboxState::sent: return "sent";
    case OutboxState::dead: break;
  }
  return "dead";
}

OutboxState outbox_state_from(std::string_view text) noexcept {
  for (const auto state : {OutboxState::queued, OutboxState::sending, OutboxState::sent}) {
    if (text == to_string(state)) return state;
  }
  return OutboxState::dead;
}

void write(Database& db, const Entry& entry) { std::visit(Writer{db}, entry); }

}  // namespace understudy::journal
