// One Cloud Run service over the Admin API v2. [worker threads]
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client.hpp"
#include "service_view.hpp"

namespace gcp {

struct ServiceAddress {
  std::string api, project, region, service;
  [[nodiscard]] std::string resource() const {
    return "projects/" + project + "/locations/" + region + "/services/" + service;
  }
};

struct Revision {
  std::string name;  ///< short
  std::int64_t created_ms = 0;
  bool ready = false;
  understudy::sdk::Json raw;
};

class CloudRun {
 public:
  CloudRun(Client& client, ServiceAddress address) : client_(client), address_(std::move(address)) {}

  [[nodiscard]] ServiceView look(const Deadline& deadline);
  /// Newest first.
  [[nodiscard]] std::vector<Revision> revisions(const Deadline& deadline);

  /// Looks, asks `wanted` what to change (nothing: it is so already) and changes it, until it is so and has settled.
  /// A change by somebody else in between, a lost answer or a short outage only make it look and ask again.
  /// Throws what `wanted` throws; once a change may have been taken, everything is `unknown` but a change that came to
  /// nothing (kind "operation").
  /// `until` ready: it must also be able to serve; settled is enough for what is switched off.
  using Wanted = std::function<std::optional<Patch>(const ServiceView&)>;
  enum class Until { ready, settled };
  ServiceView change(const Wanted& wanted, Until until, const Deadline& deadline);
  /// Would Cloud Run take this change from us? Changes nothing.
  void rehearse(const Patch& patch, const std::string& etag, const Deadline& deadline);

  [[nodiscard]] const ServiceAddress& address() const noexcept { return address_; }

 private:
  enum class Sent { taken, raced };
  [[nodiscard]] About about(const std::string& what, const std::string& role) const;
  [[nodiscard]] Sent send_patch(const Patch& patch, const std::string& etag, bool& touched, const Deadline& deadline);
  void await_operation(const std::string& name, const Deadline& deadline);
  [[nodiscard]] ServiceView await(Until until, const Deadline& deadline);

  Client& client_;
  const ServiceAddress address_;
};

}  // namespace gcp
