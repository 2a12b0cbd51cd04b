#include "state.hpp"

#include <mutex>

#include "settings.hpp"
#include "store.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;
using Clock = std::chrono::steady_clock;

class State final : public StateStore {
 public:
  State(Host& host, const Envelope& e)
      : host_(host),
        tokens_(host, credential_settings(e.settings)),
        client_(host, tokens_),
        address_(bucket_address(e.settings.at("bucket").get<std::string>())),
        bucket_(client_, without_slash(e.settings.value("api", "https://storage.googleapis.com")), address_.bucket,
                e.settings.value("project", "")),
        store_(bucket_, address_.prefix, static_cast<int>(e.settings.value("parallel", std::int64_t{8}))) {}

  void push(const PushRequest& request, Reply<Snapshot> reply) override {
    work(std::move(reply), "push " + request.id, [this, request](const Work& w) { return store_.push(request, w); });
  }
  void pull(const PullRequest& request, Reply<Snapshot> reply) override {
    work(std::move(reply), "pull " + request.id, [this, request](const Work& w) { return store_.pull(request, w); });
  }
  void list(const ListRequest& request, Reply<SnapshotList> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, request, deadline] { return store_.list(request.service, deadline); });
  }
  void verify(const VerifyRequest& request, Reply<Snapshot> reply) override {
    work(std::move(reply), "verify " + request.id,
         [this, request](const Work& w) { return store_.verify(request, w); });
  }
  void prune(const PruneRequest& request, Reply<PruneReport> reply) override {
    work(std::move(reply), "prune " + request.service,
         [this, request](const Work& w) { return store_.prune(request, w); });
  }
  void fence(const FenceRequest& request, Reply<FenceReport> reply) override {
    const Deadline deadline(reply.budget());
    looking_.answer(std::move(reply), [this, request, deadline] { return store_.fence(request, deadline); });
  }

 private:
  /// Long work on its thread, cancelled between blocks, its progress told once a second.
  template <class T, class Fn>
  void work(Reply<T> reply, std::string name, Fn fn) {
    const Deadline deadline(reply.budget());
    auto kept = share(std::move(reply));
    acting_.post([this, kept, name = std::move(name), deadline, fn = std::move(fn)] {
      std::mutex telling;
      auto told = Clock::now();
      Work w{name, deadline, [kept] { return kept->cancelled(); }, {}, {}};
      w.progress = [&](std::int64_t done, std::int64_t total) {
        const std::lock_guard lock(telling);
        if (Clock::now() - told < std::chrono::seconds(1)) return;
        told = Clock::now();
        host_.progress(name, done, total, "bytes");
      };
      w.warn = [&](const std::string& path) {
        host_.log(LogLevel::warning, path + " is a socket, pipe or device and is not saved");
      };
      try {
        (*kept)(fn(w));
      } catch (const Failure& failure) {
        kept->fail(failure.error());
      } catch (const std::exception& e) {
        kept->fail(Status::unknown, e.what());
      }
    });
  }

  Host& host_;
  Tokens tokens_;
  Client client_;
  const BucketAddress address_;
  Bucket bucket_;
  Store store_;
  // Last: their threads end before what they use. Neither a list nor a fence waits for a push.
  Worker acting_, looking_;
};

}  // namespace

std::unique_ptr<Provider> make_state(Host& host, const Envelope& envelope) {
  return std::make_unique<State>(host, envelope);
}

}  // namespace gcp
