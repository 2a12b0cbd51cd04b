// One service's state store: pushes, and brings snapshots to targets, one operation at a time. On the loop; file moves
// happen on a worker thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/config/config.hpp"
#include "core/host/log.hpp"
#include "core/model/snapshot.hpp"
#include "core/plugins/instance.hpp"

namespace understudy::state {

class StateKeeper {
 public:
  struct Answer {
    bool ok = false;
    SnapshotInfo snapshot;  ///< empty id with ok: there is none
    std::string detail;
    sdk::Status status =
        sdk::Status::ok;  ///< of the store; `conflict`: it holds a newer epoch; `cancelled`: it gave way
  };
  using Done = std::function<void(const Answer&)>;
  struct Tools {
    boost::asio::io_context& loop;
    host::Logger& log;
    std::function<void(const std::vector<SnapshotInfo>&)> remember;  ///< what the store is known to hold
  };

  /// `service` outlives it.
  StateKeeper(Tools tools, const config::Service& service, std::filesystem::path work_dir,
              std::unique_ptr<plugins::Instance> store);
  ~StateKeeper();
  StateKeeper(const StateKeeper&) = delete;
  StateKeeper& operator=(const StateKeeper&) = delete;

  /// Saves what `target` keeps, as a new snapshot of `epoch`. `urgent` goes before what waits, and one that is not
  /// gives way to what is, also when it has begun: a failover must not wait for a slow line. To an urgent one gives way
  /// too what is being brought and is not sealed: it would not be the newest.
  void push(const config::Target& target, Epoch epoch, Millis budget, bool urgent, Done done);
  struct Bringing {
    SnapshotId wanted = {};  ///< this one; empty: the newest that verifies
    Epoch epoch = {};        ///< names what is set aside at the target
    /// The former holder has ended: before it is looked what there is, the store is asked to refuse what is older than
    /// this from now on, when its plugin offers that. If it cannot be made to, nothing is brought.
    std::optional<Epoch> seal = {};
    SnapshotId have = {};  ///< stands at the target already: when it is what would be brought, nothing is done
  };
  /// Brings a snapshot to where `target` keeps its state; a target that keeps none here fetches it by itself, so there
  /// it is only verified. One that is asked for later takes its place, unless files are being put in place already.
  /// `conflict`: the store knows a newer epoch than the one to seal with.
  void prepare(const config::Target& target, const Bringing& what, Done done);
  void prepare(const config::Target& target, const SnapshotId& wanted, Epoch epoch, Done done) {
    prepare(target, Bringing{wanted, epoch}, std::move(done));
  }
  /// Brings the newest snapshot that verifies into `folder` (missing or empty), beside what is under way: for a drill.
  /// `ok` with an empty id: there is none. A target that keeps no state here: it is only verified.
  void fetch(const config::Target& target, const std::filesystem::path& folder, Done done);
  /// Where a part of the state stands in a fetched folder, and where the target keeps it.
  struct Folder {
    std::filesystem::path fetched, kept;
  };
  [[nodiscard]] std::vector<Folder> folders(const config::Target& target, const std::filesystem::path& fetched) const;
  void prune();
  /// What the store holds may be more than the journal knows: the journal may be new here or have been lost, and who
  /// keeps its state itself saves by itself. `done` when the journal knows it too, or the store did not answer.
  void look(plugins::Instance::Done done);
  /// Straight to the store, for people.
  void list(plugins::Instance::Done done);
  void verify(const SnapshotId& id, plugins::Instance::Done done);
  /// Into a folder that is missing or empty.
  void restore(const SnapshotId& id, const std::string& folder, plugins::Instance::Done done);

 private:
  struct Job;
  struct Fetch;
  void fetch_next(const std::shared_ptr<Fetch>& fetch);
  void enqueue(std::shared_ptr<Job> job, bool urgent);
  void next();
  [[nodiscard]] static bool gives_way(const Job& running, const Job& urgent);
  void give_way();
  void end(const Answer& answer);
  void run_push(const std::shared_ptr<Job>& job);
  void run_prepare(const std::shared_ptr<Job>& job);
  void seal(const std::shared_ptr<Job>& job);
  /// What waits and is not to be done any more: each hears `answer`.
  void take_from_queue(const std::function<bool(const Job&)>& which, const Answer& answer);
  void choose(const std::shared_ptr<Job>& job);
  void try_snapshots(const std::shared_ptr<Job>& job);
  void pulled(const std::shared_ptr<Job>& job, const SnapshotInfo& snapshot, const sdk::Result& result);
  void put_in_place(const std::shared_ptr<Job>& job, const SnapshotInfo& snapshot);
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> named_paths(const config::Target& target) const;

  Tools tools_;
  const config::Service& service_;
  std::filesystem::path work_dir_;
  std::unique_ptr<plugins::Instance> store_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::shared_ptr<Job> running_;
  std::set<SnapshotId> damaged_;  ///< that were read, and did not verify
  std::uint64_t pulls_ = 0;       ///< names their folders
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  boost::asio::thread_pool worker_{1};
};

/// "20261120T101500.123Z-e7": sorts by time.
[[nodiscard]] std::string snapshot_id(WallTime at, Epoch epoch);

}  // namespace understudy::state
