// Runs tests/stories/*.story: state-machine tests that read like what happened. The words are in
// tests/stories/README.md.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "core/config/units.hpp"
#include "tests/catch.hpp"
#include "tests/unit/failover_world.hpp"

namespace {

using namespace understudy;
using namespace understudy::failover;

using Words = std::vector<std::string>;

std::string option(const Words& words, const std::string& name, const std::string& otherwise = {}) {
  for (const auto& w : words) {
    if (w.rfind(name + "=", 0) == 0) return w.substr(name.size() + 1);
  }
  return otherwise;
}
bool has(const Words& words, const std::string& word) { return std::ranges::find(words, word) != words.end(); }
Millis duration(const std::string& text) { return config::parse_duration(text).value(); }

std::string describe(const Effect& e) {
  if (const auto* f = std::get_if<Fence>(&e)) return "fence " + f->target.value;
  if (const auto* s = std::get_if<Save>(&e)) return "save " + s->target.value;
  if (const auto* p = std::get_if<Prepare>(&e)) {
    return "prepare " + p->target.value + (p->seal ? " seal=" + std::to_string(p->seal->value) : "") +
           (p->have.empty() ? "" : " have=" + p->have.value);
  }
  if (const auto* a = std::get_if<Activate>(&e)) return "activate " + a->target.value;
  if (const auto* o = std::get_if<Observe>(&e)) return "observe " + o->target.value;
  if (const auto* w = std::get_if<Watch>(&e)) return "watch " + w->target.value + (w->grace ? " starting" : "");
  if (const auto* m = std::get_if<MakePlan>(&e)) return m->desperate ? "desperate-plan" : "plan";
  if (const auto* t = std::get_if<Tell>(&e))
    return "tell " + t->alert.kind + (t->alert.state == AlertState::resolved ? " resolved" : "");
  if (const auto* l = std::get_if<LeaseAnswer>(&e)) {
    static constexpr const char* verdicts[] = {"granted", "revoked", "stale", "stranger", "undecided"};
    return std::string("lease ") + verdicts[static_cast<int>(l->judgement.verdict)];
  }
  if (const auto* a = std::get_if<Answer>(&e)) return a->status == sdk::Status::ok ? "answer ok" : "answer " + a->kind;
  return "";
}

class Story {
 public:
  explicit Story(const std::filesystem::path& file) : in_(file) { world_.service.id = ServiceId("svc"); }

  void run() {
    std::string line;
    while (std::getline(in_, line)) {
      ++number_;
      if (const auto hash = line.find('#'); hash != std::string::npos) line.resize(hash);
      std::istringstream split(line);
      Words words;
      for (std::string w; split >> w;) words.push_back(w);
      if (words.empty()) continue;
      INFO("line " << number_ << ": " << line << "  (phase " << to_string(world_.state.phase) << ", active "
                   << world_.state.active.value << ")");
      play(words);
    }
  }

 private:
  void play(const Words& w) {
    if (setting(w)) return;
    if (w[0] == "expect") return expect(w);
    if (w[0] == "clock") return world_.set_clock(w[1] == "back" ? -duration(w[2]) : duration(w[2]));
    if (w[0] == "wait") return world_.wait(duration(w[1]));
    if (w[0] == "restart") return world_.restart();
    if (w[0] == "reload") return world_.tell(Started{});
    if (w[0] == "fresh") return world_.tell(Started{true});
    if (w[0] == "runs-at") {
      world_.deliver(Started{true});
      for (const auto& t : world_.service.targets)
        world_.deliver(Observed{t.id, t.id.value == w[1] ? SiteState::active : SiteState::stopped, {}, true, true, ""});
      return world_.tell(HealthSeen{TargetId(w[1]), Verdict::up, false, "ok"});
    }
    world_.tell(event(w));
  }

  /// "1020-1080": minutes of the week. The story's world begins at fri 08:00.
  static std::vector<WeekSpan> freeze(const std::string& text) {
    const auto dash = text.find('-');
    return {{std::stoi(text.substr(0, dash)), std::stoi(text.substr(dash + 1))}};
  }

