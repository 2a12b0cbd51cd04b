#include <algorithm>

#include "extras.hpp"
#include "plan.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis look_every{500};

bool checks_pass(const Machine& m) {
  return std::ranges::all_of(m.checks,
                             [](const Json& c) { return c.is_object() && c.value("status", "") == "passing"; });
}

bool is_warm(const Machine& m) { return m.state == "suspended" && m.passive() && m.phase() == Phase::resting; }

void stop_again(Held& held, const Deadline& deadline) {
  (void)held.ask_to_stop(Millis(1'000), true, deadline);
  (void)held.await(Phase::resting, "stopped", deadline);
}

void boot_and_suspend(Api& api, Held& held, const PrewarmRequest& request, const Deadline& deadline) {
  held.configure(standby_config(held.machine().config, request.service, request.target, api.settings()), deadline);
  held.start(api.settings().started_after, deadline);
  while (!checks_pass(held.machine()) && !deadline.over()) {
    api.sleep(look_every, deadline);
    held.look(deadline);
  }
  if (!checks_pass(held.machine()))
    throw Failure(Status::transient, "its checks do not pass while it waits: " + held.machine().describe());
  held.suspend(deadline);
  (void)held.await(Phase::resting, "suspended", deadline);
}

PrewarmReport suspend(Api& api, const std::string& holder, const std::string& id, const PrewarmRequest& request,
                      const Deadline& deadline) {
  Held held(api, id, holder, deadline);
  if (is_warm(held.machine())) return {true, "it is suspended and resumes: " + held.machine().describe()};
  if (!held.machine().config.is_object() || held.machine().may_run())
    return {false, "it cannot be prewarmed now: " + held.machine().describe()};
  if (const auto why = cannot_suspend(held.machine().config); !why.empty())
    return {false, "machine " + id + " cannot be suspended: " + why + "; it starts cold"};
  const auto room = deadline.earlier(std::min(Millis(5'000), deadline.left() / 4));
  try {
    boot_and_suspend(api, held, request, room);
  } catch (const Failure& failure) {
    if (failure.error().status != Status::cancelled) stop_again(held, deadline);
    throw;
  }
  if (is_warm(held.machine())) return {true, "it is suspended and resumes: " + held.machine().describe()};
  stop_again(held, deadline);
  return {false, "Fly did not suspend it; it starts cold: " + held.machine().describe()};
}

}  // namespace

PrewarmReport prewarm(Api& api, const std::string& holder, const PrewarmRequest& request, const Deadline& deadline) {
  auto all = api.machines(deadline);
  const bool runs = std::ranges::any_of(all, [](const Machine& m) { return m.may_run() && !m.passive(); });
  if (runs) return {true, "it runs already: " + describe(all)};
  const auto count = static_cast<std::size_t>(api.settings().count);
  while (all.size() < count) {
    (void)create_somewhere(api, {request.service, request.target}, all, deadline);
    all = api.machines(deadline);
  }
  PrewarmReport out{true, describe(all)};
  if (api.settings().prewarm != "suspend") return out;
  out.detail.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const auto one = suspend(api, holder, all[i].id, request, deadline);
    out.ready = out.ready && one.ready;
    out.detail += (out.detail.empty() ? "" : "; ") + one.detail;
  }
  return out;
}

}  // namespace flyio_plugin
