// Laws of the choice of a standby.
#include <cmath>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "core/policy/meter.hpp"
#include "core/policy/plan.hpp"
#include "tests/unit/property.hpp"

using namespace understudy;
using namespace understudy::policy;
using understudy::config::Objective;
using understudy::test::always;
using understudy::test::one_of;

namespace {

Usd some_money(sim::Dice& dice) { return {static_cast<double>(dice.between(0, 40)) / 4}; }

Candidate some_candidate(sim::Dice& dice, int number) {
  Candidate c;
  c.target = TargetId("t" + std::to_string(number));
  c.price = {some_money(dice),
             some_money(dice),
             some_money(dice),
             some_money(dice),
             std::chrono::seconds(dice.between(0, 7200)),
             "list",
             ""};
  c.declared = {Millis(dice.between(1, 600) * 1000), static_cast<double>(dice.between(1, 20)) / 20};
  for (auto n = dice.below(4); n > 0; --n)
    c.history.push_back({dice.chance(0.7), Millis(dice.between(1, 600) * 1000), WallTime()});
  c.region = one_of<std::string>(dice, {"eu", "us", ""});
  c.failure_domain = one_of<std::string>(dice, {"", "rack", "other"});
  c.order = static_cast<int>(dice.between(0, 3));
  c.answers = dice.chance(0.9);
  c.breaker_open = dice.chance(0.1);
  if (dice.chance(0.1)) {
    c.excluded = true;
    c.excluded_reason = "tried";
    c.excluded_why = "it was tried";
  }
  return c;
}

struct Drawn {
  Situation situation;
  std::vector<Candidate> candidates;

