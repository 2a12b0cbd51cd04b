#include "understudy/plugin.hpp"
#include "store.hpp"

namespace {

using namespace understudy::sdk;
using Clock = std::chrono::steady_clock;

class LocalDir final : public StateStore {
 public:
  LocalDir(Host& host, const Envelope& e)
      : host_(host),
        store_({e.settings.at("dir").get<std::string>(), e.settings.value("fsync", true),
                e.settings.value("compare", "mtime") == "content", e.settings.value("must_exist", "")}) {}

  void push(const PushRequest& request, Reply<Snapshot> reply) override {
    work(acting_, std::move(reply), "push " + request.id,
         [this, request](const local_dir::Hooks& hooks) { return store_.push(request, hooks); });
  }
  void pull(const PullRequest& request, Reply<Snapshot> reply) override {
    work(acting_, std::move(reply), "pull " + request.id,
         [this, request](const local_dir::Hooks& hooks) { return store_.pull(request, hooks); });
  }
  void list(const ListRequest& request, Reply<SnapshotList> reply) override {
    work(looking_, std::move(reply), "list " + request.service,
         [this, request](const local_dir::Hooks& hooks) { return store_.list(request.service, hooks); });
  }
  void verify(const VerifyRequest& request, Reply<Snapshot> reply) override {
    work(acting_, std::move(reply), "verify " + request.id,
         [this, request](const local_dir::Hooks& hooks) { return store_.verify(request.service, request.id, hooks); });
  }
  void prune(const PruneRequest& request, Reply<PruneReport> reply) override {
    work(acting_, std::move(reply), "prune " + request.service, [this, request](const local_dir::Hooks& hooks) {
      const auto now = std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch());
      return store_.prune(request, now.count(), hooks);
    });
  }
  void fence(const FenceRequest& request, Reply<FenceReport> reply) override {
    work(looking_, std::move(reply), "fence " + request.service,
         [this, request](const local_dir::Hooks& hooks) { return store_.fence(request, hooks); });
  }

 private:
  /// Work on the worker, within its budget, cancelled between blocks.
  template <class T, class Fn>
  void work(Worker& worker, Reply<T> reply, std::string operation, Fn fn) {
    const Deadline deadline(reply.budget());
    auto kept = share(std::move(reply));
    worker.post([this, kept, operation = std::move(operation), deadline, fn = std::move(fn)] {
      auto told = Clock::now();
      std::vector<std::function<void()>> afterwards;
      local_dir::Hooks hooks{deadline, {}, {}, {}, {}, {}};
      hooks.between = [&] {
        if (kept->cancelled()) throw Failure(Status::cancelled, operation + " was cancelled");
        if (deadline.over())
          throw Failure(Status::transient, operation + " did not finish in time",
                        "give it more time, or a faster disk");
      };
      hooks.progress = [&](std::int64_t done, std::int64_t total) {
        if (Clock::now() - told < std::chrono::seconds(1)) return;
        told = Clock::now();
        host_.progress(operation, done, total, "bytes");
      };
      hooks.skipped = [&](const std::string& path) {
        host_.log(LogLevel::warning, path + " is a socket, pipe or device and is not saved");
      };
      hooks.aside_removed = [&](const std::string& path) {
        host_.log(LogLevel::info, path + " had been kept aside for long enough and is removed");
      };
      hooks.afterwards = [&](std::function<void()> task) { afterwards.push_back(std::move(task)); };
      try {
        (*kept)(fn(hooks));
      } catch (const Failure& failure) {
        kept->fail(failure.error());
      } catch (const std::exception& e) {
        kept->fail(Status::transient, e.what());
      }
      for (const auto& task : afterwards) task();
    });
  }

  Host& host_;
  local_dir::Store store_;
  Worker acting_, looking_;  // neither a list nor a fence waits for a push
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "local_dir", "version": "0.1.0", "license": "Apache-2.0", "summary": "Snapshots in a folder of this host or an external disk",
  "interfaces": {"state": {
    "provides": ["store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1", "store.fence/1"],
    "settings": {"type": "object", "required": ["dir"], "properties": {
      "dir": {"type": "string", "format": "path", "description": "folder that holds the snapshots"},
      "compare": {"type": "string", "enum": ["mtime", "content"], "default": "mtime", "description": "how an unchanged file is recognised; content reads every file each time"},
      "fsync": {"type": "boolean", "default": true, "description": "a snapshot counts only when it is on the disk"},
      "must_exist": {"type": "string", "format": "path", "description": "a file on the disk: when it is missing the disk is not mounted, and nothing is written"}
    }}}},
  "needs": []
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "state") return nullptr;
                    return std::make_unique<LocalDir>(host, e);
                  })
