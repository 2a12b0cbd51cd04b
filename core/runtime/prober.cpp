#include "core/runtime/prober.hpp"

#include <nlohmann/json.hpp>

#include "core/answers/health.hpp"
#include "core/answers/target.hpp"

namespace understudy::runtime {
namespace {

constexpr Millis network_fresh{1'000};  // a reference check this recent need not be repeated

}  // namespace

CheckReport report_of(const sdk::Result& result, Micros took) {
  CheckReport out;
  if (result.ok()) {
    out = answers::check(result.value);
  } else {
    out.cause = "the check itself failed: " + result.error.message;
  }
  out.latency = took;
  return out;
}

namespace {

/// A target without checks of its own: what its provider says is its health.
CheckReport report_of_observe(const sdk::Result& result, Micros took) {
  CheckReport out;
  if (result.ok()) {
    out = answers::observed_as_check(result.value);
  } else {
    out.cause = "its provider does not answer: " + result.error.message;
  }
  out.latency = took;
  return out;
}

constexpr int rounds_a_turn = 24;  ///< then the loop looks after answers first

}  // namespace

Prober::Prober(const Wiring& wiring, std::vector<plugins::Instance*> reference)
    : wiring_(wiring), reference_(std::move(reference)), timer_(wiring.loop) {
  random_ ^= static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

std::uint64_t Prober::random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

Prober::ProbeId Prober::add(std::string name, const config::Detect& detect, std::vector<CheckSource> sources,
                            Listener listener) {
  auto probe = std::make_unique<Probe>();
  probe->name = std::move(name);
  probe->detect = &detect;
  probe->last.resize(sources.size());
  probe->sources = std::move(sources);
  probe->listener = std::move(listener);
  probes_.push_back(std::move(probe));
  schedule_.add();
  return probes_.size() - 1;
}

void Prober::remove(ProbeId id) {
  auto& p = *probes_[id];
  ++p.generation;
  p.mode = Mode::idle;
  p.round.reset();
  p.sources.clear();
  p.listener = nullptr;
  schedule_.remove(id);
}

void Prober::set_mode(ProbeId id, Mode mode, bool starting) {
  auto& p = *probes_[id];
  if (mode == Mode::verifying || starting) {
    ++p.generation;
    p.round.reset();
    p.detector.activated(*p.detect, mono_now());
  }
  const bool was_idle = p.mode == Mode::idle;
  p.mode = mode;
  if (mode == Mode::idle) {
    p.detector.rests();
    ++p.generation;
    p.round.reset();
    schedule_.remove(id);
  } else if (mode == Mode::verifying) {
    begin_soon(id);
  } else if (!was_idle && !starting) {
    p.spread = true;
  } else {
    schedule_.at(id, detect::on_tick(mono_now() +
                                     detect::first_delay(std::hash<std::string>()(p.name), p.detect->fast_interval)));
    wake();
  }
}

void Prober::hint(ProbeId id, const std::string& reason, bool gone) {
  auto& p = *probes_[id];
  if (p.mode == Mode::idle) return;
  wiring_.log.write(host::Level::info, p.name, "hint: " + reason);
  p.detector.hinted(gone);
  if (p.round) {
    p.again = true;  // the round under way may have looked before it happened
  } else {
    start_round(id);
  }
}

/// At once, unless very many begin together, as at a start: ten thousand requests in one instant would each need their
/// memory, and go on coming together.
void Prober::begin_soon(ProbeId id) {
  if (begun_ < rounds_a_turn) {
    ++begun_;
    return start_round(id);
  }
  schedule_.at(id, mono_now());
  wake();
}

void Prober::start_round(ProbeId id) {
  auto& p = *probes_[id];
  if (p.sources.empty() || p.mode == Mode::idle) return;
  schedule_.remove(id);
  ++p.generation;
  p.again = false;
  p.asked = mono_now();
  const int checks = static_cast<int>(p.sources.size());
  const int k = std::min(p.detect->k, checks);  // it is said of `health`; there may be fewer `ready` checks
  p.round = std::make_unique<detect::Round>(p.detect->combine, k, checks);
  for (const int check : p.round->next()) ask(id, check);
}

void Prober::ask(ProbeId id, int check) {
  auto& p = *probes_[id];
  const auto& source = p.sources[static_cast<std::size_t>(check)];
  const auto began = mono_now();
  const Millis timeout = p.detect->timeout;
  auto done = [this, id, check, began, observe = source.observe, generation = p.generation,
               alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired() || probes_[id]->generation != generation || !probes_[id]->round) return;
    const Micros took = mono_now() - began;
    answered(id, check, observe ? report_of_observe(result, took) : report_of(result, took));
  };
  auto params = source.params;
  params["timeout_ms"] = timeout.count();
  source.instance->call(source.observe ? "standby.observe/1" : "health.check/1", params, timeout, std::move(done));
}

void Prober::answered(ProbeId id, int check, CheckReport report) {
  auto& p = *probes_[id];
  const auto result = p.round->report(check, std::move(report));
  if (!result) {
    for (const int next : p.round->next()) ask(id, next);
    return;
  }
  p.last = p.round->reports();
  p.round.reset();
  decided(id, *result);
}

void Prober::decided(ProbeId id, const detect::RoundResult& result) {
  if (result.outcome != Outcome::fail || result.local || reference_.empty()) return count(id, result, true);
  with_network([this, id, result, generation = probes_[id]->generation](bool ok) {
    if (probes_[id]->generation == generation) count(id, result, ok);
  });
}

void Prober::count(ProbeId id, const detect::RoundResult& result, bool network_ok) {
  auto& p = *probes_[id];
  if (result.outcome == Outcome::pass && !p.sources.front().observe) p.passed = p.asked;
  const auto change = p.detector.on_round(*p.detect, p.mode == Mode::verifying ? detect::of_candidate(result) : result,
                                          network_ok, mono_now());
  if (p.again) {
    start_round(id);
  } else {
    schedule(id);
  }
  const bool news =
      change.changed || change.flapping_began || change.flapping_ended || change.blind_began || change.blind_ended;
  if (news && p.listener) p.listener(p.detector, change);
}

void Prober::schedule(ProbeId id) {
  auto& p = *probes_[id];
  if (p.mode == Mode::idle) return;
  const Millis interval = p.detector.interval(*p.detect, p.mode == Mode::verifying);
  const bool spread = p.mode == Mode::serving && std::exchange(p.spread, false);
  const Millis wait = spread ? detect::first_delay(std::hash<std::string>()(p.name), interval)
                             : detect::jittered(interval, p.detect->jitter, random());
  schedule_.at(id, detect::on_tick(mono_now() + wait));
  wake();
}

void Prober::wake() {
  const auto next = schedule_.next();
  if (!next || (timer_at_ && *timer_at_ <= *next)) return;
  timer_at_ = *next;
  timer_.expires_at(std::chrono::steady_clock::time_point(next->time_since_epoch()));
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    timer_at_.reset();
    begun_ = 0;
    for (const auto id : schedule_.due(mono_now())) begin_soon(id);
    wake();
  });
}

