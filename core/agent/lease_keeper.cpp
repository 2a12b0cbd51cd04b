#include "core/agent/lease_keeper.hpp"

#include <nlohmann/json.hpp>

#include "core/agent/lease_end.hpp"
#include "core/agent/watchdog.hpp"
#include "core/lease/terms.hpp"

namespace understudy::agent {
namespace {

using State = LeaseFacts::State;

}  // namespace

LeaseKeeper::LeaseKeeper(Parts parts, const config::AgentLease& terms, const ServiceId& service, std::string key)
    : parts_(std::move(parts)),
      terms_(terms),
      url_(terms.url + "/v1/services/" + service.value + "/lease"),
      key_(std::move(key)),
      guard_(terms.renew_every, terms.op_timeout),
      timer_(parts_.loop) {}

LeaseKeeper::~LeaseKeeper() { give_up_request(); }

void LeaseKeeper::want(Epoch epoch) {
  if (wanted_ != epoch) facts_.state = State::asking;
  facts_.held_over = false;
  wanted_ = epoch;
  give_up_request();
  if (parts_.watchdog != nullptr) parts_.watchdog->guard_until(std::nullopt, false);
  guard_.want(epoch, host::boot_now());
  arm();
}

void LeaseKeeper::forget() {
  facts_.state = State::off;
  facts_.held_over = false;
  facts_.failure.clear();
  wanted_.reset();
  give_up_request();
  guard_.forget();
  timer_.cancel();
  if (parts_.watchdog != nullptr) parts_.watchdog->guard_until(std::nullopt, false);
}

bool LeaseKeeper::may_run(Epoch epoch) const {
  return wanted_ == epoch && (guard_.holds(host::boot_now()) || facts_.held_over);
}

Time LeaseKeeper::seen_to(Time killed) const { return killed + slack_of(terms_.kill_time); }

LeaseFacts LeaseKeeper::facts() const {
  LeaseFacts out = facts_;
  const Time now = host::boot_now();
  if (out.state == State::held && !guard_.holds(now)) out.state = State::lost;
  if (guard_.holds(now)) out.left = std::chrono::duration_cast<Millis>(*guard_.deadline() - now);
  return out;
}

std::string LeaseKeeper::explain() const {
  if (facts_.state == State::refused) return "lease refused: " + facts_.refusal;
  const std::string why = facts_.failure.empty() ? "" : ": " + facts_.failure;
  return (facts_.state == State::lost ? "the lease has run out, and is asked for again" : "waits for its lease") + why;
}

void LeaseKeeper::arm() {
  if (const auto next = guard_.next()) {
    timer_.wait_until(*next, [this] { wake(); });
  } else {
    timer_.cancel();
  }
}

void LeaseKeeper::wake() {
  const Time now = host::boot_now();
  if (guard_.deadline() && !guard_.holds(now)) return ran_out(now);
  if (guard_.due(now)) return ask();
  arm();
}

void LeaseKeeper::ask() {
  if (asked_ != 0) {
    const auto given_up = asked_;
    give_up_request();
    failed(given_up, no_answer_in_time, 0);
  }
  nlohmann::json body = {{"target", terms_.target.value},
                         {"epoch", wanted_->value},
                         {"kill_time_ms", terms_.kill_time.count()},
                         {"holds_over", terms_.hold},
                         {"instance", parts_.instance}};
  host::ServiceCall call;
  call.caller = &caller_;
  call.method = "http.request/1";
  call.budget = terms_.op_timeout;
  call.params = {{"url", url_},
                 {"method", "POST"},
                 {"headers", {{"X-API-Key", key_}, {"Content-Type", "application/json"}}},
                 {"body", body.dump()},
                 {"timeout_ms", terms_.op_timeout.count()},
                 {"max_body", 65536}};
  if (!terms_.ca_file.empty()) call.params["ca_file"] = terms_.ca_file.string();
  const auto renewal = guard_.sent(host::boot_now());  // the lease counts from here: the request has not left yet
  asked_ = renewal;
  call.done = [this, renewal, epoch = *wanted_, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired() || asked_ != renewal) return;
    asked_ = 0;
    ticket_ = 0;
    answered(renewal, read_lease_answer(result, epoch));
  };
  const auto ticket = parts_.services.start(std::move(call));
  if (asked_ == renewal) ticket_ = ticket;
  arm();
}

