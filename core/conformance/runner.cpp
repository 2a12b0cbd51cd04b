#include "core/conformance/runner.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "core/host/child.hpp"

namespace understudy::conformance {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
constexpr std::size_t kept_log = 20'000;

struct Said {
  std::string out, err;
  bool in_time = true;
};

/// Both pipes until they end; the child is killed when the time is over.
Said listen(const host::Child& child, Millis at_most) {
  Said said;
  const auto end = Clock::now() + at_most;
  pollfd fds[2] = {{child.out, POLLIN, 0}, {child.err, POLLIN, 0}};
  std::string* into[2] = {&said.out, &said.err};
  char buffer[8192];
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<Millis>(end - Clock::now()).count();
    if (left <= 0) {
      said.in_time = false;
      ::kill(-child.pid, SIGKILL);
      break;
    }
    if (::poll(fds, 2, static_cast<int>(left)) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const auto n = ::read(fds[i].fd, buffer, sizeof buffer);
      if (n <= 0 && errno != EINTR) fds[i].fd = -1;
      if (n > 0 && into[i]->size() < 1024 * 1024) into[i]->append(buffer, static_cast<std::size_t>(n));
    }
  }
  return said;
}

host::Ended wait_for_end(int pid) {
  std::optional<host::Ended> ended;
  while (!(ended = host::reap(pid))) ::poll(nullptr, 0, 1);
  return *ended;
}

/// What the child printed last, unless it died before.
void judge(Outcome& outcome, const Said& said, const host::Ended& ended, Millis timeout) {
  const auto line = sdk::parse_json(said.out.substr(0, said.out.find('\n')));
  if (!said.in_time) {
    outcome.verdict = Verdict::failed;
    outcome.message = "it hung: no verdict within " + std::to_string(timeout.count() / 1000) + " s";
  } else if (ended.signal) {
    outcome.verdict = Verdict::failed;
    outcome.message = std::string("the process died of ") + ::strsignal(*ended.signal);
    if (line.is_object() && line.value("verdict", "") == "passed") outcome.message += ", after the case itself";
  } else if (!line.is_object()) {
    outcome.verdict = Verdict::failed;
    outcome.message = "the process ended with exit code " + std::to_string(ended.exit_code.value_or(-1)) +
                      " without a verdict: the plugin ended it";
  } else {
    const auto verdict = line.value("verdict", "");
    outcome.verdict = verdict == "passed" ? Verdict::passed : verdict == "skipped" ? Verdict::skipped : Verdict::failed;
    outcome.message = line.value("message", "");
  }
  if (outcome.verdict == Verdict::failed)
    outcome.log = said.err.size() > kept_log ? said.err.substr(said.err.size() - kept_log) : said.err;
}

std::string or_dash(const std::string& word) { return word.empty() ? "-" : word; }

Outcome run_case(const Plan& plan, std::size_t index, const std::string& interface_name, const std::string& isolation) {
  const auto& one = catalogue()[index];
  Outcome outcome{one.name, interface_name, isolation, Verdict::passed, one.rule, {}, {}, Millis(0)};
  host::ChildSpec spec;
  spec.argv = {plan.program.string(),
               "plugin-case",
               plan.library.string(),
               std::to_string(index),
               std::to_string(plan.seed + index),
               or_dash(isolation),
               or_dash(interface_name),
               or_dash(plan.settings_file)};
  const auto began = Clock::now();
  const auto spawned = host::spawn(spec);
  if (!spawned.child) {
    outcome.verdict = Verdict::failed;
    outcome.message = "cannot run " + spawned.what + ": " + std::strerror(spawned.error);
    return outcome;
  }
  const auto& child = *spawned.child;
  const auto said = listen(child, plan.case_timeout);
  for (const int fd : {child.in, child.out, child.err}) ::close(fd);
  const auto ended = wait_for_end(child.pid);
  ::kill(-child.pid, SIGKILL);  // what the case left behind in its process group
  outcome.took = std::chrono::duration_cast<Millis>(Clock::now() - began);
  judge(outcome, said, ended, plan.case_timeout);
  return outcome;
}

std::vector<std::string> interfaces_of(const Plan& plan) {
  std::vector<std::string> out;
  auto library = plugins::describe_library(plan.library, plan.program);
  if (const auto* found = std::get_if<std::shared_ptr<plugins::Library>>(&library)) {
    for (const auto& [name, body] : (*found)->manifest().interfaces.items()) out.push_back(name);
  }
  return out;
}

}  // namespace

std::string_view name_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::passed: return "passed";
    case Verdict::failed: return "failed";
    case Verdict::skipped: break;
  }
  return "skipped";
}

std::vector<Outcome> run_all(const Plan& plan, const std::function<void(const Outcome&)>& told) {
  std::vector<Outcome> out;
  const auto& all = catalogue();
  const auto run = [&](std::size_t i, const std::string& interface_name, const std::string& isolation) {
    out.push_back(run_case(plan, i, interface_name, isolation));
    told(out.back());
  };
  const auto wanted = [&](const Case& c) { return plan.only.empty() || c.name.find(plan.only) != std::string::npos; };
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].interface_name.empty() && wanted(all[i])) run(i, "", "");
  }
  for (const auto& interface_name : interfaces_of(plan)) {
    for (const auto& isolation : plan.isolations) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& c = all[i];
        if ((c.interface_name != "*" && c.interface_name != interface_name) || !wanted(c)) continue;
        if (c.in_process_only && isolation != plan.isolations.front()) continue;
        run(i, interface_name, c.in_process_only ? "" : isolation);
      }
    }
  }
  return out;
}

int run_single(const Single& single) {
  const auto& one = catalogue().at(single.index);
  std::mt19937_64 random(single.seed);
  std::string scratch = (fs::temp_directory_path() / "understudy-case-XXXXXX").string();
  if (::mkdtemp(scratch.data()) == nullptr) return 70;
  host::Logger log("debug", "text");
  const auto now = static_cast<std::uint64_t>(
      std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count());
  Bench bench{single.library, single.program, single.interface_name,
              single.isolation.empty() ? "loop" : single.isolation, single.uses, random,
              // 1,000 epochs a millisecond are more than a case uses: each begins past all before it.
              now * 1'000, "conformance-" + std::to_string(single.seed) + single.isolation, scratch, single.tamper,
              log};
  sdk::Json verdict = {{"verdict", "passed"}};
  try {
    one.run(bench);
  } catch (const Skipped& e) {
    verdict = {{"verdict", "skipped"}, {"message", e.what()}};
  } catch (const std::exception& e) {
    verdict = {{"verdict", "failed"}, {"message", log.redact(e.what())}};
  }
  std::error_code ec;
  fs::remove_all(scratch, ec);
  std::fputs((verdict.dump(-1, ' ', false, sdk::Json::error_handler_t::replace) + "\n").c_str(), stdout);
  std::fflush(stdout);
  ::_exit(0);  // a foreign library's destructors are none of the verdict's business
}

}  // namespace understudy::conformance
