// Internal to this room: walks TOML tables, remembers which keys were asked for, and reports what is wrong and where.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <nlohmann/json.hpp>

#include "core/config/diagnostics.hpp"
#include "core/config/loader.hpp"

namespace understudy::config {

/// Everything that one load() shares.
struct Reading {
  const Environment& environment;
  SchemaSource* schemas = nullptr;
  std::vector<Diagnostic> diagnostics;
  std::map<std::string, std::vector<std::string>> lines;  ///< file → its lines, for the messages
  std::string first_file;                                 ///< for what is missing as a whole
  bool agents_reach_us = true;                            ///< somewhere agents may renew their leases
  std::map<std::string, PluginUse> secret_sources = {};   ///< declared, or used
  /// Hears of every key that is asked for, with its JSON Schema: the schema of the file cannot drift from its reader.
  std::function<void(const std::string& section, std::string_view key, nlohmann::json)> on_key = {};

  /// `token`: what to point at in the line; the column is counted in characters, since the parser's drifts.
  void report(std::string code, const toml::source_region& where, std::string_view token, std::string message,
              std::string hint = {});
  [[nodiscard]] Place place(const toml::source_region& where, std::string_view token) const;
};

[[nodiscard]] std::string describe(const toml::node& node);

/// `~`, `${NAME}`. Nothing (after a report) when a variable is not set.
[[nodiscard]] std::optional<std::string> expand(Reading& reading, const toml::source_region& where,
                                                const std::string& text);
[[nodiscard]] std::filesystem::path absolute_path(const toml::source_region& where, const Environment& environment,
                                                  const std::string& expanded);

/// One table being read.
class Section {
 public:
  Section(Reading& reading, const toml::table& table, std::string name)
      : reading_(reading), table_(table), name_(std::move(name)) {}

  [[nodiscard]] const toml::node* get(std::string_view key);  ///< marks the key as known
  [[nodiscard]] const toml::table* table(std::string_view key);
  [[nodiscard]] const toml::array* array(std::string_view key);
  void read(std::string_view key, std::string& out);
  void read(std::string_view key, bool& out);
  void read(std::string_view key, int& out, int least, int most);
  void read(std::string_view key, double& out, double least, double most);
  void read(std::string_view key, Millis& out, Millis least, Millis most);
  void read(std::string_view key, Usd& out);
  void read(std::string_view key, std::vector<std::string>& out);
  void read_path(std::string_view key, std::filesystem::path& out);
  void read_paths(std::string_view key, std::vector<std::filesystem::path>& out);
  /// The index of the value among `allowed`, or nothing.
  [[nodiscard]] std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string>& allowed);
  void missing(std::string_view key, std::string what);
  /// Reports every key that nobody asked for.
  void finish();

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
  [[nodiscard]] const toml::source_region& where(std::string_view key) const;
  [[nodiscard]] const toml::source_region& where() const { return table_.source(); }
  [[nodiscard]] const toml::table& raw() const { return table_; }
  [[nodiscard]] Reading& reading() { return reading_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  void wrong(std::string_view key, std::string code, std::string message, std::string hint = {});

 private:
  void wrong_type(std::string_view key, const toml::node& node, std::string_view wanted);
  template <class Make>
  void tell(std::string_view key, Make make);

  Reading& reading_;
  const toml::table& table_;
  std::string name_;
  std::set<std::string, std::less<>> known_;
};

/// settings.cpp: a plugin's settings, checked against its schema and normalised.
[[nodiscard]] PluginUse read_use(Section& section, const std::string& interface_name,
                                 const std::string& fixed_plugin = {});
/// An array of tables of plugin uses.
[[nodiscard]] std::vector<PluginUse> read_uses(Section& section, std::string_view key,
                                               const std::string& interface_name);

/// loader.cpp: the whole file, once it is parsed.
[[nodiscard]] Config read_config(Reading& reading, const toml::table& table,
                                 const std::vector<std::filesystem::path>& files, const MakeSchemas& make_schemas);

/// loader.cpp: all files as one table; problems are reported. `all_text` gets their contents.
[[nodiscard]] std::optional<toml::table> parse_all(Reading& reading, const std::vector<std::filesystem::path>& files,
                                                   std::string& all_text);

/// secret_sources.cpp: [secrets.NAME]. To be read before anything that may name one.
void read_secret_sources(Section& root);
/// Where a secret is, of `{ KIND = "NAME" }` or a text. Nothing when it is none; then nothing was reported, but for a
/// path with an unknown variable.
[[nodiscard]] std::optional<SecretRef> secret_from(Reading& reading, const toml::node& node,
                                                   const toml::source_region& where);

/// settings.cpp: a secret outside of a plugin's settings. Nothing when it is missing (not reported) or wrong
/// (reported).
[[nodiscard]] std::optional<SecretRef> read_secret_ref(Section& section, std::string_view key);

/// rehearsal.cpp
[[nodiscard]] Rehearsal read_rehearsal(Section& section);
[[nodiscard]] RehearsedTarget read_rehearsed_target(Section& section);

/// services.cpp
/// `paths_needed`: false where the active target may keep the state by itself, as one with an agent does.
[[nodiscard]] State read_state(Section& section, bool paths_needed);
[[nodiscard]] Service read_service(Reading& reading, const std::string& name, const toml::table& table);
[[nodiscard]] bool check_name(Reading& reading, const toml::key& key);

/// loader.cpp: the tables of one that holds them by their names, as [notifier]. Wrong names, and what is no table, are
/// reported and left out. `kind` is for the message.
[[nodiscard]] std::vector<std::pair<const toml::key*, const toml::table*>> named_tables(Reading& reading,
                                                                                        const toml::table& table,
                                                                                        const std::string& kind);

}  // namespace understudy::config
