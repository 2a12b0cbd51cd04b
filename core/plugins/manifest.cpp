#include "core/plugins/manifest.hpp"

#include <algorithm>

namespace understudy::plugins {
namespace {

constexpr std::string_view interface_names[] = {"health", "target", "state", "notifier", "secrets"};

LoadError wrong(const std::filesystem::path& path, std::string what, std::string hint = {}) {
  return {path.string() + ": " + std::move(what), std::move(hint)};
}

}  // namespace

std::variant<Manifest, LoadError> read_manifest(const std::filesystem::path& path, sdk::Json raw) {
  Manifest out;
  out.raw = std::move(raw);
  if (!out.raw.is_object()) return wrong(path, "its manifest is not a JSON object", "this is a bug of the plugin");
  try {
    out.name = out.raw.at("name").get<std::string>();
    out.version = out.raw.at("version").get<std::string>();
    out.license = out.raw.value("license", "");
    out.summary = out.raw.value("summary", "");
    out.interfaces = out.raw.at("interfaces");
    out.needs = out.raw.value("needs", std::vector<std::string>());
    for (const auto& [name, body] : out.interfaces.items()) {
      if (std::ranges::find(interface_names, name) == std::end(interface_names)) {
        return wrong(path, "its manifest offers \"" + name + "\", which is no interface",
                     "known are health, target, state, notifier and secrets");
      }
      (void)body.at("provides").get<std::vector<std::string>>();
    }
  } catch (const sdk::Json::exception& e) {
    return wrong(path, std::string("its manifest is malformed: ") + e.what(),
                 "see docs/plugins/methods.md, \"The manifest\"");
  }
  return out;
}

std::variant<Manifest, LoadError> read_description(const std::filesystem::path& path, std::string_view printed,
                                                   const std::string& end) {
  const auto answer = sdk::parse_json(printed.substr(0, printed.find('\n')));
  if (!answer.is_object())
    return wrong(path, "cannot be loaded: " + end + " while it was loaded", "this is a bug of the plugin");
  if (const auto manifest = answer.find("manifest"); manifest != answer.end()) return read_manifest(path, *manifest);
  const auto why = sdk::Error::from_json(sdk::Status::invalid, answer);
  if (!answer.contains("message")) return wrong(path, "cannot be loaded");
  return LoadError{why.message, why.hint};
}

}  // namespace understudy::plugins
