// What a Cloud Run service shows of itself, read from its v2 resource; and the changes that are made to it. Pure.
// Source: Cloud Run Admin API v2, GoogleCloudRunV2Service. proto3 JSON leaves out false, 0 and empty values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "understudy/types.hpp"

namespace gcp {

struct ServiceView {
  understudy::sdk::Json raw;
  std::string etag, uri, latest_ready, latest_created;
  std::int64_t generation = 0, observed = 0;
  std::int64_t moved_ms = 0;  ///< when it was last changed, or came to rest after that: the later one
  std::int64_t seen_ms = 0;   ///< when it was looked at, by the clock that `moved_ms` is of too: Google's
  bool reconciling = false;
  std::string condition, why;  ///< of Ready: CONDITION_SUCCEEDED ..., and its reason and message
  bool manual = false;         ///< scaling mode
  std::int64_t manual_count = 0, service_min = 0, revision_min = 0, service_max = 0, revision_max = 0;
  std::optional<std::uint64_t> epoch;  ///< that the template's containers are started with
  std::string operation;               ///< likewise
  std::optional<std::uint64_t> ended;  ///< the newest epoch that was stopped; nothing up to it is started any more
  bool cpu_only_in_requests = true;
  double vcpu = 1, memory_gib = 0.5;
  std::string ingress;
  /// Of the last rollback, kept on the service itself so that a repeat by whomever goes back no further.
  struct RolledBack {
    std::string operation, from, to;
    /// Instances that were taken away for it and are given back at its end; 0: none, or it is done.
    std::int64_t instances = 0;
    bool manual = false;  ///< how they were kept
  };
  RolledBack rolled_back;
  bool open_to_all = false;  ///< no IAM check of callers

  /// Throws sdk::Failure(transient) when this is no service.
  [[nodiscard]] static ServiceView from(understudy::sdk::Json service);

  /// The last change has arrived everywhere, or Cloud Run has given it up: `observed` stays behind then.
  [[nodiscard]] bool settled() const noexcept { return !reconciling && (generation == observed || failed()); }
  [[nodiscard]] bool ready() const noexcept { return settled() && condition == "CONDITION_SUCCEEDED"; }
  [[nodiscard]] bool failed() const noexcept { return !reconciling && condition == "CONDITION_FAILED"; }
  /// How many instances Cloud Run keeps whether or not there are requests.
  [[nodiscard]] std::int64_t kept_instances() const noexcept {
    return manual ? manual_count : std::max(service_min, revision_min);
  }
  /// A few words on it for people.
  [[nodiscard]] std::string summary() const;
};

/// A PATCH: the fields of `body` that `mask` names replace those of the service.
struct Patch {
  understudy::sdk::Json body;
  std::string mask;
};

/// How a standing-by service is scaled: by a fixed count (0 switches it off), or by the least count.
enum class Scaling { manual, minimum };

/// Instances kept and nothing else changed: no new revision, except that a least count of the revision itself is
/// removed when `count` is 0.
[[nodiscard]] Patch scaled(const ServiceView& service, Scaling scaling, std::int64_t count);
/// A new revision with these variables in every container, all traffic to it, and `count` instances.
[[nodiscard]] Patch started(const ServiceView& service, const understudy::sdk::Json& env, Scaling scaling,
                            std::int64_t count);
/// All traffic to one revision, by its short name; empty: to the latest.
[[nodiscard]] Patch routed(const std::string& revision);

/// Adds to a change that this epoch, and any before it, is over.
void note_end(Patch& patch, const ServiceView& service, std::uint64_t epoch);
/// Adds to a change that it is a rollback.
void note_rollback(Patch& patch, const ServiceView& service, const ServiceView::RolledBack& rollback);

/// The containers with the variables of `env` added or replaced.
[[nodiscard]] understudy::sdk::Json with_env(understudy::sdk::Json containers, const understudy::sdk::Json& env);
/// "projects/p/locations/l/services/s/revisions/r" → "r".
[[nodiscard]] std::string short_name(const std::string& resource);
/// "512Mi", "2Gi", "1G" in GiB; "1", "500m" in vCPU. Nothing when it is neither.
[[nodiscard]] std::optional<double> memory_gib(const std::string& text);
[[nodiscard]] std::optional<double> vcpus(const std::string& text);

}  // namespace gcp
