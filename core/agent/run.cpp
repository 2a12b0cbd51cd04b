#include "core/agent/run.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <boost/asio/signal_set.hpp>
#include <boost/dll/runtime_symbol_info.hpp>

#include "core/agent/instance.hpp"
#include "core/agent/ledger_file.hpp"
#include "core/agent/routes.hpp"
#include "core/agent/supervisor.hpp"
#include "core/agent/watchdog.hpp"
#include "core/host/boot_id.hpp"
#include "core/host/real_services.hpp"
#include "core/host/secrets.hpp"
#include "core/runtime/load.hpp"
#include "core/runtime/sd_notify.hpp"
#include "core/runtime/secret_services.hpp"
#include "core/web/http_server.hpp"

namespace understudy::agent {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

void say(const std::string& text) { std::fputs(("understudy: " + text + "\n").c_str(), stderr); }

constexpr int longest_wait_ms = 10'000, pause_ms = 20;  // for the end of an older agent's watchdog

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool booted_ahead() { return !variable("UNDERSTUDY_STANDBY").empty(); }

/// The watchdog is this program; on Linux also when its file was replaced meanwhile.
std::vector<std::string> watchdog_program() {
  constexpr const char* here = "/proc/self/exe";
  const std::string program = ::access(here, X_OK) == 0 ? here : boost::dll::program_location().string();
  return {program, "agent-watchdog", std::to_string(::getpid())};
}

/// A container that was started for one activation says so in its environment.
std::optional<ActivateOrder> order_of_environment() {
  if (booted_ahead()) return std::nullopt;  // to wait
  const std::string text = variable("UNDERSTUDY_EPOCH");
  std::uint64_t epoch = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  ActivateOrder out;
  out.epoch = Epoch{epoch};
  out.operation = variable("UNDERSTUDY_OPERATION");
  out.snapshot = SnapshotId(variable("UNDERSTUDY_SNAPSHOT"));
  out.boot = true;
  return out;
}

/// Held until the process ends; false when another one holds it.
bool lock(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  return fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/// Held by the agent and by its watchdog: who is killed leaves the watchdog, which ends the workload and then itself.
/// -1: it does not, or the file cannot be written.
int lock_with_watchdog(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, 10);  // the watchdog gets it under this number
  ::close(fd);
  for (int waited = 0; waited < longest_wait_ms; waited += pause_ms) {
    if (::flock(high, LOCK_EX | LOCK_NB) == 0) return high;
    if (waited == 0) say("the watchdog of the agent before has not ended yet: waiting for it");
    ::usleep(pause_ms * 1'000);
  }
  ::close(high);
  return -1;
}

struct Loaded {
  std::unique_ptr<plugins::Registry> registry;
  std::optional<config::Agent> options;
};

Loaded load(const std::vector<fs::path>& files) {
  Loaded out;
  std::unique_ptr<config::SchemaSource> schemas;
  auto result = config::load_agent(
      files,
      [&](const std::vector<fs::path>& plugin_path) -> config::SchemaSource& {
        out.registry = runtime::make_registry(plugin_path);
        schemas = runtime::schemas_of(*out.registry);
        return *schemas;
      },
      config::process_environment());
  if (!result.diagnostics.empty()) std::fputs(config::render(result.diagnostics, ::isatty(2) != 0).c_str(), stderr);
  out.options = std::move(result.agent);
  return out;
}

class Process {
 public:
  Process(config::Agent options, std::unique_ptr<plugins::Registry> registry, std::vector<std::string> command,
          Ledger ledger, std::string instance, int watchdog_lock)
      : options_(std::move(options)),
        instance_(std::move(instance)),
        lock_(watchdog_lock),
        log_(options_.log_level, options_.log_format),
        services_(host::make_services(loop_, log_)),
        registry_(std::move(registry)),
        secrets_(loop_, log_, *services_, *registry_, options_.secret_sources),
        state_(wiring(), *registry_, options_),
        vitals_(loop_, checks(), options_.health_interval),
        watchdog_(make_watchdog()),
        lease_(make_lease()),
        supervisor_({loop_, log_, state_, vitals_, lease_.get(), watchdog_.get(), [this] { loop_.stop(); }, instance_},
                    options_, std::move(command), std::move(ledger)),
        http_(loop_, [this](const web::Request& request, const web::Send& send) {
          send(handle(supervisor_, request, key_));
        }) {}

  int run() {
    for (const auto& p : problems_) say(p.message + (p.hint.empty() ? "" : "\n    = " + p.hint));
    if (!problems_.empty()) return 2;
    if (const auto problem = open()) {
      say(*problem);
      return 1;
    }
    if (watchdog_) watchdog_->start();
    wait_for_signals();
    log_.write(host::Level::info, "agent", "ready",
               {{"service", options_.service.value}, {"port", std::to_string(http_.port())}, {"instance", instance_}});
    runtime::sd_notify("READY=1", Millis(5'000));
    const auto order = order_of_environment();
    if (!(order && obey(*order)) && !booted_ahead()) supervisor_.resume();
    loop_.run();
    return 0;
  }

 private:
  [[nodiscard]] plugins::Registry::Wiring wiring() { return {loop_, secrets_, log_}; }

  std::vector<std::unique_ptr<plugins::Instance>> checks() {
    std::vector<std::unique_ptr<plugins::Instance>> out;
    for (const auto& use : options_.health) {
      const std::string name = options_.service.value + "/health[" + std::to_string(out.size()) + "]";
      auto made = registry_->make(wiring(), use, "health", name, options_.service.value, "");
      if (auto* error = std::get_if<plugins::LoadError>(&made)) {
        problems_.push_back(std::move(*error));
      } else {
        out.push_back(std::move(std::get<std::unique_ptr<plugins::Instance>>(made)));
      }
    }
    return out;
  }

  std::unique_ptr<Watchdog> make_watchdog() {
    if (options_.lease && !options_.lease->watchdog) return nullptr;
    return std::make_unique<Watchdog>(loop_, log_, watchdog_program(), lock_);
  }

  std::unique_ptr<LeaseKeeper> make_lease() {
    if (!options_.lease) return nullptr;
    const auto secret = host::read_secret(options_.lease->key, log_);
    const std::string key = secret.ok() ? secret.value.at("value").get<std::string>() : "";
    if (!secret.ok()) problems_.push_back({"agent.lease.key: " + secret.error.message, secret.error.hint});
    return std::make_unique<LeaseKeeper>(LeaseKeeper::Parts{loop_, log_, secrets_, watchdog_.get(), instance_},
                                         *options_.lease, options_.service, key);
  }

  std::optional<std::string> open() {
    const auto secret = host::read_secret(options_.api_key, log_);
    if (!secret.ok()) return "api_key: " + secret.error.message + "\n    = " + secret.error.hint;
    key_ = secret.value.at("value").get<std::string>();
    if (key_.empty()) return "api_key is empty: everybody could start and stop the service";
    if (key_.size() < 16)
      log_.write(host::Level::warning, "agent", "the api_key is short: whoever guesses it can stop the service");
    if (::geteuid() == 0)
      log_.write(host::Level::warning, "agent", "running as root: the workload does too; a user of its own is safer");
    if (auto problem = state_.open("")) return problem;
    const auto endpoint = web::endpoint_from(options_.listen);
    if (!endpoint) return "listen = \"" + options_.listen + "\" must be ADDRESS:PORT";
    return http_.listen_tcp(*endpoint);
  }

  bool obey(const ActivateOrder& order) {
    const auto taken = supervisor_.activate(order);
    if (taken.verdict == Supervisor::Taken::Verdict::started) return true;
    log_.write(host::Level::error, "agent", "what the environment asks for is not done: " + taken.why);
    return false;
  }

  void wait_for_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      if (std::exchange(leaving_, true)) {
        // A person at a terminal will not wait; a provider that repeats its stop must not cost the last save.
        if (::isatty(STDIN_FILENO) != 0) return loop_.stop();
        return wait_for_signals();
      }
      log_.write(host::Level::info, "agent", "stopping");
      runtime::sd_notify("STOPPING=1");
      supervisor_.leave([this] { loop_.stop(); });
      wait_for_signals();
    });
  }

  config::Agent options_;
  std::string instance_;
  int lock_;  ///< of the watchdogs
  asio::io_context loop_{1};
  host::Logger log_;
  std::unique_ptr<host::Services> services_;
  std::unique_ptr<plugins::Registry> registry_;
  runtime::SecretServices secrets_;
  std::vector<plugins::LoadError> problems_;
  StateRoom state_;
  Vitals vitals_;
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<LeaseKeeper> lease_;
  Supervisor supervisor_;
  std::string key_;
  web::HttpServer http_;
  asio::signal_set signals_{loop_, SIGTERM, SIGINT};
  bool leaving_ = false;
};

}  // namespace

