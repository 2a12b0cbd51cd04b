#include "core/plugins/instance.hpp"

#include <nlohmann/json.hpp>

namespace understudy::plugins {

std::optional<std::string> hand_over(const Instance::Done& done, sdk::Result result) {
  try {
    done(std::move(result));
    return std::nullopt;
  } catch (const nlohmann::json::exception& e) {
    std::string what = std::string("its answer has a wrong type: ") + e.what();
    try {
      done({{}, {sdk::Status::unknown, what, "this is a bug of the plugin", "malformed", {}}});
    } catch (const nlohmann::json::exception&) {
      return what + "; and nobody could be told";
    }
    return what;
  }
}

}  // namespace understudy::plugins
