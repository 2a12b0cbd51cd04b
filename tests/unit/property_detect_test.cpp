// Laws of detection: what checks say together, and how many of them it takes.
#include <numeric>

#include "core/detect/detector.hpp"
#include "tests/unit/property.hpp"

using namespace understudy;
using namespace understudy::detect;
using understudy::config::Combine;
using understudy::test::always;
using understudy::test::one_of;

namespace {

const std::vector<Outcome> outcomes{Outcome::pass, Outcome::degraded, Outcome::unknown, Outcome::fail};  // ever worse

int badness(Outcome outcome) { return static_cast<int>(std::ranges::find(outcomes, outcome) - outcomes.begin()); }

std::string text(const std::vector<Outcome>& all) {
  std::string out;
  for (const auto o : all) out += std::string(to_string(o)) + " ";
  return out;
}

CheckReport report(Outcome outcome) {
  CheckReport out;
  out.outcome = outcome;
  return out;
}

std::vector<Outcome> some_outcomes(sim::Dice& dice, int size) {
  std::vector<Outcome> out;
  for (int i = 0; i < size; ++i) out.push_back(one_of(dice, outcomes));
  return out;
}

/// The answers come in the order of `order`.
std::optional<RoundResult> result(Combine combine, int k, const std::vector<Outcome>& answers,
                                  const std::vector<int>& order) {
  Round round(combine, k, static_cast<int>(answers.size()));
  (void)round.next();
  std::optional<RoundResult> out;
  for (const int i : order) {
    if (out) return std::nullopt;  // decided before everybody had answered
    out = round.report(i, report(answers[static_cast<std::size_t>(i)]));
  }
  return out;
}

std::vector<int> in_order(std::size_t n) {
  std::vector<int> out(n);
  std::iota(out.begin(), out.end(), 0);
  return out;
}

struct Drawn {
  Combine combine = Combine::any;
  int k = 1, needed = 1;
  std::vector<Outcome> answers;
  [[nodiscard]] std::string text() const { return "needs " + std::to_string(needed) + " of " + ::text(answers); }
};

Drawn some_round(sim::Dice& dice, int size) {
  Drawn out;
  out.combine = one_of<Combine>(dice, {Combine::any, Combine::all, Combine::k_of_n});
  out.k = static_cast<int>(dice.between(1, size));
  out.needed = out.combine == Combine::any ? 1 : out.combine == Combine::all ? size : out.k;
  out.answers = some_outcomes(dice, size);
  return out;
}

Time at(std::int64_t s) { return Time(std::chrono::seconds(s)); }

RoundResult found(Outcome outcome) { return {outcome, "", true, Micros(0)}; }

config::Detect some_config(sim::Dice& dice) {
  config::Detect out;
  out.fall = static_cast<int>(dice.between(1, 4));
  out.rise = static_cast<int>(dice.between(1, 4));
  out.flap_max = static_cast<int>(dice.between(1, 4));
  out.flap_window = std::chrono::seconds(dice.between(1, 60));
  out.start_grace = std::chrono::seconds(dice.between(0, 40));
  return out;
}

}  // namespace

TEST_CASE("what all checks say together does not depend on who answers first, and waits for everybody") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto drawn = some_round(dice, size);
    auto order = in_order(drawn.answers.size());
    const auto plain = result(drawn.combine, drawn.k, drawn.answers, order);
    test::shuffle(dice, order);
    const auto other = result(drawn.combine, drawn.k, drawn.answers, order);
    if (!plain || !other) return drawn.text() + "was decided early, or never";
    return plain->outcome == other->outcome && plain->local == other->local ? "" : drawn.text();
  });
}

TEST_CASE("enough passes pass, too many failures fail, and between them it is unknown or degraded") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto drawn = some_round(dice, size);
    const auto count = [&](Outcome o) { return static_cast<int>(std::ranges::count(drawn.answers, o)); };
    const int passed = count(Outcome::pass), good = passed + count(Outcome::degraded);
    const auto expected = passed >= drawn.needed                       ? Outcome::pass
                          : good >= drawn.needed                       ? Outcome::degraded
                          : size - count(Outcome::fail) < drawn.needed ? Outcome::fail
                                                                       : Outcome::unknown;
    const auto got = result(drawn.combine, drawn.k, drawn.answers, in_order(drawn.answers.size()));
    return got && got->outcome == expected ? "" : drawn.text() + "gave " + std::string(to_string(got->outcome));
  });
}

TEST_CASE("a better answer of one check never makes the round worse") {
  always([](sim::Dice& dice, int size) -> std::string {
    auto drawn = some_round(dice, size);
    const auto order = in_order(drawn.answers.size());
    const auto before = result(drawn.combine, drawn.k, drawn.answers, order);
    const auto said = drawn.text();
    auto& one = drawn.answers[dice.below(drawn.answers.size())];
    if (badness(one) > 0) one = outcomes[dice.below(static_cast<std::uint64_t>(badness(one)))];
    const auto after = result(drawn.combine, drawn.k, drawn.answers, order);
    return badness(after->outcome) <= badness(before->outcome) ? "" : said + "became worse by " + drawn.text();
  });
}

