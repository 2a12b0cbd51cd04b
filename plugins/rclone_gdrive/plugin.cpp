#include "understudy/plugin.hpp"
#include "store.hpp"

namespace {

using namespace understudy::sdk;
using rclone_store::Job;

class RcloneStore final : public StateStore {
 public:
  RcloneStore(Host& host, const Envelope& e)
      : host_(host), store_(host, rclone_store::Settings::from_json(e.settings)) {}

  void push(const PushRequest& request, Reply<Snapshot> reply) override {
    work(writer_, std::move(reply), "push " + request.id,
         [this, request](const Job& job) { return store_.push(request, job); });
  }
  void prune(const PruneRequest& request, Reply<PruneReport> reply) override {
    work(writer_, std::move(reply), "prune " + request.service,
         [this, request](const Job& job) { return store_.prune(request, job); });
  }
  void pull(const PullRequest& request, Reply<Snapshot> reply) override {
    work(reader_, std::move(reply), "pull " + request.id,
         [this, request](const Job& job) { return store_.pull(request, job); });
  }
  void verify(const VerifyRequest& request, Reply<Snapshot> reply) override {
    work(reader_, std::move(reply), "verify " + request.id,
         [this, request](const Job& job) { return store_.verify(request, job); });
  }
  void list(const ListRequest& request, Reply<SnapshotList> reply) override {
    work(lister_, std::move(reply), "list " + request.service,
         [this, request](const Job& job) { return store_.list(request.service, job); });
  }
  void fence(const FenceRequest& request, Reply<FenceReport> reply) override {
    work(lister_, std::move(reply), "fence " + request.service,
         [this, request](const Job& job) { return store_.fence(request, job); });
  }

 private:
  template <class T, class Fn>
  void work(Worker& worker, Reply<T> reply, std::string operation, Fn fn) {
    const auto deadline = Job::Clock::now() + reply.budget();
    auto kept = share(std::move(reply));
    worker.post([this, kept, operation = std::move(operation), deadline, fn = std::move(fn)] {
      const Job job(host_, operation, deadline, [kept] { return kept->cancelled(); });
      try {
        job.between();
        (*kept)(fn(job));
      } catch (const Failure& failure) {
        kept->fail(failure.error());
      } catch (const std::exception& e) {
        kept->fail(Status::transient, e.what());
      }
    });
  }

  Host& host_;
  rclone_store::Store store_;
  // A push of an hour must not keep a list or a fence waiting, nor a pull one.
  Worker writer_, reader_, lister_;
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "rclone_gdrive", "version": "0.1.0", "license": "Apache-2.0", "summary": "Snapshots on Google Drive, or any other remote that rclone knows",
  "interfaces": {"state": {
    "provides": ["store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1", "store.fence/1"],
    "settings": {"type": "object", "required": ["remote"], "properties": {
      "remote": {"type": "string", "minLength": 1, "description": "rclone remote and folder, such as neo_remote:NeoLight; snapshots lie in a folder for each service below it"},
      "config": {"type": "string", "format": "path", "description": "rclone's configuration file; default: rclone's own. It must be writable where tokens are renewed"},
      "config_password": {"type": "string", "x-secret": true, "description": "password of an encrypted configuration file"},
      "program": {"type": "string", "minLength": 1, "default": "rclone", "description": "the rclone program, 1.60 or newer"},
      "work_dir": {"type": "string", "format": "path", "description": "local folder where snapshots are put together; needs room for what changed. Default: understudy-rclone-UID in the system's temporary folder"},
      "bandwidth_limit": {"type": "string", "description": "as rclone's --bwlimit: 2M is 2 MiB/s; also a timetable, such as 08:00,512k 23:00,off. Default: none"},
      "transfers": {"type": "integer", "minimum": 1, "maximum": 64, "default": 4, "description": "files under way at once"},
      "check": {"type": "string", "enum": ["auto", "size", "download"], "default": "auto", "description": "how a push is checked: auto compares the remote's hashes and downloads what it has no hash of; size compares hashes or else sizes; download reads everything back"},
      "incremental": {"type": "boolean", "default": true, "description": "the remote copies unchanged files of the last snapshot by itself where it can"},
      "retries": {"type": "integer", "minimum": 0, "maximum": 100, "default": 3, "description": "tries after a failure that may pass, within the time that there is"},
      "retry_wait": {"type": "integer", "format": "duration", "minimum": 1, "default": 2000, "description": "before the first retry; doubles each time up to a minute"}
    }}}},
  "needs": ["process.run/1", "secret.get/1", "clock.now/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "state") return nullptr;
                    return std::make_unique<RcloneStore>(host, e);
                  })
