#include "core/conformance/session.hpp"

#include <algorithm>

#include "core/host/real_services.hpp"

namespace understudy::conformance {

Session::Session(const std::filesystem::path& library, std::filesystem::path program, host::Logger& log,
                 const std::function<std::unique_ptr<host::Services>(boost::asio::io_context&)>& services)
    : log_(log),
      services_(services ? services(loop_) : host::make_services(loop_, log)),
      name_(library.stem().string()),
      registry_({std::filesystem::absolute(library).parent_path()}, {}, std::move(program)) {}

std::variant<std::shared_ptr<plugins::Library>, plugins::LoadError> Session::library() { return registry_.find(name_); }

std::variant<std::unique_ptr<plugins::Instance>, plugins::LoadError> Session::make(config::PluginUse use,
                                                                                   const std::string& interface_name,
                                                                                   const std::string& service,
                                                                                   const std::string& target) {
  use.plugin = name_;
  const auto instance =
      interface_name == "notifier" ? "notifier/" + name_ : service + "/" + target + "/" + interface_name;
  return registry_.make({loop_, *services_, log_}, use, interface_name, instance, service, target);
}

sdk::Result Session::call(plugins::Instance& instance, std::string_view method, const sdk::Json& params,
                          Millis budget) {
  const auto answer = std::make_shared<std::optional<sdk::Result>>();
  instance.call(method, params, budget, [answer](sdk::Result result) { *answer = std::move(result); });
  if (run([&] { return answer->has_value(); }, budget + Millis(5'000))) return std::move(**answer);
  return {{}, {sdk::Status::unknown, "the call was never answered", {}, "never", {}}};
}

bool Session::run(const std::function<bool()>& done, Millis at_most) {
  const auto end = std::chrono::steady_clock::now() + at_most;
  while (!done() && std::chrono::steady_clock::now() < end) {
    loop_.restart();
    loop_.run_one_until(std::min(end, std::chrono::steady_clock::now() + std::chrono::milliseconds(20)));
  }
  return done();
}

}  // namespace understudy::conformance
