// s3_store: a state store in S3-compatible storage. Everything goes through the host's HTTP service; the signatures are
// ours (sigv4.hpp). The layout in the bucket is in store.hpp.
#include <cstdlib>
#include <memory>

#include <understudy/plugin.hpp>

#include "store.hpp"

using namespace understudy::sdk;

namespace {

using Clock = std::chrono::steady_clock;
constexpr Millis clean_up_patience{30'000};

s3_store::Place place_of(const Json& s) {
  s3_store::Place out;
  out.endpoint = s.at("endpoint").get<std::string>();
  out.region = s.value("region", "us-east-1");
  out.bucket = s.at("bucket").get<std::string>();
  out.ca_file = s.value("ca_file", "");
  out.bucket_in_host = s.value("addressing", "path") == "virtual";
  out.access_key = s.at("access_key");
  out.secret_key = s.at("secret_key");
  out.session_token = s.value("session_token", Json());
  if (!s3_store::plain_name(out.bucket)) throw Failure(Status::invalid, "\"" + out.bucket + "\" is no bucket's name");
  return out;
}

std::string spool_of(const Json& s) {
  if (s.contains("spool")) return s.at("spool").get<std::string>();
  const char* usual = std::getenv("TMPDIR");
  return usual != nullptr && *usual != '\0' ? usual : "/tmp";
}

class S3Store final : public StateStore {
 public:
  S3Store(Host& host, const Json& s)
      : host_(host), bucket_(host, place_of(s)), store_(bucket_, s.value("prefix", "understudy"), spool_of(s)) {}

  void push(const PushRequest& request, Reply<Snapshot> reply) override {
    work(writer_, std::move(reply), "push " + request.id, [this, request](const auto& call, const auto& hooks) {
      bool begun = false;
      try {
        return store_.push(call, request, hooks, begun);
      } catch (const Failure& failure) {
        if (begun && failure.error().status != Status::unknown) clean_up_later(request);
        throw;
      }
    });
  }
  void pull(const PullRequest& request, Reply<Snapshot> reply) override {
    work(reader_, std::move(reply), "pull " + request.id,
         [this, request](const auto& call, const auto& hooks) { return store_.pull(call, request, hooks); });
  }
  void list(const ListRequest& request, Reply<SnapshotList> reply) override {
    work(reader_, std::move(reply), "list",
         [this, request](const auto& call, const auto&) { return store_.list(call, request.service); });
  }
  void verify(const VerifyRequest& request, Reply<Snapshot> reply) override {
    work(reader_, std::move(reply), "verify " + request.id,
         [this, request](const auto& call, const auto& hooks) { return store_.verify(call, request, hooks); });
  }
  void prune(const PruneRequest& request, Reply<PruneReport> reply) override {
    work(writer_, std::move(reply), "prune",
         [this, request](const auto& call, const auto& hooks) { return store_.prune(call, request, hooks); });
  }

 private:
  /// Within its budget, on a worker; what it throws becomes the answer.
  template <class T, class Fn>
  void work(Worker& worker, Reply<T> reply, std::string operation, Fn fn) {
    auto kept = share(std::move(reply));
    const auto reserve = std::min(kept->budget() / 10, Millis(200));  // to answer within the budget
    const s3_store::Call call{Clock::now() + kept->budget() - reserve, [kept] { return kept->cancelled(); }};
    worker.post([this, kept, call, operation = std::move(operation), fn = std::move(fn)] {
      auto told = Clock::now();
      const s3_store::Hooks hooks{[&](std::int64_t done, std::int64_t total) {
                                    if (Clock::now() - told < std::chrono::seconds(1)) return;
                                    told = Clock::now();
                                    host_.progress(operation, done, total, "bytes");
                                  },
                                  [&](const std::string& text) { host_.log(LogLevel::warning, text); }};
      try {
        call.check();
        (*kept)(fn(call, hooks));
      } catch (const Failure& failure) {
        kept->fail(failure.error());
      } catch (const std::exception& e) {
        kept->fail(Status::unknown, e.what());
      }
    });
  }

  /// After the answer: the push has no time left, or nobody waits for it. Else prune does it, a day later.
  void clean_up_later(const PushRequest& request) {
    writer_.post([this, request] {
      try {
        store_.clean_up({Clock::now() + clean_up_patience}, request.service, request.id);
      } catch (const std::exception& e) {
        host_.log(LogLevel::info, std::string("what an unfinished push had sent stays for now: ") + e.what());
      }
    });
  }

  Host& host_;
  s3_store::Bucket bucket_;
  s3_store::Store store_;
  Worker reader_, writer_;  // last: their threads end before what they use; a long push does not keep a pull waiting
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "s3_store", "version": "0.1.0", "license": "Apache-2.0", "summary": "Snapshots in S3-compatible storage",
  "interfaces": {"state": {
    "provides": ["store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1"],
    "settings": {"type": "object", "required": ["endpoint", "bucket", "access_key", "secret_key"], "properties": {
      "endpoint": {"type": "string", "format": "url", "description": "address of the storage, e.g. \"https://s3.eu-central-1.amazonaws.com\""},
      "region": {"type": "string", "default": "us-east-1", "minLength": 1, "description": "what requests are signed for; many storages take any"},
      "bucket": {"type": "string", "minLength": 1, "description": "must exist"},
      "prefix": {"type": "string", "default": "understudy", "minLength": 1, "description": "keys begin with it; nothing else in the bucket is touched"},
      "addressing": {"type": "string", "enum": ["path", "virtual"], "default": "path", "description": "where the bucket's name goes: endpoint/bucket or bucket.endpoint"},
      "access_key": {"type": "string", "x-secret": true, "description": "id of the access key"},
      "secret_key": {"type": "string", "x-secret": true, "description": "the secret access key"},
      "session_token": {"type": "string", "x-secret": true, "description": "only with temporary keys"},
      "ca_file": {"type": "string", "format": "path", "description": "certificate authority (PEM) of a storage of your own"},
      "spool": {"type": "string", "format": "path", "description": "folder for a copy of the file under way, as large as the largest; $TMPDIR or /tmp when missing"}
    }}}},
  "needs": ["http.request/1", "secret.get/1", "clock.now/1", "timer.after/1"]
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "state") return nullptr;
                    return std::make_unique<S3Store>(host, e.settings);
                  })
