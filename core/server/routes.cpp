#include "core/server/routes.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include "core/answers/store.hpp"

namespace understudy::server {
namespace {

using runtime::Control;
using Send = std::function<void(Response)>;
constexpr Millis longest_poll{60'000};

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    out.push_back(decoded(path.substr(0, end)));
    path.remove_prefix(end);
  }
  return out;
}

std::map<std::string, std::string> parameters(std::string_view query) {
  std::map<std::string, std::string> out;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    out[decoded(pair.substr(0, equals))] = equals < pair.size() ? decoded(pair.substr(equals + 1)) : "";
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return out;
}

std::int64_t number(const std::map<std::string, std::string>& from, const std::string& key, std::int64_t otherwise) {
  const auto it = from.find(key);
  if (it == from.end()) return otherwise;
  std::int64_t out = otherwise;
  std::from_chars(it->second.data(), it->second.data() + it->second.size(), out);
  return out;
}

int http_status(const sdk::Error& e) {
  switch (e.status) {
    case sdk::Status::invalid: return e.kind == "no_such_service" || e.kind == "no_such_target" ? 404 : 400;
    case sdk::Status::denied: return 403;
    case sdk::Status::conflict: return 409;
    case sdk::Status::unsupported: return 501;
    case sdk::Status::transient: return 503;
    default: return 504;
  }
}

runtime::Requester requester(const sdk::Json& body) { return {body.value("who", "unknown"), body.value("reason", "")}; }

runtime::PromoteRequest promote_request(const std::string& service, const sdk::Json& body) {
  runtime::PromoteRequest out;
  out.service = ServiceId(service);
  out.target = TargetId(body.value("target", ""));
  out.force = body.value("force", false);
  out.accept_loss = body.value("accept_loss", false);
  if (body.contains("expect_index")) out.expect_index = body.at("expect_index").get<std::uint64_t>();
  out.expect_config = body.value("expect_config", "");
  out.by = requester(body);
  return out;
}

/// Whoever takes it upon themselves that the old site is stopped says for which other one.
void promote(Control& control, const runtime::PromoteRequest& wanted, const Send& send) {
  if (wanted.force && wanted.target.empty() && !wanted.expect_index)
    return send(error_response(400, "no_target", "force needs the target to be named",
                               "send `target`, or the `expect_index` of a plan"));
  control.promote(wanted, to_http(send));
}

runtime::PauseRequest pause_request(const std::string& service, const sdk::Json& body) {
  runtime::PauseRequest out;
  out.service = ServiceId(service);
  if (body.contains("for_ms")) out.for_time = Millis(body.at("for_ms").get<std::int64_t>());
  out.by = requester(body);
  return out;
}

void get_status(Control& control, const std::map<std::string, std::string>& query, Send send) {
  if (!query.contains("wait")) return send({200, control.status()});
  const auto seen = static_cast<std::uint64_t>(number(query, "wait", 0));
  const Millis at_most = std::clamp(Millis(number(query, "timeout_ms", 30'000)), Millis(1), longest_poll);
  control.on_change(seen, at_most, [&control, send = std::move(send)] { send({200, control.status()}); });
}

/// As a failover would take them: what it would leave out is not valid, whatever the store says.
sdk::Result judged(sdk::Result listed) {
  if (!listed.ok() || !listed.value.contains("snapshots")) return listed;
  for (auto& one : listed.value.at("snapshots")) {
    std::string problem = "it is of the wrong types: this is a bug of the store's plugin";
    try {
      const auto info = answers::snapshot(one);
      if (info.valid) continue;
      problem = info.problem;
    } catch (const sdk::Json::exception&) {  // told with the others
      if (!one.is_object()) one = sdk::Json::object();
    }
    one["valid"] = false;
    one["problem"] = problem;
  }
  return listed;
}

bool lists(const sdk::Json& answer, const SnapshotId& id) {
  const auto all = answer.value("snapshots", sdk::Json::array());
  return std::ranges::any_of(all, [&](const sdk::Json& one) { return one.value("id", "") == id.value; });
}

/// A store answers "invalid" for what it does not have, and for what it has and is damaged: whoever asks must know
/// which.
void verify(Control& control, const ServiceId& service, const SnapshotId& id, const Send& send) {
  control.snapshot_verify(service, id, [&control, service, id, send](const sdk::Result& verified) {
    if (verified.error.status != sdk::Status::invalid || !verified.error.kind.empty()) return to_http(send)(verified);
    control.snapshot_list(service, [service, id, send, verified](const sdk::Result& listed) {
      if (!listed.ok() || !lists(listed.value, id)) return to_http(send)(verified);
      send(error_response(422, "damaged", "snapshot " + id.value + " is damaged: " + verified.error.message,
                          "verify another one of `understudy snapshot list " + service.value +
                              "`, or save a new one: `understudy snapshot push " + service.value + "`"));
    });
  });
}

bool snapshots(Control& control, const web::Request& request, const std::vector<std::string>& path,
               const sdk::Json& body, const Send& send) {
  const ServiceId service(path[2]);
  if (path.size() == 4 && request.method == "GET")
    return control.snapshot_list(service, [send](sdk::Result listed) { to_http(send)(judged(std::move(listed))); }),
           true;
  if (path.size() == 4 && request.method == "POST")
    return control.snapshot_push(service, requester(body), to_http(send)), true;
  if (path.size() != 6 || request.method != "POST") return false;
  const SnapshotId id(path[4]);
  if (path[5] == "verify") return verify(control, service, id, send), true;
  if (path[5] != "restore") return false;
  return control.snapshot_restore(service, id, body.at("folder").get<std::string>(), requester(body), to_http(send)),
         true;
}

// .../targets/T/VERB: what changes something is a POST, what only looks is a GET.
bool targets(Control& control, const web::Request& request, const std::vector<std::string>& path, const sdk::Json& body,
             const Send& send) {
  using What = runtime::TargetRequest::What;
  static const std::map<std::string, What> verbs = {
      {"rollback", What::rollback}, {"prewarm", What::prewarm}, {"diagnose", What::diagnose}, {"logs", What::logs}};
  const auto verb = path.size() == 6 ? verbs.find(path[5]) : verbs.end();
  if (verb == verbs.end()) return false;
  const bool changes = verb->second == What::rollback || verb->second == What::prewarm;
  if (request.method != (changes ? "POST" : "GET")) return false;
  const auto lines = std::clamp<std::int64_t>(number(parameters(request.query), "lines", 100), 1, 10'000);
  control.of_target({verb->second, ServiceId(path[2]), TargetId(path[4]), static_cast<int>(lines), requester(body)},
                    to_http(send));
  return true;
}

bool of_service(Control& control, const web::Request& request, const std::vector<std::string>& path,
                const sdk::Json& body, const Send& send) {
  if (path.size() < 4) return false;
  const std::string& service = path[2];
  const std::string& verb = path[3];
  if (verb == "snapshots") return snapshots(control, request, path, body, send);
  if (verb == "targets") return targets(control, request, path, body, send);
  if (path.size() != 4) return false;
  if (verb == "plan" && request.method == "GET") return control.plan(ServiceId(service), to_http(send)), true;
  if (request.method != "POST") return false;
  if (verb == "promote") return promote(control, promote_request(service, body), send), true;
  if (verb == "failback") return control.failback(promote_request(service, body), to_http(send)), true;
  if (verb == "drill") {
    return control.drill({ServiceId(service), TargetId(body.value("target", "")), body.value("switchover", false),
                          requester(body)},
                         to_http(send)),
           true;
  }
  if (verb == "pause") return control.pause(pause_request(service, body), to_http(send)), true;
  if (verb == "resume") return control.resume(pause_request(service, body), to_http(send)), true;
  return false;
}

bool of_alerts(Control& control, const web::Request& request, const std::vector<std::string>& path,
               const sdk::Json& body, const Send& send) {
  if (path.size() == 2 && request.method == "GET") return send({200, control.alerts()}), true;
  if (request.method != "POST" || path.size() < 3) return false;
  if (path.size() == 3 && path[2] == "ack") {
    const runtime::AcknowledgeRequest ack{body.value("incident", ""), ServiceId(body.value("service", "")),
                                          requester(body)};
    return control.acknowledge(ack, to_http(send)), true;
  }
  if (path.size() == 3 && path[2] == "test") {
    const runtime::AlertTest test{body.value("severity", "info"), body.value("service", ""),
                                  body.value("kind", "test")};
    return control.test_alert(test, to_http(send)), true;
  }
  if (path[2] != "silences") return false;
  if (path.size() == 5 && path[4] == "end") return control.end_silence(path[3], requester(body), to_http(send)), true;
  if (path.size() != 3) return false;
  const runtime::SilenceRequest silence{body.value("service", ""), body.value("target", ""), body.value("kind", ""),
                                        Millis(body.value("for_ms", std::int64_t{3'600'000})), requester(body)};
  return control.silence(silence, to_http(send)), true;
}

bool dispatch(Control& control, const web::Request& request, const sdk::Json& body, const Send& send) {
  const auto path = segments(request.path);
  const auto query = parameters(request.query);
  if (path.size() < 2 || path[0] != "v1") return false;
  if (path[1] == "services") return of_service(control, request, path, body, send);
  if (path[1] == "alerts") return of_alerts(control, request, path, body, send);
  if (path.size() != 2) return false;
  const bool get = request.method == "GET";
  if (get && path[1] == "status") return get_status(control, query, send), true;
  if (get && path[1] == "plugins") return send({200, control.plugins()}), true;
  if (get && path[1] == "history") {
    const auto service = query.contains("service") ? query.at("service") : std::string();
    return control.history(
               {ServiceId(service), static_cast<int>(std::clamp<std::int64_t>(number(query, "limit", 100), 1, 10'000)),
                number(query, "before", 0)},
               to_http(send)),
           true;
  }
  if (request.method != "POST") return false;
  if (path[1] == "reload") return control.reload(requester(body), to_http(send)), true;
  if (path[1] == "pause") return control.pause(pause_request("", body), to_http(send)), true;
  if (path[1] == "resume") return control.resume(pause_request("", body), to_http(send)), true;
  return false;
}

}  // namespace

Control::Reply to_http(std::function<void(Response)> send) {
  return [send = std::move(send)](sdk::Result result) {
    if (result.ok()) return send({200, std::move(result.value)});
    const auto& e = result.error;
    send(error_response(http_status(e), e.kind.empty() ? std::string(sdk::name_of(e.status)) : e.kind, e.message,
                        e.hint));
  };
}

Response error_response(int status, std::string code, std::string message, std::string hint) {
  return {status, {{"error", {{"code", std::move(code)}, {"message", std::move(message)}, {"hint", std::move(hint)}}}}};
}

void handle(Control& control, const web::Request& request, const std::function<void(Response)>& reply) {
  sdk::Json body = sdk::Json::object();
  if (!request.body.empty()) {
    body = sdk::parse_json(request.body);
    if (!body.is_object()) return reply(error_response(400, "bad_json", "the body is not a JSON object"));
  }
  try {
    if (!dispatch(control, request, body, reply))
      reply(error_response(404, "not_found", request.method + " " + request.path + " is not part of the API",
                           "docs/api.md lists it"));
  } catch (const sdk::Json::exception& e) {
    reply(error_response(400, "bad_request", std::string("a field is missing or of the wrong type: ") + e.what()));
  }
}

}  // namespace understudy::server
