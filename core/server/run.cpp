#include "core/server/run.hpp"

#include <unistd.h>
#include <csignal>
#include <cstdio>

#include <boost/asio/signal_set.hpp>

#include "core/host/memory.hpp"
#include "core/host/real_services.hpp"
#include "core/runtime/operator_services.hpp"
#include "core/runtime/orchestrator.hpp"
#include "core/runtime/sd_notify.hpp"
#include "core/server/server.hpp"

namespace understudy::server {
namespace {

namespace asio = boost::asio;

void say(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

std::string owner_name(const config::Config& config) {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return config.orchestrator.name + " on " + host;
}

/// WATCHDOG=1 comes from the loop itself: a stuck loop sends none.
void pet_watchdog(asio::steady_timer& timer, Millis every) {
  runtime::sd_notify("WATCHDOG=1");
  timer.expires_after(every / 2);
  timer.async_wait([&timer, every](const boost::system::error_code& error) {
    if (!error) pet_watchdog(timer, every);
  });
}

class Process {
 public:
  Process(std::vector<std::filesystem::path> files, config::Config config, std::unique_ptr<plugins::Registry> registry,
          std::unique_ptr<journal::Journal> journal)
      : log_(config.orchestrator.log_level, config.orchestrator.log_format),
        journal_(std::move(journal)),
        services_(std::make_unique<runtime::OperatorServices>(host::make_services(loop_, log_))),
        orchestrator_({loop_, log_, *services_, *journal_}, std::move(files)),
        server_(loop_, orchestrator_, log_),
        config_(std::move(config)),
        registry_(std::move(registry)) {}

  int run() {
    const Server::Options options{config_.orchestrator.data_dir, config_.orchestrator.listen,
                                  config_.orchestrator.lease_listen};
    // Before anything is touched: a port that is in use is found here. Nobody is let in before the loop runs, which is
    // when there are services to ask for.
    if (const auto problem = server_.start(options)) {
      say("understudy: " + *problem);
      return 1;
    }
    services_->serve(&orchestrator_);
    const auto problems = orchestrator_.start(std::move(config_), std::move(registry_));
    for (const auto& p : problems) say("understudy: " + p.message + (p.hint.empty() ? "" : "\n    = " + p.hint));
    if (!problems.empty()) return problems.front().passing ? 1 : 2;
    wait_for_signals();
    if (const auto every = runtime::watchdog_interval()) pet_watchdog(watchdog_, *every);
    log_.write(host::Level::info, "orchestrator", "ready",
               {{"services", std::to_string(orchestrator_.config().services.size())},
                {"socket", (options.data_dir / "understudy.sock").string()}});
    runtime::sd_notify("READY=1\nSTATUS=watching", Millis(5'000));
    host::give_back_memory();  // reading the configuration leaves much behind
    loop_.run();
    return 0;
  }

 private:
  void wait_for_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        reload();
        return wait_for_signals();
      }
      log_.write(host::Level::info, "orchestrator", "stopping; the service goes on running where it is");
      runtime::sd_notify("STOPPING=1");
      server_.stop();
      loop_.stop();
    });
  }

  void reload() {
    runtime::sd_notify("RELOADING=1");
    orchestrator_.reload({"SIGHUP", ""}, [this](const sdk::Result& result) {
      if (!result.ok()) log_.write(host::Level::error, "orchestrator", "reload: " + result.error.message);
      runtime::sd_notify("READY=1", Millis(500));
    });
  }

  asio::io_context loop_{1};
  host::Logger log_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<runtime::OperatorServices> services_;
  runtime::Orchestrator orchestrator_;
  Server server_;
  config::Config config_;
  std::unique_ptr<plugins::Registry> registry_;
  asio::signal_set signals_{loop_, SIGTERM, SIGINT, SIGHUP};
  asio::steady_timer watchdog_{loop_};
};

}  // namespace

int run_orchestrator(const std::vector<std::filesystem::path>& files) {
  std::signal(SIGPIPE, SIG_IGN);
  auto loaded = runtime::load(files);
  if (!loaded.result.diagnostics.empty()) say(config::render(loaded.result.diagnostics, ::isatty(2) != 0));
  if (!loaded.result.config) return 2;
  auto config = std::move(*loaded.result.config);
  auto opened = journal::Journal::open(config.orchestrator.data_dir, {owner_name(config), 0});
  if (const auto* problem = std::get_if<journal::Problem>(&opened)) {
    say("understudy: " + problem->message + "\n    = " + problem->hint);
    return 1;
  }
  Process process(files, std::move(config), std::move(loaded.registry),
                  std::move(std::get<std::unique_ptr<journal::Journal>>(opened)));
  return process.run();
}

}  // namespace understudy::server
