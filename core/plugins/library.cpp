#include "core/plugins/library.hpp"

#include <boost/dll/shared_library.hpp>

#include "core/plugins/for_ever.hpp"

namespace understudy::plugins {
namespace {

constexpr std::size_t largest_manifest = 1024 * 1024;

LoadError wrong(const std::filesystem::path& path, std::string what, std::string hint = {}) {
  return {path.string() + ": " + std::move(what), std::move(hint)};
}

std::variant<Manifest, LoadError> parse_manifest(const std::filesystem::path& path, us_bytes raw) {
  if (raw.len == 0 || raw.len > largest_manifest)
    return wrong(path, "its manifest is empty or larger than 1 MiB", "this is a bug of the plugin");
  return read_manifest(path, sdk::parse_json(std::string_view(raw.data, raw.len)));
}

std::variant<const us_plugin*, LoadError> open(const std::filesystem::path& path) {
  namespace dll = boost::dll;
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) return wrong(path, "no such file", "check plugin_path in [orchestrator]");
  dll::shared_library library;
  try {
    // rtld_now: an unresolved symbol must show here and not in the middle of a failover.
    library.load(path.string(), dll::load_mode::rtld_now | dll::load_mode::rtld_local);
  } catch (const std::exception& e) {
    return wrong(path, std::string("cannot be loaded: ") + e.what(),
                 "is it a shared library for this machine, with all that it needs installed?");
  }
  if (!library.has(US_PLUGIN_SYMBOL))
    return wrong(path, "is a shared library but no Understudy plugin (no symbol " US_PLUGIN_SYMBOL ")",
                 "build it with understudy_add_plugin()");
  const auto entry_point = library.get<const us_plugin*()>(US_PLUGIN_SYMBOL);
  const us_plugin* entry = entry_point();
  keep_for_ever(std::move(library));  // never unloaded
  if (entry == nullptr) return wrong(path, "understudy_plugin() returned nothing", "this is a bug of the plugin");
  return entry;
}

}  // namespace

bool Library::provides(std::string_view interface_name, std::string_view method) const {
  const auto it = manifest_.interfaces.find(std::string(interface_name));
  if (it == manifest_.interfaces.end()) return false;
  for (const auto& offered : it->at("provides")) {
    if (offered == method) return true;
  }
  return false;
}

std::variant<std::shared_ptr<Library>, LoadError> load_library(const std::filesystem::path& path) {
  auto opened = open(path);
  if (auto* error = std::get_if<LoadError>(&opened)) return *error;
  const us_plugin* entry = std::get<const us_plugin*>(opened);
  const std::string ours = std::to_string(US_ABI_MAJOR);
  if (entry->abi_major < US_ABI_MAJOR) {
    return wrong(
        path,
        "was built for the older plugin ABI " + std::to_string(entry->abi_major) + "; this Understudy speaks " + ours,
        "rebuild the plugin with this version's SDK");
  }
  if (entry->abi_major > US_ABI_MAJOR) {
    return wrong(path,
                 "needs the newer plugin ABI " + std::to_string(entry->abi_major) + "; this Understudy speaks " + ours,
                 "update Understudy, or use an older build of the plugin");
  }
  if (entry->size < US_PLUGIN_SIZE_1_0)  // not today's size: whoever was built with an earlier minor has a smaller one
    return wrong(path, "its us_plugin is smaller than ABI 1.0 says", "this is a bug of the plugin");
  auto manifest = parse_manifest(path, entry->manifest);
  if (auto* error = std::get_if<LoadError>(&manifest)) return *error;
  auto out = std::make_shared<Library>();
  out->path_ = path;
  out->entry_ = entry;
  out->manifest_ = std::move(std::get<Manifest>(manifest));
  return out;
}

}  // namespace understudy::plugins
