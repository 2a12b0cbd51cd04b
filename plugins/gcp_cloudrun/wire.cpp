#include "wire.hpp"

#include <future>
#include <memory>

namespace gcp {

using namespace understudy::sdk;

namespace {
constexpr Millis late_timer{250};
}

Answer send(Host& host, const Ask& ask, const Deadline& deadline) {
  Json params = {{"url", ask.url}, {"method", ask.method}, {"max_body", ask.max_body}, {"want", {"headers"}}};
  if (!ask.headers.empty()) params["headers"] = ask.headers;
  if (!ask.body.empty()) params["body"] = ask.body;
  if (!ask.body_file.empty()) params["body_file"] = ask.body_file;
  if (ask.fresh) params["fresh"] = true;
  if (!ask.to_file.empty()) params["to_file"] = ask.to_file;
  const auto result = host.blocking("http.request/1", params, deadline.left());
  const Json& value = result.get();
  Answer out;
  out.status = value.at("status").get<int>();
  out.body = value.value("body", "");
  if (value.value("truncated", false))
    throw Failure(Status::transient,
                  "the answer of " + ask.url.substr(0, ask.url.find('?')) + " is too long to be read");
  out.json = parse_json(out.body);
  out.headers = value.value("headers", Json::object());
  out.bytes = value.value("bytes", std::int64_t{0});
  return out;
}

void pause(Host& host, Millis time) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto rung = promise->get_future();
  host.call("timer.after/1", {{"ms", time.count()}}, time + Millis(5'000),
            [promise](Result r) { promise->set_value(std::move(r)); });
  // A host that forgets its timers must not cost us the call's budget.
  if (rung.wait_for(time + late_timer) != std::future_status::ready) return;
  if (const auto result = rung.get(); result.error.status == Status::cancelled) throw Failure(result.error);
}

std::int64_t now_ms(Host& host) {
  return host.blocking("clock.now/1", Json::object(), Millis(5'000)).get().at("wall_ms").get<std::int64_t>();
}

}  // namespace gcp
