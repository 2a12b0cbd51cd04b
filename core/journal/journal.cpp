#include "core/journal/journal.hpp"

#include <sys/stat.h>

#include "core/journal/database.hpp"
#include "core/journal/fault_point.hpp"
#include "core/journal/lock_file.hpp"
#include "core/journal/schema.hpp"
#include "core/journal/writer.hpp"

namespace understudy::journal {
namespace {

constexpr int sqlite_full = 13, sqlite_corrupt = 11, sqlite_notadb = 26, sqlite_ioerr = 10, sqlite_readonly = 8;
constexpr int prune_at_once = 5'000;

WallTime wall(std::int64_t ms) { return WallTime(Millis(ms)); }

Problem problem_of(const DbError& e, const std::filesystem::path& file) {
  const int code = e.code() & 0xFF;
  const std::string at = "the journal " + file.string();
  if (code == sqlite_full)
    return {at + " cannot grow: " + e.what(), "free space on its disk; nothing is promoted until it can be written"};
  if (code == sqlite_corrupt || code == sqlite_notadb) {
    return {
        at + " is damaged: " + e.what(),
        "move it aside with its -wal and -shm and start again: what runs is looked for and taken over. Never put an "
        "older copy back: its epochs were used since. Understudy never makes a new one over it "
        "(docs/when-it-holds.md)"};
  }
  if (code == sqlite_ioerr || code == sqlite_readonly)
    return {at + " cannot be written: " + e.what(), "check the disk and the permissions"};
  return {at + ": " + e.what(), ""};
}

/// Columns id, notifier, alert, attempt, not_before_ms, duplicate.
OutboxRow outbox_row(const Statement& s) {
  return {s.text(0),
          NotifierId(s.text(1)),
          nlohmann::json::parse(s.text(2), nullptr, false),
          static_cast<int>(s.integer(3)),
          wall(s.integer(4)),
          s.integer(5) != 0};
}

}  // namespace

struct Journal::Impl {
  std::filesystem::path file;
  LockFile lock;
  Database db;
  std::optional<Problem> problem;

  Impl(std::filesystem::path f, LockFile l) : file(std::move(f)), lock(std::move(l)), db(file) {}

  void prepare(const Options& options) {
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA foreign_keys = ON");
    const auto check = db.text("PRAGMA quick_check(1)");
    if (check != "ok") throw DbError(sqlite_corrupt, check);
    migrate(db);
    if (options.max_bytes > 0) {
      const auto page = std::stoll("0" + db.text("PRAGMA page_size"));
      db.run("PRAGMA max_page_count = " + std::to_string(options.max_bytes / std::max<std::int64_t>(512, page)));
    }
  }

  template <class Fn>
  std::optional<Problem> transaction(Fn fn) {
    try {
      db.run("BEGIN IMMEDIATE");
      try {
        fn();
        fault_point("before");
        db.run("COMMIT");
      } catch (...) {
        try {
          db.run("ROLLBACK");
        } catch (const DbError&) {  // the transaction is gone already
        }
        throw;
      }
      fault_point("after");
      problem.reset();
    } catch (const DbError& e) {
      problem = problem_of(e, file);
    }
    return problem;
  }

  /// Reads; a failing read is remembered as a problem and gives what was read so far.
  template <class Fn>
  void reading(Fn fn) {
    try {
      fn();
    } catch (const DbError& e) {
      problem = problem_of(e, file);
    }
  }
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

std::variant<std::unique_ptr<Journal>, Problem> Journal::open(const std::filesystem::path& data_dir,
                                                              const Options& options) {
  std::error_code ec;
  if (!std::filesystem::exists(data_dir, ec)) {
    std::filesystem::create_directories(data_dir, ec);
    if (ec)
      return Problem{"cannot make the data_dir " + data_dir.string() + ": " + ec.message(),
                     "make it, or name another in [orchestrator]"};
    ::chmod(data_dir.c_str(), 0700);
  }
  std::string holder;
  auto lock = LockFile::take(data_dir / "lock", options.owner, holder);
  if (!lock) {
    if (holder.empty())
      return Problem{"cannot lock " + (data_dir / "lock").string(), "check the permissions of the data_dir"};
    return Problem{"another orchestrator uses " + data_dir.string() + ": " + holder,
                   "stop it, or give this one a data_dir of its own; two on one service would fight"};
  }
  const auto file = data_dir / "journal.db";
  const auto old_mask = ::umask(0077);
  try {
    auto impl = std::make_unique<Impl>(file, std::move(*lock));
    impl->prepare(options);
    ::umask(old_mask);
    return std::unique_ptr<Journal>(new Journal(std::move(impl)));
  } catch (const DbError& e) {
    ::umask(old_mask);
    return problem_of(e, file);
  }
}

std::optional<Problem> Journal::commit(const Batch& batch) {
  return impl_->transaction([&] {
    for (const auto& entry : batch) write(impl_->db, entry);
  });
}

const std::optional<Problem>& Journal::problem() const noexcept { return impl_->problem; }

std::variant<std::vector<StateRow>, Problem> Journal::services() {
  std::vector<StateRow> out;
  try {
    auto s = impl_->db.prepare("SELECT name, state FROM service");
    while (s.step()) out.push_back({ServiceId(s.text(0)), nlohmann::json::parse(s.text(1), nullptr, false)});
  } catch (const DbError& e) {
    return problem_of(e, impl_->file);
  }
  return out;
}

std::uint64_t Journal::last_epoch(const ServiceId& service) {
  std::uint64_t out = 0;
  impl_->reading([&] {
    auto s = impl_->db.prepare("SELECT max(epoch) FROM epoch WHERE service = ?");
    if (s.bind(service.value).step()) out = static_cast<std::uint64_t>(s.integer(0));
  });
  return out;
}

std::vector<failover::Intent> Journal::open_intents(const ServiceId& service) {
  std::vector<failover::Intent> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT operation, kind, target, epoch FROM intent WHERE service = ? AND status IS NULL ORDER BY id");
    s.bind(service.value);
    while (s.step())
      out.push_back({s.text(0), s.text(1), TargetId(s.text(2)), Epoch{static_cast<std::uint64_t>(s.integer(3))}});
  });
  return out;
}

