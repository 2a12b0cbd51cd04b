#include "health.hpp"

#include <fstream>
#include <regex>

#include "platform.hpp"
#include "run_record.hpp"
#include "watcher.hpp"

namespace process_plugin {
namespace {

using namespace understudy::sdk;

constexpr std::size_t longest_match = 4096;

class Health final : public HealthSource {
 public:
  Health(Host& host, const Envelope& e) : host_(host) {
    const auto& s = e.settings;
    pid_file_ = s.value("pid_file", "");
    match_ = s.value("match", "");
    run_file_ = s.value("run_dir", "");
    if (!run_file_.empty()) run_file_ += "/" + e.service + "-" + e.target + ".run.json";
    least_ = s.value("min_count", 1);
    weak_ = s.value("weak", false);
    if (pid_file_.empty() && match_.empty() && run_file_.empty()) {
      throw Failure(Status::invalid, "none of pid_file, match and run_dir is given",
                    "say how the process is recognised");
    }
    if (match_.size() > 2 && match_.front() == '/' && match_.back() == '/') {
      try {
        pattern_.emplace(match_.substr(1, match_.size() - 2), std::regex::ECMAScript | std::regex::optimize);
      } catch (const std::regex_error& error) {
        throw Failure(Status::invalid, "match is no regular expression: " + std::string(error.what()));
      }
    }
  }

  void check(const CheckRequest&, Reply<CheckResult> reply) override {
    worker_.answer(std::move(reply), [this] { return look(); });
  }

  void watch(Reply<Done> reply) override {
    worker_.answer(std::move(reply), [this] {
      if (!watcher_)
        watcher_ = std::make_unique<Watcher>(
            [this](int pid) { host_.hint("process " + std::to_string(pid) + " ended", true); });
      for (const auto& p : find()) watcher_->watch(p.pid, p.start);
      return Done{};
    });
  }

 private:
  std::vector<ProcessInfo> from_pid(int pid, std::optional<std::uint64_t> start) {
    const auto found = info(pid);
    if (!found || found->zombie || (start && found->start != *start)) return {};
    if (!match_.empty() && !matches(*found)) return {};
    return {*found};
  }

  std::vector<ProcessInfo> find() {
    if (!run_file_.empty()) {
      const auto record = read_record(run_file_);
      if (!record || record->pid == 0 || record->boot != boot_id()) return {};
      return from_pid(record->pid, record->start);
    }
    if (!pid_file_.empty()) {
      int pid = 0;
      std::ifstream(pid_file_) >> pid;
      if (pid <= 0) return {};
      auto out = from_pid(pid, std::nullopt);
      // The file still names the pid it named before, but the process is younger: the pid was given to another.
      if (!out.empty() && pid == seen_pid_ && out.front().start != seen_start_) return {};
      if (!out.empty()) {
        seen_pid_ = pid;
        seen_start_ = out.front().start;
      }
      return out;
    }
    std::vector<ProcessInfo> out;
    for (const int pid : all_pids()) {
      const auto found = info(pid);
      if (found && !found->zombie && matches(*found)) out.push_back(*found);
    }
    return out;
  }

  [[nodiscard]] bool matches(const ProcessInfo& p) const {
    // std::regex recurses for each character: what is longer than any real command line is not matched further.
    if (pattern_)
      return std::regex_search(p.command.substr(0, longest_match), *pattern_) || std::regex_search(p.name, *pattern_);
    return p.name == match_ || p.command.find(match_) != std::string::npos;
  }

  CheckResult look() {
    const auto found = find();
    CheckResult out;
    out.local = true;
    if (static_cast<int>(found.size()) < least_) {
      out.outcome = CheckResult::Outcome::fail;
      out.cause = found.empty() ? "no such process runs"
                                : std::to_string(found.size()) + " of " + std::to_string(least_) + " processes run";
      return out;
    }
    if (watcher_) {
      for (const auto& p : found) watcher_->watch(p.pid, p.start);
    }
    // That a process lives says little of the service that it should give.
    out.outcome = weak_ ? CheckResult::Outcome::degraded : CheckResult::Outcome::pass;
    out.cause = "pid " + std::to_string(found.front().pid) + " lives";
    return out;
  }

  Host& host_;
  std::string pid_file_, match_, run_file_;
  std::optional<std::regex> pattern_;
  int least_ = 1;
  bool weak_ = false;
  int seen_pid_ = 0;
  std::uint64_t seen_start_ = 0;
  std::unique_ptr<Watcher> watcher_;
  Worker worker_;
};

}  // namespace

std::unique_ptr<Provider> make_health(Host& host, const Envelope& envelope) {
  return std::make_unique<Health>(host, envelope);
}

}  // namespace process_plugin
