// The prober with checks that answer as the test says: when their failures count.
#include <filesystem>

#include <unistd.h>

#include "core/runtime/prober.hpp"
#include "tests/loader_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace understudy;
using runtime::Prober;
namespace fs = std::filesystem;

namespace {

class FakeCheck final : public plugins::Instance {
 public:
  std::string outcome = "fail";
  int asked = 0;

  bool silent = false;
  sdk::Json params;

  Ticket call(std::string_view, const sdk::Json& with, Millis, Done done) override {
    ++asked;
    params = with;
    if (silent) return 1;
    (void)plugins::hand_over(done, {{{"outcome", outcome}, {"cause", "as the test says"}}});
    return 0;
  }
  void cancel(Ticket) override {}
  void on_notify(OnNotify) override {}
  [[nodiscard]] bool offers(std::string_view) const override { return true; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::string& plugin() const override { return name_; }

 private:
  std::string name_ = "fake";
};

struct Folder {
  fs::path path = fs::temp_directory_path() / ("understudy-prober-" + std::to_string(::getpid()));
  ~Folder() { fs::remove_all(path); }
};

std::unique_ptr<journal::Journal> journal_in(const fs::path& folder) {
  auto opened = journal::Journal::open(folder, {"test", 0});
  REQUIRE(std::holds_alternative<std::unique_ptr<journal::Journal>>(opened));
  return std::move(std::get<std::unique_ptr<journal::Journal>>(opened));
}

struct Probed : test::Fixture {
  Folder folder;
  std::unique_ptr<journal::Journal> journal = journal_in(folder.path);
  runtime::Wiring wires{loop, log, *services, registry, *journal};
  config::Detect detect;
  FakeCheck check;
  FakeCheck works, slow;  ///< that our own network works, when they are asked
  Prober prober;
  Prober::ProbeId id;
  std::vector<Verdict> told;

  explicit Probed(Millis start_grace, bool with_reference = false)
      : Fixture({}),
        prober(wires,
               with_reference ? std::vector<plugins::Instance*>{&slow, &works} : std::vector<plugins::Instance*>{}) {
    works.outcome = "pass";
    slow.silent = true;
    detect.interval = Millis(20);
    detect.fast_interval = Millis(10);
    detect.fall = 3;
    detect.start_grace = start_grace;
    id =
        prober.add("home", detect, {{&check, false, "fake"}},
                   [this](const detect::Detector& d, const detect::Detector::Change&) { told.push_back(d.verdict()); });
  }
  [[nodiscard]] Verdict verdict() const { return prober.detector(id).verdict(); }
  void rounds(int more) {
    run([this, until = check.asked + more] { return check.asked >= until; });
  }
};

constexpr Millis an_hour{3'600'000};

}  // namespace

TEST_CASE("the failures of what serves count at once") {
  Probed p(an_hour);
  p.prober.set_mode(p.id, Prober::Mode::serving);
  p.run([&] { return p.verdict() == Verdict::down; });
  CHECK(p.check.asked == p.detect.fall);
}

TEST_CASE("the failures of what may just be starting again do not count until it has passed once") {
  Probed p(an_hour);
  p.prober.set_mode(p.id, Prober::Mode::serving, true);
  p.rounds(3 * p.detect.fall);
  CHECK(p.told.empty());
  p.check.outcome = "pass";
  p.run([&] { return p.verdict() == Verdict::up; });
  p.check.outcome = "fail";
  p.run([&] { return p.verdict() == Verdict::down; });
}

TEST_CASE("what does not start again within its grace is down") {
  Probed p(Millis(300));
  const auto began = std::chrono::steady_clock::now();
  p.prober.set_mode(p.id, Prober::Mode::serving, true);
  p.run([&] { return p.verdict() == Verdict::down; });
  CHECK(std::chrono::steady_clock::now() - began >= std::chrono::milliseconds(300));
  CHECK(p.check.asked > p.detect.fall);
}

TEST_CASE("what is checked already gets its grace too, and what was known of it is forgotten") {
  Probed p(an_hour);
  p.prober.set_mode(p.id, Prober::Mode::serving);
  p.run([&] { return p.verdict() == Verdict::down; });
  p.prober.set_mode(p.id, Prober::Mode::serving, true);
  CHECK(p.verdict() == Verdict::unknown);
  p.rounds(3 * p.detect.fall);
  CHECK(p.verdict() == Verdict::unknown);
}

TEST_CASE("one reference that answers tells that our own network works, however slow the others are") {
  Probed p(an_hour, true);
  p.prober.set_mode(p.id, Prober::Mode::serving);
  p.run([&] { return p.verdict() == Verdict::down; });
  CHECK(p.slow.asked > 0);
}

TEST_CASE("k counts the checks of `health`; fewer `ready` checks must all pass") {
  Probed p(an_hour);
  config::Detect both = p.detect;
  both.combine = config::Combine::k_of_n;
  both.k = 2;
  p.check.outcome = "pass";
  const auto ready = p.prober.add("home/ready", both, {{&p.check, false, "fake"}},
                                  [](const detect::Detector&, const detect::Detector::Change&) {});
  p.prober.set_mode(ready, Prober::Mode::serving);
  p.run([&] { return p.prober.detector(ready).verdict() == Verdict::up; });
}

TEST_CASE("a target whose own view is its health is told which target is meant") {
  Probed p(an_hour);
  const auto own = p.prober.add("home", p.detect, {{&p.check, true, "fake", {{"service", "s"}, {"target", "home"}}}},
                                [](const detect::Detector&, const detect::Detector::Change&) {});
  p.prober.set_mode(own, Prober::Mode::serving);
  p.run([&] { return p.check.asked > 0; });
  CHECK(p.check.params.at("target") == "home");
  CHECK(p.check.params.at("service") == "s");
}