std::vector<HistoryRow> Journal::history(const ServiceId& service, int limit, std::int64_t before_id) {
  std::vector<HistoryRow> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT id, service, target, at_ms, kind, severity, text, epoch FROM event WHERE (?1 = '' OR service = ?1) AND "
        "(?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3");
    s.bind(service.value).bind(before_id).bind(limit);
    while (s.step()) {
      out.push_back({s.integer(0), ServiceId(s.text(1)), TargetId(s.text(2)), wall(s.integer(3)), s.text(4), s.text(5),
                     s.text(6), static_cast<std::uint64_t>(s.integer(7))});
    }
  });
  return out;
}

std::vector<ActivationRecord> Journal::activations(const ServiceId& service, const TargetId& target, int limit) {
  std::vector<ActivationRecord> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT succeeded, took_ms, started_ms FROM activation WHERE service = ? AND target = ? AND "
        "(succeeded OR kind <> 'failback') ORDER BY id DESC LIMIT ?");
    s.bind(service.value).bind(target.value).bind(limit);
    while (s.step()) out.push_back({s.integer(0) != 0, Millis(s.integer(1)), wall(s.integer(2))});
  });
  return out;
}

std::vector<Millis> Journal::outages(const ServiceId& service, const TargetId& target, int limit) {
  std::vector<Millis> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT ended_ms - started_ms FROM outage WHERE service = ? AND target = ? ORDER BY id DESC LIMIT ?");
    s.bind(service.value).bind(target.value).bind(limit);
    while (s.step()) out.emplace_back(s.integer(0));
  });
  return out;
}

std::optional<SnapshotInfo> Journal::newest_snapshot(const ServiceId& service) {
  std::optional<SnapshotInfo> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        // By the epoch first: the clock of a former site may have been ahead.
        "SELECT id, epoch, created_ms, bytes, files FROM snapshot WHERE service = ? AND valid = 1 "
        "ORDER BY epoch DESC, created_ms DESC LIMIT 1");
    if (s.bind(service.value).step()) {
      out = SnapshotInfo{SnapshotId(s.text(0)),
                         Epoch{static_cast<std::uint64_t>(s.integer(1))},
                         wall(s.integer(2)),
                         s.integer(3),
                         s.integer(4),
                         true,
                         {}};
    }
  });
  return out;
}

std::map<SnapshotId, bool> Journal::snapshots_valid(const ServiceId& service) {
  std::map<SnapshotId, bool> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare("SELECT id, valid FROM snapshot WHERE service = ?");
    s.bind(service.value);
    while (s.step()) out.emplace(SnapshotId(s.text(0)), s.integer(1) != 0);
  });
  return out;
}

Usd Journal::spent_since(const ServiceId& service, const TargetId& primary, WallTime since) {
  Usd out;
  impl_->reading([&] {
    auto s =
        impl_->db.prepare("SELECT coalesce(sum(usd), 0.0) FROM spend WHERE service = ? AND target <> ? AND to_ms >= ?");
    if (s.bind(service.value).bind(primary.value).bind(ms(since)).step()) out.value = s.number(0);
  });
  return out;
}

std::map<std::string, nlohmann::json> Journal::documents(const std::string& space) {
  std::map<std::string, nlohmann::json> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare("SELECT key, value FROM document WHERE space = ? ORDER BY key");
    s.bind(space);
    while (s.step()) out[s.text(0)] = nlohmann::json::parse(s.text(1), nullptr, false);
  });
  return out;
}

