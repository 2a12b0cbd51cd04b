#include "core/agent/order_bodies.hpp"

#include <algorithm>
#include <optional>

#include "core/model/epoch_from.hpp"
#include "understudy/status.hpp"

namespace understudy::agent {
namespace {

using sdk::Json;

template <class T>
std::optional<T> field(const Json& body, const char* name) {
  const auto it = body.find(name);
  if (it == body.end() || it->is_null()) return std::nullopt;
  const bool fits = std::is_same_v<T, bool>          ? it->is_boolean()
                    : std::is_same_v<T, std::string> ? it->is_string()
                                                     : it->is_number_unsigned();
  if (!fits)
    throw BadBody{std::string("\"") + name + "\" must be " +
                  (std::is_same_v<T, bool>          ? "true or false"
                   : std::is_same_v<T, std::string> ? "a text"
                                                    : "a whole number that is not negative")};
  return it->get<T>();
}

Json object_of(std::string_view text) {
  if (text.find_first_not_of(" \r\n\t") == std::string_view::npos) return Json::object();
  auto body = sdk::parse_json(text);
  if (!body.is_object()) throw BadBody{"the body must be a JSON object"};
  return body;
}

std::optional<Epoch> epoch_in(const Json& body) {
  const auto number = field<std::uint64_t>(body, "epoch");
  if (!number) return std::nullopt;
  const auto epoch = epoch_from(*number, 2 * most_told);
  if (!epoch) throw BadBody{"\"epoch\" is an impossible number"};
  return epoch;
}

ActivateOrder activate_order(const Json& body) {
  ActivateOrder out;
  out.epoch = epoch_in(body);
  out.operation = field<std::string>(body, "operation").value_or("");
  if (const auto snapshot = field<std::string>(body, "snapshot")) out.snapshot = SnapshotId(*snapshot);
  out.store = field<std::string>(body, "store").value_or(field<std::string>(body, "bucket").value_or(""));
  out.force = field<bool>(body, "force").value_or(false);
  return out;
}

DeactivateOrder deactivate_order(const Json& body) {
  DeactivateOrder out;
  out.epoch = epoch_in(body);
  out.operation = field<std::string>(body, "operation").value_or("");
  if (const auto grace = field<std::uint64_t>(body, "grace_ms"))
    out.grace = Millis(static_cast<std::int64_t>(std::min<std::uint64_t>(*grace, 86'400'000)));
  out.push = field<bool>(body, "push").value_or(true);
  return out;
}

}  // namespace

std::variant<ActivateOrder, BadBody> read_activate(std::string_view body) {
  try {
    return activate_order(object_of(body));
  } catch (BadBody& bad) {
    return std::move(bad);
  }
}

std::variant<DeactivateOrder, BadBody> read_deactivate(std::string_view body) {
  try {
    return deactivate_order(object_of(body));
  } catch (BadBody& bad) {
    return std::move(bad);
  }
}

}  // namespace understudy::agent
