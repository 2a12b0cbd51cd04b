#include "containers.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace compose_plugin {
namespace {

using namespace understudy::sdk;

std::string text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// "db:service_started:false,cache:service_healthy:true" (compose v2; v1 writes no such label).
std::vector<std::string> dependencies(const std::string& label) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < label.size();) {
    const auto end = std::min(label.find(',', at), label.size());
    const std::string one = label.substr(at, end - at);
    out.push_back(one.substr(0, one.find(':')));
    at = end + 1;
  }
  return out;
}

std::optional<std::uint64_t> number(const std::string& digits) {
  std::uint64_t out = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, out);
  return error == std::errc() && stop == end && !digits.empty() ? std::optional(out) : std::nullopt;
}

CheckResult verdict(CheckResult::Outcome outcome, std::string cause) {
  CheckResult out;
  out.outcome = outcome;
  out.cause = std::move(cause);
  return out;
}

}  // namespace

Container Container::from_inspect(const Json& in) {
  Container out;
  const auto& state = in.at("State");
  const auto& labels = in.at("Config").at("Labels");
  out.id = in.at("Id").get<std::string>();
  out.name = in.value("Name", "");
  if (out.name.rfind('/', 0) == 0) out.name.erase(0, 1);
  out.status = state.at("Status").get<std::string>();
  out.exit_code = state.value("ExitCode", std::int64_t{0});
  out.restarts = in.value("RestartCount", std::int64_t{0});
  if (const auto health = state.find("Health"); health != state.end() && health->is_object()) {
    out.health = text(*health, "Status");
    if (out.health == "none") out.health.clear();
  }
  if (in.contains("HostConfig") && in["HostConfig"].contains("RestartPolicy")) {
    out.restart_policy = text(in["HostConfig"]["RestartPolicy"], "Name");
  }
  out.service = text(labels, label_service);
  out.depends_on = dependencies(text(labels, "com.docker.compose.depends_on"));
  out.epoch = number(text(labels, label_epoch));
  out.drill = text(labels, label_drill);
  return out;
}

Containers living(const Containers& all) {
  Containers out;
  std::ranges::copy_if(all, std::back_inserter(out), &Container::lives);
  return out;
}

std::optional<std::uint64_t> newest_epoch(const Containers& containers) {
  std::optional<std::uint64_t> out;
  for (const auto& c : containers) {
    if (c.epoch) out = std::max(out.value_or(0), *c.epoch);
  }
  return out;
}

std::string describe(const Containers& containers) {
  std::string out;
  for (const auto& c : containers) {
    out += (out.empty() ? "" : ", ") + (c.service.empty() ? c.name : c.service) + " " + c.status;
    if (!c.health.empty() && c.lives()) out += " (" + c.health + ")";
    if (c.status == "exited" || c.status == "restarting") out += " (" + std::to_string(c.exit_code) + ")";
  }
  return out;
}

Observation observation_of(const Containers& all) {
  const Containers alive = living(all);
  Observation out;
  if (!alive.empty()) {
    out.state = Observation::State::active;
    out.epoch = newest_epoch(alive);
    out.detail = describe(alive);
    return out;
  }
  const bool leaving = std::ranges::any_of(all, [](const Container& c) { return c.status == "removing"; });
  out.state = leaving ? Observation::State::stopping : Observation::State::stopped;
  out.detail = all.empty() ? "no containers" : describe(all);
  return out;
}

Containers first_to_stop(const Containers& running) {
  Containers out;
  for (const auto& c : running) {
    const bool needed = std::ranges::any_of(running, [&](const Container& other) {
      return other.id != c.id && std::ranges::find(other.depends_on, c.service) != other.depends_on.end();
    });
    if (!needed) out.push_back(c);
  }
  return out.empty() ? running : out;
}

CheckResult health_of(const Containers& all, const Project& project, bool weak) {
  using Outcome = CheckResult::Outcome;
  std::set<std::string> wanted(project.services.begin(), project.services.end());
  if (wanted.empty()) {
    for (const auto& c : all) wanted.insert(c.service);
  }
  if (wanted.empty()) return verdict(Outcome::fail, "project " + project.name + " has no containers");
  bool starting = false, bare = false, any = false;
  for (const auto& service : wanted) {
    Containers own;
    std::ranges::copy_if(all, std::back_inserter(own), [&](const Container& c) { return c.service == service; });
    const auto up =
        std::ranges::find_if(own, [](const Container& c) { return c.status == "running" && c.health != "unhealthy"; });
    if (up != own.end()) {
      any = true;
      starting = starting || up->health == "starting";
      bare = bare || up->health.empty();
      continue;
    }
    // What ran to its end, such as a migration, is no failure unless it was asked for by name.
    const bool finished = !own.empty() && std::ranges::all_of(own, &Container::done);
    if (finished && project.services.empty()) continue;
    return verdict(Outcome::fail, own.empty() ? service + " has no container" : describe(own));
  }
  if (!any) return verdict(Outcome::fail, "nothing runs: " + describe(all));
  if (starting) return verdict(Outcome::degraded, describe(living(all)));
  return verdict(bare && weak ? Outcome::degraded : Outcome::pass, describe(living(all)));
}

}  // namespace compose_plugin
