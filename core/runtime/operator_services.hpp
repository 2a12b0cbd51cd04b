// operator.request/1: what a person asks for through a plugin's channel (a button, a command), carried out like the
// same request of the command line. Everything else goes to the services behind. On the loop.
#pragma once

#include <memory>

#include "core/host/services.hpp"
#include "core/runtime/control.hpp"

namespace understudy::runtime {

class OperatorServices final : public host::Services {
 public:
  explicit OperatorServices(std::unique_ptr<host::Services> behind) : behind_(std::move(behind)) {}

  /// Outlives the services, or is taken away with null. Before it is there, requests are `unsupported`.
  void serve(Control* control) noexcept { control_ = control; }

  Ticket start(host::ServiceCall call) override;
  void cancel(Ticket ticket) override { behind_->cancel(ticket); }
  [[nodiscard]] std::vector<std::string> methods() const override;

 private:
  void request(const host::ServiceCall& call);

  std::unique_ptr<host::Services> behind_;
  Control* control_ = nullptr;
};

}  // namespace understudy::runtime
