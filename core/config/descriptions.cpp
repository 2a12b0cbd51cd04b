// What each key means, for editors: the sentences of docs/configuration.md. A test finds the key that has none.
#include <algorithm>
#include <array>
#include <utility>

#include "core/config/schema.hpp"

namespace understudy::config {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

constexpr Entry whole[] = {
    {"orchestrator.name", "shown in alerts and to whoever finds the lock taken"},
    {"orchestrator.data_dir", "journal, socket, token, working files"},
    {"orchestrator.listen", "loopback address for the API, besides the unix socket"},
    {"orchestrator.mode", "\"observe\": decide and tell, touch nothing"},
    {"orchestrator.plugin_path", "folders with plugins, besides the bundled ones"},
    {"orchestrator.log.level", "what is logged at least"},
    {"orchestrator.log.format", "text for people, json for collectors"},
    {"orchestrator.lease_listen", "where agents of other hosts renew their leases, and nothing else is served"},
    {"service.NAME.primary", "the target that runs it when all is well"},
    {"service.NAME.downtime_cost_per_hour", "what an hour of silence costs, USD"},
    {"service.NAME.expected_outage", "until history tells"},
    {"service.NAME.objective", "what the choice of a standby minimises"},
    {"service.NAME.regions", "allowed ones; empty: all"},
    {"service.NAME.observe_every", "how often targets that do not run it are looked at"},
    {"service.NAME.budget.per_month", "no standby that would cost more, USD"},
    {"service.NAME.budget.per_activation", "no standby whose activation costs more, USD"},
    {"service.NAME.state.paths", "the folders or files that are the state, at the primary"},
    {"service.NAME.state.every", "how often it is saved"},
    {"service.NAME.state.max_age", "a snapshot older than this needs a person's consent"},
    {"service.NAME.state.keep.days", "younger snapshots are kept"},
    {"service.NAME.state.keep.at_least", "so many are kept whatever their age"},
    {"service.NAME.state.save_on_failover", "try to save what the stopped target left"},
    {"service.NAME.state.save_timeout", "of that"},
    {"service.NAME.failback.policy", "go home by itself, or when a person says so"},
    {"service.NAME.failback.stable_for", "home must be well for so long; doubled after each failback that failed"},
    {"service.NAME.failback.freeze",
     "no way home by itself in these, local: \"fri 16:00 - mon 08:00\", \"22:00-06:00\""},
    {"service.NAME.drill.every", "drill each standby so often by itself; default: only when a person asks"},
    {"service.NAME.drill.mode", "of those: a copy beside the service, or a switchover there and back"},
    {"service.NAME.drill.window", "they begin only in these, local: \"mon-fri 10:00-16:00\""},
    {"service.NAME.drill.targets", "of the schedule; default: every standby that can"},
    {"service.NAME.drill.warn_after", "status warns of a standby not proven for so long; \"0s\": never"},
    {"service.NAME.drill.stay", "a switchover drill stays there so long"},
    {"service.NAME.limits.max_failovers", "more than these in the window: hold"},
    {"service.NAME.limits.window", "of max_failovers"},
    {"service.NAME.limits.breaker_failures", "failed starts in a row that rest a target"},
    {"service.NAME.limits.breaker_open", "how long it rests"},
    {"service.NAME.limits.retry_initial", "before a failed step is tried again; doubling, jittered"},
    {"service.NAME.limits.retry_max", "the longest of those waits"},
    {"service.NAME.limits.fence_timeout", "not confirmed stopped so long: hold; attempts go on"},
    {"service.NAME.limits.plan_timeout", "for prices and observations of a plan"},
    {"service.NAME.limits.remind_every", "a blocked service alerts again this often"},
    {"service.NAME.on_unfenceable", "a target that offers neither a stop nor a lease: hold for a person, or promote"},
    {"service.NAME.lease.ttl", "how long a renewal holds; an unreachable site delays a failover by a little more"},
    {"service.NAME.lease.renew_every", "between two renewals of an agent"},
    {"service.NAME.lease.op_timeout", "for one renewal"},
    {"service.NAME.lease.kill_time", "an agent needs at most so long to end its workload"},
    {"service.NAME.lease.clock_error", "of the rate of any clock, 0.01 is 1 %"},
    {"service.NAME.lease.margin", "added to the wait for a lease's end"},
    {"service.NAME.lease.key", "what agents show when they renew"},
    {"service.NAME.target.NAME.lease", "an agent there renews, and ends the workload when it cannot"},
    {"service.NAME.target.NAME.paths", "where it keeps the state, one for each of state.paths"},
    {"service.NAME.target.NAME.region", "for `regions` of the service"},
    {"service.NAME.target.NAME.failure_domain", "targets that share a domain with what failed are left out"},
    {"service.NAME.target.NAME.price.standby_per_hour", "while it waits, USD"},
    {"service.NAME.target.NAME.price.active_per_hour", "while it serves, USD"},
    {"service.NAME.target.NAME.price.activation", "each time, USD"},
    {"service.NAME.target.NAME.price.transfer_per_gb", "for bringing the state in, USD"},
    {"service.NAME.target.NAME.price.min_billing", "the shortest run that is billed"},
    {"service.NAME.target.NAME.declared.ready_in", "from the start until it serves, until its own activations tell"},
    {"service.NAME.target.NAME.declared.success", "how often a start succeeds, until its own activations tell"},
    {"service.NAME.target.NAME.order", "for objective = \"ordered\"; default: the place in the file"},
    {"service.NAME.target.NAME.activate_timeout", "for a start to be verified"},
    {"service.NAME.target.NAME.deactivate_timeout", "for one attempt to stop"},
    {"service.NAME.target.NAME.stop_grace", "between asking the workload to end and killing it"},
    {"rehearse.outages_per_year", "of each target"},
    {"rehearse.outage", "their mean length; default: the service's expected_outage"},
    {"rehearse.unreachable", "share of outages in which neither the place nor its provider answers"},
    {"rehearse.regional", "share of outages that take the whole failure domain"},
    {"rehearse.probe_loss", "chance that a round of checks fails though all is well"},
    {"rehearse.activation_spread", "of the logarithm of how long an activation takes; 0: always the same"},
    {"rehearse.our_network_outages_per_year", "the orchestrator's own"},
    {"rehearse.our_network_outage", "their mean length"},
    {"rehearse.control_plane_outages_per_year", "of each target: it goes on, but cannot be started or stopped"},
    {"rehearse.control_plane_outage", "their mean length"},
    {"rehearse.state_survives", "chance that what a target that is down left can still be saved"},
    {"rehearse.state_gb", "size of the state, 10^9 bytes"},
    {"rehearse.state_takes", "saving the state, or bringing it"},
    {"rehearse.stop_takes", "stopping a target whose provider answers"},
    {"rehearse.person", "until a person comes to what needs one"},
    {"service.NAME.target.NAME.rehearse.outages_per_year", "of this target"},
    {"service.NAME.target.NAME.rehearse.outage", "mean length of its outages"},
    {"service.NAME.target.NAME.rehearse.unreachable", "share of its outages in which its provider does not answer"},
    {"service.NAME.target.NAME.rehearse.activation_fails", "how often a start fails; default: 1 - declared.success"},
    {"service.NAME.target.NAME.rehearse.warm_ready_in", "were it kept warm; default: a quarter of ready_in"},
    {"service.NAME.target.NAME.rehearse.warm_per_hour", "price of keeping it warm; default: that of running"},
    {"route.match.severity", "\"warning\", or \">=warning\" for that and worse"},
    {"route.match.service", "names of services"},
    {"route.match.target", "names of targets"},
    {"route.match.kind", "kinds of alerts; \"failover.*\" matches what begins so"},
    {"route.match.time", "of the day, local: \"22:00-06:00\""},
    {"route.match.days", "\"mon\", \"sat\" or \"mon-fri\""},
    {"route.group_wait", "what follows of the same incident in this time joins the message"},
    {"route.repeat", "what fires is said again so often, until it is acknowledged or ends"},
    {"route.escalate_after", "not acknowledged so long: escalate_to is told too"},
    {"route.escalate_to", "notifiers of last resort"},
    {"orchestrator.heartbeat", "an alert \"heartbeat\" so often, so that silence means trouble"},
    {"route.to", "the notifiers that get it"},
    {"route.throttle", "one delivery for one alert in this time; a resolve is never held back"},
    {"route.continue", "go on to the next route"}};

/// The same key in several places.
constexpr Entry endings[] = {
    {".detect.interval", "between checks"},
    {".detect.fast_interval", "once a check has failed, and while a start is verified"},
    {".detect.timeout", "of one check"},
    {".detect.fall", "failures in a row: down"},
    {".detect.rise", "passes in a row: up again"},
    {".detect.k", "for combine = \"k_of_n\""},
    {".detect.start_grace", "after a start failures do not count until the first pass, at most so long"},
    {".detect.jitter", "of the interval, each way"},
    {".detect.flap_window", "of flap_max"},
    {".detect.flap_max", "more changes than these in the window: flapping, and rise counts four times"},
    {".detect.degraded_is_up", "a degraded answer counts as a pass; false: as a failure"},
    {".detect.combine", "chain: the first check with a verdict decides"},
    {".plugin", "`understudy plugin list`"},
    {".isolation", "loop, thread or process; bundled ones run on the loop, others in a process"},
    {".grants", "\"operator\": the plugin may ask for what people may ask for; bundled ones may"},
    {".pass_env", "variables that an isolated plugin gets besides PATH, HOME, LANG, LC_ALL, TZ, TMPDIR"}};

}  // namespace

std::string_view describe_key(std::string_view key) noexcept {
  for (const auto& [name, text] : whole) {
    if (name == key) return text;
  }
  for (const auto& [ending, text] : endings) {
    if (key.ends_with(ending)) return text;
  }
  return {};
}

}  // namespace understudy::config
