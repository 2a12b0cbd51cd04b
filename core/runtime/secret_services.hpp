// The host services with secrets that plugins fetch: `{ gcp_secret = "projects/…" }` in the file is asked of the
// instance of [secrets.gcp_secret]. A value is kept, used at once, and fetched again behind that when it is old: a
// failover must not wait for a vault. On the loop.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/plugins/registry.hpp"

namespace understudy::runtime {

class SecretServices final : public host::Services {
 public:
  /// All of them outlive it.
  SecretServices(boost::asio::io_context& loop, host::Logger& log, host::Services& behind, plugins::Registry& registry,
                 const std::map<std::string, config::PluginUse>& sources);
  ~SecretServices() override;  ///< answers what waits

  Ticket start(host::ServiceCall call) override;
  void cancel(Ticket ticket) override;
  [[nodiscard]] std::vector<std::string> methods() const override { return behind_.methods(); }

 private:
  struct Kept {
    std::string value;
    std::chrono::steady_clock::time_point next;  ///< when it is to be fetched again
  };
  [[nodiscard]] Ticket fetch(const config::SecretRef& ref, host::ServiceCall call);
  /// The instance of a source, made when it is first asked.
  [[nodiscard]] std::variant<plugins::Instance*, plugins::LoadError> source(const std::string& name);
  void ask(const config::SecretRef& ref, Millis budget, plugins::Instance::Done done);
  void refresh(const config::SecretRef& ref, const std::string& key);
  void answer(Ticket ticket, sdk::Result result);

  boost::asio::io_context& loop_;
  host::Logger& log_;
  host::Services& behind_;
  plugins::Registry& registry_;
  const std::map<std::string, config::PluginUse>& uses_;
  std::map<std::string, std::unique_ptr<plugins::Instance>> sources_;
  std::map<std::string, Kept> kept_;  ///< by source and name
  std::map<Ticket, std::function<void(sdk::Result)>> waiting_;
  Ticket next_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace understudy::runtime
