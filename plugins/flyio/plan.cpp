#include "plan.hpp"

#include <algorithm>
#include <cctype>

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr const char* meta_service = "understudy_service";
constexpr const char* meta_target = "understudy_target";
constexpr const char* meta_snapshot = "understudy_snapshot";
constexpr const char* env_idle = "UNDERSTUDY_IDLE_STOP_S";
/// Above it Fly advises against a suspension: writing the memory takes too long.
constexpr std::int64_t largest_suspended_mb = 2048;

Json& part(Json& config, const char* key) {
  auto& out = config[key];
  if (!out.is_object()) out = Json::object();
  return out;
}

/// While the service is active here, Fly's proxy stops and wakes machines only as the settings say.
void set_services(Json& config, const Settings& settings) {
  if (settings.autostop == "keep" || !config.contains("services") || !config["services"].is_array()) return;
  for (auto& service : config["services"]) {
    if (!service.is_object()) continue;
    service["autostop"] = settings.autostop;
    service["autostart"] = settings.autostop != "off";
  }
}

void set_common(Json& config, const Settings& settings) {
  for (const auto& [name, value] : settings.env) part(config, "env")[name] = value;
  for (const auto& [name, value] : settings.selector) part(config, "metadata")[name] = value;
  if (settings.restart != "keep") config["restart"] = {{"policy", settings.restart}};
  if (settings.restart == "on-failure") config["restart"]["max_retries"] = 5;
  config.erase("auto_destroy");  // the machine keeps the memory of its epoch
  set_services(config, settings);
  if (settings.idle_stop > Millis(0)) part(config, "env")[env_idle] = std::to_string(settings.idle_stop.count() / 1000);
}

std::string plain(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) out += std::isalnum(c) != 0 ? static_cast<char>(std::tolower(c)) : '-';
  return out;
}

}  // namespace

Json activation_metadata(const ActivateRequest& request) {
  return {{meta_epoch, std::to_string(request.epoch)},
          {meta_operation, request.operation},
          {meta_snapshot, request.snapshot},
          {meta_service, request.service},
          {meta_target, request.target}};
}

Json active_config(const Json& current, const ActivateRequest& request, const Settings& settings) {
  Json out = current;
  set_common(out, settings);
  auto& env = part(out, "env");
  env.erase(env_standby);
  env[env_epoch] = std::to_string(request.epoch);
  env["UNDERSTUDY_SERVICE"] = request.service;
  env["UNDERSTUDY_TARGET"] = request.target;
  env["UNDERSTUDY_SNAPSHOT"] = request.snapshot;
  env["UNDERSTUDY_OPERATION"] = request.operation;
  part(out, "metadata").update(activation_metadata(request));
  return out;
}

Json standby_config(const Json& current, const std::string& service, const std::string& target,
                    const Settings& settings) {
  Json out = current;
  set_common(out, settings);
  const Json metadata = part(out, "metadata");
  auto& env = part(out, "env");
  env[env_standby] = "1";
  env[env_epoch] = metadata.value(meta_epoch, "0");
  env["UNDERSTUDY_SERVICE"] = service;
  env["UNDERSTUDY_TARGET"] = target;
  env.erase("UNDERSTUDY_SNAPSHOT");
  env.erase("UNDERSTUDY_OPERATION");
  return out;
}

Json new_config(const Machine* model, const Settings& settings) {
  Json out = settings.image.empty() && model != nullptr ? model->config : settings.config;
  if (!settings.image.empty()) {
    out["image"] = settings.image;
    if (!out.contains("guest")) out["guest"] = parse_size(settings.size, settings.memory_mb).to_json();
  }
  out.erase("standbys");
  for (const char* key : {meta_epoch, meta_operation, meta_snapshot}) part(out, "metadata").erase(key);
  for (const char* key : {env_epoch, env_standby}) part(out, "env").erase(key);
  set_common(out, settings);
  return out;
}

std::string machine_name(const std::string& service, const std::string& target, const std::string& region,
                         std::size_t number) {
  auto out = "understudy-" + plain(service) + "-" + plain(target);
  out = out.substr(0, 50);
  return out + (region.empty() ? "" : "-" + region) + "-" + std::to_string(number);
}

std::string cannot_suspend(const Json& config) {
  const Json guest = config.value("guest", Json::object());
  if (guest.value("memory_mb", std::int64_t{256}) > largest_suspended_mb) return "it has more than 2 GB of memory";
  if (guest.value("gpus", 0) > 0 || !guest.value("gpu_kind", "").empty()) return "it has a GPU";
  if (config.value("init", Json::object()).value("swap_size_mb", 0) > 0) return "it has swap";
  if (!config.value("schedule", "").empty()) return "it has a schedule";
  return {};
}

}  // namespace flyio_plugin