void Prober::with_network(std::function<void(bool)> then) {
  if (network_ != Verdict::unknown && mono_now() - network_at_ < network_fresh) return then(network_ == Verdict::up);
  network_waiters_.push_back(std::move(then));
  if (network_waiters_.size() > 1) return;  // asked already
  struct Asking {
    std::size_t left;
    bool told = false;
  };
  auto asking = std::make_shared<Asking>(Asking{reference_.size()});
  for (auto* instance : reference_) {
    instance->call("health.check/1", {{"timeout_ms", detect::reference_timeout.count()}}, detect::reference_timeout,
                   [this, asking, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
                     if (alive.expired()) return;
                     const auto report = report_of(result, Micros(0));
                     if (asking->told) return;
                     const bool works = report.outcome == Outcome::pass || report.outcome == Outcome::degraded;
                     if (--asking->left > 0 && !works) return;
                     asking->told = true;  // one that answers is enough: the others may be slow
                     network_ = works ? Verdict::up : Verdict::down;
                     network_at_ = mono_now();
                     for (auto& waiter : std::exchange(network_waiters_, {})) waiter(works);
                   });
  }
}

nlohmann::json Prober::last_checks(ProbeId id) const {
  auto out = nlohmann::json::array();
  const auto& p = *probes_[id];
  for (std::size_t i = 0; i < p.sources.size() && i < p.last.size(); ++i) {
    if (p.last[i])
      out.push_back(
          {{"check", p.sources[i].name}, {"outcome", to_string(p.last[i]->outcome)}, {"cause", p.last[i]->cause}});
  }
  return out;
}

}  // namespace understudy::runtime