  bool setting(const Words& w) {
    auto& s = world_.service;
    if (w[0] == "target") {
      config::Target t;
      t.id = TargetId(w[1]);
      if (has(w, "paths")) t.paths = {"/state/" + w[1]};
      t.lease = has(w, "lease");
      if (s.primary.empty()) s.primary = t.id;
      s.targets.push_back(std::move(t));
    } else if (w[0] == "state") {
      s.state.emplace();
      s.state->paths = {"/state"};
      if (const auto age = option(w, "max_age"); !age.empty()) s.state->max_age = duration(age);
      s.state->save_on_failover = !has(w, "no-save");
    } else if (w[0] == "limits") {
      s.limits.max_failovers = std::stoi(option(w, "max_failovers", "5"));
      s.limits.window = duration(option(w, "window", "1h"));
      s.limits.breaker_failures = std::stoi(option(w, "breaker", "2"));
    } else if (w[0] == "failback") {
      s.failback.policy = has(w, "manual") ? config::Failback::Policy::manual : config::Failback::Policy::automatic;
      s.failback.stable_for = duration(option(w, "stable_for", "10m"));
      if (const auto frozen = option(w, "freeze", ""); !frozen.empty()) s.failback.freeze = freeze(frozen);
    } else if (w[0] == "file-without") {
      std::erase_if(s.targets, [&](const config::Target& t) { return t.id.value == w[1]; });
    } else if (w[0] == "mode") {
      world_.act = w[1] == "act";
    } else {
      return false;
    }
    return true;
  }

