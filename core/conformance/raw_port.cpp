#include "core/conformance/raw_port.hpp"

namespace understudy::conformance {
namespace {

using Clock = std::chrono::steady_clock;

us_bytes bytes(std::string_view text) { return {text.data(), text.size()}; }
std::string text(us_bytes raw) { return raw.len == 0 ? std::string() : std::string(raw.data, raw.len); }
RawPort& self(void* ctx) noexcept { return *static_cast<RawPort*>(ctx); }

}  // namespace

RawPort::RawPort(const us_plugin& entry, Host host, std::string secret)
    : entry_(entry), host_(host), secret_(std::move(secret)) {}
RawPort::~RawPort() {
  if (alive_) (void)destroy();
}

template <class Fn>
void RawPort::guarded(Fn fn) {
  try {
    fn();
  } catch (...) {
    threw_ = true;
  }
}

bool RawPort::create(const std::string& envelope) {
  const us_port port{sizeof(us_port), 0, this, on_call, on_cancel, on_complete, on_notify};
  std::int32_t status = US_UNKNOWN;
  creating_ = true;
  guarded([&] { status = entry_.create(&port, bytes(envelope), &plugin_); });
  creating_ = false;
  alive_ = status == US_OK;
  if (!alive_ && refusal_.empty()) refusal_ = sdk::name_of(sdk::status_from(status));
  return alive_;
}

us_op RawPort::call(std::string_view method, std::string_view params, Millis budget) {
  const us_op op = ++last_op_;
  guarded([&] { plugin_.call(plugin_.ctx, op, bytes(method), bytes(params), budget.count()); });
  return op;
}
void RawPort::cancel(us_op op) {
  guarded([&] { plugin_.cancel(plugin_.ctx, op); });
}
void RawPort::complete(us_op op, std::int32_t status, std::string_view result) {
  if (!alive_) return;  // asked before the end, and not served by then: there is nobody left to tell
  guarded([&] { plugin_.complete(plugin_.ctx, op, status, bytes(result)); });
}
void RawPort::notify(std::string_view topic, std::string_view params) {
  guarded([&] { plugin_.notify(plugin_.ctx, bytes(topic), bytes(params)); });
}

Millis RawPort::destroy() {
  alive_ = false;
  const auto began = Clock::now();
  guarded([&] { entry_.destroy(plugin_.ctx); });
  gone_ = true;
  return std::chrono::duration_cast<Millis>(Clock::now() - began);
}

bool RawPort::serve_one(std::unique_lock<std::mutex>& lock, Clock::time_point until) {
  if (inbox_.empty() && wake_.wait_until(lock, until) == std::cv_status::timeout) return false;
  if (inbox_.empty()) return true;
  const Asked asked = std::move(inbox_.front());
  inbox_.pop_front();
  const bool secret = asked.method == "secret.get/1";
  if (!secret && host_ == Host::silent) return true;
  lock.unlock();
  if (secret) {
    complete(asked.op, US_OK, sdk::Json{{"value", secret_}}.dump());
  } else if (asked.method == "clock.now/1") {
    complete(asked.op, US_OK, R"({"wall_ms": 1700000000000, "monotonic_us": 1})");
  } else if (asked.method == "timer.after/1") {
    // Left to run out: an instance that polls would otherwise spin.
  } else {
    complete(asked.op, US_TRANSIENT, R"({"message": "the test's host refuses everything", "kind": "refused"})");
  }
  lock.lock();
  return true;
}

bool RawPort::wait(us_op op, Millis at_most) {
  const auto until = Clock::now() + at_most;
  std::unique_lock lock(mutex_);
  while (answers_[op].times == 0 && Clock::now() < until) {
    if (!serve_one(lock, until)) break;
  }
  return answers_[op].times > 0;
}

void RawPort::serve(Millis time) {
  const auto until = Clock::now() + time;
  std::unique_lock lock(mutex_);
  while (Clock::now() < until && serve_one(lock, until)) {
  }
}

int RawPort::answers(us_op op) const {
  const std::lock_guard lock(mutex_);
  const auto it = answers_.find(op);
  return it == answers_.end() ? 0 : it->second.times;
}
sdk::Status RawPort::status(us_op op) const {
  const std::lock_guard lock(mutex_);
  const auto it = answers_.find(op);
  return it == answers_.end() ? sdk::Status::unknown : sdk::status_from(it->second.status);
}
std::string RawPort::body(us_op op) const {
  const std::lock_guard lock(mutex_);
  const auto it = answers_.find(op);
  return it == answers_.end() ? std::string() : it->second.body;
}
std::string RawPort::heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

void RawPort::on_call(void* ctx, us_op op, us_bytes method, us_bytes params, std::int64_t) noexcept {
  auto& me = self(ctx);
  if (me.gone_) {
    ++me.late_;
    return;
  }
  const std::lock_guard lock(me.mutex_);
  if (me.creating_ && text(method).rfind("clock.", 0) != 0 && text(method).rfind("timer.", 0) != 0 &&
      text(method).rfind("secret.", 0) != 0)
    ++me.calls_in_create_;
  // Its arguments are everybody's to read; what it gets by its environment or its input is not.
  if (text(method) == "process.run/1")
    me.heard_ += sdk::parse_json(text(params)).value("argv", sdk::Json()).dump() + "\n";
  me.inbox_.push_back({op, text(method), text(params)});
  me.wake_.notify_all();
}
void RawPort::on_cancel(void* ctx, us_op) noexcept {
  if (self(ctx).gone_) ++self(ctx).late_;
}
void RawPort::on_complete(void* ctx, us_op op, std::int32_t status, us_bytes result) noexcept {
  auto& me = self(ctx);
  if (me.gone_) {
    ++me.late_;
    return;
  }
  const std::lock_guard lock(me.mutex_);
  auto& answer = me.answers_[op];
  ++answer.times;
  answer.status = status;
  answer.body = text(result);
  me.heard_ += answer.body + "\n";
  me.wake_.notify_all();
}
void RawPort::on_notify(void* ctx, us_bytes topic, us_bytes params) noexcept {
  auto& me = self(ctx);
  if (me.gone_) {
    ++me.late_;
    return;
  }
  const std::lock_guard lock(me.mutex_);
  me.heard_ += text(params) + "\n";
  if (text(topic) != "create.failed") return;
  const auto body = sdk::parse_json(text(params));
  if (body.is_object()) me.refusal_ = body.value("message", "");
}

}  // namespace understudy::conformance
