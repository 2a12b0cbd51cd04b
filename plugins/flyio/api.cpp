#include "api.hpp"

#include <algorithm>
#include <future>
#include <random>
#include <tuple>

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis read_patience{10'000}, change_patience{30'000};
constexpr Millis first_pause{250}, longest_pause{4'000};
/// The provider waits at most a minute; we let it wait less, so that a lost answer is noticed.
constexpr Millis longest_wait{10'000}, wait_grace{5'000};
constexpr Millis late_timer{500};
constexpr int largest_reply = 8 * 1024 * 1024;

bool is_ours(const Machine& machine, const Settings& settings) {
  const bool known = machine.known_config.is_object();
  const Json metadata = known ? machine.known_config.value("metadata", Json::object()) : Json::object();
  if (is_helper(metadata)) return false;
  if (machine.config.is_object()) return settings.selects(metadata);
  // Its host cannot give its config: it counts as ours unless what is known says otherwise.
  return std::ranges::none_of(settings.selector, [&](const auto& pair) {
    return metadata.contains(pair.first) && metadata[pair.first] != pair.second;
  });
}

}  // namespace

Api::Api(Host& host, const Settings& settings) : host_(host), settings_(settings), dice_(std::random_device{}()) {}

std::string Api::token(const Deadline& deadline) {
  if (settings_.token.is_string()) return settings_.token.get<std::string>();
  const std::lock_guard lock(mutex_);
  if (!token_.empty()) return token_;
  const auto result =
      host_.blocking("secret.get/1", {{"key", settings_.token.value("$secret", Json())}}, deadline.left());
  if (!result.ok()) throw Failure(result.error);
  token_ = result.value.value("value", "");
  while (!token_.empty() && (token_.back() == '\n' || token_.back() == ' ')) token_.pop_back();
  if (token_.empty())
    throw Failure(Status::denied, "the token for Fly app " + settings_.app + " is empty",
                  "make one with `fly tokens create deploy -a " + settings_.app + "`");
  return token_;
}

Answer Api::send(const Request& request, const std::string& token, Millis patience) {
  Json ask = {{"url", settings_.api + "/v1/apps/" + settings_.app + "/machines" + request.path},
              {"method", request.method},
              {"bearer", token},
              {"max_body", largest_reply},
              {"want", {"headers"}}};
  Json headers = {{"Accept", "application/json"}};
  if (!request.nonce.empty()) headers["fly-machine-lease-nonce"] = request.nonce;
  if (!request.body.is_null()) {
    headers["Content-Type"] = "application/json";
    ask["body"] = request.body.dump(-1, ' ', false, Json::error_handler_t::replace);
  } else if (request.method == "POST") {
    ask["body"] = "";
  }
  ask["headers"] = headers;
  const auto result = host_.blocking("http.request/1", ask, patience);
  if (!result.ok() && result.error.status == Status::cancelled) throw Failure(result.error);
  return Answer::from(result);
}

/// A token that ends midway is read again: it may have been renewed meanwhile, and 401 has had no effect.
Answer Api::once(const Request& request, const Deadline& deadline, Millis patience) {
  const auto used = token(deadline);
  auto answer = send(request, used, std::min(deadline.left(), patience));
  if (answer.http != 401) return answer;
  forget_token();
  const auto now = token(deadline);
  return now != used ? send(request, now, std::min(deadline.left(), patience)) : answer;
}

void Api::forget_token() {
  const std::lock_guard lock(mutex_);
  token_.clear();
}

void Api::sleep(Millis time, const Deadline& deadline) {
  const auto ms = std::min(time, deadline.left());
  auto promise = std::make_shared<std::promise<Result>>();
  auto rung = promise->get_future();
  host_.call("timer.after/1", {{"ms", ms.count()}}, ms + 10 * late_timer,
             [promise](Result r) { promise->set_value(std::move(r)); });
  // A timer that the host forgets must not cost the call's whole time.
  if (rung.wait_for(ms + late_timer) != std::future_status::ready) return;
  if (const auto result = rung.get(); !result.ok()) throw Failure(result.error);
}

