// Pull: into a hidden folder beside, every hash compared, and only then under the names that were asked for.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "store.hpp"

namespace rclone_store {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

void set_times(int fd, std::int64_t mtime_ns) {
  const timespec times[2] = {{0, UTIME_OMIT}, {mtime_ns / 1'000'000'000, mtime_ns % 1'000'000'000}};
  (void)::futimens(fd, times);
}

class Pull {
 public:
  Pull(Vault& vault, const PullRequest& request, const Job& job)
      : vault_(vault), request_(request), job_(job), work_(request.staging, ".understudy-") {}

  Snapshot run() {
    const Card card = vault_.read(job_, request_.service, request_.id);
    manifest_ = vault_.manifest(job_, request_.service, card);
    bring();
    for (const auto& p : manifest_.paths) build(p);
    publish_all();
    return card.snapshot;
  }

 private:
  /// All or nothing: after an error nothing is left in the staging folder.
  void publish_all() {
    std::vector<std::string> published;
    try {
      for (const auto& p : manifest_.paths) {
        publish(p.name);
        published.push_back(p.name);
      }
    } catch (...) {
      for (const auto& name : published) remove_tree(request_.staging + "/" + name);
      throw;
    }
  }

  [[nodiscard]] std::string incoming() const { return work_.path() + "/incoming"; }
  [[nodiscard]] std::string built() const { return work_.path() + "/built"; }

  /// All files, hashed; what arrived wrong is brought once more before the snapshot is called damaged.
  void bring() {
    make_folders(incoming());
    make_folders(built());
    auto files = files_of(manifest_);
    for (bool again = false; !files.empty(); again = true) {
      std::vector<std::string> names;
      for (const auto& f : files) names.push_back(f.object);
      write_names(work_.path() + "/names", names);
      Args copy = {"copy", "--files-from-raw=" + work_.path() + "/names"};
      if (again) copy.emplace_back("--ignore-times");
      copy.insert(copy.end(), {vault_.data(request_.service, request_.id), incoming()});
      const auto done = vault_.program().run_if_there(job_, copy, {1024 * 1024, true});
      if (!done) throw Failure(Status::invalid, "the data of snapshot " + request_.id + " are missing");
      const Fd root = open_folder(incoming());
      std::erase_if(files, [&](const FileRef& f) { return is_whole(root.get(), f); });
      if (again && !files.empty())
        throw Failure(Status::invalid, files.front().object + " in snapshot " + request_.id +
                                           " is missing or not what was saved (" + std::to_string(files.size()) +
                                           " of its files)");
    }
  }

  [[nodiscard]] bool is_whole(int root, const FileRef& f) const {
    const Fd file = open_below(root, f.object, O_RDONLY);
    return file.ok() &&
           read_and_hash(file.get(), -1, f.object, [this] { job_.between(); }).sha256 == f.entry->hashes.sha256;
  }

  /// One state path with its links, modes and times, still in the hidden folder.
  void build(const SavedPath& p) const {
    const std::string base = built() + "/" + p.name;
    if (p.root.type == Entry::Type::file) return place(object_name(p.name, ""), base, p.root);
    make_folders(base);
    for (const auto& e : p.entries) {
      job_.between();
      const std::string to = base + "/" + e.path;
      if (e.type == Entry::Type::folder) make_folders(to);
      if (e.type == Entry::Type::file) place(object_name(p.name, e.path), to, e);
    }
    // Links after everything else: nothing is ever written through one.
    for (const auto& e : p.entries) {
      const std::string to = base + "/" + e.path;
      if (e.type == Entry::Type::link && ::symlink(e.link.c_str(), to.c_str()) != 0)
        throw_errno("cannot make the link " + to, errno);
    }
    // Modes of folders last, deepest first: one of them may forbid writing.
    for (auto it = p.entries.rbegin(); it != p.entries.rend(); ++it) {
      if (it->type == Entry::Type::folder) set_mode(base + "/" + it->path, it->mode);
    }
  }

  void place(const std::string& object, const std::string& to, const Entry& e) const {
    make_folders(fs::path(to).parent_path().string());
    if (::rename((incoming() + "/" + object).c_str(), to.c_str()) != 0) throw_errno("cannot place " + to, errno);
    const Fd file(::open(to.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.ok()) throw_errno("cannot open " + to, errno);
    (void)::fchmod(file.get(), static_cast<mode_t>(e.mode));
    set_times(file.get(), e.mtime_ns);
    if (::fsync(file.get()) != 0) throw_errno("cannot write " + to, errno);
  }

  static void set_mode(const std::string& path, unsigned mode) {
    const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder.ok()) (void)::fchmod(folder.get(), static_cast<mode_t>(mode));
  }

  void publish(const std::string& name) {
    const std::string to = request_.staging + "/" + name;
    if (::rename((built() + "/" + name).c_str(), to.c_str()) != 0) throw_errno("cannot place " + to, errno);
    for (const auto& p : manifest_.paths) {
      // After the move: a folder that may not be written to cannot be moved.
      if (p.name == name && p.root.type == Entry::Type::folder) set_mode(to, p.root.mode);
    }
  }

  Vault& vault_;
  const PullRequest& request_;
  const Job& job_;
  TemporaryFolder work_;
  Manifest manifest_;
};

}  // namespace

Snapshot Store::pull(const PullRequest& request, const Job& job) { return Pull(vault_, request, job).run(); }

Snapshot Store::verify(const VerifyRequest& request, const Job& job) {
  const Card card = vault_.read(job, request.service, request.id);
  Manifest manifest = vault_.manifest(job, request.service, card);
  const TemporaryFolder work = vault_.workshop().temporary();
  // Sizes prove nothing: a verification reads what the remote has no hash of, whatever `check` says.
  const auto how =
      vault_.settings().check == Settings::Check::download ? Settings::Check::download : Settings::Check::automatic;
  const auto bad = vault_.check(job, vault_.data(request.service, request.id), files_of(manifest), how, work.path());
  if (bad.empty()) return card.snapshot;
  throw Failure(Status::invalid, bad.front().object + " in snapshot " + request.id + " " + bad.front().why + " (" +
                                     std::to_string(bad.size()) + " of its files are damaged)");
}

}  // namespace rclone_store
