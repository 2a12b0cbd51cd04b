// Snapshots in a bucket. Below PREFIX/SERVICE/:
//
//   ID/files/000001 …   the files, numbered
//   ID/manifest.json    what they are; written last, so that a snapshot without one is unfinished
//   latest              {"id", "epoch"} of the newest: what refuses a site that was replaced
//
// Blocking, for worker threads; everything throws Failure.
#pragma once

#include <set>
#include <string>

#include "bucket.hpp"
#include "files.hpp"
#include "manifest.hpp"

namespace s3_store {

/// What a long operation tells; `bytes` so far of `total` (0: not known).
struct Hooks {
  std::function<void(std::int64_t bytes, std::int64_t total)> progress;
  std::function<void(const std::string&)> warn;
};

class Store {
 public:
  Store(Bucket& bucket, std::string prefix, std::string spool);

  /// When it throws anything but `unknown` there is no snapshot; if `begun`, clean_up() takes away what was sent.
  [[nodiscard]] understudy::sdk::Snapshot push(const Call& call, const understudy::sdk::PushRequest& request,
                                               const Hooks& hooks, bool& begun);
  void clean_up(const Call& call, const std::string& service, const std::string& id);
  [[nodiscard]] understudy::sdk::Snapshot pull(const Call& call, const understudy::sdk::PullRequest& request,
                                               const Hooks& hooks);
  [[nodiscard]] understudy::sdk::SnapshotList list(const Call& call, const std::string& service);
  [[nodiscard]] understudy::sdk::Snapshot verify(const Call& call, const understudy::sdk::VerifyRequest& request,
                                                 const Hooks& hooks);
  [[nodiscard]] understudy::sdk::PruneReport prune(const Call& call, const understudy::sdk::PruneRequest& request,
                                                   const Hooks& hooks);

 private:
  struct Latest {
    std::string id, etag;
    std::uint64_t epoch = 0;
  };
  [[nodiscard]] std::string home(const std::string& service) const;
  [[nodiscard]] std::string home(const std::string& service, const std::string& id) const;
  [[nodiscard]] Latest latest(const Call& call, const std::string& service);
  [[nodiscard]] Latest admitted(const Call& call, const understudy::sdk::PushRequest& request);
  [[nodiscard]] Manifest upload_all(const Call& call, const understudy::sdk::PushRequest& request, const Hooks& hooks);
  void publish(const Call& call, const understudy::sdk::PushRequest& request);
  [[nodiscard]] Manifest load(const Call& call, const std::string& service, const std::string& id);
  [[nodiscard]] bool unfinished_for_long(const Call& call, const std::string& folder, std::int64_t now_ms);
  void remove_snapshot(const Call& call, const std::string& folder, const Hooks& hooks);

  Bucket& bucket_;
  std::string prefix_, spool_;
};

}  // namespace s3_store