  [[nodiscard]] std::string text() const { return render(make_plan(situation, candidates)); }
};

Drawn some_choice(sim::Dice& dice, int size) {
  Drawn out;
  auto& s = out.situation;
  s.downtime_cost_per_hour = some_money(dice);
  s.objective =
      one_of<Objective>(dice, {Objective::expected_cost, Objective::cheapest, Objective::fastest, Objective::ordered});
  if (dice.chance(0.3)) s.regions = {"eu"};
  if (dice.chance(0.3)) s.budget.per_activation = some_money(dice);
  if (dice.chance(0.3)) s.budget.per_month = some_money(dice);
  s.spent_this_month = some_money(dice);
  s.expected_outage = Millis(dice.between(1, 100'000) * 1000);
  for (auto n = dice.below(3); n > 0; --n) s.past_outages.emplace_back(dice.between(1, 10'000) * 1000);
  s.state_bytes = dice.between(0, 5'000'000'000);
  s.failed_domain = one_of<std::string>(dice, {"", "rack"});
  s.ignore_breakers = dice.chance(0.5);
  for (int i = 0; i < size; ++i) {
    // Twins, which only their names tell apart, are what an order could depend on.
    auto next = i > 0 && dice.chance(0.3) ? out.candidates.back() : some_candidate(dice, i);
    next.target = TargetId("t" + std::to_string(i));
    out.candidates.push_back(std::move(next));
  }
  return out;
}

/// The place of a target; behind all others when it is left out.
std::size_t place(const Plan& plan, const TargetId& target) {
  return static_cast<std::size_t>(std::ranges::find(plan.ranked, target, &Ranked::target) - plan.ranked.begin()) +
         (std::ranges::find(plan.ranked, target, &Ranked::target) == plan.ranked.end() ? plan.excluded.size() : 0);
}

double money(const Ranked& r) { return (r.run + r.activation + r.transfer).value; }

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * (1 + std::abs(a) + std::abs(b)); }

/// Of trying them in this order until one succeeds.
double expected(const std::vector<Ranked>& order) {
  double out = 0, reached = 1;
  for (const auto& r : order) {
    out += reached * (r.silence.value + money(r));
    reached *= 1 - r.readiness.success;
  }
  return out;
}

/// What the stay of an expected outage costs there beyond what standing by does; the declared outage weighs as two.
double stay_usd(const Situation& s, const Candidate& c) {
  double sum_ms = 2 * static_cast<double>(s.expected_outage.count()), samples = 2;
  for (const auto past : s.past_outages) {
    sum_ms += static_cast<double>(past.count());
    ++samples;
  }
  const double away_h = (sum_ms / samples + static_cast<double>(s.failback_dwell.count())) / 3'600'000;
  const double billed_h = std::max(away_h, static_cast<double>(c.price.min_billing.count()) / 3600);
  const double rate = std::max(0.0, c.price.active_per_hour.value - c.price.standby_per_hour.value);
  return rate * billed_h + c.price.activation.value +
         c.price.transfer_per_gb.value * static_cast<double>(s.state_bytes) / 1e9;
}

/// The constraints that a candidate violates, each by its word; nothing: it is too near to a limit to be told.
std::optional<std::set<std::string>> violated(const Situation& s, const Candidate& c) {
  std::set<std::string> out;
  if (c.excluded) out.insert("tried");
  if (!c.answers) out.insert("control_plane");
  if (c.breaker_open && !s.ignore_breakers) out.insert("breaker");
  const bool allowed = std::ranges::find(s.regions, c.region) != s.regions.end();
  if (!s.regions.empty() && !allowed) out.insert("region");
  if (!s.failed_domain.empty() && c.failure_domain == s.failed_domain) out.insert("failure_domain");
  const double stay = stay_usd(s, c);
  const auto exceeds = [&](const char* word, const std::optional<Usd>& limit, double spent) {
    if (limit && spent + stay > limit->value) out.insert(word);
    return limit && std::abs(spent + stay - limit->value) < 1e-4;
  };
  bool near_limit = exceeds("activation", s.budget.per_activation, 0);
  if (stay > 0) near_limit = exceeds("month", s.budget.per_month, s.spent_this_month.value) || near_limit;
  return near_limit ? std::nullopt : std::optional(out);
}

}  // namespace

TEST_CASE("a plan depends on what is known, not on the order in which it is told, and comes out the same every time") {
  always([](sim::Dice& dice, int size) -> std::string {
    auto drawn = some_choice(dice, size);
    const auto plan = to_json(make_plan(drawn.situation, drawn.candidates));
    if (to_json(make_plan(drawn.situation, drawn.candidates)) != plan) return "twice: " + drawn.text();
    test::shuffle(dice, drawn.candidates);
    return to_json(make_plan(drawn.situation, drawn.candidates)) == plan ? "" : drawn.text();
  });
}

TEST_CASE("each candidate is ranked, or left out with a reason in a word and in a sentence") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto drawn = some_choice(dice, size);
    const auto plan = make_plan(drawn.situation, drawn.candidates);
    for (const auto& c : drawn.candidates) {
      const auto times = std::ranges::count(plan.ranked, c.target, &Ranked::target) +
                         std::ranges::count(plan.excluded, c.target, &Excluded::target);
      if (times != 1) return c.target.value + " in " + drawn.text();
    }
    for (const auto& e : plan.excluded) {
      if (e.reason.empty() || e.text.empty()) return "no reason in " + drawn.text();
    }
    return "";
  });
}

TEST_CASE("who violates a constraint is never ranked, and who violates none always is") {
  std::map<std::string, int> alone;  // so often nothing else spoke against it
  always([&](sim::Dice& dice, int size) -> std::string {
    auto drawn = some_choice(dice, size);
    drawn.situation.expected_outage = Millis(dice.between(1, 7'200) * 1000);  // so that some stays are within a budget
    const auto plan = make_plan(drawn.situation, drawn.candidates);
    for (const auto& c : drawn.candidates) {
      const auto against = violated(drawn.situation, c);
      if (!against) continue;
      if (against->size() < 2) ++alone[against->empty() ? "nothing" : *against->begin()];
      const bool ranked = std::ranges::find(plan.ranked, c.target, &Ranked::target) != plan.ranked.end();
      if (ranked != against->empty()) return c.target.value + " in " + drawn.text();
    }
    return "";
  });
  for (const auto* word :
       {"nothing", "tried", "control_plane", "breaker", "region", "failure_domain", "activation", "month"}) {
    INFO(word);
    CHECK(alone[word] > 10);
  }
}

TEST_CASE("the terms of money are finite, not negative, and sum to the total") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto drawn = some_choice(dice, size);
    for (const auto& r : make_plan(drawn.situation, drawn.candidates).ranked) {
      double sum = 0;
      for (const auto term : {r.silence, r.run, r.activation, r.transfer, r.failure}) {
        if (!std::isfinite(term.value) || term.value < 0) return r.target.value + " in " + drawn.text();
        sum += term.value;
      }
      if (!near(sum, r.total.value)) return r.target.value + " in " + drawn.text();
    }
    return "";
  });
}

TEST_CASE("what becomes cheaper, all else equal, never ranks worse") {
  always([](sim::Dice& dice, int size) -> std::string {
    auto drawn = some_choice(dice, size);
    const auto said = drawn.text();
    auto& c = drawn.candidates[dice.below(drawn.candidates.size())];
    const auto before = place(make_plan(drawn.situation, drawn.candidates), c.target);
    auto& price = *one_of<Usd*>(dice, {&c.price.activation, &c.price.active_per_hour, &c.price.transfer_per_gb});
    price = price * dice.unit();
    const auto after = place(make_plan(drawn.situation, drawn.candidates), c.target);
    return after <= before ? "" : c.target.value + " was cheaper than in " + said + "and came to " + drawn.text();
  });
}

TEST_CASE("what becomes quicker, all else equal, never ranks worse") {
  always([](sim::Dice& dice, int size) -> std::string {
    auto drawn = some_choice(dice, size);
    const auto said = drawn.text();
    auto& c = drawn.candidates[dice.below(drawn.candidates.size())];
    const auto before = place(make_plan(drawn.situation, drawn.candidates), c.target);
    c.declared.ready_in = Millis(dice.between(0, c.declared.ready_in.count()));
    const auto after = place(make_plan(drawn.situation, drawn.candidates), c.target);
    return after <= before ? "" : c.target.value + " was quicker than in " + said + "and came to " + drawn.text();
  });
}

