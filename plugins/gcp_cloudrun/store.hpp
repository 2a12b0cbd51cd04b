// Snapshots in a bucket. Below PREFIX/SERVICE/:
//   snapshots/ID/data-N/...      the files; N is of one attempt
//   snapshots/ID/manifest.json   written when all files are there; it makes the snapshot
//   snapshots/ID/refused.json    in its place: what an older epoch brought after a newer one had begun
//   latest                       id and epoch of the newest, and the fences; moved last, by compare-and-swap
// [worker threads]. Everything throws sdk::Failure.
#pragma once

#include <optional>
#include <string>

#include "bucket.hpp"
#include "latest.hpp"
#include "snapshot/manifest.hpp"
#include "work.hpp"

namespace gcp {

using namespace understudy::snapshot;

class Store {
 public:
  /// `prefix`: empty or without slashes at its ends.
  Store(Bucket& bucket, std::string prefix, int parallel)
      : bucket_(bucket), prefix_(std::move(prefix)), parallel_(parallel) {}

  [[nodiscard]] understudy::sdk::Snapshot push(const understudy::sdk::PushRequest& request, const Work& work);
  [[nodiscard]] understudy::sdk::Snapshot pull(const understudy::sdk::PullRequest& request, const Work& work);
  [[nodiscard]] understudy::sdk::Snapshot verify(const understudy::sdk::VerifyRequest& request, const Work& work);
  [[nodiscard]] understudy::sdk::SnapshotList list(const std::string& service, const Deadline& deadline);
  [[nodiscard]] understudy::sdk::PruneReport prune(const understudy::sdk::PruneRequest& request, const Work& work);
  [[nodiscard]] understudy::sdk::FenceReport fence(const understudy::sdk::FenceRequest& request,
                                                   const Deadline& deadline);

 private:
  struct Loaded {
    Manifest manifest;
    std::string data;  ///< prefix of its objects
  };
  [[nodiscard]] std::string home(const std::string& service) const;
  [[nodiscard]] std::string folder(const std::string& service, const std::string& id) const;
  [[nodiscard]] Latest latest(const std::string& service, const Deadline& deadline);
  [[nodiscard]] understudy::sdk::SnapshotList list(const std::string& service, const Latest& newest,
                                                   const Deadline& deadline);
  [[nodiscard]] std::uint64_t highest_epoch(const std::string& service, const Latest& newest, const Deadline& deadline);
  [[nodiscard]] Latest with_fence(const understudy::sdk::FenceRequest& request, const Latest& now,
                                  const Deadline& deadline);
  void publish(const understudy::sdk::PushRequest& request, const Manifest& manifest, const std::string& data,
               const Deadline& deadline);
  /// The end of a push that is of an older epoch than `newest`: whatever happens to its data, it is a conflict.
  /// What was sent is no snapshot, and is kept; `manifest`: the generation of the one that is to go, or 0.
  [[noreturn]] void set_aside(const understudy::sdk::PushRequest& request, const std::string& text,
                              const std::map<std::string, std::string>& metadata, std::int64_t manifest,
                              std::uint64_t newest, const Deadline& deadline);
  /// The same before anything was sent.
  [[noreturn]] void keep_aside(const understudy::sdk::PushRequest& request, std::uint64_t newest, const Work& work);
  void check_room_aside(const understudy::sdk::PushRequest& request, std::uint64_t newest, const Deadline& deadline);
  void write_refused(const understudy::sdk::PushRequest& request, const std::string& text,
                     std::map<std::string, std::string> metadata, std::uint64_t newest, const Deadline& deadline);
  [[nodiscard]] Loaded load(const std::string& service, const std::string& id, const Deadline& deadline);
  void remove_all(const std::vector<Object>& objects, const Work& work);
  void remove_leftovers(const understudy::sdk::PruneRequest& request, std::int64_t now, const Work& work);

  Bucket& bucket_;
  const std::string prefix_;
  const int parallel_;
};

/// "gs://bucket/some/prefix" in its two parts. Throws sdk::Failure(invalid).
struct BucketAddress {
  std::string bucket, prefix;
};
[[nodiscard]] BucketAddress bucket_address(const std::string& text);

}  // namespace gcp
