// @NAME@: a state store for Understudy. This one keeps copies in a folder: replace copy() by your storage.
#include <algorithm>
#include <filesystem>

#include <understudy/plugin.hpp>

using namespace understudy::sdk;
namespace fs = std::filesystem;

namespace {

class Store final : public StateStore {
 public:
  explicit Store(const Envelope& e) : dir_(e.settings.at("dir").get<std::string>()) {}

  void push(const PushRequest& request, Reply<Snapshot> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      const auto home = folder(request.service, request.id);
      if (fs::exists(home)) throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
      const auto unfinished = home.string() + ".part";  // becomes the snapshot in one step, or never
      fs::remove_all(unfinished);
      fs::create_directories(unfinished);
      for (const auto& p : request.paths) copy(p.path, fs::path(unfinished) / p.name);
      fs::rename(unfinished, home);
      return described(request.service, request.id);
    });
  }
  void pull(const PullRequest& request, Reply<Snapshot> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      for (const auto& entry : fs::directory_iterator(existing(request.service, request.id))) copy(entry.path(), fs::path(request.staging) / entry.path().filename());
      return described(request.service, request.id);
    });
  }
  void list(const ListRequest& request, Reply<SnapshotList> reply) override {
    worker_.answer(std::move(reply), [this, request] {
      SnapshotList out;
      for (const auto& id : ids(request.service)) out.snapshots.push_back(described(request.service, id));
      return out;
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
      out.kept = static_cast<std::int64_t>(ids(request.service).size());
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
  std::vector<std::string> ids(const std::string& service) const {
    std::vector<std::string> out;
    std::error_code none_yet;
    for (const auto& entry : fs::directory_iterator(fs::path(dir_) / service, none_yet)) {
      if (entry.path().extension() != ".part") out.push_back(entry.path().filename().string());
    }
    std::sort(out.rbegin(), out.rend());  // ids sort by time: newest first
    return out;
  }
  Snapshot described(const std::string& service, const std::string& id) const {
    Snapshot out;
    out.id = id;
    for (const auto& entry : fs::recursive_directory_iterator(folder(service, id))) {
      if (!entry.is_regular_file()) continue;
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
