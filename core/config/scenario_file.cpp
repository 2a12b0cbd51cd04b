#include "core/config/scenario_file.hpp"

#include <algorithm>
#include <utility>

#include "core/config/reader.hpp"
#include "core/config/units.hpp"

namespace understudy::config {
namespace {

constexpr Millis century{36'525LL * 86'400'000};

void check_names(Section& s, const ScenarioOutage& o, const Config& config) {
  std::vector<std::string> services, targets;
  for (const auto& service : config.services) {
    services.push_back(service.id.value);
    if (!o.service.empty() && service.id.value != o.service) continue;
    for (const auto& t : service.targets) targets.push_back(t.id.value);
  }
  const auto unknown = [&](const char* key, const std::string& name, const std::vector<std::string>& known) {
    if (std::ranges::find(known, name) != known.end()) return false;
    const auto near = nearest(name, known);
    s.wrong(key, "E0107", std::string(key) + " = \"" + name + "\": the configuration has no such " + key,
            near.empty() ? "" : "did you mean \"" + near + "\"?");
    return true;
  };
  if (!o.service.empty() && unknown("service", o.service, services)) return;
  if (!o.target.empty()) (void)unknown("target", o.target.value, targets);
}

/// An inline table has no place of its own: its first key has.
void lacks(Section& s, const std::string& key, const std::string& what) {
  std::string near;
  for (const char* other : {"at", "target", "for", "what"}) {
    if (near.empty() && s.has(other)) near = other;
  }
  s.wrong(near, "E0105", "this outage needs " + key + ": " + what);
}

ScenarioOutage read_outage(Section& s, const Config& config) {
  ScenarioOutage o;
  if (const auto what = s.choice("what", {"down", "unreachable", "control_plane", "our_network"}))
    o.what = static_cast<ScenarioOutage::What>(*what);
  std::string target;
  s.read("service", o.service);
  s.read("target", target);
  o.target = TargetId(target);
  s.read("at", o.at, Millis(0), century);
  s.read("for", o.lasts, Millis(1), century);
  if (!s.has("at")) lacks(s, "at", "when it begins, counted from the start of the rehearsal");
  if (!s.has("for")) lacks(s, "for", "how long it lasts");
  if (target.empty() && o.what != ScenarioOutage::What::our_network) lacks(s, "target", "what fails");
  check_names(s, o, config);
  s.finish();
  return o;
}

}  // namespace

bool ScenarioFile::ok() const {
  return std::ranges::none_of(diagnostics, [](const auto& d) { return d.severity == Diagnostic::Severity::error; });
}

ScenarioFile load_scenario(const std::filesystem::path& file, const Config& config, const Environment& environment) {
  ScenarioFile out;
  Reading reading{environment, nullptr, {}, {}, file.string()};
  std::string text;
  if (const auto table = parse_all(reading, {file}, text)) {
    Section root(reading, *table, "the scenario");
    Millis lasts{0};
    root.read("lasts", lasts, Millis(1000), century);
    if (root.has("lasts")) out.lasts = lasts;
    if (const auto* list = root.array("outage")) {
      for (const auto& item : *list) {
        const auto* one = item.as_table();
        if (one == nullptr) {
          root.wrong("outage", "E0103", "outage must be a list of tables");
          continue;
        }
        Section s(reading, *one, "outage");
        out.outages.push_back(read_outage(s, config));
      }
    } else if (!root.has("outage")) {
      root.missing("outage", "what fails: [{ at = \"1h\", target = \"home\", for = \"30m\" }]");
    }
    root.finish();
  }
  out.diagnostics = std::move(reading.diagnostics);
  std::ranges::stable_sort(out.diagnostics, {},
                           [](const Diagnostic& d) { return std::pair(d.place.line, d.place.column); });
  return out;
}

}  // namespace understudy::config
