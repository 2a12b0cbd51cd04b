// Files and documents of our own that a crash, a disk or a person may have damaged: the agent's ledger, the record of a
// process, open alerts and silences.
#include "core/agent/ledger_file.hpp"
#include "core/alerts/board.hpp"
#include "core/model/epoch_from.hpp"
#include "plugins/process/run_record.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "understudy/status.hpp"

using namespace understudy;
using nlohmann::json;

FUZZ(input) {
  const fuzz::MemoryFile file(input);
  const auto ledger = agent::read_ledger(file.path());
  if (const auto* good = std::get_if<agent::Ledger>(&ledger))
    fuzz::must(good->epoch.value <= most_told && (!good->unsaved || good->unsaved->epoch.value <= most_told),
               "an epoch has many above it");
  try {
    if (const auto record = process_plugin::read_record(file.path().string()))
      fuzz::must(record->pid >= 0, "no group of processes is taken for one");
  } catch (const sdk::Failure& failure) {
    fuzz::must(!failure.error().hint.empty(), "what is damaged says what to do");
  }
  const auto in = fuzz::json(input);
  try {  // json::exception: told, and the document is left out
    const auto open = alerts::open_from_json(in);
    (void)fuzz::dumped(alerts::to_json(open));
    (void)fuzz::dumped(alerts::to_json(alerts::silence_from_json(in)));
  } catch (const json::exception&) {
    return;
  }
}
