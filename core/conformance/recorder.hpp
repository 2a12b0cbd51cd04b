// Host services that pass everything on and write it down.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "core/conformance/cassette.hpp"
#include "core/host/services.hpp"

namespace understudy::conformance {

/// On the loop. The tape outlives the services.
class Recorder final : public host::Services {
 public:
  /// `stand_ins` by the secret's key; another secret is written as its placeholder.
  explicit Recorder(std::unique_ptr<host::Services> real, std::map<std::string, std::string> stand_ins = {});

  Ticket start(host::ServiceCall call) override;
  void cancel(Ticket ticket) override { real_->cancel(ticket); }
  [[nodiscard]] std::vector<std::string> methods() const override { return real_->methods(); }

  /// What was recorded, with every secret that was read and every credential that was given out replaced, in whatever
  /// text it stands.
  [[nodiscard]] std::vector<HostExchange> exchanges() const;
  [[nodiscard]] sdk::Json without_secrets(const sdk::Json& value) const;

 private:
  struct Tape;
  std::unique_ptr<host::Services> real_;
  std::shared_ptr<Tape> tape_;
};

}  // namespace understudy::conformance