  Event event(const Words& w) {
    const TargetId target(w.size() > 1 ? w[1] : "");
    if (w[0] == "health") {
      const auto& v = w[2];
      const bool failing = v == "failing";
      return HealthSeen{target,
                        v == "down"       ? Verdict::down
                        : v == "degraded" ? Verdict::degraded
                        : v == "unknown"  ? Verdict::unknown
                                          : Verdict::up,
                        failing, v};
    }
    if (w[0] == "observed") {
      Observed o{target, SiteState::unknown, {}, w[2] != "silent", true, ""};
      if (w[2] == "stopped") o.state = SiteState::stopped;
      if (w[2] == "active") o.state = SiteState::active;
      if (const auto e = option(w, "epoch"); !e.empty()) o.epoch = Epoch{std::stoull(e)};
      if (w[2] != "silent") o.unsaved = has(w, "unsaved");
      return o;
    }
    if (w[0] == "store-has") return StoreSeen{Epoch{std::stoull(option(w, "epoch"))}};
    if (w[0] == "planned") {
      PlanMade p;
      p.common_mode = w[1] == "common-mode";
      if (w[1] != "nobody" && !p.common_mode) {
        for (std::size_t i = 1; i < w.size(); ++i) p.ranked.emplace_back(w[i]);
      }
      return p;
    }
    if (w[0] == "fenced")
      return Fenced{world_.operation("fence"), target,   w[2] == "stopped", w[2],
                    w[2] == "impossible",      agent(w), has(w, "unsaved")};
    if (w[0] == "saved") return Saved{world_.operation("save"), w[1] != "failed", snapshot(w), w[1]};
    if (w[0] == "prepared") return Prepared{world_.operation("prepare"), w[1] != "failed", snapshot(w), w[1]};
    if (w[0] == "activated") {
      const auto& how = w[2];
      const auto status = how == "ok"         ? sdk::Status::ok
                          : how == "sold-out" ? sdk::Status::transient
                          : how == "denied"   ? sdk::Status::denied
                          : how == "conflict" ? sdk::Status::conflict
                                              : sdk::Status::unknown;
      return Activated{world_.operation("activate"), target, status, how};
    }
    if (w[0] == "renews")
      return LeaseAsked{
          1, {target, Epoch{std::stoull(option(w, "epoch"))}, Millis(5'000), has(w, "holds-over"), option(w, "by")}};
    if (w[0] == "person") return command(w);
    FAIL("no such word: " << w[0]);
    return Started{};
  }

  static std::optional<std::string> agent(const Words& w) {
    const auto by = option(w, "by");
    return by.empty() ? std::nullopt : std::optional(by);
  }

  SnapshotInfo snapshot(const Words& w) const {
    SnapshotInfo out;
    if (w[1] == "failed" || w[1] == "nothing") return out;
    out.id = SnapshotId(w[1]);
    out.created = world_.wall - duration(option(w, "age", "0s"));
    return out;
  }

  Event command(const Words& w) {
    Command c;
    c.id = 1;
    c.who = "alice";
    c.what = w[1] == "promote"    ? Command::What::promote
             : w[1] == "failback" ? Command::What::failback
             : w[1] == "pause"    ? Command::What::pause
                                  : Command::What::resume;
    if (c.what == Command::What::promote && w.size() > 2 && w[2] != "best") c.target = TargetId(w[2]);
    c.force = has(w, "--force");
    c.accept_loss = has(w, "--accept-loss");
    if (const auto f = option(w, "for"); !f.empty()) c.pause_for = duration(f);
    if (const auto i = option(w, "index"); !i.empty()) c.expect_index = std::stoull(i);
    return c;
  }

  void expect(const Words& w) {
    const auto& s = world_.state;
    if (w[1] == "phase") {
      REQUIRE(std::string(to_string(s.phase)) == w[2]);
    } else if (w[1] == "active") {
      REQUIRE(s.active.value == w[2]);
    } else if (w[1] == "epoch") {
      REQUIRE(s.epoch.value == std::stoull(w[2]));
    } else if (w[1] == "blocked") {
      REQUIRE(s.blocked.has_value());
      REQUIRE(s.blocked->by == w[2]);
      REQUIRE_FALSE(s.blocked->unblock.empty());
    } else if (w[1] == "unblocked") {
      REQUIRE_FALSE(s.blocked.has_value());
    } else if (w[1] == "took") {
      REQUIRE(s.last_move.has_value());
      REQUIRE(s.last_move->took == duration(w[2]));
    } else if (w[1] == "outage" || w[1] == "timed") {
      expect_record(w);
    } else {
      expect_effect(w);
    }
  }

  /// The last of its kind: how long it says that something lasted.
  void expect_record(const Words& w) {
    std::optional<Millis> lasted;
    for (const auto& r : world_.records) {
      if (const auto* o = std::get_if<OutageEnded>(&r); o != nullptr && w[1] == "outage" && o->target.value == w[2])
        lasted = o->ended - o->started;
      if (const auto* a = std::get_if<ActivationTimed>(&r); a != nullptr && w[1] == "timed" && a->target.value == w[2])
        lasted = a->took;
    }
    REQUIRE(lasted.has_value() == (w[3] != "none"));
    if (lasted) REQUIRE(*lasted == duration(w[3]));
  }

  void expect_effect(const Words& w) {
    const bool no = w[1] == "no";
    std::string wanted;
    for (std::size_t i = no ? 2 : 1; i < w.size(); ++i) wanted += (wanted.empty() ? "" : " ") + w[i];
    std::string all;
    bool found = false;
    for (const auto& e : world_.effects) {
      const auto text = describe(e);
      all += "[" + text + "] ";
      found = found || text == wanted || text.rfind(wanted + " ", 0) == 0;
    }
    INFO("effects: " << all);
    REQUIRE(found == !no);
  }

  std::ifstream in_;
  test::World world_;
  int number_ = 0;
};

const std::filesystem::path stories = UNDERSTUDY_SOURCE_DIR "/tests/stories";

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What the first group finds in `text`, each once.
std::set<std::string> all_of(const std::string& text, const std::regex& what) {
  std::set<std::string> out;
  for (std::sregex_iterator it(text.begin(), text.end(), what), end; it != end; ++it) out.insert((*it)[1]);
  return out;
}

/// The first word of a block, wherever the machine gives it.
std::set<std::string> words_that_block() {
  static const std::regex block(R"re((?:hold|block)\([^;"]*?"([a-z_]+)")re");
  std::set<std::string> out;
  for (const auto& file : std::filesystem::directory_iterator(UNDERSTUDY_SOURCE_DIR "/core/failover"))
    out.merge(all_of(text_of(file.path()), block));
  return out;
}

}  // namespace

TEST_CASE("every story of the state machine goes as it is told") {
  int told = 0;
  for (const auto& entry : std::filesystem::directory_iterator(stories)) {
    if (entry.path().extension() != ".story") continue;
    ++told;
    SECTION(entry.path().filename().string()) { Story(entry.path()).run(); }
  }
  REQUIRE(told >= 12);
}

TEST_CASE("each bug that others met, of the table in tests/stories/README.md, is cited by the test that it names") {
  static const std::regex number(R"((#[0-9]+)\b)"), file(R"(\]\(([^)]+)\))");
  std::set<std::string> bugs;
  std::istringstream lines(text_of(stories / "README.md"));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("| ", 0) != 0) continue;
    for (const auto& test : all_of(line, file)) {
      const auto cited = all_of(text_of(stories / test), number);
      for (const auto& bug : all_of(line, number)) {
        INFO(bug << " in " << test);
        CHECK(cited.contains(bug));
        bugs.insert(bug);
      }
    }
  }
  CHECK(bugs.size() >= 38);
}

TEST_CASE("whatever can block a service has a story in which it does") {
  std::string told;
  for (const auto& entry : std::filesystem::directory_iterator(stories)) told += text_of(entry.path());
  const auto words = words_that_block();
  CHECK(words.contains("target_gone"));
  CHECK(words.size() >= 13);
  for (const auto& word : words) {
    INFO(word);
    CHECK(told.find("expect blocked " + word + "\n") != std::string::npos);
  }
}
