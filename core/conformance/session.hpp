// One library under the eyes of a developer: real host services on a loop of its own, instances of it in either
// isolation, and calls that wait for their answer. Used by `plugin call` and by the conformance kit.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "core/host/services.hpp"
#include "core/plugins/registry.hpp"

namespace understudy::conformance {

class Session {
 public:
  /// `library`: a file NAME.so. `program`: the understudy that hosts isolated plugins.
  /// `services`: what the plugin asks; null: the real ones.
  Session(const std::filesystem::path& library, std::filesystem::path program, host::Logger& log,
          const std::function<std::unique_ptr<host::Services>(boost::asio::io_context&)>& services = nullptr);

  [[nodiscard]] std::variant<std::shared_ptr<plugins::Library>, plugins::LoadError> library();
  /// `use.isolation` must be set: "loop", "thread" or "process".
  [[nodiscard]] std::variant<std::unique_ptr<plugins::Instance>, plugins::LoadError> make(
      config::PluginUse use, const std::string& interface_name, const std::string& service = "conformance",
      const std::string& target = "here");
  /// Runs the loop until the answer is there.
  [[nodiscard]] sdk::Result call(plugins::Instance& instance, std::string_view method,
                                 const sdk::Json& params = sdk::Json::object(), Millis budget = Millis(30'000));
  /// Runs the loop until `done` or for `at_most`; returns what done() says in the end.
  bool run(const std::function<bool()>& done, Millis at_most);

  [[nodiscard]] boost::asio::io_context& loop() noexcept { return loop_; }
  [[nodiscard]] host::Logger& log() noexcept { return log_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  boost::asio::io_context loop_;
  host::Logger& log_;
  std::unique_ptr<host::Services> services_;
  std::string name_;
  plugins::Registry registry_;
};

}  // namespace understudy::conformance
