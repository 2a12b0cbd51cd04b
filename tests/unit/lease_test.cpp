// The lease: its arithmetic, the judgement of a renewal, the guard's rules, and what an answer means to the agent.
#include <map>

#include <nlohmann/json.hpp>

#include "core/agent/lease_answer.hpp"
#include "core/lease/guard.hpp"
#include "core/lease/renewal.hpp"
#include "core/lease/terms.hpp"
#include "core/sim/dice.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::lease;

namespace {

constexpr Millis renew_every{300}, op_timeout{400};

Time at(std::int64_t ms) { return Time(Millis(ms)); }

Guard wanting(std::uint64_t epoch) {
  Guard guard(renew_every, op_timeout);
  guard.want(Epoch{epoch}, at(0));
  return guard;
}

}  // namespace

TEST_CASE("a lease counts from the sending of its renewal, and a renewal prolongs it") {
  auto guard = wanting(1);
  CHECK(guard.due(at(0)));
  const auto first = guard.sent(at(10));
  CHECK_FALSE(guard.due(at(50)));
  CHECK(guard.granted(first, Millis(1'000), at(200)));
  CHECK(guard.holds(at(1'009)));
  CHECK_FALSE(guard.holds(at(1'010)));
  CHECK(guard.next() == at(310));
  const auto second = guard.sent(at(310));
  CHECK(guard.granted(second, Millis(1'000), at(320)));
  CHECK(guard.deadline() == at(1'310));
}

TEST_CASE("an answer after its own lease, to an older renewal, or after the guard forgot revives nothing") {
  auto guard = wanting(1);
  const auto late = guard.sent(at(0));
  CHECK_FALSE(guard.granted(late, Millis(300), at(300)));
  CHECK_FALSE(guard.holds(at(300)));
  const auto old = guard.sent(at(300));
  const auto last = guard.sent(at(701));
  CHECK_FALSE(guard.granted(old, Millis(5'000), at(702)));
  CHECK_FALSE(guard.refused(old, at(702)));
  CHECK(guard.granted(last, Millis(5'000), at(703)));
  guard.forget();
  CHECK_FALSE(guard.holds(at(704)));
  CHECK_FALSE(guard.next().has_value());
  guard.want(Epoch{2}, at(710));
  CHECK_FALSE(guard.granted(last, Millis(5'000), at(711)));
  CHECK_FALSE(guard.holds(at(711)));
}

TEST_CASE("a refusal ends what is held, and is asked about again, but not at once") {
  auto guard = wanting(1);
  CHECK(guard.granted(guard.sent(at(0)), Millis(5'000), at(1)));
  const auto second = guard.sent(at(300));
  CHECK(guard.refused(second, at(310)));
  CHECK_FALSE(guard.holds(at(310)));
  CHECK_FALSE(guard.due(at(600)));
  CHECK(guard.due(at(610)));
}

TEST_CASE("a renewal without an answer leaves what is held, and is given up after its time") {
  auto guard = wanting(1);
  CHECK(guard.granted(guard.sent(at(0)), Millis(5'000), at(1)));
  const auto second = guard.sent(at(300));
  CHECK_FALSE(guard.due(at(699)));
  CHECK(guard.due(at(700)));
  guard.failed(second, at(450));
  CHECK(guard.due(at(600)));
  CHECK(guard.deadline() == at(5'000));
}

// Any order of renewals, answers (to any of them, at any time) and orders. What is held is compared with what was
// really granted, as this test has noted it.
TEST_CASE("over random schedules the guard holds exactly what its last answered renewal was granted") {
  struct Sent {
    Time when;
    bool counts = true;  ///< nothing was sent, wanted, forgotten or answered after it
  };
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    INFO("seed " << seed);
    sim::Dice dice(seed);
    Guard guard(renew_every, op_timeout);
    Time now = at(0);
    std::map<std::uint64_t, Sent> sent;
    std::uint64_t last = 0;
    std::optional<Time> until;  // the oracle
    const auto outdate = [&] {
      for (auto& [name, one] : sent) one.counts = false;
    };
    for (int step = 0; step < 60; ++step) {
      now += Millis(dice.between(0, 400));
      const bool any = last > 0;
      const auto answered = any ? 1 + dice.below(last) : 0;
      switch (dice.below(8)) {
        case 0:
          guard.want(Epoch{dice.below(3) + 1}, now);
          until.reset();
          outdate();
          break;
        case 1:
          if (!dice.chance(0.3)) break;
          guard.forget();
          until.reset();
          outdate();
          break;
        case 2:
        case 3:
          if (!guard.due(now)) break;
          outdate();
          last = guard.sent(now);
          CHECK_FALSE(sent.contains(last));
          sent[last] = {now, true};
          break;
        case 4:
        case 5: {
          if (!any) break;
          const auto& one = sent.at(answered);
          const Millis ttl(dice.between(200, 2'000));
          const bool valid = one.counts && now < one.when + ttl;
          CHECK(guard.granted(answered, ttl, now) == valid);
          if (valid) until = one.when + ttl;
          if (one.counts) outdate();
          break;
        }
        case 6:
          if (!any) break;
          CHECK(guard.refused(answered, now) == sent.at(answered).counts);
          if (sent.at(answered).counts) {
            until.reset();
            outdate();
          }
          break;
        default:
          if (!any) break;
          guard.failed(answered, now);
          if (sent.at(answered).counts) outdate();
      }
      REQUIRE(guard.holds(now) == (until && now < *until));
      REQUIRE(guard.deadline() == until);
      REQUIRE(guard.next().has_value() == guard.wanted().has_value());
      if (guard.next()) REQUIRE(*guard.next() <= now + std::max(renew_every, op_timeout));
    }
  }
}

TEST_CASE("W covers the lease, the kill time and both clocks' errors") {
  CHECK(wait_of(Terms{}) == Millis(20'000));
  CHECK_FALSE(problem_of(Terms{}).has_value());
  Terms tight;
  tight.ttl = Millis(10'999);
  CHECK(problem_of(tight).has_value());
}

TEST_CASE("a renewal is judged by the epoch, then the place, then the revocation") {
  using Verdict = Judgement::Verdict;
  const Register reg{Epoch{3}, TargetId("home"), true};
  CHECK(judge(reg, {TargetId("home"), Epoch{2}}).verdict == Verdict::stale);
  CHECK(judge(reg, {TargetId("spare"), Epoch{3}}).verdict == Verdict::stranger);
  CHECK(judge(reg, {TargetId("home"), Epoch{3}}).verdict == Verdict::revoked);
  CHECK(judge({Epoch{3}, TargetId("home"), false}, {TargetId("home"), Epoch{3}}).verdict == Verdict::granted);
}

namespace {

agent::LeaseAnswer answer(int status, const std::string& body) {
  return agent::read_lease_answer(sdk::Result{sdk::Json{{"status", status}, {"body", body}}}, Epoch{7});
}

}  // namespace

TEST_CASE("only a well-formed grant of the epoch that was asked for is one") {
  using Kind = agent::LeaseAnswer::Kind;
  const auto good = answer(200, R"({"ttl_ms": 12000, "epoch": 7})");
  CHECK(good.kind == Kind::granted);
  CHECK(good.ttl == Millis(12'000));
  for (const char* body :
       {"", "granted", "[]", "{}", R"({"ttl_ms": 12000})", R"({"ttl_ms": 12000, "epoch": 8})",
        R"({"ttl_ms": 199, "epoch": 7})", R"({"ttl_ms": -1, "epoch": 7})", R"({"ttl_ms": 1e9, "epoch": 7})",
        R"({"ttl_ms": 18446744073709551615, "epoch": 7})", R"({"ttl_ms": 86400001, "epoch": 7})",
        R"({"ttl_ms": 12000, "epoch": -7})", R"({"ttl_ms": 12000, "epoch": "7"})"}) {
    INFO(body);
    CHECK(answer(200, body).kind == Kind::failed);
  }
  CHECK(answer(204, R"({"ttl_ms": 12000, "epoch": 7})").kind == Kind::failed);
  CHECK(agent::read_lease_answer(sdk::Result{{}, {sdk::Status::transient, "refused", "is it up?", "refused", {}}},
                                 Epoch{7})
            .why == "refused; is it up?");
}

TEST_CASE("only the register's own words are a refusal: any other 409 is no answer") {
  using Kind = agent::LeaseAnswer::Kind;
  const auto revoked = answer(409, R"({"error": {"code": "revoked", "message": "epoch 7 is revoked"}})");
  CHECK(revoked.kind == Kind::refused);
  CHECK_FALSE(revoked.may_be_over);
  CHECK(revoked.why == "revoked: epoch 7 is revoked");
  CHECK(answer(409, R"({"error": {"code": "stale"}})").may_be_over);
  CHECK(answer(409, R"({"error": {"code": "stranger"}})").may_be_over);
  for (const char* body :
       {"", "{}", "[]", R"({"error": "stale"})", R"({"error": {"code": 5}})", R"({"error": {"code": "busy"}})"}) {
    INFO(body);
    CHECK(answer(409, body).kind == Kind::failed);
  }
}