Millis Api::pause(int attempt) {
  const auto full = std::min(longest_pause, first_pause * (1 << std::min(attempt, 6)));
  const auto roll = dice_.fetch_add(0x9E3779B9U) >> 16;
  return full / 2 + Millis(static_cast<std::int64_t>(roll) * full.count() / 2 / 65'536);
}

Answer Api::act(const Request& request, const Deadline& deadline) {
  for (int attempt = 0;; ++attempt) {
    auto answer = once(request, deadline, change_patience);
    if (answer.http != 429) return answer;
    const auto wait = answer.retry_after.value_or(pause(attempt + 1));
    if (wait >= deadline.left()) return answer;
    sleep(wait, deadline);
  }
}

Answer Api::read(const std::string& path, const std::string& what, const Deadline& deadline) {
  for (int attempt = 0;; ++attempt) {
    auto answer = once({"GET", path, nullptr, ""}, deadline, read_patience);
    if (answer.ok() && !answer.body.is_null()) return answer;
    if (answer.http == 404 && !path.empty()) return answer;
    const bool nonsense = answer.ok();
    const bool again = nonsense || answer.http == 0 || answer.http == 408 || answer.http == 429 || answer.http >= 500;
    const auto wait = answer.retry_after.value_or(pause(attempt));
    if (!again || wait >= deadline.left()) {
      if (nonsense)
        throw Failure(Status::transient, "Fly app " + settings_.app + ": the answer to " + what + " is not JSON",
                      "is `api` (" + settings_.api + ") the Machines API?");
      throw Failure(explain(answer, {what, "", false}, settings_));
    }
    sleep(wait, deadline);
  }
}

Machines Api::machines(const Deadline& deadline) {
  const auto answer = read("", "list its machines", deadline);
  if (!answer.body.is_array())
    throw Failure(Status::transient, "Fly app " + settings_.app + ": the list of machines is no list");
  Machines out;
  for (const auto& one : answer.body) {
    auto machine = Machine::from_json(one);
    if (machine.phase() == Phase::gone) continue;
    if (is_ours(machine, settings_)) out.push_back(std::move(machine));
  }
  std::ranges::sort(out, {}, [&](const Machine& m) { return std::tuple(settings_.rank_of(m.region), m.region, m.id); });
  return out;
}

std::optional<Machine> Api::machine(const std::string& id, const Deadline& deadline) {
  const auto answer = read("/" + id, "read machine " + id, deadline);
  if (answer.http == 404) return std::nullopt;
  auto machine = Machine::from_json(answer.body);
  if (machine.phase() == Phase::gone) return std::nullopt;
  return machine;
}

std::vector<Version> Api::versions(const std::string& id, const Deadline& deadline) {
  const auto answer = read("/" + id + "/versions", "read the versions of machine " + id, deadline);
  std::vector<Version> out;
  if (!answer.body.is_array()) return out;
  for (const auto& one : answer.body) {
    if (one.is_object() && one.contains("user_config") && one["user_config"].is_object())
      out.push_back({one.value("version", ""), cleaned(one["user_config"])});
  }
  // Version ids are ULIDs: they sort by time.
  std::ranges::sort(out, std::greater<>(), &Version::id);
  return out;
}

bool Api::wait(const Machine& machine, const std::string& state, const Deadline& deadline) {
  // Short beside the lease, which is renewed between two waits.
  const auto room = std::min({deadline.left(), longest_wait, settings_.lease_ttl / 4});
  const auto seconds = std::max<std::int64_t>(1, room.count() / 1000);
  auto path = "/" + machine.id + "/wait?state=" + state + "&timeout=" + std::to_string(seconds);
  if (!machine.version.empty()) path += "&instance_id=" + machine.version;
  return once({"GET", path, nullptr, ""}, deadline, std::chrono::seconds(seconds) + wait_grace).ok();
}

}  // namespace flyio_plugin
