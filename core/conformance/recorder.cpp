#include "core/conformance/recorder.hpp"

#include <deque>
#include <map>

namespace understudy::conformance {
namespace {

using Clock = std::chrono::steady_clock;
using sdk::Json;

std::int64_t since(Clock::time_point begin) { return std::chrono::duration_cast<Millis>(Clock::now() - begin).count(); }

}  // namespace

struct Recorder::Tape {
  std::deque<HostExchange> exchanges;          ///< references stay good
  std::map<std::string, std::string> secrets;  ///< value → placeholder
};

Recorder::Recorder(std::unique_ptr<host::Services> real) : real_(std::move(real)), tape_(std::make_shared<Tape>()) {}

Recorder::Ticket Recorder::start(host::ServiceCall call) {
  auto& entry = tape_->exchanges.emplace_back();
  entry.method = call.method;
  entry.params = call.params;
  entry.after_ms = -1;
  const auto begin = Clock::now();
  call.done = [tape = tape_, &entry, begin, done = std::move(call.done)](sdk::Result result) {
    entry.after_ms = since(begin);
    entry.answer = answer_json(result);
    if (entry.method == "secret.get/1" && result.ok()) {
      const auto value = result.value.value("value", "");
      if (!value.empty()) tape->secrets[value] = placeholder(entry.params.value("key", ""));
    }
    done(std::move(result));
  };
  if (call.on_item) {
    call.on_item = [tape = tape_, &entry, begin, on_item = std::move(call.on_item)](const Json& item) {
      entry.items.push_back({since(begin), item});
      on_item(item);
    };
  }
  return real_->start(std::move(call));
}

Json Recorder::without_secrets(const Json& value) const {
  Json out = value;
  for (const auto& [secret, stand_in] : tape_->secrets) out = replaced(out, secret, stand_in);
  return out;
}

std::vector<HostExchange> Recorder::exchanges() const {
  std::vector<HostExchange> out;
  for (auto e : tape_->exchanges) {
    e.params = without_secrets(e.params);
    e.answer = without_secrets(e.answer);
    for (auto& item : e.items) item.item = without_secrets(item.item);
    out.push_back(std::move(e));
  }
  return out;
}

}  // namespace understudy::conformance
