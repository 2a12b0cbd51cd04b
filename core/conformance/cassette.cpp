#include "core/conformance/cassette.hpp"

#include <fstream>
#include <iterator>

#include "core/host/body_files.hpp"

namespace understudy::conformance {
namespace {

using sdk::Json;

bool is_text(const std::string& bytes) {
  const auto quoted = Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get_ref<const std::string&>() == bytes;
}

Json exchange_json(const HostExchange& e) {
  Json out = {{"method", e.method}, {"params", e.params}, {"after_ms", e.after_ms}};
  if (e.after_ms >= 0) out["answer"] = e.answer;
  if (e.file && is_text(*e.file)) out["file"] = *e.file;
  if (e.file && !is_text(*e.file)) out["file_base64"] = host::encode_base64(*e.file);
  for (const auto& item : e.items) out["items"].push_back({{"after_ms", item.after_ms}, {"item", item.item}});
  return out;
}

HostExchange exchange_from(const Json& in) {
  HostExchange out;
  out.method = in.at("method").get<std::string>();
  out.params = in.at("params");
  out.after_ms = in.at("after_ms").get<std::int64_t>();
  out.answer = in.value("answer", Json());
  for (const auto& item : in.value("items", Json::array()))
    out.items.push_back({item.at("after_ms").get<std::int64_t>(), item.at("item")});
  if (in.contains("file")) out.file = in.at("file").get<std::string>();
  if (in.contains("file_base64")) out.file = host::decode_base64(in.at("file_base64").get<std::string>());
  return out;
}

}  // namespace

Json replaced(const Json& value, const std::string& from, const std::string& to) {
  if (value.is_string()) {
    auto text = value.get<std::string>();
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
    return text;
  }
  if (!value.is_structured()) return value;
  Json out = value;
  for (auto& inner : out) inner = replaced(inner, from, to);
  return out;
}

std::string placeholder(const std::string& key) { return "[secret:" + key + "]"; }

Json answer_json(const sdk::Result& result) {
  if (result.ok()) return {{"status", "ok"}, {"result", result.value}};
  return {{"status", sdk::name_of(result.error.status)}, {"error", result.error.to_json()}};
}

sdk::Result answer_from_json(const Json& answer) {
  const auto name = answer.value("status", "unknown");
  for (int raw = 0; raw <= static_cast<int>(sdk::Status::unknown); ++raw) {
    const auto status = sdk::status_from(raw);
    if (sdk::name_of(status) != name) continue;
    if (status == sdk::Status::ok) return {answer.value("result", Json::object())};
    return {{}, sdk::Error::from_json(status, answer.value("error", Json::object()))};
  }
  return {{}, {sdk::Status::unknown, "the cassette has the unknown status " + name, {}, "replay", {}}};
}

Json to_json(const Cassette& c) {
  Json steps = Json::array(), exchanges = Json::array();
  for (const auto& s : c.steps) {
    steps.push_back({{"method", s.method},
                     {"params", s.params},
                     {"budget_ms", s.budget_ms},
                     {"at_ms", s.at_ms},
                     {"answer", s.answer}});
  }
  for (const auto& e : c.exchanges) exchanges.push_back(exchange_json(e));
  return {{"schema", 1},
          {"plugin", c.plugin},
          {"version", c.version},
          {"interface", c.interface_name},
          {"service", c.service},
          {"target", c.target},
          {"recorded_at_ms", c.recorded_at_ms},
          {"settings", c.settings},
          {"steps", std::move(steps)},
          {"host", std::move(exchanges)}};
}

Cassette read_cassette(const std::filesystem::path& file) {
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto json = replaced(sdk::parse_json(text), here, std::filesystem::absolute(file).parent_path().string());
  try {
    if (json.at("schema") != 1) throw std::runtime_error("it is of another version");
    Cassette out;
    out.plugin = json.at("plugin").get<std::string>();
    out.version = json.value("version", "");
    out.interface_name = json.at("interface").get<std::string>();
    out.service = json.value("service", "");
    out.target = json.value("target", "");
    out.recorded_at_ms = json.value("recorded_at_ms", std::int64_t{0});
    out.settings = json.value("settings", Json::object());
    for (const auto& s : json.at("steps"))
      out.steps.push_back({s.at("method").get<std::string>(), s.at("params"),
                           s.value("budget_ms", std::int64_t{30'000}), s.value("at_ms", std::int64_t{0}),
                           s.at("answer")});
    for (const auto& e : json.at("host")) out.exchanges.push_back(exchange_from(e));
    for (const auto& s : out.steps) (void)answer_from_json(s.answer);  // throws here and not in the middle of a replay
    for (const auto& e : out.exchanges) {
      if (e.after_ms >= 0) (void)answer_from_json(e.answer);
    }
    return out;
  } catch (const std::exception& e) {
    throw std::runtime_error(file.string() + " is no cassette: " + e.what());
  }
}

}  // namespace understudy::conformance
