#include "activation.hpp"

#include <algorithm>

#include "plan.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis least_time{2'000}, kept_for_looking{4'000};

/// A site that has less cannot wait for anything; nothing is begun then.
Deadline working_time(const Deadline& whole) {
  if (whole.left() < least_time)
    throw Failure(Status::transient, "there is too little time to start a machine", "raise activate_timeout");
  return whole.left() > 3 * kept_for_looking ? whole.earlier(kept_for_looking) : whole;
}

}  // namespace

Activation::Activation(Api& api, std::string holder, const ActivateRequest& request, const Deadline& deadline)
    : api_(api),
      request_(request),
      whole_(deadline),
      deadline_(working_time(deadline)),
      group_(api, std::move(holder)) {}

void Activation::refuse_newer(const Machines& machines) const {
  const auto newest = newest_epoch(machines);
  if (newest && *newest > request_.epoch)
    throw Failure(Status::conflict, "epoch " + std::to_string(request_.epoch) + " is older than " +
                                        std::to_string(*newest) + ", which was started here: " + describe(machines));
}

bool Activation::done_before(const Machines& all) const {
  refuse_newer(all);
  int ours = 0;
  for (const auto& m : all) {
    if (!m.may_run() || m.passive()) continue;
    if (m.epoch() != request_.epoch)
      throw Failure(Status::conflict, "it runs already, with another epoch: " + m.describe(), "stop it first");
    if (m.phase() == Phase::unclear)
      throw Failure(Status::unknown, "it cannot be told whether it runs: " + m.describe(),
                    "wait for its host, or destroy it with `fly machine destroy --force " + m.id + "`");
    ours += m.phase() == Phase::started ? 1 : 0;
  }
  return ours >= api_.settings().count;
}

/// What is seen under all leases stays as it is until they are given back, but for what machines do by themselves.
void Activation::hold_all(const Machines& all) {
  group_.hold_all(all, deadline_);
  (void)done_before(group_.seen());
}

Observation Activation::run() {
  const auto all = api_.machines(deadline_);
  if (done_before(all)) return observation_of(all, api_.settings().count);
  try {
    hold_all(all);
    bring_up_enough();
    return observation_of(group_.seen(), api_.settings().count);
  } catch (const Failure& failure) {
    throw Failure(as_seen(failure.error()));
  }
}

void Activation::bring_up_enough() {
  use_what_exists(group_.seen());
  if (running_ < api_.settings().count) create_more();
  if (running_ >= api_.settings().count) return;
  throw Failure({Status::transient,
                 "Fly app " + api_.settings().app + ": there is no room anywhere: " + no_room_,
                 "name more `regions`, or a smaller `size`",
                 "capacity",
                 {}});
}

void Activation::use_what_exists(const Machines& all) {
  Machines usable;
  for (const auto& m : all) {
    if (m.phase() != Phase::unclear && m.config.is_object()) usable.push_back(m);
  }
  // What an earlier try has begun is completed first, then what is warm; the regions' order stays.
  std::ranges::stable_sort(usable, {}, [&](const Machine& m) {
    return m.may_run() && !m.passive() ? 0 : m.passive() ? 1 : 2;
  });
  for (const auto& m : usable) {
    if (running_ >= api_.settings().count) return;
    try {
      if (auto* held = group_.find(m.id)) bring_up(*held);
    } catch (const NoRoom& none) {
      no_room(none.what());
    }
  }
}

void Activation::create_more() {
  for (const auto& region : regions_to_try(api_.settings())) {
    try {
      while (running_ < api_.settings().count) create_in(region);
    } catch (const NoRoom& none) {
      no_room(none.what());
    }
  }
}

void Activation::create_in(const std::string& region) {
  const Site site{request_.service, request_.target};
  const auto id = create_machine(api_, site, api_.machines(deadline_), region, deadline_);
  hold_all(api_.machines(deadline_));  // another controller may have created one elsewhere meanwhile
  auto* held = group_.find(id);
  if (held == nullptr)
    throw Failure(Status::transient, "Fly app " + api_.settings().app + ": machine " + id +
                                         " was created and is out of sight or destroyed again");
  bring_up(*held);
}

void Activation::no_room(const std::string& why) {
  // A start that was sent and may still happen: a second machine beside it would be one too many.
  if (start_is_open_) throw Failure(Status::unknown, why);
  api_.host().log(LogLevel::warning, why);
  no_room_ += (no_room_.empty() ? "" : "; ") + why;
}

void Activation::bring_up(Held& held) {
  held.look(deadline_);
  const auto& m = held.machine();
  if (m.phase() == Phase::gone) return;
  refuse_newer({m});
  if (m.may_run() && !m.passive() && m.epoch() != request_.epoch)
    throw Failure(Status::conflict, "it runs already, with another epoch: " + m.describe(), "stop it first");
  try {
    prepare(held);
    started_something_ = true;
    held.start(api_.settings().started_after, deadline_);
    start_is_open_ = false;
  } catch (const Failure&) {
    start_is_open_ = held.start_is_open();
    throw;
  }
  ++running_;
  if (held.machine().cordoned) held.set_cordon(false, deadline_);
}

/// The epoch travels before the start: with it, or with nothing, the machine runs.
void Activation::prepare(Held& held) {
  const auto& m = held.machine();
  const bool warm = m.passive() && (m.state == "suspended" || m.phase() == Phase::started);
  if (warm) {
    started_something_ = started_something_ || m.phase() == Phase::started;
    return held.note(activation_metadata(request_), deadline_);
  }
  if (m.may_run() && !m.passive()) return;
  held.configure(active_config(m.config, request_, api_.settings()), deadline_);
}

/// Any status but `unknown` promises that nothing runs: so that is looked at.
Error Activation::as_seen(Error error) {
  if (!started_something_ && !start_is_open_) {
    if (error.status == Status::unknown) error.status = Status::transient;
    return error;
  }
  try {
    const auto all = api_.machines(whole_.at_most(kept_for_looking));
    const bool runs = std::ranges::any_of(all, [](const Machine& m) { return m.may_run() && !m.passive(); });
    if (!runs && !start_is_open_) {
      if (error.status == Status::unknown) error.status = Status::transient;
      return error;
    }
  } catch (const Failure&) {  // NOLINT(bugprone-empty-catch): not seen, so not known
  }
  error.status = Status::unknown;
  return error;
}

}  // namespace flyio_plugin
