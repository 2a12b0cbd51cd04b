#include "core/config/loader.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <openssl/evp.h>

#include "core/config/listening.hpp"
#include "core/config/reader.hpp"
#include "core/config/units.hpp"
#include "core/config/week.hpp"

namespace understudy::config {
namespace {

constexpr std::size_t largest_file = 64 * 1024 * 1024;

/// `{ env = "NAME" }` and its like, which stands for one value.
bool names_a_secret(const toml::table& table) {
  if (table.size() != 1 || !table.is_inline() || !table.begin()->second.is_string()) return false;
  const auto kind = table.begin()->first.str();
  return kind == "env" || kind == "file" || kind == "credential" || kind.ends_with("_secret");
}

void merge(toml::table& base, toml::table&& over) {
  for (auto&& [key, node] : over) {
    auto* old = base.get(key.str());
    const bool into = old != nullptr && old->is_table() && node.is_table() &&
                      !(names_a_secret(*old->as_table()) && names_a_secret(*node.as_table()));
    if (into) {
      merge(*old->as_table(), std::move(*node.as_table()));
    } else {
      base.erase(key.str());
      // Moved, since a copy has no place in a file any more: errors and the order of targets need it.
      node.visit([&, k = &key](auto& value) { base.insert(*k, std::move(value)); });
    }
  }
}

std::string sha256_hex(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

Orchestrator read_orchestrator(Reading& reading, Section& root, const std::vector<std::filesystem::path>& files,
                               const MakeSchemas& make_schemas) {
  Orchestrator out;
  const auto folder = std::filesystem::absolute(files.front()).parent_path();
  const auto* table = root.table("orchestrator");
  static const toml::table none;
  Section s(reading, table != nullptr ? *table : none, "orchestrator");
  s.read("name", out.name);
  out.data_dir = (folder / out.data_dir).lexically_normal();
  s.read_path("data_dir", out.data_dir);
  s.read("listen", out.listen);
  s.read("lease_listen", out.lease_listen);
  check_listening(s, out);
  reading.agents_reach_us = s.has("listen") || s.has("lease_listen");
  if (const auto m = s.choice("mode", {"act", "observe"}))
    out.mode = *m == 0 ? Orchestrator::Mode::act : Orchestrator::Mode::observe;
  s.read_paths("plugin_path", out.plugin_path);
  s.read("heartbeat", out.heartbeat, Millis(0), Millis(30LL * 86'400'000));
  if (const auto* log = s.table("log")) {
    Section l(reading, *log, "orchestrator.log");
    if (const auto i = l.choice("level", {"debug", "info", "warning", "error"}))
      out.log_level = std::vector<std::string>{"debug", "info", "warning", "error"}[*i];
    if (const auto i = l.choice("format", {"text", "json"})) out.log_format = *i == 0 ? "text" : "json";
    l.finish();
  }
  if (make_schemas) reading.schemas = &make_schemas(out);
  if (const auto* network = s.table("network")) {
    Section n(reading, *network, "orchestrator.network");
    if (reading.schemas != nullptr) out.reference = read_uses(n, "reference", "health");
    if (reading.schemas != nullptr) n.finish();
  }
  if (make_schemas) s.finish();
  return out;
}

void read_notifiers(Reading& reading, Section& root, Config& out) {
  if (const auto* notifiers = root.table("notifier")) {
    for (const auto& [key, table] : named_tables(reading, *notifiers, "notifier")) {
      Section s(reading, *table, "notifier." + std::string(key->str()));
      out.notifiers.push_back({NotifierId(std::string(key->str())), read_use(s, "notifier")});
      s.finish();
    }
  }
  if (out.notifiers.empty()) {
    PluginUse log;
    log.plugin = "log";
    out.notifiers.push_back({NotifierId("log"), std::move(log)});
  }
}

void read_severity(Section& match, Route& route) {
  std::string text;
  match.read("severity", text);
  if (text.empty()) return;
  const bool least = text.rfind(">=", 0) == 0;
  const std::string name = least ? text.substr(2) : text;
  const std::vector<std::string> names{"info", "warning", "critical"};
  const auto it = std::ranges::find(names, name);
  if (it == names.end())
    return match.wrong("severity", "E0104", "severity \"" + text + "\" is none of info, warning, critical",
                       "or with >= before it");
  (least ? route.at_least : route.exactly) = static_cast<Severity>(it - names.begin());
}

void read_hours(Section& match, Route& route) {
  std::string time;
  match.read("time", time);
  route.hours = hours_from(time);
  if (!time.empty() && !route.hours)
    match.wrong("time", "E0104", "time = \"" + time + "\" is no span of the day",
                "write it as \"08:00-18:00\" or \"22:00-06:00\"");
  std::vector<std::string> days;
  match.read("days", days);
  for (const auto& text : days) {
    const auto some = days_from(text);
    if (!some) {
      match.wrong("days", "E0104", "\"" + text + "\" is no day of the week", "write \"mon\", \"sat\" or \"mon-fri\"");
      continue;
    }
    route.days.insert(route.days.end(), some->begin(), some->end());
  }
}

std::vector<NotifierId> read_notifier_names(Section& s, const char* key, const std::vector<std::string>& known) {
  std::vector<std::string> names;
  std::vector<NotifierId> out;
  s.read(key, names);
  for (const auto& name : names) {
    if (std::ranges::find(known, name) == known.end()) {
      const auto near = nearest(name, known);
      s.wrong(key, "E0107", "route to \"" + name + "\": there is no such notifier",
              near.empty() ? "add [notifier." + name + "]" : "did you mean \"" + near + "\"?");
    }
    out.emplace_back(name);
  }
  return out;
}

void read_routes(Reading& reading, Section& root, Config& out) {
  const auto* routes = root.array("route");
  std::vector<std::string> known;
  for (const auto& n : out.notifiers) known.push_back(n.id.value);
  if (routes != nullptr) {
    for (const auto& item : *routes) {
      const auto* table = item.as_table();
      if (table == nullptr) {
        root.wrong("route", "E0103", "route must be a list of tables", "write [[route]] above each");
        continue;
      }
      Section s(reading, *table, "route");
      Route route;
      if (const auto* match = s.table("match")) {
        Section m(reading, *match, "route.match");
        read_severity(m, route);
        m.read("service", route.services);
        m.read("target", route.targets);
        m.read("kind", route.kinds);
        read_hours(m, route);
        m.finish();
      }
      route.to = read_notifier_names(s, "to", known);
      if (route.to.empty()) s.missing("to", "the notifiers that get the alert");
      s.read("throttle", route.throttle, Millis(0), Millis(86'400'000));
      s.read("group_wait", route.group_wait, Millis(0), Millis(3'600'000));
      s.read("repeat", route.repeat, Millis(0), Millis(7LL * 86'400'000));
      s.read("escalate_after", route.escalate_after, Millis(0), Millis(7LL * 86'400'000));
      route.escalate_to = read_notifier_names(s, "escalate_to", known);
      s.read("continue", route.go_on);
      route.place = reading.place(table->source(), "route");
      s.finish();
      out.routes.push_back(std::move(route));
    }
  }
  if (out.routes.empty()) {
    Route all;
    all.throttle = Millis(0);  // nobody asked for it
    for (const auto& n : out.notifiers) all.to.push_back(n.id);
    out.routes.push_back(std::move(all));
  }
}

void read_services(Reading& reading, Section& root, Config& out) {
  const auto* services = root.table("service");
  if (services == nullptr || services->empty()) return root.missing("service", "at least one [service.NAME]");
  for (const auto& [key, table] : named_tables(reading, *services, "service"))
    out.services.push_back(read_service(reading, std::string(key->str()), *table));
}

void sort(std::vector<Diagnostic>& list, const std::vector<std::filesystem::path>& files) {
  const auto rank = [&](const Diagnostic& d) {
    const auto it = std::ranges::find_if(files, [&](const auto& f) { return f.string() == d.place.file; });
    return std::tuple(it - files.begin(), d.place.line, d.place.column);
  };
  std::ranges::stable_sort(list, {}, rank);
}

}  // namespace

std::optional<toml::table> parse_all(Reading& reading, const std::vector<std::filesystem::path>& files,
                                     std::string& all_text) {
  toml::table merged;
  bool ok = true;
  for (const auto& file : files) {
    const std::string name = file.string();
    std::ifstream in(file, std::ios::binary);
    std::stringstream buffer;
    if (in) buffer << in.rdbuf();
    if (!in || buffer.str().size() > largest_file) {
      reading.diagnostics.push_back({"E0101",
                                     Diagnostic::Severity::error,
                                     in ? "the file is larger than 64 MiB" : "the file cannot be read",
                                     "name another with -c FILE",
                                     {name, 0, 0},
                                     ""});
      ok = false;
      continue;
    }
    const std::string text = buffer.str();
    all_text += text + '\0';
    std::istringstream split(text);
    auto& lines = reading.lines[name];
    for (std::string line; std::getline(split, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      lines.push_back(std::move(line));
    }
    try {
      merge(merged, toml::parse(text, name));
    } catch (const toml::parse_error& e) {
      reading.report("E0101", e.source(), "", std::string(e.description()));
      ok = false;
    }
  }
  if (!ok) return std::nullopt;
  return merged;
}

bool check_name(Reading& reading, const toml::key& key) {
  const std::string_view name = key.str();
  const bool ok = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  }) && name.front() != '.';
  if (!ok)
    reading.report("E0111", key.source(), name, "\"" + std::string(name) + "\" cannot be a name",
                   "use up to 64 of A-Z a-z 0-9 _ . -");
  return ok;
}

std::vector<std::pair<const toml::key*, const toml::table*>> named_tables(Reading& reading, const toml::table& table,
                                                                          const std::string& kind) {
  std::vector<std::pair<const toml::key*, const toml::table*>> out;
  for (const auto& [key, node] : table) {
    if (!check_name(reading, key)) continue;
    if (const auto* one = node.as_table()) {
      out.emplace_back(&key, one);
    } else {
      reading.report("E0103", key.source(), key.str(), kind + " " + std::string(key.str()) + " must be a table");
    }
  }
  return out;
}

Environment process_environment() {
  Environment out;
  out.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
  out.home = out.variable("HOME").value_or("/");
  return out;
}

Config read_config(Reading& reading, const toml::table& table, const std::vector<std::filesystem::path>& files,
                   const MakeSchemas& make_schemas) {
  Config config;
  Section root(reading, table, "the file");
  config.orchestrator = read_orchestrator(reading, root, files, make_schemas);
  if (reading.schemas != nullptr) read_secret_sources(root);
  read_services(reading, root, config);
  read_notifiers(reading, root, config);
  read_routes(reading, root, config);
  if (const auto* rehearse = root.table("rehearse")) {
    Section s(reading, *rehearse, "rehearse");
    config.rehearse = read_rehearsal(s);
  }
  root.finish();
  config.secret_sources = std::move(reading.secret_sources);
  return config;
}

LoadResult load(const std::vector<std::filesystem::path>& files, const MakeSchemas& make_schemas,
                const Environment& environment) {
  LoadResult result;
  Reading reading{environment, nullptr, {}, {}, files.front().string()};
  std::string text;
  auto table = parse_all(reading, files, text);
  if (table) {
    Config config = read_config(reading, *table, files, make_schemas);
    for (const auto& file : files) config.files.push_back(file.string());
    config.hash = sha256_hex(text);
    result.config = std::move(config);
  }
  result.diagnostics = std::move(reading.diagnostics);
  sort(result.diagnostics, files);
  if (std::ranges::any_of(result.diagnostics,
                          [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; }))
    result.config.reset();
  return result;
}

std::optional<Orchestrator> load_orchestrator_only(const std::vector<std::filesystem::path>& files,
                                                   const Environment& environment) {
  Reading reading{environment, nullptr, {}, {}, files.front().string()};
  std::string text;
  const auto table = parse_all(reading, files, text);
  if (!table) return std::nullopt;
  Section root(reading, *table, "the file");
  return read_orchestrator(reading, root, files, nullptr);
}

}  // namespace understudy::config
