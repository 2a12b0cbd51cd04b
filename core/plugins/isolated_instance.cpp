#include "core/plugins/isolated_instance.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/plugins/deadlines.hpp"
#include "core/plugins/host_calls.hpp"
#include "core/plugins/log_budget.hpp"
#include "core/plugins/start_patience.hpp"
#include "understudy/json.hpp"

namespace understudy::plugins {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr Millis slack{250};
constexpr Millis first_backoff{20}, longest_backoff{30'000};
constexpr int crashes_before_rest = 5;  ///< in a row, without one good answer between
constexpr Millis rest{30'000};
constexpr std::string_view watch_method = "health.watch/1";

sdk::Result failure(sdk::Status status, std::string message, std::string kind) {
  return {{}, {status, std::move(message), {}, std::move(kind), {}}};
}

/// The life of one instance over all its processes.
class Guest : public std::enable_shared_from_this<Guest> {
 public:
  Guest(const Registry::Wiring& w, std::shared_ptr<Library> l, GuestProcess::Spec s, std::shared_ptr<Stats> st,
        host::Caller c, std::string e)
      : wiring(w),
        library(std::move(l)),
        caller(c),
        spec_(std::move(s)),
        stats_(std::move(st)),
        envelope_(std::move(e)),
        log_budget_(w.log, caller.instance),
        timer_(w.loop),
        deadlines_(w.loop,
                   [this](us_op op) {
                     const auto keep = shared_from_this();
                     deadline_passed(op);
                   }),
        calls(
            w, std::move(c),
            [this](us_op op, std::int32_t status, const std::string& body) { reply_to_plugin(op, status, body); },
            [this](const char* topic, const std::string& body) { tell_plugin(topic, body); }) {
    calls.limit_log(log_budget_);
  }

  const Registry::Wiring wiring;
  const std::shared_ptr<Library> library;
  const host::Caller caller;

  /// The first start, which waits: settings that the plugin refuses are an error of the configuration.
  std::optional<LoadError> begin() {
    if (envelope_.size() > largest_frame_body)
      return LoadError{"the settings of " + caller.instance + " are larger than 4 MiB", "name files instead"};
    launch();
    const auto deadline = Clock::now() + start_patience;
    while (state_ == State::starting && !refused_ && Clock::now() < deadline) {
      const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
      process_->wait_for_frame(static_cast<int>(std::max<std::int64_t>(1, left.count())));
      if (ended_at_start_ || !process_->alive()) break;
    }
    timer_.cancel();
    if (state_ == State::ready) return std::nullopt;
    const std::string who = "plugin " + caller.plugin;
    if (refused_) return LoadError{who + " refused " + caller.instance + ": " + create_error_, create_hint_};
    return LoadError{who + " did not finish create() for " + caller.instance + " within " +
                         std::to_string(start_patience_s) + " s, or ended",
                     "create() must do no I/O", Clock::now() >= deadline};
  }

  us_op call(std::string_view method, const sdk::Json& params, Millis budget, Instance::Done done) {
    if (state_ == State::resting) {
      done(
          failure(sdk::Status::transient, "plugin " + caller.plugin + " crashes again and again and rests", "crashed"));
      return 0;
    }
    std::string body = sdk::write_json(params);
    if (body.size() > largest_frame_body) {
      done(failure(sdk::Status::invalid, "the request is larger than 4 MiB", "too_large"));
      return 0;
    }
    const us_op op = next_op_++;
    auto& entry = waiting_[op];
    entry.done = std::move(done);
    entry.since = Clock::now();
    entry.deadline = entry.since + budget + slack;
    entry.frame = {Frame::Kind::call, op, budget.count(), std::string(method), std::move(body)};
    deadlines_.add(op, entry.deadline);
    if (method == watch_method) watched_ = entry.frame;
    if (state_ == State::ready) submit(entry);
    return op;
  }

  void cancel(us_op op) {
    const auto it = waiting_.find(op);
    if (it == waiting_.end()) return;
    if (it->second.sent) return send({Frame::Kind::cancel, op, 0, {}, {}});
    answer(op, failure(sdk::Status::cancelled, "cancelled before it was sent", "cancelled"));
  }

  void on_notify(Instance::OnNotify handler) { calls.on_notify(std::move(handler)); }

  void close() {
    closed_ = true;
    log_budget_.tell();
    timer_.cancel();
    deadlines_.close();
    calls.close();
    if (state_ == State::ready && process_) process_->send({Frame::Kind::destroy, 0, 0, {}, {}});
    process_.reset();
    for (auto& [op, entry] : std::exchange(waiting_, {})) {
      entry.done(failure(sdk::Status::cancelled, "the plugin instance is going away", "cancelled"));
    }
  }

 private:
  enum class State { starting, ready, down, resting };
  struct Waiting {
    Instance::Done done;
    Clock::time_point since, deadline;
    Frame frame;
    bool sent = false;
  };

  void launch() {
    state_ = State::starting;
    auto started = GuestProcess::start(wiring.loop, wiring.log, spec_,
                                       {[this](const Frame& frame) { received(frame); },
                                        [weak = weak_from_this()](const std::string& cause) {
                                          // Not from inside the process that tells it: that object is replaced here.
                                          if (const auto self = weak.lock())
                                            asio::post(self->wiring.loop, [weak, cause] {
                                              if (const auto again = weak.lock()) again->ended(cause);
                                            });
                                        }});
    if (const auto* why = std::get_if<std::string>(&started)) {
      create_error_ = "its process cannot be started: " + *why;
      refused_ = true;
      return ended(create_error_);
    }
    process_ = std::move(std::get<std::unique_ptr<GuestProcess>>(started));
    send({Frame::Kind::create, 0, 0, {}, envelope_});
    after(start_patience, [](Guest& g) {
      if (g.process_) g.process_->kill("create() did not end within " + std::to_string(start_patience_s) + " s");
    });
  }

  void received(const Frame& frame) {
    if (closed_) return;
    switch (frame.kind) {
      case Frame::Kind::created: return created(frame);
      case Frame::Kind::call: return calls.serve(frame.op, frame.name, frame.body, Millis(frame.number));
      case Frame::Kind::cancel: return calls.cancel(frame.op);
      case Frame::Kind::complete: return completed(frame);
      case Frame::Kind::notify:
        if (frame.name == "create.failed") return take_reason(frame.body);
        return calls.notified(frame.name, frame.body);
      case Frame::Kind::create:
      case Frame::Kind::destroy: process_->kill("it broke the protocol: a message that only the host sends");
    }
  }

  /// The host did what was asked: only its answer does not fit.
  void reply_to_plugin(us_op op, std::int32_t status, const std::string& body) {
    if (body.size() <= largest_frame_body) return send({Frame::Kind::complete, op, status, {}, body});
    const sdk::Error error{sdk::Status::unknown,
                           "the answer is larger than 4 MiB, which an isolated plugin cannot be given",
                           "use to_file, or a smaller max_body or max_output",
                           "too_large",
                           {}};
    send({Frame::Kind::complete, op, US_UNKNOWN, {}, sdk::write_json(error.to_json())});
  }

  void tell_plugin(const char* topic, const std::string& body) {
    if (body.size() <= largest_frame_body) return send({Frame::Kind::notify, 0, 0, topic, body});
    wiring.log.write(host::Level::warning, caller.instance, "a line of more than 4 MiB was dropped");
  }

  void take_reason(const std::string& body) {
    const auto error = sdk::Error::from_json(sdk::Status::invalid, sdk::read_json(body));
    create_error_ = error.message;
    create_hint_ = error.hint;
  }

  void created(const Frame& frame) {
    if (state_ != State::starting) return process_->kill("it broke the protocol: created twice");
    if (frame.number != US_OK) {
      refused_ = true;
      ended_at_start_ = true;
      if (create_error_.empty()) take_reason(frame.body);
      return;  // the process ends by itself
    }
    timer_.cancel();
    state_ = State::ready;
    // What was asked to watch before it ended must watch again.
    if (watched_ && std::ranges::none_of(waiting_, [](const auto& w) { return w.second.frame.name == watch_method; })) {
      Frame again = *watched_;
      again.op = next_op_++;
      send(again);
    }
    for (auto& [op, entry] : waiting_) {
      if (!entry.sent) submit(entry);
    }
  }

  void completed(const Frame& frame) {
    const auto status = sdk::status_from(static_cast<std::int32_t>(frame.number));
    sdk::Json value = sdk::read_json(frame.body);
    if (status != sdk::Status::ok) return answer(frame.op, {{}, sdk::Error::from_json(status, value)});
    if (!value.is_object())
      return answer(frame.op, failure(sdk::Status::unknown, "the plugin's answer is not a JSON object", "garbage"));
    answer(frame.op, {std::move(value)});
  }

  void answer(us_op op, sdk::Result result) {
    const auto it = waiting_.find(op);
    if (it == waiting_.end()) return;  // late, given twice, or a watch of ours
    auto entry = std::move(it->second);
    waiting_.erase(it);
    deadlines_.remove(op, entry.deadline);
    ++stats_->calls;
    if (result.ok()) {
      crashes_ = 0;
      backoff_ = first_backoff;
    } else {
      ++stats_->failures;
    }
    stats_->time += std::chrono::duration_cast<Micros>(Clock::now() - entry.since);
    if (const auto problem = hand_over(entry.done, without_secrets(wiring.log, std::move(result))))
      wiring.log.write(host::Level::error, caller.instance, *problem);
  }

  void submit(Waiting& entry) {
    entry.sent = true;
    // What is left of its budget, so that the plugin does not work on for nobody.
    const auto waited = std::chrono::duration_cast<Millis>(Clock::now() - entry.since).count();
    entry.frame.number = std::max<std::int64_t>(1, entry.frame.number - waited);
    send(entry.frame);
  }

  void deadline_passed(us_op op) {
    const auto it = waiting_.find(op);
    if (it == waiting_.end()) return;
    const std::string method = it->second.frame.name;
    if (!it->second.sent)
      return answer(
          op, failure(sdk::Status::transient, "plugin " + caller.plugin + " is being started again", "restarting"));
    answer(op, failure(sdk::Status::unknown, "plugin " + caller.plugin + " did not answer in time", "deadline"));
    if (process_) process_->kill(method + " overran its budget");
  }

  void ended(const std::string& cause) {
    if (closed_) return;
    ended_at_start_ = true;
    process_.reset();
    calls.reopen();
    ++stats_->crashes;
    state_ = State::down;
    answer_those_under_way(cause);
    const bool tired = ++crashes_ >= crashes_before_rest;
    const Millis wait = tired ? rest : backoff_;
    backoff_ = std::min(backoff_ * 2, longest_backoff);
    wiring.log.write(host::Level::error, caller.instance,
                     "plugin " + caller.plugin + " ended: " + cause + "; it is started again in " +
                         std::to_string(wait.count()) + " ms");
    if (tired) {
      state_ = State::resting;
      refuse_those_that_wait();
    }
    after(wait, [](Guest& g) {
      ++g.stats_->restarts;
      g.launch();
    });
  }

  void answer_those_under_way(const std::string& cause) {
    std::vector<us_op> gone;
    for (const auto& [op, entry] : waiting_) {
      if (entry.sent) gone.push_back(op);
    }
    for (const auto op : gone) {
      const auto it = waiting_.find(op);
      if (it == waiting_.end()) continue;
      answer(op, failure(sdk::Status::unknown,
                         "plugin " + caller.plugin + " crashed during " + it->second.frame.name + " (" + cause + ")",
                         "crashed"));
    }
  }

  void refuse_those_that_wait() {
    std::vector<us_op> all;
    for (const auto& [op, entry] : waiting_) all.push_back(op);
    for (const auto op : all)
      answer(op, failure(sdk::Status::transient, "plugin " + caller.plugin + " crashes again and again", "crashed"));
  }

  template <class Fn>
  void after(Millis wait, Fn fn) {
    timer_.expires_after(wait);
    timer_.async_wait([weak = weak_from_this(), fn](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (self && !error && !self->closed_) fn(*self);
    });
  }

  void send(const Frame& frame) {
    if (process_) process_->send(frame);
  }

  const GuestProcess::Spec spec_;
  const std::shared_ptr<Stats> stats_;
  const std::string envelope_;
  std::unique_ptr<GuestProcess> process_;
  State state_ = State::starting;
  std::unordered_map<us_op, Waiting> waiting_;
  us_op next_op_ = 1;
  std::optional<Frame> watched_;
  std::string create_error_, create_hint_;
  bool refused_ = false, ended_at_start_ = false, closed_ = false;
  int crashes_ = 0;  ///< since the last good answer
  Millis backoff_ = first_backoff;
  LogBudget log_budget_;
  asio::steady_timer timer_;
  Deadlines deadlines_;

 public:
  HostCalls calls;
};

class IsolatedInstance final : public Instance {
 public:
  IsolatedInstance(std::shared_ptr<Guest> guest, std::string interface_name)
      : guest_(std::move(guest)), interface_(std::move(interface_name)) {}
  ~IsolatedInstance() override { guest_->close(); }

  Ticket call(std::string_view method, const sdk::Json& params, Millis budget, Done done) override {
    return guest_->call(method, params, budget, std::move(done));
  }
  void cancel(Ticket ticket) override { guest_->cancel(ticket); }
  void on_notify(OnNotify handler) override { guest_->on_notify(std::move(handler)); }
  [[nodiscard]] bool offers(std::string_view method) const override {
    return guest_->library->provides(interface_, method);
  }
  [[nodiscard]] const std::string& name() const override { return guest_->caller.instance; }
  [[nodiscard]] const std::string& plugin() const override { return guest_->caller.plugin; }

 private:
  std::shared_ptr<Guest> guest_;
  std::string interface_;
};

}  // namespace

std::variant<std::unique_ptr<Instance>, LoadError> make_isolated_instance(
    const Registry::Wiring& wiring, std::shared_ptr<Library> library, std::filesystem::path program,
    std::map<std::string, std::string> env, std::shared_ptr<Stats> stats, host::Caller caller,
    const sdk::Json& envelope) {
  GuestProcess::Spec spec{std::move(program), library->path(), std::move(env), caller.instance};
  auto guest = std::make_shared<Guest>(wiring, std::move(library), std::move(spec), std::move(stats), std::move(caller),
                                       sdk::write_json(envelope));
  if (auto problem = guest->begin()) {
    guest->close();
    return *problem;
  }
  return std::make_unique<IsolatedInstance>(std::move(guest), envelope.value("interface", ""));
}

}  // namespace understudy::plugins
