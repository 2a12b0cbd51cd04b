#include "stopping.hpp"

#include <algorithm>

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis kept_for_looking{3'000}, after_grace{3'000}, after_kill{1'000};
constexpr Millis most_for_a_lease{10'000};

/// Its memory would go on where it was when it is resumed.
bool sleeps_with_work(const Machine& m) { return m.state == "suspended" && !m.passive(); }

bool needs_a_stop(const Machine& m) { return m.lives() || sleeps_with_work(m) || m.may_start_again(); }

}  // namespace

Stopping::Stopping(Api& api, std::string holder, const DeactivateRequest& request, const Deadline& deadline)
    : api_(api), holder_(std::move(holder)), request_(request), deadline_(deadline) {}

void Stopping::refuse_newer(const Machines& machines) const {
  for (const auto& m : machines) {
    if (m.lives() && !m.passive() && m.epoch() && *m.epoch() > request_.epoch)
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*m.epoch()) + ") runs here: " + m.describe());
  }
}

void Stopping::complain(const std::string& what) { complaints_ += "; " + what; }

StopReport Stopping::run() {
  try {
    return stop_all();
  } catch (const Failure& failure) {
    auto error = failure.error();
    if (asked_) error.status = Status::unknown;
    throw Failure(error);
  }
}

StopReport Stopping::stop_all() {
  const auto all = api_.machines(deadline_);
  refuse_newer(all);
  bool ran = false;
  for (const auto& m : all) {
    ran = ran || m.lives();
    if (needs_a_stop(m) || m.proxy_wakes()) ask(m);
  }
  for (const auto& held : held_) wait_for(*held);
  look_for_starters(all);
  held_.clear();  // the leases go back before the last look
  return report(ran);
}

void Stopping::look_for_starters(const Machines& all) {
  for (const auto& m : all) {
    const bool ours = std::ranges::any_of(held_, [&](const auto& held) { return held->machine().id == m.id; });
    if (ours || m.phase() != Phase::resting) continue;
    const auto lessee = lessee_of(api_, m.id, holder_, deadline_);
    if (!lessee.starter.empty()) {
      may_start("machine " + m.id + " is at rest, but " + lessee.starter + " holds its lease and may be starting it");
    } else if (!lessee.stopping && m.epoch() == request_.epoch) {
      refuse_late_start(m);
    }
  }
}

void Stopping::may_start(const std::string& what) { starters_ += (starters_.empty() ? "" : "; ") + what; }

void Stopping::refuse_late_start(const Machine& machine) {
  try {
    Held held(api_, machine.id, as_stopper(holder_), deadline_.at_most(most_for_a_lease), Lease::Nonce::fresh);
    held.leave_locked();
    forget_rollback(held);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::cancelled) throw;
    may_start("machine " + machine.id + " is at rest, but a late start cannot be kept out: " + failure.error().message);
  }
}

/// A repeated rollback must not start what is stopped here.
void Stopping::forget_rollback(Held& held) {
  if (held.machine().phase() == Phase::gone || held.machine().meta(meta_rollback_ran).empty()) return;
  asked_ = true;
  try {
    held.note({{meta_rollback_ran, ""}}, deadline_);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::cancelled) throw;
    may_start("a repeated rollback may start machine " + held.machine().id + ": " + failure.error().message);
  }
}

/// All are asked before any is waited for.
void Stopping::ask(const Machine& machine) {
  try {
    auto held = std::make_unique<Held>(api_, machine.id, as_stopper(holder_), deadline_.at_most(most_for_a_lease),
                                       Lease::Nonce::fresh);
    refuse_newer({held->machine()});
    if (held->machine().epoch() == request_.epoch) held->leave_locked();
    // First of all nothing may wake it again; the proxy starts no machine that is cordoned.
    if (held->machine().proxy_wakes()) {
      asked_ = true;
      try {
        held->set_cordon(true, deadline_.at_most(after_grace));
      } catch (const Failure& failure) {
        complain(failure.error().message);
      }
    }
    if (needs_a_stop(held->machine())) {
      asked_ = true;
      (void)held->ask_to_stop(std::min(request_.grace, deadline_.left()), false, deadline_);
    }
    held_.push_back(std::move(held));
  } catch (const Failure& failure) {
    if (failure.error().status == Status::cancelled) throw;
    if (failure.error().status == Status::conflict && failure.error().kind.empty()) throw;  // a newer epoch
    complain(failure.error().message);
  }
}

void Stopping::wait_for(Held& held) {
  try {
    const auto room = deadline_.earlier(kept_for_looking);
    if (!held.await(Phase::resting, "stopped", room.at_most(request_.grace + after_grace))) {
      (void)held.ask_to_stop(after_kill, true, room);
      (void)held.await(Phase::resting, "stopped", room);
    }
    forget_rollback(held);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::cancelled) throw;
    complain(failure.error().message);
  }
}

StopReport Stopping::report(bool ran) {
  const auto all = api_.machines(deadline_);
  const auto left = living(all);
  if (!left.empty()) {
    return {false, "Fly still shows " + describe(left) + complaints_ +
                       (ran ? ". Fly calls a machine stuck after 5 minutes; then `fly machine destroy --force`" : "")};
  }
  std::string wakes;
  for (const auto& m : all) {
    if (sleeps_with_work(m)) wakes += "; it would go on with its work when it is resumed: " + m.describe();
    if (m.proxy_wakes()) wakes += "; a request to its service would start it (it is not cordoned): " + m.describe();
  }
  if (!wakes.empty()) return {false, wakes.substr(2) + complaints_};
  if (!starters_.empty()) return {false, starters_ + complaints_};
  StopReport out{true, ran ? "Fly shows every machine at rest: " + describe(all) : "nothing ran: " + describe(all)};
  for (const auto& m : all) {
    for (const auto& waker : m.wakers()) out.detail += "; beware, machine " + m.id + ": " + waker;
  }
  out.detail += complaints_;
  return out;
}

}  // namespace flyio_plugin
