#include "core/plugins/instance.hpp"

#include <nlohmann/json.hpp>

namespace understudy::plugins {

sdk::Result without_secrets(const host::Logger& log, sdk::Result result) {
  result.error.message = log.redact(std::move(result.error.message));
  result.error.hint = log.redact(std::move(result.error.hint));
  if (!result.value.is_object()) return result;
  // Not the rest: names, paths and secrets that are asked for go on as they are.
  for (const char* told : {"detail", "cause", "problem"}) {
    const auto it = result.value.find(told);
    if (it != result.value.end() && it->is_string()) *it = log.redact(it->get<std::string>());
  }
  return result;
}

sdk::Error malformed(const std::exception& e) {
  return {sdk::Status::unknown,
          std::string("its answer has a wrong type: ") + e.what(),
          "this is a bug of the plugin",
          "malformed",
          {}};
}

std::optional<std::string> hand_over(const Instance::Done& done, sdk::Result result) {
  try {
    done(std::move(result));
    return std::nullopt;
  } catch (const nlohmann::json::exception& e) {
    const auto error = malformed(e);
    try {
      done({{}, error});
    } catch (const nlohmann::json::exception&) {
      return error.message + "; and nobody could be told";
    }
    return error.message;
  }
}

}  // namespace understudy::plugins
