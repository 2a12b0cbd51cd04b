#include "core/journal/schema.hpp"

namespace understudy::journal {
namespace {

constexpr const char* version_1 = R"sql(
CREATE TABLE service (
  name TEXT PRIMARY KEY, state TEXT NOT NULL
) STRICT;
CREATE TABLE epoch (
  service TEXT NOT NULL, epoch INTEGER NOT NULL, target TEXT NOT NULL, at_ms INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
  PRIMARY KEY (service, epoch)
) STRICT;
-- Epochs only rise, whatever the code above this file does.
CREATE TRIGGER epoch_rises BEFORE INSERT ON epoch
WHEN NEW.epoch <= (SELECT coalesce(max(epoch), -1) FROM epoch WHERE service = NEW.service)
BEGIN SELECT raise(ABORT, 'an epoch must be greater than every one before it'); END;
CREATE TRIGGER epoch_stays BEFORE UPDATE ON epoch BEGIN SELECT raise(ABORT, 'an epoch is never changed'); END;
CREATE TABLE intent (
  id INTEGER PRIMARY KEY, operation TEXT NOT NULL, service TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL,
  epoch INTEGER NOT NULL, at_ms INTEGER NOT NULL, status TEXT, detail TEXT, ended_ms INTEGER
) STRICT;
CREATE INDEX intent_operation ON intent (operation);
CREATE INDEX intent_open ON intent (service) WHERE status IS NULL;
CREATE TABLE event (
  id INTEGER PRIMARY KEY, service TEXT NOT NULL, target TEXT NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL,
  severity TEXT NOT NULL, epoch INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE INDEX event_service ON event (service, id);
CREATE TABLE snapshot (
  service TEXT NOT NULL, id TEXT NOT NULL, epoch INTEGER NOT NULL, created_ms INTEGER NOT NULL, bytes INTEGER NOT NULL,
  files INTEGER NOT NULL, valid INTEGER NOT NULL, problem TEXT NOT NULL, PRIMARY KEY (service, id)
) STRICT;
CREATE INDEX snapshot_newest ON snapshot (service, created_ms);
CREATE TABLE activation (
  id INTEGER PRIMARY KEY, service TEXT NOT NULL, target TEXT NOT NULL, epoch INTEGER NOT NULL, kind TEXT NOT NULL,
  started_ms INTEGER NOT NULL, took_ms INTEGER NOT NULL, succeeded INTEGER NOT NULL, failure TEXT NOT NULL
) STRICT;
CREATE INDEX activation_target ON activation (service, target, id);
CREATE TABLE outage (
  id INTEGER PRIMARY KEY, service TEXT NOT NULL, target TEXT NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE spend (
  id INTEGER PRIMARY KEY, service TEXT NOT NULL, target TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, usd REAL NOT NULL
) STRICT;
CREATE INDEX spend_time ON spend (service, to_ms);
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, notifier TEXT NOT NULL, alert TEXT NOT NULL, state TEXT NOT NULL,
  attempt INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, duplicate INTEGER NOT NULL, detail TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (state, not_before_ms);
)sql";

constexpr const char* version_2 = R"sql(
CREATE TABLE document (
  space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (space, key)
) STRICT;
)sql";

/// What only makes it quicker is no other schema: an older version does as well with it.
constexpr const char* indexes =
    "CREATE INDEX IF NOT EXISTS snapshot_best ON snapshot (service, valid, epoch, created_ms)";

}  // namespace

void migrate(Database& db) {
  const int found = std::stoi("0" + db.text("PRAGMA user_version"));
  if (found > schema_version) {
    throw DbError(1, "it was written by a newer Understudy (schema " + std::to_string(found) + ", this one knows " +
                         std::to_string(schema_version) + ")");
  }
  if (found == schema_version) return db.run(indexes);
  db.run("BEGIN IMMEDIATE");
  if (found < 1) db.run(version_1);
  if (found < 2) db.run(version_2);
  db.run("PRAGMA user_version = " + std::to_string(schema_version));
  db.run("COMMIT");
  db.run(indexes);
}

}  // namespace understudy::journal