std::optional<nlohmann::json> Journal::document(const std::string& space, const std::string& key) {
  std::optional<nlohmann::json> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare("SELECT value FROM document WHERE space = ? AND key = ?");
    if (s.bind(space).bind(key).step()) out = nlohmann::json::parse(s.text(0), nullptr, false);
  });
  return out;
}

std::vector<OutboxRow> Journal::outbox_group(const NotifierId& notifier, const std::string& incident) {
  std::vector<OutboxRow> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT id, notifier, alert, attempt, not_before_ms, duplicate FROM outbox "
        "WHERE state = 'queued' AND notifier = ? AND json_extract(alert, '$.incident') = ? ORDER BY seq");
    s.bind(notifier.value).bind(incident);
    while (s.step()) out.push_back(outbox_row(s));
  });
  return out;
}

std::vector<OutboxRow> Journal::outbox_due(WallTime now, int tried) {
  std::vector<OutboxRow> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT id, notifier, alert, attempt, not_before_ms, duplicate FROM outbox WHERE seq IN "
        "(SELECT min(seq) FROM outbox WHERE state = 'queued' AND not_before_ms <= ? GROUP BY notifier, attempt >= ?) "
        "ORDER BY seq");
    s.bind(ms(now)).bind(tried);
    while (s.step()) out.push_back(outbox_row(s));
  });
  return out;
}

std::vector<OutboxRow> Journal::outbox_before(const OutboxRow& row) {
  std::vector<OutboxRow> out;
  const auto incident = row.alert.value("incident", "");
  if (incident.empty()) return out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT id, notifier, alert, attempt, not_before_ms, duplicate FROM outbox "
        "WHERE state = 'queued' AND notifier = ? AND seq < (SELECT seq FROM outbox WHERE id = ?) "
        "AND json_extract(alert, '$.incident') = ? ORDER BY seq DESC LIMIT 100");
    s.bind(row.notifier.value).bind(row.id).bind(incident);
    while (s.step()) out.insert(out.begin(), outbox_row(s));
  });
  return out;
}

std::optional<OutboxState> Journal::outbox_state(const std::string& id) {
  std::optional<OutboxState> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare("SELECT state FROM outbox WHERE id = ?");
    if (s.bind(id).step()) out = outbox_state_from(s.text(0));
  });
  return out;
}

std::optional<WallTime> Journal::outbox_next() {
  std::optional<WallTime> out;
  impl_->reading([&] {
    auto s = impl_->db.prepare("SELECT min(not_before_ms) FROM outbox WHERE state = 'queued'");
    if (s.step() && !s.null(0)) out = wall(s.integer(0));
  });
  return out;
}

Journal::OutboxCounts Journal::outbox_counts() {
  OutboxCounts out;
  impl_->reading([&] {
    auto s = impl_->db.prepare(
        "SELECT coalesce(sum(state IN ('queued','sending')), 0), coalesce(sum(state = 'dead'), 0) FROM outbox WHERE "
        "state <> 'sent'");
    if (s.step()) out = {s.integer(0), s.integer(1)};
  });
  return out;
}

std::optional<Problem> Journal::outbox_recover() {
  return impl_->transaction(
      [&] { impl_->db.run("UPDATE outbox SET state = 'queued', duplicate = 1 WHERE state = 'sending'"); });
}

std::optional<Problem> Journal::prune(WallTime before) {
  static constexpr const char* old[] = {
      "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at_ms < ? ORDER BY id LIMIT ?)",
      "DELETE FROM intent WHERE id IN (SELECT id FROM intent WHERE status IS NOT NULL AND at_ms < ? ORDER BY id LIMIT "
      "?)",
      "DELETE FROM snapshot WHERE rowid IN (SELECT rowid FROM snapshot AS s WHERE created_ms < ? AND rowid <> "
      "(SELECT rowid FROM snapshot WHERE service = s.service ORDER BY valid DESC, epoch DESC, created_ms DESC LIMIT 1) "
      "LIMIT ?)",
      "DELETE FROM spend WHERE id IN (SELECT id FROM spend WHERE to_ms < ? ORDER BY id LIMIT ?)",
      "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE state IN ('sent','dead') AND not_before_ms < ? "
      "ORDER BY seq LIMIT ?)",
      "DELETE FROM document WHERE rowid IN (SELECT rowid FROM document WHERE space = 'thread' AND at_ms < ? LIMIT ?)"};
  return impl_->transaction([&] {
    for (const char* statement : old) impl_->db.prepare(statement).bind(ms(before)).bind(prune_at_once).run();
  });
}

}  // namespace understudy::journal
