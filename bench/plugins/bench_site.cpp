// A site that is nothing but its bookkeeping: it runs where it was activated last, fails when it is told to (or by
// itself after some passes), and appends one line a call to `trace`: monotonic microseconds, what, which target.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include "understudy/plugin.hpp"

namespace {

using namespace understudy::sdk;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Where the service "runs": what all instances share. They are asked one after the other.
struct World {
  std::atomic<std::uint64_t> active{0};  ///< the name of a target, its first bytes
  std::atomic<std::uint64_t> epoch{0}, passes{0};
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// The world of this process; with `file`, one that processes share by mapping it.
World& open_world(const std::string& file) {
  static World ours;
  if (file.empty()) return ours;
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool sized = fd >= 0 && ::ftruncate(fd, sizeof(World)) == 0;
  void* shared = sized ? ::mmap(nullptr, sizeof(World), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (shared == MAP_FAILED) throw Failure(Status::invalid, file + ": " + std::strerror(error));
  return *static_cast<World*>(shared);  // zeros are a world in which nothing runs
}

std::uint64_t short_name(const std::string& target) {
  std::uint64_t out = 0;
  std::memcpy(&out, target.data(), std::min(target.size(), sizeof out));
  return out;
}

/// What both interfaces know.
class Place {
 public:
  explicit Place(const Envelope& e)
      : world(open_world(e.settings.value("world", ""))),
        name(short_name(e.target)),
        target_(e.target),
        trace_(e.settings.at("trace").get<std::string>()) {}
  [[nodiscard]] bool runs_here() const { return world.active.load() == name; }
  void write(std::int64_t at_us, const char* what) {
    if (!file_.is_open()) file_.open(trace_, std::ios::app);
    file_ << at_us << ' ' << what << ' ' << target_ << std::endl;  // one write a line, so that processes do not mix
  }

  World& world;
  const std::uint64_t name;

 private:
  std::string target_, trace_;
  std::ofstream file_;
};

class Site final : public StandbyTarget {
 public:
  explicit Site(const Envelope& e) : place_(e) {}

  void observe(const ObserveRequest&, Reply<Observation> reply) override { reply(seen()); }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const auto at = now_us();
    place_.world.epoch = request.epoch;
    place_.world.passes = 0;
    place_.world.active = place_.name;
    place_.write(at, "activate");
    reply(seen());
  }
  void deactivate(const DeactivateRequest&, Reply<StopReport> reply) override {
    if (place_.runs_here()) place_.world.active = 0;
    reply({true, "stopped"});
  }
  void quote(Reply<Quote> reply) override { reply({}); }

 private:
  [[nodiscard]] Observation seen() const {
    Observation out;
    const bool here = place_.runs_here();
    out.state = here ? Observation::State::active : Observation::State::stopped;
    if (here) out.epoch = place_.world.epoch.load();
    return out;
  }
  Place place_;
};

class Check final : public HealthSource {
 public:
  explicit Check(const Envelope& e) : place_(e), fail_after_(e.settings.value("fail_after", std::uint64_t{0})) {}

  void check(const CheckRequest&, Reply<CheckResult> reply) override {
    CheckResult out;
    out.local = true;
    const auto at = now_us();
    const bool here = place_.runs_here();
    const auto nth = here && fail_after_ > 0 ? ++place_.world.passes : 0;
    const bool tired = nth > fail_after_;
    out.outcome = here && !tired ? CheckResult::Outcome::pass : CheckResult::Outcome::fail;
    if (out.outcome == CheckResult::Outcome::fail) {
      out.cause = "told to";
      place_.write(at, "fail");
    } else if (nth == 1) {
      place_.write(at, "serving");
    }
    reply(out);
  }

 private:
  Place place_;
  std::uint64_t fail_after_;
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "bench_site", "version": "0.1.0", "license": "Apache-2.0", "summary": "for benchmarks",
  "interfaces": {
    "target": {"provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1", "standby.quote/1"],
               "settings": {"type": "object", "required": ["trace"], "properties": {"trace": {"type": "string", "format": "path"},
                 "world": {"type": "string", "format": "path", "description": "what instances in several processes share"}}}},
    "health": {"provides": ["health.check/1"],
               "settings": {"type": "object", "required": ["trace"], "properties": {"trace": {"type": "string", "format": "path"},
                 "world": {"type": "string", "format": "path", "description": "as that of the target"},
                 "fail_after": {"type": "integer", "minimum": 0}}}}
  },
  "needs": []
})json",
                  [](Host&, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface == "target") return std::make_unique<Site>(e);
                    return std::make_unique<Check>(e);
                  })
