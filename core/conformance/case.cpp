#include "core/conformance/case.hpp"

#include <algorithm>

namespace understudy::conformance {

const config::PluginUse& Bench::use() {
  const auto it = uses.find(interface_name);
  if (it != uses.end()) return it->second;
  const auto described_ = described();
  const auto schema = described_->manifest().interfaces.at(interface_name).value("settings", sdk::Json::object());
  if (!schema.value("required", sdk::Json::array()).empty())
    throw Skipped("it needs settings: give a file with a table [" + interface_name + "] to --settings");
  auto& made = uses[interface_name];
  made.plugin = library.stem().string();
  made.settings = sdk::Json::object();
  const auto properties = schema.value("properties", sdk::Json::object());
  for (const auto& [key, property] : properties.items()) {
    if (property.contains("default")) made.settings[key] = property.at("default");
  }
  return made;
}

std::shared_ptr<plugins::Library> Bench::loaded() {
  auto out = plugins::load_library(library);
  if (const auto* error = std::get_if<plugins::LoadError>(&out)) throw Broken(error->message);
  return std::get<std::shared_ptr<plugins::Library>>(out);
}

std::shared_ptr<plugins::Library> Bench::described() {
  auto out = plugins::describe_library(library, program);
  if (const auto* error = std::get_if<plugins::LoadError>(&out)) throw Broken(error->message);
  return std::get<std::shared_ptr<plugins::Library>>(out);
}

sdk::Json Bench::envelope() {
  return {{"interface", interface_name},
          {"instance", run + "/here/" + interface_name},
          {"service", run},
          {"target", "here"},
          {"settings", use().settings}};
}

bool Bench::offers(const std::string& method) { return described()->provides(interface_name, method); }

Subject::Subject(Bench& bench) : session_(bench.library, bench.program, bench.log) {
  auto use = bench.use();
  use.isolation = bench.isolation;
  auto made = session_.make(std::move(use), bench.interface_name, bench.run);
  if (const auto* error = std::get_if<plugins::LoadError>(&made)) throw Broken(error->message);
  instance_ = std::move(std::get<std::unique_ptr<plugins::Instance>>(made));
}

sdk::Result Subject::call(const std::string& method, const sdk::Json& params, Millis budget) {
  return session_.call(*instance_, method, params, budget);
}

sdk::Json Subject::get(const std::string& method, const sdk::Json& params, Millis budget) {
  auto result = call(method, params, budget);
  if (!result.ok())
    throw Broken(method + " answered " + std::string(sdk::name_of(result.error.status)) + ": " + result.error.message);
  return std::move(result.value);
}

const std::vector<Case>& catalogue() {
  static const std::vector<Case> all = [] {
    std::vector<Case> out;
    add_library_cases(out);
    add_protocol_cases(out);
    add_health_cases(out);
    add_target_cases(out);
    add_state_cases(out);
    add_notifier_cases(out);
    return out;
  }();
  return all;
}

}  // namespace understudy::conformance
