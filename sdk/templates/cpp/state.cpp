// @NAME@: a state store for Understudy. This one keeps copies in a folder: replace copy() by your storage.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <tuple>

#include <understudy/plugin.hpp>

using namespace understudy::sdk;
namespace fs = std::filesystem;

namespace {

class Store final : public StateStore {
 public:
  explicit Store(const Envelope& e) : dir_(e.settings.at("dir").get<std::string>()) {}

  /// Becomes the snapshot in one step, or never. A site that was replaced must not save over its successor.
  void push(const PushRequest& request, Reply<Snapshot> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      refuse_older(request);
      const auto home = folder(request.service, request.id);
      if (fs::exists(home)) throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
      const fs::path unfinished = home.string() + ".part";
      fs::remove_all(unfinished);
      fs::create_directories(unfinished / "data");
      for (const auto& p : request.paths) copy(p.path, unfinished / "data" / p.name);
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      std::ofstream about(unfinished / "about");
      about << request.epoch << ' ' << std::chrono::duration_cast<Millis>(now).count() << '\n';
      if (!about.flush()) throw Failure(Status::transient, "cannot write into " + unfinished.string());
      fs::rename(unfinished, home);
      return described(request.service, request.id);
    });
  }
  /// All of it, or nothing: what was brought before it failed goes again.
  void pull(const PullRequest& request, Reply<Snapshot> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      const auto data = existing(request.service, request.id) / "data";
      try {
        for (const auto& entry : fs::directory_iterator(data)) copy(entry.path(), fs::path(request.staging) / entry.path().filename());
      } catch (...) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(data, ignored)) fs::remove_all(fs::path(request.staging) / entry.path().filename(), ignored);
        throw;
      }
      return described(request.service, request.id);
    });
  }
  void list(const ListRequest& request, Reply<SnapshotList> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      return SnapshotList{all(request.service)};
    });
  }
  /// A real store compares hashes here.
  void verify(const VerifyRequest& request, Reply<Snapshot> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      (void)existing(request.service, request.id);
      return described(request.service, request.id);
    });
  }
  void prune(const PruneRequest& request, Reply<PruneReport> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      PruneReport out;
      out.kept = static_cast<std::int64_t>(all(request.service).size());
      return out;  // decide by request.keep_days and request.keep_at_least what goes
    });
  }

 private:
  static void copy(const fs::path& from, const fs::path& to) { fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks); }
  fs::path folder(const std::string& service, const std::string& id) const {
    if (id.empty() || id.find('/') != std::string::npos || id.front() == '.') throw Failure(Status::invalid, "no such id: " + id);
    return fs::path(dir_) / service / id;
  }
  fs::path existing(const std::string& service, const std::string& id) const {
    auto out = folder(service, id);
    if (!fs::exists(out)) throw Failure(Status::invalid, "there is no snapshot " + id);
    return out;
  }
  void refuse_older(const PushRequest& request) const {
    const auto known = all(request.service);
    if (!known.empty() && known.front().epoch > request.epoch)
      throw Failure(Status::conflict, "epoch " + std::to_string(request.epoch) + " is older than " + std::to_string(known.front().epoch));
  }
  /// Newest first: by epoch, whatever the clocks of two sites say.
  std::vector<Snapshot> all(const std::string& service) const {
    std::vector<Snapshot> out;
    const auto home = fs::path(dir_) / service;
    if (!fs::exists(home)) return out;
    for (const auto& entry : fs::directory_iterator(home)) {
      if (entry.path().extension() != ".part") out.push_back(described(service, entry.path().filename().string()));
    }
    std::sort(out.begin(), out.end(), [](const Snapshot& a, const Snapshot& b) { return std::tie(a.epoch, a.created_ms, a.id) > std::tie(b.epoch, b.created_ms, b.id); });
    return out;
  }
  Snapshot described(const std::string& service, const std::string& id) const {
    Snapshot out;
    out.id = id;
    std::ifstream about(folder(service, id) / "about");
    if (!(about >> out.epoch >> out.created_ms)) {
      out.valid = false;
      out.problem = "it does not say of which epoch it is";
      return out;
    }
    for (const auto& entry : fs::recursive_directory_iterator(folder(service, id) / "data")) {
      if (entry.is_symlink() || !entry.is_regular_file()) continue;
      ++out.files;
      out.bytes += static_cast<std::int64_t>(entry.file_size());
    }
    return out;
  }

  std::string dir_;
  Worker worker_;  // last: its thread ends before what it uses
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "@NAME@", "version": "0.1.0", "license": "", "summary": "where it keeps state",
  "interfaces": {"state": {
    "provides": ["store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1"],
    "settings": {"type": "object", "required": ["dir"], "properties": {
      "dir": {"type": "string", "format": "path", "description": "folder of the snapshots"}}}}},
  "needs": []
})json",
                  [](Host&, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<Store>(e); })
