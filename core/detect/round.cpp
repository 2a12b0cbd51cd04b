#include "core/detect/round.hpp"

namespace understudy::detect {
namespace {

int badness(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass: return 0;
    case Outcome::degraded: return 1;
    case Outcome::unknown: return 2;
    case Outcome::fail: break;
  }
  return 3;
}

RoundResult result_of(const CheckReport& r) { return {r.outcome, r.cause, r.local, r.latency, {}}; }

}  // namespace

RoundResult of_candidate(RoundResult result) {
  if (result.outcome == Outcome::pass && !result.failed_before.empty()) {
    result.outcome = Outcome::degraded;
    result.weak = true;
    result.cause += "; but " + result.failed_before;
  }
  return result;
}

Round::Round(config::Combine combine, int k, int checks)
    : combine_(combine), reports_(static_cast<std::size_t>(checks)) {
  needed_ = combine == config::Combine::all ? checks : combine == config::Combine::k_of_n ? k : 1;
}

std::vector<int> Round::next() {
  std::vector<int> out;
  const int n = static_cast<int>(reports_.size());
  const int until = combine_ == config::Combine::chain ? std::min(started_ + 1, n) : n;
  while (started_ < until) out.push_back(started_++);
  return out;
}

std::optional<RoundResult> Round::report(int check, CheckReport report) {
  reports_[static_cast<std::size_t>(check)] = std::move(report);
  return combine_ == config::Combine::chain ? chain_result() : counted_result();
}

std::optional<RoundResult> Round::chain_result() const {
  const CheckReport* worst = nullptr;
  for (const auto& r : reports_) {
    if (!r) return std::nullopt;
    if (r->verdict) {
      RoundResult out = result_of(*r);
      if (worst != nullptr && worst->outcome == Outcome::fail)
        out.failed_before = worst->cause.empty() ? "an earlier check failed" : worst->cause;
      return out;
    }
    if (worst == nullptr || badness(r->outcome) > badness(worst->outcome)) worst = &*r;
  }
  return worst != nullptr ? std::optional(result_of(*worst)) : std::nullopt;
}

std::optional<RoundResult> Round::counted_result() const {
  int passed = 0, degraded = 0, failed = 0, missing = 0;
  const CheckReport* worst = nullptr;
  for (const auto& r : reports_) {
    if (!r) {
      ++missing;
      continue;
    }
    passed += r->outcome == Outcome::pass ? 1 : 0;
    degraded += r->outcome == Outcome::degraded ? 1 : 0;
    failed += r->outcome == Outcome::fail ? 1 : 0;
    if (worst == nullptr || badness(r->outcome) > badness(worst->outcome)) worst = &*r;
  }
  if (missing > 0) return std::nullopt;  // every check is asked, so that people see each of them
  if (worst == nullptr) return std::nullopt;
  RoundResult out = result_of(*worst);
  const int n = static_cast<int>(reports_.size());
  if (passed + degraded >= needed_) {
    out.outcome = passed >= needed_ ? Outcome::pass : Outcome::degraded;
    if (out.outcome == Outcome::pass && failed + degraded > 0)
      out.cause = std::to_string(passed) + " of " + std::to_string(n) + " pass; " + out.cause;
  } else if (n - failed < needed_) {
    out.outcome = Outcome::fail;
    out.local = true;
    for (const auto& r : reports_) out.local = out.local && (r->outcome != Outcome::fail || r->local);
  } else {
    out.outcome = Outcome::unknown;
  }
  return out;
}

}  // namespace understudy::detect
