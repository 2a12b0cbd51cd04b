#include "target.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "copy.hpp"
#include "launcher.hpp"
#include "platform.hpp"
#include "run_record.hpp"

namespace process_plugin {
namespace {

using namespace understudy::sdk;
namespace fs = std::filesystem;

constexpr int kill_wait_ms = 5'000;
constexpr const char* run_variable = "UNDERSTUDY_RUN";

std::string tail(const std::string& file, int lines, std::vector<std::string>* out = nullptr) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const auto size = static_cast<std::int64_t>(in.tellg());
  in.seekg(std::max<std::int64_t>(0, size - 64 * 1024));
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(std::move(line));
  if (static_cast<int>(all.size()) > lines) all.erase(all.begin(), all.end() - lines);
  std::string joined;
  for (const auto& line : all) joined += (joined.empty() ? "" : " | ") + line;
  if (out != nullptr) *out = std::move(all);
  return joined;
}

class Target final : public StandbyTarget {
 public:
  Target(const Envelope& e) : settings_(e.settings), price_(e.settings.value("price", Json::object())) {
    const auto& s = e.settings;
    spec_.argv = s.at("command").get<std::vector<std::string>>();
    if (spec_.argv.empty() || spec_.argv.front().empty())
      throw Failure(Status::invalid, "`command` is empty", "write it as [\"program\", \"argument\"]");
    spec_.cwd = s.value("cwd", "");
    spec_.env = s.value("env", std::map<std::string, std::string>());
    run_dir_ = s.at("run_dir").get<std::string>();
    spec_.log_file = s.value("log_file", run_dir_ + "/" + e.service + "-" + e.target + ".log");
    const std::string base = run_dir_ + "/" + e.service + "-" + e.target;
    own_ = {base + ".run.json", spec_.log_file};
    copy_ = {base + ".drill.json", base + ".drill.log"};
    survive_ms_ = static_cast<int>(s.value("started_after", std::int64_t{150}));
    stop_signal_ = s.value("stop_signal", "TERM") == "INT"    ? SIGINT
                   : s.value("stop_signal", "TERM") == "QUIT" ? SIGQUIT
                                                              : SIGTERM;
  }

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    worker_.answer(std::move(reply), [this] { return look(own_); });
  }

  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    worker_.answer(std::move(reply), [this, request] { return start(request); });
  }

  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    worker_.answer(std::move(reply), [this, request] { return stop(request); });
  }

  void drill(const DrillRequest& request, Reply<DrillReport> reply) override {
    worker_.answer(std::move(reply), [this, request] { return start_copy(request); });
  }

  void observe_drill(const ObserveRequest&, Reply<DrillReport> reply) override {
    worker_.answer(std::move(reply), [this] { return look_at_copy(); });
  }

  void end_drill(const EndDrillRequest& request, Reply<StopReport> reply) override {
    worker_.answer(std::move(reply), [this, request] { return end(copy_, request.grace); });
  }

  void quote(Reply<Quote> reply) override {
    Quote q;
    q.standby_usd_per_hour = price_.value("standby_per_hour", 0.0);
    q.active_usd_per_hour = price_.value("active_per_hour", 0.0);
    q.source = price_.empty() ? "this host is paid for already" : "the target's settings";
    reply(q);
  }

  void logs(const LogsRequest& request, Reply<LogLines> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      LogLines out;
      (void)tail(spec_.log_file, std::clamp(request.lines, 1, 10'000), &out.lines);
      return out;
    });
  }

 private:
  /// One thing that may run here: the service itself, or a drill's copy of it. They never see each other.
  struct Slot {
    std::string record_file;  ///< also what its processes carry in their environment
    std::string log_file;
  };
  struct Running {
    std::vector<ProcessInfo> processes;  ///< ours: the recorded one first when it lives
    std::optional<RunRecord> record;
  };

  static Running find(const Slot& slot) {
    Running out;
    out.record = read_record(slot.record_file);
    const auto add = [&](int pid) {
      const auto found = info(pid);
      if (found && !found->zombie && std::ranges::find(out.processes, pid, &ProcessInfo::pid) == out.processes.end())
        out.processes.push_back(*found);
    };
    // A pid counts only together with its start time and the boot: it may have been given to somebody else since. Not
    // as long as its group has members, though: those are ours when their leader has ended, too.
    if (out.record && out.record->pid > 0 && out.record->boot == boot_id()) {
      const auto leader = info(out.record->pid);
      if (!leader || leader->start == out.record->start) {
        add(out.record->pid);
        for (const int pid : of_group(out.record->pid)) add(pid);
      }
    }
    for (const int pid : with_environment(std::string(run_variable) + "=" + slot.record_file)) add(pid);
    return out;
  }

  static Observation look(const Slot& slot) {
    const auto running = find(slot);
    Observation out;
    if (running.record) out.epoch = running.record->epoch;
    if (running.processes.empty()) {
      out.state = Observation::State::stopped;
      out.detail = "no process runs";
      out.epoch.reset();
      return out;
    }
    out.state = Observation::State::active;
    out.detail = "pid " + std::to_string(running.processes.front().pid);
    if (running.processes.size() > 1) out.detail += " and " + std::to_string(running.processes.size() - 1) + " more";
    return out;
  }

  void make_run_dir() const {
    std::error_code ec;
    fs::create_directories(run_dir_, ec);
    if (ec)
      throw Failure(Status::invalid, "cannot make run_dir " + run_dir_ + ": " + ec.message(),
                    "check the path and its permissions");
  }

  Observation start(const ActivateRequest& request) {
    make_run_dir();
    const auto running = find(own_);
    if (running.record && request.epoch < running.record->epoch) {
      throw Failure(Status::conflict, "epoch " + std::to_string(request.epoch) + " is older than " +
                                          std::to_string(running.record->epoch) + ", which was started here");
    }
    if (!running.processes.empty()) {
      if (running.record && running.record->epoch == request.epoch) return look(own_);
      throw Failure(Status::conflict, "it runs already, with another epoch", "stop it first");
    }
    LaunchSpec spec = spec_;
    spec.env["UNDERSTUDY_SERVICE"] = request.service;
    spec.env["UNDERSTUDY_TARGET"] = request.target;
    spec.env["UNDERSTUDY_EPOCH"] = std::to_string(request.epoch);
    spec.env["UNDERSTUDY_SNAPSHOT"] = request.snapshot;
    spec.env["UNDERSTUDY_OPERATION"] = request.operation;
    run(own_, std::move(spec), request.epoch, request.operation);
    return look(own_);
  }

  void run(const Slot& slot, LaunchSpec spec, std::uint64_t epoch, const std::string& operation) const {
    spec.env[run_variable] = slot.record_file;
    spec.log_file = slot.log_file;
    std::uint64_t started = 0;
    const int pid = launch(spec, [&](int child) {
      const auto who = info(child);
      if (!who) throw Failure(Status::transient, "the process was gone at once");
      started = who->start;
      write_record(slot.record_file, {epoch, operation, boot_id(), child, started});
    });
    const bool ended = wait_for_end(pid, started, survive_ms_);
    if (ended && find(slot).processes.empty()) {  // a script may end once what it has started goes on
      throw Failure(Status::transient, "the command ended at once: " + tail(slot.log_file, 3),
                    "its output is in " + slot.log_file);
    }
  }

  DrillReport start_copy(const DrillRequest& request) {
    make_run_dir();
    const auto running = find(copy_);
    if (!running.processes.empty()) {
      if (running.record && running.record->operation == request.drill) return look_at_copy();
      throw Failure(Status::conflict, "a copy of another drill runs here", "end that first");
    }
    run(copy_, copy_of(spec_, settings_, request), 0, request.drill);
    return look_at_copy();
  }

  [[nodiscard]] DrillReport look_at_copy() const {
    auto seen = look(copy_);
    if (seen.state == Observation::State::stopped) seen.detail += "; its last words: " + tail(copy_.log_file, 3);
    return {seen.state, true, std::move(seen.detail)};
  }

  void signal_all(const std::vector<ProcessInfo>& processes, int signal) const {
    for (const auto& p : processes) {
      const auto now = info(p.pid);
      if (!now || now->start != p.start) continue;
      ::kill(-p.pid, signal);  // when it leads a group
      ::kill(p.pid, signal);
    }
  }

  StopReport stop(const DeactivateRequest& request) {
    const auto running = find(own_);
    if (running.record && running.record->epoch > request.epoch && !running.processes.empty()) {
      throw Failure(Status::conflict, "a newer epoch (" + std::to_string(running.record->epoch) + ") runs here");
    }
    return end(own_, request.grace);
  }

  [[nodiscard]] StopReport end(const Slot& slot, Millis grace) const {
    auto running = find(slot);
    const bool ran = !running.processes.empty();
    if (ran) {
      signal_all(running.processes, stop_signal_);
      await(running.processes, static_cast<int>(grace.count()));
      for (int tries = 0; tries < 3; ++tries) {  // what was forked meanwhile is found by its environment
        running = find(slot);
        if (running.processes.empty()) break;
        signal_all(running.processes, SIGKILL);
        await(running.processes, kill_wait_ms);
      }
      running = find(slot);
    }
    if (!running.processes.empty())
      return {false, std::to_string(running.processes.size()) + " processes cannot be killed"};
    if (running.record && running.record->pid != 0) {
      running.record->pid = 0;
      write_record(slot.record_file, *running.record);
    }
    return {true, ran ? "every process has ended" : "nothing ran"};
  }

  static void await(const std::vector<ProcessInfo>& processes, int at_most_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(at_most_ms);
    for (const auto& p : processes) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
      if (!wait_for_end(p.pid, p.start, static_cast<int>(std::max<std::int64_t>(0, left)))) return;
    }
  }

  LaunchSpec spec_;
  Json settings_, price_;
  std::string run_dir_;
  Slot own_, copy_;
  int survive_ms_ = 0, stop_signal_ = SIGTERM;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

std::unique_ptr<Provider> make_target(Host&, const Envelope& envelope) { return std::make_unique<Target>(envelope); }

}  // namespace process_plugin