TEST_CASE("cheapest, fastest and ordered order by what they are named after") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto drawn = some_choice(dice, size);
    const auto plan = make_plan(drawn.situation, drawn.candidates);
    const auto order_of = [&](const Ranked& r) {
      return std::ranges::find(drawn.candidates, r.target, &Candidate::target)->order;
    };
    const auto key = [&](const Ranked& r) -> double {
      switch (drawn.situation.objective) {
        case Objective::cheapest: return money(r);
        case Objective::fastest: return static_cast<double>(r.readiness.mean.count());
        case Objective::ordered: return order_of(r);
        case Objective::expected_cost: break;
      }
      return 0;
    };
    return std::ranges::is_sorted(plan.ranked, {}, key) ? "" : drawn.text();
  });
}

TEST_CASE("by expected cost no other order of the standbys would cost less") {
  always([](sim::Dice& dice, int size) -> std::string {
    auto drawn = some_choice(dice, std::min(size, 5));
    drawn.situation.objective = Objective::expected_cost;
    auto order = make_plan(drawn.situation, drawn.candidates).ranked;
    const double ours = expected(order);
    std::ranges::sort(order, {}, [](const Ranked& r) { return r.target.value; });
    const auto by_name = [](const Ranked& a, const Ranked& b) { return a.target.value < b.target.value; };
    do {
      if (expected(order) < ours && !near(expected(order), ours)) return drawn.text();
    } while (std::next_permutation(order.begin(), order.end(), by_name));
    return "";
  });
}

TEST_CASE("the note tells at which price of silence the first two change places") {
  always([](sim::Dice& dice, int) -> std::string {
    auto drawn = some_choice(dice, 2);
    drawn.situation.objective = Objective::expected_cost;
    drawn.situation.budget = {};
    const auto plan = make_plan(drawn.situation, drawn.candidates);
    if (plan.notes.empty()) return "";
    const auto& note = plan.notes.front();
    const double turning = std::stod(note.substr(note.find('$') + 1));
    if (turning < 1 || turning > 1000) return "";  // told to the cent
    const bool more = note.find(" more than ") != std::string::npos;
    for (const bool above : {false, true}) {
      drawn.situation.downtime_cost_per_hour = Usd{turning * (above ? 1.02 : 0.98)};
      const auto other = make_plan(drawn.situation, drawn.candidates);
      if ((other.ranked.front().target == plan.ranked.front().target) != (above == more)) return drawn.text() + note;
    }
    return "";
  });
}

TEST_CASE(
    "a standby is paid for as long as home is away and for the wait until it is trusted, or for the least that is "
    "billed") {
  Situation s;
  s.expected_outage = Millis(3'600'000);
  s.failback_dwell = Millis(1'800'000);
  Candidate c;
  c.target = TargetId("spare");
  c.price.active_per_hour = Usd{2};
  c.answers = true;
  CHECK(make_plan(s, {c}).ranked.front().run.value == Approx(3));
  c.price.min_billing = std::chrono::seconds(7200);
  CHECK(make_plan(s, {c}).ranked.front().run.value == Approx(4));
  s.past_outages = {Millis(0), Millis(0)};  // two samples beside two of what the file says
  c.price.min_billing = {};
  CHECK(make_plan(s, {c}).ranked.front().run.value == Approx(2));
}

TEST_CASE("the meter bills what a provider would") {
  Price price;
  price.standby_per_hour = Usd{1};
  price.active_per_hour = Usd{6};
  price.activation = Usd{0.5};
  price.transfer_per_gb = Usd{2};
  price.min_billing = std::chrono::seconds(1800);
  const TargetId spare("spare");
  const auto at = [](int minutes) { return Time(std::chrono::minutes(minutes)); };
  Meter meter;
  meter.pass(at(0), {{spare, price, false}});
  CHECK(meter.take().empty());
  meter.starts(spare, price, 0.25);
  meter.pass(at(60), {{spare, price, true}});
  CHECK(meter.take()[spare].value == Approx(1 + 0.5 + 0.5));
  meter.pass(at(70), {{spare, price, false}});  // ten minutes, billed as thirty
  CHECK(meter.take()[spare].value == Approx(3));
  meter.pass(at(130), {{spare, price, true}});
  meter.pass(at(190), {{spare, price, false}});
  CHECK(meter.take()[spare].value == Approx(1 + 6));

  Meter restarted;  // it ran already: when it began is not known
  restarted.pass(at(0), {{spare, price, true}});
  restarted.pass(at(10), {{spare, price, false}});
  CHECK(restarted.take()[spare].value == Approx(1));
}

TEST_CASE("who has just failed is tried when nobody else can be, however cheap it is") {
  Situation s;
  Candidate home, spare;
  home.target = TargetId("home");
  home.last_resort = true;
  spare.target = TargetId("spare");
  spare.price.active_per_hour = Usd{100};
  const auto plan = make_plan(s, {home, spare});
  REQUIRE(plan.ranked.size() == 2);
  CHECK(plan.ranked.front().target == spare.target);
  CHECK(plan.notes.empty());
  CHECK(make_plan(s, {home}).ranked.front().target == home.target);
}