TEST_CASE("a chain stops at its first verdict, and without one the worst outcome counts") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto answers = some_outcomes(dice, size);
    std::vector<bool> tells;
    for (int i = 0; i < size; ++i) tells.push_back(dice.chance(0.3));
    Round round(Combine::chain, 1, size);
    std::size_t asked = 0;
    std::optional<RoundResult> got;
    while (!got) {
      const auto next = round.next();
      if (next.size() != 1 || next.front() != static_cast<int>(asked)) return "asked out of turn: " + text(answers);
      auto one = report(answers[asked]);
      one.verdict = tells[asked++];
      got = round.report(next.front(), one);
    }
    const auto first = static_cast<std::size_t>(std::ranges::find(tells, true) - tells.begin());
    const bool told = first < answers.size();
    const auto expected = told ? answers[first] : *std::ranges::max_element(answers, {}, badness);
    const bool right = asked == (told ? first + 1 : answers.size()) && got->outcome == expected;
    return right ? "" : text(answers) + "gave " + std::string(to_string(got->outcome));
  });
}

TEST_CASE("down takes `fall` failures since the last pass, never fewer, and unknown counts neither way") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice);
    const auto rounds = some_outcomes(dice, size * 3);
    Detector detector;
    int failures = 0;
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      const auto before = detector.verdict();
      detector.on_round(config, found(rounds[i]), true, at(static_cast<std::int64_t>(i) * 5));
      if (rounds[i] == Outcome::unknown && detector.verdict() != before) return text(rounds) + "changed by unknown";
      if (rounds[i] == Outcome::fail) ++failures;
      if (badness(rounds[i]) < 2) failures = 0;
      if (failures >= config.fall && detector.verdict() != Verdict::down) return text(rounds) + "is not down";
      if (failures < config.fall && before != Verdict::down && detector.verdict() == Verdict::down)
        return text(rounds) + "is down after " + std::to_string(failures);
    }
    return "";
  });
}

TEST_CASE("up again takes `rise` passes in a row, and four times as many while it flaps") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice);
    auto rounds = some_outcomes(dice, size * 4);
    std::ranges::replace(rounds, Outcome::unknown, Outcome::pass);
    Detector detector;
    int passes = 0;
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      const auto before = detector.verdict();
      const bool flapped = detector.flapping();
      const auto change = detector.on_round(config, found(rounds[i]), true, at(static_cast<std::int64_t>(i)));
      passes = rounds[i] == Outcome::fail ? 0 : passes + 1;
      if (before != Verdict::down || passes == 0) continue;
      const int needed = config.rise * (flapped && !change.flapping_ended ? 4 : 1);
      if ((passes >= needed) != (detector.verdict() != Verdict::down))
        return text(rounds) + "at " + std::to_string(i) + ": " + std::to_string(passes) + " of " +
               std::to_string(needed);
    }
    return "";
  });
}

TEST_CASE("after a start nothing is down before the grace is over or a pass has come") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice);
    const auto rounds = some_outcomes(dice, size * 2);
    Detector detector;
    detector.activated(config, at(0));
    bool passed = false;
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      const auto now = at(static_cast<std::int64_t>(i) * 3);
      detector.on_round(config, found(rounds[i]), true, now);
      passed = passed || badness(rounds[i]) < 2;
      if (!passed && now < at(0) + config.start_grace && (detector.verdict() == Verdict::down || detector.failing()))
        return text(rounds) + "failed in its grace";
    }
    return "";
  });
}

TEST_CASE("a failure that crossed our broken network weighs nothing") {
  always([](sim::Dice& dice, int size) -> std::string {
    const auto config = some_config(dice);
    Detector detector;
    detector.on_round(config, found(Outcome::pass), true, at(0));
    for (int i = 1; i <= size * 2; ++i) {
      detector.on_round(config, {Outcome::fail, "refused", false, Micros(0)}, false, at(i));
      if (detector.verdict() != Verdict::up || detector.failing()) return "after " + std::to_string(i);
    }
    return "";
  });
}

TEST_CASE("flapping begins past flap_max changes in the window, and ends when the window has none") {
  always([](sim::Dice& dice, int size) -> std::string {
    auto config = some_config(dice);
    config.fall = config.rise = 1;
    Detector detector;
    std::vector<std::int64_t> changes;
    std::int64_t now = 0;
    for (int i = 0; i < size * 5; ++i) {
      now += dice.between(1, 30);
      const auto before = detector.verdict();
      const bool flapped = detector.flapping();
      const auto change =
          detector.on_round(config, found(dice.chance(0.5) ? Outcome::pass : Outcome::fail), true, at(now));
      const auto window = std::chrono::duration_cast<std::chrono::seconds>(config.flap_window).count();
      std::erase_if(changes, [&](std::int64_t t) { return now - t > window; });
      if (change.flapping_ended != (flapped && changes.empty())) return "ended wrongly at " + std::to_string(now);
      if (before != Verdict::unknown && detector.verdict() != before) changes.push_back(now);
      if (change.flapping_began && static_cast<int>(changes.size()) <= config.flap_max) return "began too early";
      if (!detector.flapping() && static_cast<int>(changes.size()) > config.flap_max) return "did not begin";
    }
    return "";
  });
}
