// A state store of plain copies, that keeps every rule or breaks the one that is its name.
#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "wrong.hpp"

namespace {
using namespace understudy::sdk;
namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Size and a sum of every file: enough to notice what the kit damages.
std::string digest(const fs::path& folder) {
  std::size_t sum = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto name = entry.path().lexically_relative(folder).string();
    sum ^= std::hash<std::string>()(name + "\n" + (entry.is_regular_file() ? content(entry.path()) : "/"));
  }
  return std::to_string(sum);
}

class Copies final : public StateStore {
 public:
  explicit Copies(const Envelope& e) : dir_(e.settings.at("dir").get<std::string>()) {
    if (e.interface != "state") throw Failure(Status::unsupported, "state only");
  }
  void push(const PushRequest& r, Reply<Snapshot> reply) override {
    {
      const std::lock_guard lock(committing_);
      under_way_ = r.id;
    }
    worker_.answer(std::move(reply), [this, r] { return save(r); });
  }
  void pull(const PullRequest& r, Reply<Snapshot> reply) override {
    worker_.answer(std::move(reply), [this, r] {
      const auto snapshot = checked(r.service, r.id);
      fs::copy(folder(r.service, r.id) / "data", r.staging, fs::copy_options::recursive);
      if (!wrong("loses_bytes")) return snapshot;
      for (const auto& entry : fs::recursive_directory_iterator(r.staging)) {
        if (entry.is_regular_file() && entry.file_size() > 100'000)
          fs::resize_file(entry.path(), entry.file_size() - 1);
      }
      return snapshot;
    });
  }
  void list(const ListRequest& r, Reply<SnapshotList> reply) override {
    looker_.answer(std::move(reply), [this, r] {
      const std::lock_guard lock(committing_);
      looked_ = true;
      happened_.notify_all();
      return SnapshotList{all(r.service)};
    });
  }
  void verify(const VerifyRequest& r, Reply<Snapshot> reply) override {
    worker_.answer(std::move(reply), [this, r] { return checked(r.service, r.id); });
  }
  void prune(const PruneRequest& r, Reply<PruneReport> reply) override {
    worker_.answer(std::move(reply), [this, r] {
      PruneReport out;
      int seen = 0;
      for (const auto& s : all(r.service)) {
        if (seen++ < r.keep_at_least) continue;
        out.removed.push_back(s.id);
        if (r.dry_run && !wrong("forgets_dry_run")) continue;
        fs::remove_all(folder(r.service, s.id));
      }
      out.kept = static_cast<std::int64_t>(all(r.service).size());
      if (r.keep_at_least == 0) {
        fs::remove_all(dir_ / r.service);
        fs::remove(fence_file(r.service));
      }
      return out;
    });
  }
  void fence(const FenceRequest& r, Reply<FenceReport> reply) override {
    looker_.answer(std::move(reply), [this, r] {
      std::unique_lock lock(committing_);
      if (wrong(
              "takes_back_what_counted"))  // the worst moment, every time: a push under way has just become a snapshot
        happened_.wait_for(lock, std::chrono::seconds(1),
                           [&] { return under_way_.empty() || published_ == under_way_; });
      if (r.epoch < known(r.service)) throw Failure(Status::conflict, "a newer epoch is known");
      fs::create_directories(dir_);
      if (wrong("forgets_its_fence"))
        forgotten_ = r.epoch;
      else
        std::ofstream(fence_file(r.service)) << r.epoch;
      looked_ = false;
      happened_.notify_all();
      return FenceReport{r.epoch};
    });
  }

 private:
  [[nodiscard]] fs::path folder(const std::string& service, const std::string& id) const {
    if (id.empty() || id.find('/') != std::string::npos) throw Failure(Status::invalid, "no such snapshot");
    return dir_ / service / id;
  }
  Snapshot save(const PushRequest& r) {
    const auto earlier = all(r.service);
    {
      const std::lock_guard lock(committing_);
      refuse_old(r);
    }
    if (std::ranges::find(earlier, r.id, &Snapshot::id) != earlier.end())
      throw Failure(Status::conflict, "there is such a snapshot");
    const auto final = folder(r.service, r.id);
    const auto staged = dir_ / r.service / ("incoming-" + r.id);
    fs::create_directories(staged / "data");
    for (const auto& p : r.paths) {
      if (!fs::exists(p.path)) throw Failure(Status::invalid, p.path + " does not exist");
      fs::copy(p.path, staged / "data" / p.name, fs::copy_options::recursive);
    }
    std::ofstream(staged / "about") << r.epoch << ' ' << bytes_of(staged / "data") << ' ' << digest(staged / "data");
    std::unique_lock lock(committing_);
    // The worst moment, every time: a fence is set now, and the list is asked for.
    const auto fenced_and_listed = [&] { return known(r.service) > r.epoch && looked_; };
    if (wrong("looks_too_early"))
      happened_.wait_for(lock, std::chrono::seconds(5), fenced_and_listed);
    else
      refuse_old(r);
    fs::rename(staged, final);
    if (wrong("takes_back_what_counted")) {
      published_ = r.id;
      happened_.notify_all();
      happened_.wait_for(lock, std::chrono::seconds(5), fenced_and_listed);
      if (r.epoch < known(r.service)) fs::remove_all(final);
      refuse_old(r);
    }
    return about(r.service, r.id);
  }
  void refuse_old(const PushRequest& r) const {
    if (wrong("takes_old_epochs")) return;
    if (r.epoch < known(r.service)) throw Failure(Status::conflict, "a newer epoch is known");
  }
  [[nodiscard]] fs::path fence_file(const std::string& service) const { return dir_ / (service + ".fence"); }
  /// The highest of the fence and of all snapshots.
  [[nodiscard]] std::uint64_t known(const std::string& service) const {
    std::uint64_t out = forgotten_;
    std::ifstream(fence_file(service)) >> out;
    for (const auto& s : all(service)) out = std::max(out, s.epoch);
    return out;
  }
  static std::int64_t bytes_of(const fs::path& folder) {
    std::int64_t out = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      out += entry.is_regular_file() ? static_cast<std::int64_t>(entry.file_size()) : 0;
    return out;
  }
  [[nodiscard]] Snapshot about(const std::string& service, const std::string& id) const {
    Snapshot out;
    out.id = id;
    std::ifstream(folder(service, id) / "about") >> out.epoch >> out.bytes;
    out.created_ms = 1'700'000'000'000;
    return out;
  }
  [[nodiscard]] Snapshot checked(const std::string& service, const std::string& id) const {
    const auto where = folder(service, id);
    if (!fs::exists(where / "about")) throw Failure(Status::invalid, "no such snapshot");
    std::uint64_t epoch = 0;
    std::int64_t bytes = 0;
    std::string sum;
    std::ifstream(where / "about") >> epoch >> bytes >> sum;
    if (sum != digest(where / "data") && !wrong("trusts_what_it_finds"))
      throw Failure(Status::invalid, "the snapshot is damaged");
    return about(service, id);
  }
  [[nodiscard]] std::vector<Snapshot> all(const std::string& service) const {
    std::vector<Snapshot> out;
    if (!fs::exists(dir_ / service)) return out;
    for (const auto& entry : fs::directory_iterator(dir_ / service)) {
      auto name = entry.path().filename().string();
      const bool unfinished = name.rfind("incoming-", 0) == 0;
      if (unfinished && !wrong("lists_the_unfinished")) continue;
      if (unfinished) name = name.substr(9);
      out.push_back(about(service, name));
    }
    std::ranges::sort(out, std::ranges::greater(), &Snapshot::id);
    return out;
  }
  fs::path dir_;
  std::mutex committing_;  ///< a push and a fence are of the same instance here
  std::condition_variable happened_;
  bool looked_ = false;
  std::string under_way_, published_;  ///< ids of the last push
  std::uint64_t forgotten_ = 0;
  Worker worker_, looker_;
};
}  // namespace

WRONG_PLUGIN(
    R"("interfaces": {"state": {"provides": ["store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1", "store.fence/1"],
    "settings": {"required": ["dir"], "properties": {"dir": {"type": "string", "format": "path", "description": "where"}}}}})",
    [](Host&, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<Copies>(e); })
