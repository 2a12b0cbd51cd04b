#include "settings.hpp"

#include <algorithm>
#include <cstdio>

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::int64_t mib = 1024 * 1024;

bool is_name(const std::string& text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

void check(const Settings& s) {
  if (!is_name(s.app, 63))
    throw Failure(Status::invalid, "\"" + s.app + "\" is no name of a Fly app",
                  "lower-case letters, digits and dashes, as `fly apps list` shows it");
  for (const auto& region : s.regions) {
    if (!is_name(region, 8) || region.find('-') != std::string::npos)
      throw Failure(Status::invalid, "\"" + region + "\" is no region of Fly", "three letters, such as \"fra\"");
  }
  if (!s.config.value("image", "").empty())
    throw Failure(Status::invalid, "the image stands in `config`", "name it in the setting `image`");
  (void)parse_size(s.size, s.memory_mb);
}

}  // namespace

Guest parse_size(const std::string& size, std::int64_t memory_mb) {
  Guest out;
  char kind[16] = {};
  char tail = 0;
  int cpus = 0;
  // NOLINTBEGIN(cert-err34-c): all parts are checked
  const bool shared = std::sscanf(size.c_str(), "shared-cpu-%dx%c", &cpus, &tail) == 1;
  const bool known = shared || (std::sscanf(size.c_str(), "%15[a-z]-%dx%c", kind, &cpus, &tail) == 2 &&
                                std::string(kind) == "performance");
  // NOLINTEND(cert-err34-c)
  if (!known || cpus < 1 || cpus > 64)
    throw Failure(Status::invalid, "\"" + size + "\" is no size of a Fly machine",
                  "such as shared-cpu-1x or performance-2x: see `fly platform vm-sizes`");
  out.kind = shared ? "shared" : "performance";
  out.cpus = cpus;
  out.memory_mb = memory_mb > 0 ? memory_mb : cpus * (shared ? 256 : 2048);
  if (out.memory_mb % 256 != 0)
    throw Failure(Status::invalid,
                  "a Fly machine's memory is a multiple of 256 MiB, not " + std::to_string(out.memory_mb) + " MiB",
                  "round `memory` up");
  return out;
}

Settings Settings::from_json(const Json& in) {
  Settings s;
  s.app = in.value("app", "");
  s.api = in.value("api", "https://api.machines.dev");
  while (s.api.ends_with('/')) s.api.pop_back();
  s.token = in.value("token", Json());
  s.selector = in.value("metadata", Texts());
  if (const auto group = in.value("process_group", ""); !group.empty()) s.selector[meta_group] = group;
  s.count = in.value("count", 1);
  s.lease_ttl = Millis(in.value("lease_ttl", std::int64_t{30'000}));
  s.max_machines = std::max(s.count, in.value("max_machines", 5));
  s.regions = in.value("regions", std::vector<std::string>());
  s.image = in.value("image", "");
  s.size = in.value("size", "shared-cpu-1x");
  s.memory_mb = (in.value("memory", std::int64_t{0}) + mib - 1) / mib;
  s.config = in.value("config", Json::object());
  s.env = in.value("env", Texts());
  s.restart = in.value("restart", "on-failure");
  s.autostop = in.value("autostop", "off");
  s.prewarm = in.value("prewarm", "off");
  s.idle_stop = Millis(in.value("idle_stop", std::int64_t{0}));
  s.started_after = Millis(in.value("started_after", std::int64_t{1'000}));
  s.rootfs_gb = in.value("rootfs_gb", 1.0);
  s.price = in.value("price", Json::object());
  s.weak = in.value("weak", false);
  s.asleep_degraded = in.value("asleep", "fail") == "degraded";
  check(s);
  return s;
}

bool Settings::selects(const Json& metadata) const {
  return std::ranges::all_of(selector, [&](const auto& pair) {
    const auto it = metadata.is_object() ? metadata.find(pair.first) : metadata.end();
    return it != metadata.end() && *it == pair.second;
  });
}

std::size_t Settings::rank_of(const std::string& region) const {
  return static_cast<std::size_t>(std::ranges::find(regions, region) - regions.begin());
}

}  // namespace flyio_plugin