int run_agent(const std::vector<fs::path>& files, const std::vector<std::string>& command) {
  std::signal(SIGPIPE, SIG_IGN);
  // It would restore over the standby's own state, and save what the copy made of it.
  if (std::getenv("UNDERSTUDY_DRILL") != nullptr) {
    say("a supervisor keeps a state of its own, so no isolated copy of it can be drilled\n"
        "    = `understudy drill SERVICE TARGET --switchover`, or a `drill.command` that starts the workload without "
        "it");
    return 2;
  }
  auto loaded = load(files);
  if (!loaded.options) return 2;
  const auto& data_dir = loaded.options->data_dir;
  std::error_code ec;
  fs::create_directories(data_dir, ec);
  if (ec || !lock(data_dir / "agent.lock")) {
    say(ec ? "cannot make " + data_dir.string() + ": " + ec.message()
           : "another agent uses " + data_dir.string() +
                 ", or it cannot be written\n    = give each agent a data_dir of its own");
    return 1;
  }
  const int watchdog_lock = lock_with_watchdog(data_dir / "watchdog.lock");
  if (watchdog_lock < 0) {
    say("the watchdog of the agent before does not end: something of its workload may run\n    = end the process that "
        "`understudy agent-watchdog` is, and what it guards");
    return 1;
  }
  auto ledger = read_ledger(data_dir / "agent.json");
  if (const auto* problem = std::get_if<std::string>(&ledger)) {
    say(*problem);
    return 1;
  }
  auto instance = instance_of(data_dir / "instance", host::boot_mark());
  if (const auto* none = std::get_if<NoInstance>(&instance)) {
    say("this agent cannot be told from others: " + none->why);
    return 1;
  }
  Process process(std::move(*loaded.options), std::move(loaded.registry), command, std::move(std::get<Ledger>(ledger)),
                  std::move(std::get<std::string>(instance)), watchdog_lock);
  return process.run();
}

}  // namespace understudy::agent