void LeaseKeeper::answered(std::uint64_t renewal, const LeaseAnswer& answer) {
  switch (answer.kind) {
    case LeaseAnswer::Kind::granted: return granted(renewal, answer);
    case LeaseAnswer::Kind::refused: return refused(renewal, answer);
    case LeaseAnswer::Kind::failed: failed(renewal, answer.why, answer.http);
  }
  arm();
}

void LeaseKeeper::granted(std::uint64_t renewal, const LeaseAnswer& answer) {
  if (!guard_.granted(renewal, answer.ttl, host::boot_now())) {
    failed(renewal, "the lease was over before its answer came", 0);
    return arm();
  }
  const bool held = facts_.state == State::held;
  ++facts_.granted;
  facts_.state = State::held;
  facts_.held_over = false;
  facts_.failure.clear();
  facts_.refusal.clear();
  held_until_ = *guard_.deadline();
  if (parts_.watchdog != nullptr && !terms_.hold)
    parts_.watchdog->guard_until(seen_to(killed_at(held_until_, terms_.kill_time)), true);
  arm();
  if (!held) told_held(answer.ttl);
  events_.held();  // each time: the workload may have missed the deadline that this one has moved
}

void LeaseKeeper::told_held(Millis ttl) {
  parts_.log.write(host::Level::info, "agent", "the lease is held",
                   {{"epoch", std::to_string(wanted_->value)}, {"ttl_ms", std::to_string(ttl.count())}});
  const auto problem = lease::problem_of({ttl, terms_.renew_every, terms_.op_timeout, terms_.kill_time, 0, Millis(0)});
  if (problem && !std::exchange(told_terms_, true))
    parts_.log.write(host::Level::warning, "agent", "[agent.lease] and the orchestrator's lease: " + *problem);
}

void LeaseKeeper::refused(std::uint64_t renewal, const LeaseAnswer& answer) {
  const Time now = host::boot_now();
  const bool ran = facts_.state == State::held || facts_.held_over;
  if (!guard_.refused(renewal, now)) return arm();
  ++facts_.refused;
  facts_.failure.clear();
  if (!ran && facts_.refusal != answer.why)
    parts_.log.write(host::Level::error, "agent", "the lease is refused: " + answer.why);
  facts_.refusal = answer.why;
  if (!ran) {
    facts_.state = State::refused;
    return arm();
  }
  const auto held_until = facts_.held_over ? std::nullopt : std::optional(held_until_);
  lose(State::refused,
       {"lease refused: " + answer.why, end_of_refused(now, held_until, answer.may_be_over, terms_.kill_time)});
}

void LeaseKeeper::failed(std::uint64_t renewal, const std::string& why, std::int64_t http) {
  guard_.failed(renewal, host::boot_now());
  ++facts_.failed;
  if (facts_.failure.empty() || http != failed_http_)
    parts_.log.write(host::Level::warning, "agent", "the lease is not renewed: " + why, {{"url", url_}});
  failed_http_ = http;
  facts_.failure = why;
}

void LeaseKeeper::ran_out(Time now) {
  if (terms_.hold) {
    parts_.log.write(host::Level::error, "agent",
                     "the lease has run out: the workload keeps running, as store_outage = \"hold\" says");
    facts_.state = State::lost;
    facts_.held_over = true;
    give_up_request();
    guard_.want(*wanted_, now);
    return arm();
  }
  const Time killed = killed_at(held_until_, terms_.kill_time);
  lose(State::lost,
       {"the lease has run out: " + (facts_.failure.empty() ? "it was not renewed in time" : facts_.failure),
        {killed, killed}});
}

void LeaseKeeper::lose(State state, const Loss& loss) {
  facts_.state = state;
  facts_.held_over = false;
  give_up_request();
  guard_.forget();
  timer_.cancel();
  // Told before the workload is: from here on we start nothing, so the watchdog need not kill us too.
  if (parts_.watchdog != nullptr) parts_.watchdog->guard_until(seen_to(loss.end.latest), false);
  const Time killed = events_.lost(loss);
  parts_.log.write(host::Level::error, "agent", loss.why);
  if (parts_.watchdog != nullptr && !guard_.wanted()) parts_.watchdog->guard_until(seen_to(killed), false);
}

void LeaseKeeper::give_up_request() {
  asked_ = 0;
  if (const auto ticket = std::exchange(ticket_, 0); ticket != 0) parts_.services.cancel(ticket);
}

}  // namespace understudy::agent
