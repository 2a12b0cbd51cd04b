// Where secrets are: the environment, files, systemd's credentials, and plugins that fetch them.
#include "core/config/reader.hpp"

namespace understudy::config {
namespace {

constexpr std::string_view ending = "_secret";

/// A source that some plugin offers needs no table: it is used with its defaults.
bool known_source(Reading& reading, const std::string& key) {
  if (reading.secret_sources.contains(key)) return true;
  if (!key.ends_with(ending) || reading.schemas == nullptr) return false;
  const auto plugin = reading.schemas->secret_source(key);
  if (!plugin) return false;
  static const toml::table none;
  Section s(reading, none, "secrets." + key);
  reading.secret_sources[key] = read_use(s, "secrets", *plugin);
  return true;
}

}  // namespace

std::optional<SecretRef> secret_from(Reading& reading, const toml::node& node, const toml::source_region& where) {
  using Kind = SecretRef::Kind;
  if (const auto* text = node.as_string()) return SecretRef{Kind::literal, text->get(), {}};
  const auto* table = node.as_table();
  if (table == nullptr || table->size() != 1) return std::nullopt;
  const std::string kind(table->begin()->first.str());
  const auto name = table->begin()->second.value<std::string>();
  if (!name) return std::nullopt;
  if (kind == "env") return SecretRef{Kind::env, *name, {}};
  if (kind == "credential") return SecretRef{Kind::credential, *name, {}};
  if (kind != "file")
    return known_source(reading, kind) ? std::optional(SecretRef{Kind::fetched, *name, kind}) : std::nullopt;
  const auto expanded = expand(reading, where, *name);
  if (!expanded) return std::nullopt;
  return SecretRef{Kind::file, absolute_path(where, reading.environment, *expanded).string(), {}};
}

void read_secret_sources(Section& root) {
  const auto* sources = root.table("secrets");
  if (sources == nullptr) return;
  for (const auto& [key, table] : named_tables(root.reading(), *sources, "source of secrets")) {
    const std::string name(key->str());
    Section s(root.reading(), *table, "secrets." + name);
    if (!name.ends_with(ending) && name != "NAME")
      s.wrong("plugin", "E0111", "a source of secrets cannot be named " + name, "its name ends with _secret");
    auto use = read_use(s, "secrets");
    for (const auto& [setting, ref] : use.secrets) {
      if (ref.kind == SecretRef::Kind::fetched)
        s.wrong("settings", "E0104", "the secret " + setting + " of a source cannot come from a source",
                "use { env = \"NAME\" }, { file = \"/path\" } or { credential = \"name\" }");
    }
    s.finish();
    root.reading().secret_sources[name] = std::move(use);
  }
}

}  // namespace understudy::config
