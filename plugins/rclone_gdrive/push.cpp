// Push: staged, sent to a fresh folder, checked, and only then made the snapshot: its card, and `latest.json` last.
#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "snapshot/epochs.hpp"
#include "store.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;
using understudy::snapshot::most_aside;
using understudy::snapshot::only_at_the_site;
using understudy::snapshot::refuse_old;
using understudy::snapshot::time_aside;

/// As long as a fence may take between its two files; then whoever set it has died.
constexpr Millis fence_patience{30'000};
constexpr Millis look_at_fence_every{200};
constexpr std::size_t most_in_latest = 10'000;
constexpr std::size_t named_in_errors = 3;
constexpr const char* bad_basis = "basis";

std::string some_of(const std::vector<BadFile>& bad) {
  std::string out;
  for (std::size_t i = 0; i < std::min(bad.size(), named_in_errors); ++i)
    out += (i == 0 ? "" : "; ") + bad[i].object + " " + bad[i].why;
  if (bad.size() > named_in_errors) out += "; and " + std::to_string(bad.size() - named_in_errors) + " more";
  return out;
}

class Push {
 public:
  Push(Vault& vault, const PushRequest& request, const Job& job)
      : vault_(vault),
        request_(request),
        whole_(job),
        job_(job.within(job.left())),
        turn_(vault.workshop(), vault.root(request.service), job),
        data_(vault.data(request.service, request.id)) {}

  Snapshot run() {
    const Index index = vault_.index(job_, request_.service);
    if (index.has(request_.id)) throw Failure(Status::conflict, "there is a snapshot " + request_.id + " already");
    if (request_.epoch < index.highest_epoch) keep_aside(index);
    send_anew(index, basis(index));
    const Card card = describe(index.newest_valid());
    commit(card);
    return card.snapshot;
  }

 private:
  /// The snapshot whose unchanged files the remote can copy for us.
  std::optional<Card> basis(const Index& index) {
    const Card* newest = index.newest_valid();
    if (newest == nullptr || !vault_.settings().incremental || !vault_.copies_itself(job_)) return std::nullopt;
    return *newest;
  }

  void send_anew(const Index& index, const std::optional<Card>& from) {
    // A folder without a card is what an interrupted push of the same id left: cut files under their final names.
    if (index.data.contains(request_.id)) (void)vault_.program().run_if_there(job_, {"purge", data_});
    send(data_, from);
  }

  /// Stages all and brings it to `to`, verified. Sends everything when the basis turns out to be of no use.
  void send(const std::string& to, const std::optional<Card>& from) {
    if (from && open_basis(*from)) {
      stage(&*previous_);
      try {
        reuse(vault_.data(request_.service, from->snapshot.id), to);
        return bring(to);
      } catch (const Failure& failure) {
        if (failure.error().kind != bad_basis) throw;
        job_.host().log(LogLevel::warning, job_.operation() + ": " + failure.error().message + " among what " +
                                               from->snapshot.id + " holds; all is sent anew");
      }
    }
    stage(nullptr);
    bring(to);
  }

  [[nodiscard]] bool open_basis(const Card& from) {
    try {
      previous_ = vault_.manifest(job_, request_.service, from);
      return true;
    } catch (const Failure& failure) {
      if (failure.error().status != Status::invalid) throw;
      job_.host().log(LogLevel::warning, job_.operation() + ": " + failure.error().message + "; all is sent anew");
      return false;
    }
  }

  void stage(Manifest* previous) {
    remove_tree(turn_.folder() + "/out");
    staging_.emplace(job_, turn_.folder() + "/out", previous);
    for (const auto& path : request_.paths) staging_->take(path);
    staging_->manifest().id = request_.id;
    staging_->close();
  }

  [[nodiscard]] std::string names(const std::vector<std::string>& objects) const {
    std::string path = turn_.folder() + "/names-to-copy";
    write_names(path, objects);
    return "--files-from-raw=" + path;
  }

  /// The remote copies, by the names that our hashes chose: rclone's own --copy-dest would go by size where a remote
  /// knows neither times nor hashes, and take an old file for a new one of the same length.
  void reuse(const std::string& from, const std::string& to) {
    if (staging_->unchanged().empty()) return;
    (void)vault_.program().run_if_there(job_, {"copy", names(staging_->unchanged()), from, to}, {1024 * 1024, true});
  }

  /// Sends what was staged, checks all, and sends again what did not arrive.
  void bring(const std::string& to) {
    auto todo = staging_->copied();
    const auto files = staging_->files();
    for (int tries = 0;; ++tries) {
      Args copy = {"copy", names(todo)};
      // Into an empty folder: a repetition by the program skips what is there. What was found bad is sent whatever it
      // looks like.
      if (tries > 0) copy.emplace_back("--ignore-times");
      copy.insert(copy.end(), {staging_->folder(), to});
      (void)vault_.program().run(job_, copy, {1024 * 1024, true});
      const auto bad = vault_.check(job_, to, files, vault_.settings().check, turn_.folder());
      if (bad.empty()) return;
      const auto& kept = staging_->unchanged();
      const auto from_basis = [&](const BadFile& b) { return std::ranges::find(kept, b.object) != kept.end(); };
      if (std::ranges::any_of(bad, from_basis))
        throw Failure(Error{Status::transient, some_of(bad), "", bad_basis, {}});
      if (tries >= vault_.settings().retries)
        throw Failure(Status::transient, "what was sent to " + to + " did not arrive whole: " + some_of(bad),
                      "names that differ only in case need a remote that tells them apart; else check the remote");
      job_.host().log(LogLevel::warning, job_.operation() + ": " + some_of(bad) + "; sent again");
      todo.clear();
      for (const auto& b : bad) todo.push_back(b.object);
    }
  }

  /// The card that would make what was sent a snapshot.
  Card describe(const Card* newest) {
    Card card;
    card.snapshot.id = request_.id;
    card.snapshot.epoch = request_.epoch;
    card.snapshot.created_ms = wall_ms(job_);
    // Of one epoch the later save is the newer, whatever was done to the clock between them.
    if (newest != nullptr && newest->snapshot.epoch == request_.epoch)
      card.snapshot.created_ms = std::max(card.snapshot.created_ms, newest->snapshot.created_ms + 1);
    for (const auto& f : files_of(staging_->manifest())) {
      card.snapshot.bytes += f.entry->size;
      ++card.snapshot.files;
    }
    card.manifest_sha256 = staging_->manifest_sha256();
    return card;
  }

  void commit(const Card& card) {
    // Others may have written, or set a fence, from other hosts while we sent.
    const Index now = vault_.index_again(job_, request_.service);
    if (request_.epoch < now.highest_epoch) withdraw(now.highest_epoch, false);
    Latest latest{card, {}};
    for (const auto& c : now.cards) {
      if (c.snapshot.valid && latest.others.size() < most_in_latest) latest.others.push_back(c);
    }
    try {
      publish(card, latest);
    } catch (const Failure& failure) {
      Error error = failure.error();
      if (error.status == Status::conflict) throw;
      error.status = Status::unknown;  // the card may have arrived
      error.message = "the data are there, but it is not known whether they became the snapshot: " + error.message;
      throw Failure(error);
    }
  }

  void publish(const Card& card, const Latest& latest) {
    vault_.write(job_, vault_.card(request_.service, request_.id), write_card(card), turn_.folder());
    vault_.remember(request_.service, card);
    // The remote has no compare-and-swap. A fence that was set before the card was there is seen now; one that is set
    // later has seen the card.
    const Index after = look_again();
    if (request_.epoch < after.highest_epoch) {
      // A fence that has counted the card has promised it to whoever asked for the fence: it stays, and is not
      // `latest`.
      if (after.fences.decides(request_.epoch) && !after.fences.late(card.snapshot)) return;
      withdraw(after.highest_epoch, true);
    }
    vault_.write(job_, vault_.latest(request_.service), write_latest(latest), turn_.folder());
  }

  /// What is there now. A fence above our epoch that is only half set may be counting our card at this moment: its end
  /// says whether it did.
  Index look_again() {
    Index out = vault_.index_again(job_, request_.service);
    const auto until = Job::Clock::now() + std::min(fence_patience, job_.left() / 2);
    while (request_.epoch < out.fences.highest() && !out.fences.decides(request_.epoch) && Job::Clock::now() < until) {
      std::this_thread::sleep_for(look_at_fence_every);
      try {
        out = vault_.index_again(job_, request_.service);
      } catch (const Failure&) {
        break;  // what was seen is enough: the epoch is old
      }
    }
    return out;
  }

  /// From here on the epoch is known to be old: whatever happens to the data, it is a conflict, and comes in time. What
  /// was sent is no snapshot, and is kept. The card goes last: data without one would be taken for leftovers.
  [[noreturn]] void withdraw(std::uint64_t newest, bool has_card) {
    job_ = whole_.within(time_aside(whole_.left()));
    const auto to = vault_.aside(request_.service, request_.id);
    std::string fate = "its data are kept in " + to;
    try {
      (void)vault_.program().run_if_there(job_, {"moveto", data_, to}, {1024 * 1024, true});
    } catch (const std::exception& e) {
      fate = "its data could not be moved to " + to + " (" + e.what() + "): what is not there lies in " + data_ +
             " until a prune removes it after two days";
    }
    job_ = whole_.within(time_aside(whole_.left()));
    try {
      if (has_card)
        (void)vault_.program().run_if_there(job_, {"deletefile", vault_.card(request_.service, request_.id)});
    } catch (const std::exception& e) {
      fate += "; its card is still there (" + std::string(e.what()) + ")";
    }
    refuse_old(request_.epoch, newest, fate);
  }

  /// Sent as a push, so that nothing lies aside that is not whole.
  [[noreturn]] void keep_aside(const Index& index) {
    const auto newest = index.highest_epoch;
    if (index.aside.contains(request_.id))
      refuse_old(request_.epoch, newest,
                 "its data are kept in " + vault_.aside(request_.service, request_.id) + " already");
    if (index.aside.size() >= most_aside)
      refuse_old(request_.epoch, newest,
                 "nothing was sent: " + std::to_string(index.aside.size()) + " are kept aside already");
    job_ = whole_.within(time_aside(whole_.left()));
    try {
      send_anew(index, std::nullopt);
    } catch (const std::exception& e) {
      refuse_old(request_.epoch, newest, only_at_the_site(e.what()));
    }
    withdraw(newest, false);
  }

  Vault& vault_;
  const PushRequest& request_;
  const Job& whole_;
  Job job_;  ///< with less time from when the epoch is known to be old
  Workshop::Turn turn_;
  std::string data_;
  std::optional<Manifest> previous_;
  std::optional<Staging> staging_;
};

}  // namespace

Snapshot Store::push(const PushRequest& request, const Job& job) {
  const auto push = std::make_shared<Push>(vault_, request, job);
  job.until_answered(push);
  return push->run();
}

std::int64_t wall_ms(const Job& job) {
  const auto now = job.host().blocking("clock.now/1", Json::object(), Millis(10'000));
  return now.get().at("wall_ms").get<std::int64_t>();
}

}  // namespace rclone_store
