// What is wrong with a service as a standby, before it is needed. Pure.
#pragma once

#include <string>
#include <vector>

#include "service_view.hpp"

namespace gcp {

struct Problem {
  std::string severity;  ///< "error": it cannot work; "warning": it may go wrong
  std::string message, hint;
};

struct Role {
  bool supervisor = false;  ///< else the control plane starts the workload
  Scaling scaling = Scaling::manual;
  bool works_between_requests = true;
  std::string service;
};

[[nodiscard]] std::vector<Problem> diagnose(const ServiceView& service, const Role& role);
/// The sentence for a service that has no CPU between requests.
[[nodiscard]] Problem no_cpu(const std::string& service);

}  // namespace gcp
