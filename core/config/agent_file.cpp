#include "core/config/agent_file.hpp"

#include <algorithm>

#include "core/config/reader.hpp"
#include "core/config/spans.hpp"
#include "core/config/units.hpp"

namespace understudy::config {
namespace {

/// Containers are told by PORT where to listen.
std::string usual_listen(const Environment& environment) {
  const auto port = environment.variable ? environment.variable("PORT") : std::nullopt;
  return port ? "0.0.0.0:" + *port : "127.0.0.1:8760";
}

void read_restart(Section& s, Agent& out) {
  std::vector<std::string> texts;
  s.read("restart", texts);
  if (!s.has("restart")) return;
  out.restart.clear();
  for (const auto& text : texts) {
    const auto delay = parse_duration(text);
    if (!delay) {
      s.wrong("restart", "E0106", "\"" + text + "\" is no duration", "write it as \"5s\"");
      continue;
    }
    out.restart.push_back(*delay);
  }
}

/// A provider that asks for an end after inactivity says so in the environment.
void read_done(Section& s, Agent& out) {
  const auto& variable = s.reading().environment.variable;
  const auto idle = variable ? variable("UNDERSTUDY_IDLE_STOP_S").value_or("0") : "0";
  out.leave_when_done = !idle.empty() && idle != "0";
  if (const auto what = s.choice("when_done", {"restart", "leave"})) out.leave_when_done = *what == 1;
}

void read_health(Section& s, Agent& out) {
  s.read("health_interval", out.health_interval, Millis(100), day);
  s.read("start_grace", out.start_grace, Millis(0), day);
  out.health = read_uses(s, "health", "health");
}

void read_log(Section& s, Agent& out) {
  const auto* table = s.table("log");
  if (table == nullptr) return;
  Section l(s.reading(), *table, "agent.log");
  static const std::vector<std::string> levels{"debug", "info", "warning", "error"}, formats{"text", "json"};
  if (const auto i = l.choice("level", levels)) out.log_level = levels[*i];
  if (const auto i = l.choice("format", formats)) out.log_format = formats[*i];
  l.finish();
}

void read_stored(Section& s, Agent& out, const std::filesystem::path& file) {
  const auto* table = s.table("state");
  s.read("store_setting", out.store_setting);
  if (table == nullptr) return;
  Section state(s.reading(), *table, "agent.state");
  out.state = read_state(state, true);
  const auto& settings = out.state->store.settings;
  if (!out.store_setting.empty() && !(settings.contains(out.store_setting) && settings[out.store_setting].is_string()))
    s.wrong("store_setting", "E0104",
            "the state store has no text setting \"" + out.store_setting + "\" in " + file.string(),
            "name the one that says where the snapshots are, and give it a value");
}

std::string read_url(Section& s) {
  std::string url;
  s.read("url", url);
  if (url.empty()) {
    s.missing("url", "the orchestrator's lease_listen: \"http://10.0.0.1:8751\"");
  } else if (!url.starts_with("http://") && !url.starts_with("https://")) {
    s.wrong("url", "E0104", "url = \"" + url + "\" does not begin with http:// or https://");
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

void read_lease(Section& s, Agent& out) {
  const auto* table = s.table("lease");
  if (table == nullptr) return;
  Section l(s.reading(), *table, "agent.lease");
  auto& lease = out.lease.emplace();
  lease.url = read_url(l);
  if (const auto key = read_secret_ref(l, "key")) {
    lease.key = *key;
  } else if (!l.has("key")) {
    l.missing(
        "key",
        "what the orchestrator's file has as the service's lease key: { env = \"NAME\" } or { file = \"/path\" }");
  }
  l.read("target", lease.target.value);
  if (lease.target.empty()) l.missing("target", "the name of this place, as the orchestrator's file has it");
  if (const auto i = l.choice("store_outage", {"stop", "hold"})) lease.hold = *i == 1;
  l.read("renew_every", lease.renew_every, Millis(50), day);
  l.read("op_timeout", lease.op_timeout, Millis(50), day);
  l.read("kill_time", lease.kill_time, Millis(500), lease::longest_kill_time);
  l.read("watchdog", lease.watchdog);
  l.read_path("ca_file", lease.ca_file);
  l.finish();
}

Agent read_agent(Reading& reading, Section& root, const std::vector<std::filesystem::path>& files,
                 const MakeAgentSchemas& make_schemas) {
  Agent out;
  const auto* table = root.table("agent");
  if (table == nullptr) {
    root.missing("agent", "the table [agent]");
    return out;
  }
  Section s(reading, *table, "agent");
  s.read("service", out.service.value);
  if (out.service.empty()) s.missing("service", "the name of the service, as the orchestrator has it");
  out.listen = usual_listen(reading.environment);
  s.read("listen", out.listen);
  out.data_dir = (std::filesystem::absolute(files.front()).parent_path() / "var").lexically_normal();
  s.read_path("data_dir", out.data_dir);
  s.read_paths("plugin_path", out.plugin_path);
  reading.schemas = &make_schemas(out.plugin_path);
  read_secret_sources(root);
  if (const auto key = read_secret_ref(s, "api_key")) {
    out.api_key = *key;
  } else if (!s.has("api_key")) {
    s.missing("api_key", "who shows it may start and stop the workload: { env = \"NAME\" } or { file = \"/path\" }");
  }
  s.read("stop_grace", out.stop_grace, Millis(0), day);
  s.read("stable_after", out.stable_after, Millis(0), day);
  read_restart(s, out);
  read_done(s, out);
  read_lease(s, out);
  read_health(s, out);
  read_log(s, out);
  read_stored(s, out, files.front());
  s.finish();
  out.secret_sources = std::move(reading.secret_sources);
  return out;
}

}  // namespace

AgentResult load_agent(const std::vector<std::filesystem::path>& files, const MakeAgentSchemas& make_schemas,
                       const Environment& environment) {
  AgentResult result;
  Reading reading{environment, nullptr, {}, {}, files.front().string()};
  std::string text;
  if (const auto table = parse_all(reading, files, text)) {
    Section root(reading, *table, "the file");
    result.agent = read_agent(reading, root, files, make_schemas);
    root.finish();
  }
  result.diagnostics = std::move(reading.diagnostics);
  if (std::ranges::any_of(result.diagnostics,
                          [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; }))
    result.agent.reset();
  return result;
}

}  // namespace understudy::config
