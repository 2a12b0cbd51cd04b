// A loop, host services and a registry, as the orchestrator has them; calls that wait for their answer.
#pragma once

#include <filesystem>

#include <boost/asio/io_context.hpp>

#include "core/host/real_services.hpp"
#include "core/plugins/registry.hpp"
#include "tests/catch.hpp"

namespace understudy::test {

class Fixture {
 public:
  explicit Fixture(std::vector<std::filesystem::path> folders)
      : registry(std::move(folders), {std::filesystem::path(UNDERSTUDY_BINARY_DIR) / "plugins"},
                 std::filesystem::path(UNDERSTUDY_BINARY_DIR) / "bin/understudy") {}

  boost::asio::io_context loop;
  host::Logger log{"error", "text"};
  std::unique_ptr<host::Services> services = host::make_services(loop, log);
  plugins::Registry registry;
  plugins::Registry::Wiring wiring{loop, *services, log};

  std::variant<std::unique_ptr<plugins::Instance>, plugins::LoadError> make(const std::string& plugin,
                                                                            const std::string& interface_name,
                                                                            nlohmann::json settings,
                                                                            const std::string& isolation = "") {
    config::PluginUse use;
    use.plugin = plugin;
    use.settings = std::move(settings);
    // scripts/run_tests.py runs the whole suite once more with every plugin isolated.
    const char* all = std::getenv("UNDERSTUDY_TEST_ISOLATION");
    use.isolation = isolation.empty() && all != nullptr ? all : isolation;
    return registry.make(wiring, use, interface_name, "svc/a", "svc", "a");
  }
  std::unique_ptr<plugins::Instance> made(const std::string& plugin, const std::string& interface_name,
                                          nlohmann::json settings, const std::string& isolation = "") {
    auto out = make(plugin, interface_name, std::move(settings), isolation);
    if (const auto* error = std::get_if<plugins::LoadError>(&out)) FAIL(error->message);
    return std::move(std::get<std::unique_ptr<plugins::Instance>>(out));
  }

  /// Runs the loop until the answer is there; it must come once.
  sdk::Result call(plugins::Instance& instance, const std::string& method,
                   const nlohmann::json& params = nlohmann::json::object(), Millis budget = Millis(20'000)) {
    std::optional<sdk::Result> out;
    int answers = 0;
    instance.call(method, params, budget, [&](sdk::Result r) {
      ++answers;
      out = std::move(r);
    });
    run([&] { return out.has_value(); });
    REQUIRE(answers == 1);
    return std::move(*out);
  }

  template <class Fn>
  void run(Fn until, std::chrono::seconds at_most = std::chrono::seconds(60)) {
    const auto end = std::chrono::steady_clock::now() + at_most;
    loop.restart();
    while (!until()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(20));
    }
  }
};

}  // namespace understudy::test
