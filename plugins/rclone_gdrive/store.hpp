// The six things that a state store does, in a vault. Blocking: they run on the instance's workers, and each throws
// sdk::Failure.
#pragma once

#include <string>

#include "staging.hpp"
#include "understudy/types.hpp"
#include "vault.hpp"

namespace rclone_store {

class Store {
 public:
  Store(understudy::sdk::Host& host, const Settings& settings) : vault_(host, settings) {}

  [[nodiscard]] understudy::sdk::Snapshot push(const understudy::sdk::PushRequest& request, const Job& job);
  [[nodiscard]] understudy::sdk::Snapshot pull(const understudy::sdk::PullRequest& request, const Job& job);
  [[nodiscard]] understudy::sdk::SnapshotList list(const std::string& service, const Job& job);
  [[nodiscard]] understudy::sdk::Snapshot verify(const understudy::sdk::VerifyRequest& request, const Job& job);
  [[nodiscard]] understudy::sdk::PruneReport prune(const understudy::sdk::PruneRequest& request, const Job& job);
  /// May run beside a push: neither waits for the other.
  [[nodiscard]] understudy::sdk::FenceReport fence(const understudy::sdk::FenceRequest& request, const Job& job);

 private:
  Vault vault_;
};

[[nodiscard]] std::int64_t wall_ms(const Job& job);

}  // namespace rclone_store
