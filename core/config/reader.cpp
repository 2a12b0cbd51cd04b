#include "core/config/reader.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/config/patterns.hpp"
#include "core/config/units.hpp"

namespace understudy::config {
namespace {

using namespace patterns;

std::uint32_t characters_before(std::string_view line, std::size_t byte) {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      line.substr(0, byte), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

nlohmann::json with_default(nlohmann::json property, nlohmann::json value, bool has_one) {
  if (has_one) property["default"] = std::move(value);
  return property;
}

nlohmann::json text_like(const char* pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

std::string money_hint() { return "write it as 12.5 or \"$12.50\""; }

}  // namespace

Place Reading::place(const toml::source_region& where, std::string_view token) const {
  Place out{where.path ? *where.path : first_file, where.begin.line, where.begin.column};
  const auto it = lines.find(out.file);
  if (it == lines.end() || out.line == 0 || out.line > it->second.size()) return out;
  const std::string& line = it->second[out.line - 1];
  const auto at = token.empty() ? std::string::npos : line.find(token);
  out.column = at == std::string::npos ? std::min(out.column, characters_before(line, line.size()) + 1)
                                       : characters_before(line, at) + 1;
  return out;
}

void Reading::report(std::string code, const toml::source_region& where, std::string_view token, std::string message,
                     std::string hint) {
  Diagnostic d;
  d.severity = code.front() == 'W' ? Diagnostic::Severity::warning : Diagnostic::Severity::error;
  d.code = std::move(code);
  d.message = std::move(message);
  d.hint = std::move(hint);
  d.place = place(where, token);
  const auto it = lines.find(d.place.file);
  if (it != lines.end() && d.place.line > 0 && d.place.line <= it->second.size())
    d.source_line = it->second[d.place.line - 1];
  if (d.code == "W0201" || d.source_line.find("token") != std::string::npos ||
      d.source_line.find("password") != std::string::npos) {
    d.source_line.clear();  // the line may show a secret
  }
  diagnostics.push_back(std::move(d));
}

std::string describe(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "text";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

std::optional<std::string> expand(Reading& reading, const toml::source_region& where, const std::string& text) {
  std::string out = text;
  if (out == "~" || out.rfind("~/", 0) == 0) out = reading.environment.home + out.substr(1);
  for (auto at = out.find("${"); at != std::string::npos; at = out.find("${", at)) {
    const auto end = out.find('}', at);
    if (end == std::string::npos) break;
    const auto name = out.substr(at + 2, end - at - 2);
    const auto value = reading.environment.variable(name);
    if (!value) {
      reading.report("E0110", where, "${" + name, "the environment variable " + name + " is not set",
                     "export it before starting, or write the value");
      return std::nullopt;
    }
    out.replace(at, end - at + 1, *value);
    at += value->size();
  }
  return out;
}

namespace {

/// "state/" is the same folder as "state", and a name is needed to put another in its place.
std::filesystem::path without_slash(const std::filesystem::path& path) {
  return path.has_filename() || path == path.root_path() ? path : path.parent_path();
}

}  // namespace

std::filesystem::path absolute_path(const toml::source_region& where, const Environment&, const std::string& expanded) {
  const std::filesystem::path path(expanded);
  if (path.is_absolute()) return without_slash(path.lexically_normal());
  const auto folder =
      std::filesystem::absolute(where.path ? std::filesystem::path(*where.path) : std::filesystem::path("."))
          .parent_path();
  return without_slash((folder / path).lexically_normal());
}

const toml::source_region& Section::where(std::string_view key) const {
  for (const auto& [k, node] : table_) {
    if (k.str() == key) return k.source();
  }
  return table_.source();
}

template <class Make>
void Section::tell(std::string_view key, Make make) {
  if (reading_.on_key) reading_.on_key(name_, key, make());
}

const toml::node* Section::get(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

void Section::wrong(std::string_view key, std::string code, std::string message, std::string hint) {
  reading_.report(std::move(code), where(key), key, std::move(message), std::move(hint));
}

void Section::wrong_type(std::string_view key, const toml::node& node, std::string_view wanted) {
  wrong(key, "E0103", std::string(key) + " must be " + std::string(wanted) + ", not " + describe(node));
}

const toml::table* Section::table(std::string_view key) {
  const auto* node = get(key);
  if (node != nullptr && !node->is_table()) wrong_type(key, *node, "a table");
  return node == nullptr ? nullptr : node->as_table();
}

const toml::array* Section::array(std::string_view key) {
  const auto* node = get(key);
  if (node != nullptr && !node->is_array()) wrong_type(key, *node, "an array");
  return node == nullptr ? nullptr : node->as_array();
}

void Section::read(std::string_view key, std::string& out) {
  tell(key, [&] { return with_default({{"type", "string"}}, out, !out.empty()); });
  const auto* node = get(key);
  if (node == nullptr) return;
  if (const auto* text = node->as_string()) {
    out = text->get();
  } else {
    wrong_type(key, *node, "text");
  }
}

void Section::read(std::string_view key, bool& out) {
  tell(key, [&] { return with_default({{"type", "boolean"}}, out, true); });
  const auto* node = get(key);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean()) {
    out = value->get();
  } else {
    wrong_type(key, *node, "true or false");
  }
}

void Section::read(std::string_view key, int& out, int least, int most) {
  tell(key, [&] { return with_default({{"type", "integer"}, {"minimum", least}, {"maximum", most}}, out, true); });
  const auto* node = get(key);
  if (node == nullptr) return;
  const auto* value = node->as_integer();
  if (value == nullptr) return wrong_type(key, *node, "an integer");
  if (value->get() < least || value->get() > most) {
    return wrong(key, "E0104",
                 std::string(key) + " is " + std::to_string(value->get()) + "; it must be from " +
                     std::to_string(least) + " to " + std::to_string(most));
  }
  out = static_cast<int>(value->get());
}

void Section::read(std::string_view key, double& out, double least, double most) {
  tell(key, [&] {
    return with_default({{"anyOf", {{{"type", "number"}, {"minimum", least}, {"maximum", most}}, text_like(percent)}}},
                        out, true);
  });
  const auto* node = get(key);
  if (node == nullptr) return;
  std::optional<double> value = node->value<double>();
  if (const auto* text = node->as_string()) value = parse_percent(text->get());
  if (!value)
    return node->is_string() ? wrong(key, "E0106", std::string(key) + " is no percentage", "write it as \"5%\" or 0.05")
                             : wrong_type(key, *node, "a number");
  if (!(*value >= least && *value <= most))
    return wrong(key, "E0104", std::string(key) + " is out of range",
                 fmt::format("it must be from {:g} to {:g}", least, most));
  out = *value;
}

void Section::read(std::string_view key, Millis& out, Millis least, Millis most) {
  tell(key, [&] { return with_default(text_like(duration), format_duration(out), out.count() != 0); });
  const auto* node = get(key);
  if (node == nullptr) return;
  const auto* text = node->as_string();
  if (text == nullptr)
    return wrong(key, node->is_number() ? "E0106" : "E0103",
                 std::string(key) + " must be a duration, not " + describe(*node),
                 "write it with its unit, as \"90s\", \"5m\" or \"250ms\"");
  const auto value = parse_duration(text->get());
  if (!value)
    return wrong(key, "E0106", std::string(key) + " = \"" + text->get() + "\" is no duration",
                 "write it as \"90s\", \"1h30m\" or \"250ms\"");
  if (*value < least || *value > most) {
    return wrong(key, "E0104", std::string(key) + " = \"" + text->get() + "\" is out of range",
                 "it must be from " + format_duration(least) + " to " + format_duration(most));
  }
  out = *value;
}

void Section::read(std::string_view key, Usd& out) {
  tell(key, [&] {
    return with_default({{"anyOf", {{{"type", "number"}, {"minimum", 0}}, text_like(money)}}}, out.value,
                        out.value != 0);
  });
  const auto* node = get(key);
  if (node == nullptr) return;
  std::optional<double> value = node->value<double>();
  if (const auto* text = node->as_string()) value = parse_money(text->get());
  if (!value) return wrong(key, "E0106", std::string(key) + " is no amount of money", money_hint());
  if (!(*value >= 0 && *value < 1e12)) return wrong(key, "E0104", std::string(key) + " must not be negative");
  out = Usd{*value};
}

void Section::read(std::string_view key, std::vector<std::string>& out) {
  tell(key, [&] {
    return nlohmann::json{{"anyOf", {{{"type", "array"}, {"items", {{"type", "string"}}}}, {{"type", "string"}}}}};
  });
  const auto* node = get(key);
  if (node == nullptr) return;
  if (const auto* text = node->as_string()) {
    out = {text->get()};
    return;
  }
  const auto* list = node->as_array();
  if (list == nullptr) return wrong_type(key, *node, "a list of texts");
  out.clear();
  for (const auto& item : *list) {
    if (const auto* text = item.as_string()) {
      out.push_back(text->get());
    } else {
      wrong_type(key, item, "a list of texts");
    }
  }
}

void Section::read_path(std::string_view key, std::filesystem::path& out) {
  std::string text;
  read(key, text);
  if (text.empty()) return;
  if (const auto full = expand(reading_, where(key), text))
    out = absolute_path(where(key), reading_.environment, *full);
}

void Section::read_paths(std::string_view key, std::vector<std::filesystem::path>& out) {
  std::vector<std::string> texts;
  read(key, texts);
  if (!texts.empty()) out.clear();
  for (const auto& text : texts) {
    if (const auto full = expand(reading_, where(key), text))
      out.push_back(absolute_path(where(key), reading_.environment, *full));
  }
}

std::optional<std::size_t> Section::choice(std::string_view key, const std::vector<std::string>& allowed) {
  tell(key, [&] { return nlohmann::json{{"type", "string"}, {"enum", allowed}}; });
  if (!has(key)) {
    (void)get(key);
    return std::nullopt;
  }
  std::string text;
  read(key, text);
  if (text.empty()) return std::nullopt;
  const auto it = std::ranges::find(allowed, text);
  if (it != allowed.end()) return static_cast<std::size_t>(it - allowed.begin());
  std::string list;
  for (const auto& a : allowed) list += (list.empty() ? "" : ", ") + ("\"" + a + "\"");
  const auto near = nearest(text, allowed);
  wrong(key, "E0104", std::string(key) + " = \"" + text + "\" is none of " + list,
        near.empty() ? "" : "did you mean \"" + near + "\"?");
  return std::nullopt;
}

void Section::missing(std::string_view key, std::string what) {
  tell(key, [] { return nlohmann::json{{"x-required", true}}; });
  reading_.report("E0105", table_.source(), "", name_ + " needs " + std::string(key) + ": " + std::move(what));
}

void Section::finish() {
  const std::vector<std::string> names(known_.begin(), known_.end());
  for (const auto& [key, node] : table_) {
    if (known_.contains(key.str())) continue;
    const auto near = nearest(key.str(), names);
    std::string hint = near.empty() ? "" : "did you mean \"" + near + "\"?";
    if (hint.empty() && names.size() <= 12) {
      for (const auto& n : names) hint += (hint.empty() ? "known are " : ", ") + n;
    }
    reading_.report("E0102", key.source(), key.str(), name_ + " has no key \"" + std::string(key.str()) + "\"", hint);
  }
}

}  // namespace understudy::config
