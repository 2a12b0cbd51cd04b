// Runs the health checks of all targets: one schedule, one timer, rounds in flight. Tells its listener when the verdict
// on a target changes. On the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "core/detect/detector.hpp"
#include "core/detect/round.hpp"
#include "core/detect/schedule.hpp"
#include "core/runtime/wiring.hpp"

namespace understudy::runtime {

/// One source of a target's health: a health plugin, or the target's own observe().
struct CheckSource {
  plugins::Instance* instance = nullptr;  ///< borrowed
  bool observe = false;                   ///< ask standby.observe/1 instead of health.check/1
  std::string name;
  nlohmann::json params = nlohmann::json::object();  ///< of each call, besides the timeout
};

/// What a health plugin answered to a check.
[[nodiscard]] CheckReport report_of(const sdk::Result& result, Micros took);

class Prober {
 public:
  using ProbeId = std::size_t;
  enum class Mode { idle, serving, verifying };
  using Listener = std::function<void(const detect::Detector& detector, const detect::Detector::Change& change)>;

  /// `reference`: checks of our own network; borrowed instances, may be empty.
  Prober(const Wiring& wiring, std::vector<plugins::Instance*> reference);

  /// `detect` outlives the probe. It is idle until set_mode().
  ProbeId add(std::string name, const config::Detect& detect, std::vector<CheckSource> sources, Listener listener);
  /// Its sources and its listener are not touched any more.
  void remove(ProbeId id);
  /// `starting`: what runs there may just be starting again. What was known of it is forgotten, and failures do not
  /// count for start_grace, as after an activation (verifying has that grace by itself).
  void set_mode(ProbeId id, Mode mode, bool starting = false);
  /// Something happened there: a confirming round starts at once.
  void hint(ProbeId id, const std::string& reason, bool gone);

  [[nodiscard]] const detect::Detector& detector(ProbeId id) const { return probes_[id]->detector; }
  /// The reports of the last whole round, as the sources are ordered; for people.
  [[nodiscard]] nlohmann::json last_checks(ProbeId id) const;
  /// When the last round that passed was asked; none for what is only its provider's word.
  [[nodiscard]] std::optional<Time> last_pass(ProbeId id) const { return probes_[id]->passed; }
  /// Its verdict is of now, and not of an earlier time that it served.
  [[nodiscard]] bool watches(ProbeId id) const { return probes_[id]->mode != Mode::idle; }
  [[nodiscard]] Verdict network() const noexcept { return network_; }

 private:
  struct Probe {
    std::string name;
    const config::Detect* detect = nullptr;
    std::vector<CheckSource> sources;
    Listener listener;
    detect::Detector detector;
    std::unique_ptr<detect::Round> round;
    std::vector<std::optional<CheckReport>> last;
    std::uint64_t generation = 0;  ///< answers of older rounds are not ours
    Mode mode = Mode::idle;
    Time asked{};  ///< the last round
    std::optional<Time> passed;
    bool spread = false;  ///< its first check while serving finds a place of its own in the interval
    bool again = false;   ///< hinted while a round was under way
  };

  void begin_soon(ProbeId id);
  void start_round(ProbeId id);
  void ask(ProbeId id, int check);
  void answered(ProbeId id, int check, CheckReport report);
  void decided(ProbeId id, const detect::RoundResult& result);
  void count(ProbeId id, const detect::RoundResult& result, bool network_ok);
  void schedule(ProbeId id);
  void wake();
  void with_network(std::function<void(bool)> then);
  [[nodiscard]] std::uint64_t random();

  const Wiring& wiring_;
  std::vector<plugins::Instance*> reference_;
  std::vector<std::unique_ptr<Probe>> probes_;
  detect::Schedule schedule_;
  boost::asio::steady_timer timer_;
  std::optional<Time> timer_at_;
  int begun_ = 0;  ///< rounds since the loop had its turn
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::uint64_t random_ = 0x243F6A8885A308D3ULL;
  Verdict network_ = Verdict::unknown;
  Time network_at_{};
  std::vector<std::function<void(bool)>> network_waiters_;
};

}  // namespace understudy::runtime
