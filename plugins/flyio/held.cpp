#include "held.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

/// After a start was accepted the machine may be seen at rest for a moment.
constexpr Millis accepted_but_at_rest{10'000};
constexpr Millis look_every{300};
/// Its process may end meanwhile, which no wait for "started" tells.
constexpr Millis start_slice{2'500};
/// With our lease and the newest version in hand, a refusal that goes on means that the host has no room.
constexpr int conflicts_that_mean_no_room = 3, most_conflicts = 3;
constexpr Millis last_look{1'500};
/// The state decides; this only spares it a wait.
constexpr int most_stops = 4;

std::string go_duration(Millis time) { return std::to_string((time.count() + 999) / 1000) + "s"; }

}  // namespace

Held::Held(Api& api, const std::string& machine, const std::string& holder, const Deadline& deadline,
           Lease::Nonce nonce)
    : api_(api), lease_(api, machine, holder, deadline, nonce) {
  machine_.id = machine;
  look(deadline);
}

void Held::look(const Deadline& deadline) {
  auto now = api_.machine(machine_.id, deadline);
  if (now) {
    machine_ = std::move(*now);
  } else {
    machine_.state = "destroyed";
  }
}

/// What takes long keeps its leases.
void Held::pulse(const Deadline& deadline) {
  keep_lease(deadline);
  if (while_waiting_) while_waiting_(deadline);
}

Answer Held::change(const std::string& path, Json body, const Deadline& deadline, const char* method) {
  return api_.act({method, "/" + machine_.id + path, std::move(body), lease_.nonce(deadline)}, deadline);
}

void Held::fail(const Answer& answer, const std::string& what) const {
  const auto error = explain(answer, {what + " machine " + machine_.id, "", true}, api_.settings());
  if (answer.no_capacity()) throw NoRoom(error);
  throw Failure(error);
}

void Held::configure(const Json& config, const Deadline& deadline, bool launch) {
  if (!machine_.config.is_object())
    throw Failure(Status::transient, machine_.describe() + ": its config cannot be read, so it cannot be changed",
                  "wait for its host, or destroy it with `fly machine destroy --force " + machine_.id + "`");
  int conflicts = 0;
  for (int attempt = 0; machine_.config != config; ++attempt) {
    const auto answer =
        change("", {{"config", config}, {"current_version", machine_.version}, {"skip_launch", !launch}}, deadline);
    if (answer.no_capacity()) fail(answer, "configure");
    look(deadline);
    if (answer.ok() && machine_.config.is_object()) break;  // Fly may add to what it was given
    if (machine_.config == config) break;                   // the answer was lost
    conflicts += answer.http == 409 ? 1 : 0;
    if (conflicts >= conflicts_that_mean_no_room)
      throw NoRoom(explain(answer, {"configure machine " + machine_.id, "", true}, api_.settings()));
    const auto wait = answer.retry_after.value_or(api_.pause(attempt));
    const bool again = answer.doubtful() || answer.http == 0 || answer.later() || answer.http == 409;
    if (!again || wait >= deadline.left()) fail(answer, "configure");
    api_.sleep(wait, deadline);
  }
  if (!launch && machine_.lives()) (void)await(Phase::resting, "stopped", deadline);
}

void Held::note(const Json& metadata, const Deadline& deadline) {
  for (int attempt = 0;; ++attempt) {
    const auto answer =
        change("/metadata", {{"metadata", metadata}, {"machine_version", machine_.version}}, deadline, "PATCH");
    if (answer.ok()) break;
    const auto wait = answer.retry_after.value_or(api_.pause(attempt));
    const bool again = answer.doubtful() || answer.http == 0 || answer.later();
    if (!again || wait >= deadline.left()) fail(answer, "write the metadata of");
    api_.sleep(wait, deadline);
    look(deadline);
  }
  look(deadline);
}

bool Held::ended_since(std::int64_t event_ms) const {
  return machine_.phase() == Phase::resting && machine_.exit && machine_.exit->at_ms > event_ms;
}

void Held::ended() {
  start_open_ = machine_.may_start_again();  // or it has had its effect
  throw Failure(start_open_ ? Status::unknown : Status::transient,
                "it was started and ended at once" +
                    std::string(start_open_ ? ", and Fly may start it again: " : ": ") + machine_.describe(),
                "read why with `fly logs -a " + api_.settings().app + "`");
}

/// True: it is on its way. False: once more.
bool Held::try_start(int attempt, const Deadline& deadline) {
  const auto answer = change("/start", nullptr, deadline);
  if (answer.no_capacity()) {
    look(deadline);
    if (machine_.lives()) return true;
    fail(answer, "start");
  }
  start_open_ = start_open_ || answer.ok() || answer.doubtful();
  if (answer.ok()) return true;
  look(deadline);
  if (machine_.phase() == Phase::started || machine_.phase() == Phase::starting) return start_open_ = true;
  const auto wait = answer.retry_after.value_or(api_.pause(attempt));
  const bool conflict = answer.http == 409 && attempt < most_conflicts;  // with our lease: it settles
  const bool again = answer.http == 0 || answer.doubtful() || answer.later() || conflict;
  if (!again || wait >= deadline.left()) fail(answer, "start");
  api_.sleep(wait, deadline);
  return false;
}

void Held::start(Millis survive, const Deadline& deadline) {
  const auto before = machine_.event_ms;
  for (int attempt = 0; machine_.phase() != Phase::started; ++attempt) {
    if (deadline.over())
      throw Failure(Status::unknown, "the time is over and " + machine_.describe() + " is not started");
    if (machine_.phase() != Phase::starting && !try_start(attempt, deadline)) continue;
    const auto patience = deadline.at_most(accepted_but_at_rest);
    while (!patience.over() && machine_.phase() != Phase::started) {
      pulse(deadline);
      (void)api_.wait(machine_, "started", patience.at_most(start_slice));
      look(deadline);
      if (ended_since(before)) ended();
      if (machine_.phase() != Phase::started) api_.sleep(look_every, patience);
    }
  }
  survives(survive, deadline);
  start_open_ = false;
}

void Held::survives(Millis survive, const Deadline& deadline) {
  if (survive <= Millis(0)) return;
  api_.sleep(survive, deadline);
  look(deadline);
  if (!machine_.lives()) ended();
}

bool Held::ask_to_stop(Millis grace, bool kill, const Deadline& deadline) {
  Json body = {{"timeout", go_duration(grace)}};
  if (kill) body["signal"] = "SIGKILL";
  for (int attempt = 0;; ++attempt) {
    const auto answer = change("/stop", body, deadline);
    if (answer.ok()) return true;
    const auto wait = answer.retry_after.value_or(api_.pause(attempt));
    const bool again = answer.http == 0 || answer.doubtful() || answer.later() || answer.http == 409;
    if (again && attempt < most_stops && wait < deadline.left()) {
      api_.sleep(wait, deadline);
      continue;
    }
    api_.host().log(LogLevel::warning,
                    explain(answer, {"stop machine " + machine_.id, "", true}, api_.settings()).message);
    return false;
  }
}

void Held::suspend(const Deadline& deadline) {
  const auto answer = change("/suspend", nullptr, deadline);
  if (!answer.ok() && !answer.doubtful()) fail(answer, "suspend");
}

void Held::set_cordon(bool on, const Deadline& deadline) {
  const char* word = on ? "cordon" : "uncordon";
  for (int attempt = 0;; ++attempt) {
    const auto answer = change(std::string("/") + word, nullptr, deadline);
    if (answer.ok()) break;
    const auto wait = answer.retry_after.value_or(api_.pause(attempt));
    const bool again = answer.doubtful() || answer.http == 0 || answer.later();
    if (!again || wait >= deadline.left()) fail(answer, word);
    api_.sleep(wait, deadline);
  }
  machine_.cordoned = on;
}

bool Held::await(Phase phase, const std::string& state, const Deadline& deadline) {
  const auto there = [&] {
    if (phase == Phase::resting && machine_.phase() == Phase::gone) return true;
    // What is suspended is at rest, but its memory would go on.
    return machine_.phase() == phase && !(state == "stopped" && machine_.state == "suspended");
  };
  while (!there() && !deadline.over()) {
    pulse(deadline);
    (void)api_.wait(machine_, state, deadline);
    look(Deadline(std::max(deadline.left(), last_look)));  // that the wait took all the time is no failure to look
    if (!there()) api_.sleep(look_every, deadline);
  }
  return there();
}

}  // namespace flyio_plugin
