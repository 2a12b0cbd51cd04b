#include "engine_words.hpp"

#include <cstdio>
#include <limits>

#include "containers.hpp"

namespace compose_plugin {
namespace {

using namespace understudy::sdk;

std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

const Json& part_of(const Json& object, const char* key) {
  static const Json none;
  const auto it = object.find(key);
  return it != object.end() ? *it : none;
}

}  // namespace

std::pair<int, int> parse_version(const std::string& text) {
  std::pair<int, int> out{0, 0};
  // NOLINTNEXTLINE(cert-err34-c): both numbers are checked
  if (std::sscanf(text.c_str(), "%4d.%4d", &out.first, &out.second) != 2 || out.first < 1 || out.second < 0)
    return {0, 0};
  return out;
}

Failure refusal(const std::string& what, int status, const std::string& body) {
  const auto said = text_of(parse_json(body), "message");
  const auto as = status == 401 || status == 403 ? Status::denied : status >= 500 ? Status::transient : Status::invalid;
  return {as,
          "the Docker engine answers " + std::to_string(status) + " to " + what + (said.empty() ? "" : ": " + said)};
}

std::optional<Event> parse_event(const std::string& line) {
  const Json in = parse_json(line);
  if (!in.is_object()) return std::nullopt;
  Event out;
  out.action = text_of(in, "Action");
  const Json& actor = part_of(in, "Actor");
  if (actor.is_object()) out.service = text_of(part_of(actor, "Attributes"), label_service);
  if (const Json& at = part_of(in, "timeNano"); at.is_number_unsigned()) {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max() - 1;
    out.at_ns = at.get<std::uint64_t>() <= most ? at.get<std::int64_t>() : 0;
  }
  return out;
}

std::string since_after(std::int64_t at_ns) {
  constexpr std::int64_t second = 1'000'000'000;
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%09lld", static_cast<long long>((at_ns + 1) / second),
                static_cast<long long>((at_ns + 1) % second));
  return text;
}

}  // namespace compose_plugin
