#include "core/state/state_keeper.hpp"

#include <ctime>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include "core/answers/store.hpp"
#include "core/host/clock.hpp"
#include "core/state/swap.hpp"

namespace understudy::state {
namespace {

namespace fs = std::filesystem;
using host::wall_now;
constexpr Millis list_budget{30'000};
constexpr Millis seal_budget{30'000};
constexpr std::string_view seal_method = "store.fence/1";  ///< optional
constexpr Millis pull_budget{3'600'000};
constexpr Millis prune_budget{600'000};
constexpr std::size_t longest_queue = 64;

std::string why_not_sealed(Epoch epoch, const sdk::Result& result) {
  if (result.error.status == sdk::Status::conflict)
    return fmt::format("the store knows a newer epoch than {}: another orchestrator may be using it ({})", epoch.value,
                       result.error.message);
  return fmt::format("the store could not be made to refuse what is older than epoch {}: {}", epoch.value,
                     result.ok() ? "it answered another epoch" : result.error.message);
}

}  // namespace

struct StateKeeper::Job {
  enum class What { push, prepare } what = What::push;
  const config::Target* target = nullptr;
  Epoch epoch;
  Millis budget{0};
  Bringing what_to_bring;
  Done done;
  bool urgent = false;
  plugins::Instance::Ticket ticket = 0;  ///< of the store's call under way
  bool in_place = false;                 ///< a prepare that moves files already
  std::vector<SnapshotInfo> candidates;  ///< of a prepare: newest last, taken from the back
  fs::path staging;
  std::string problems;
};

std::string snapshot_id(WallTime at, Epoch epoch) {
  const auto ms = at.time_since_epoch().count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}.{:03}Z-e{}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000, epoch.value);
}

StateKeeper::StateKeeper(Tools tools, const config::Service& service, fs::path work_dir,
                         std::unique_ptr<plugins::Instance> store)
    : tools_(std::move(tools)), service_(service), work_dir_(std::move(work_dir)), store_(std::move(store)) {
  look([](const sdk::Result&) {});
}

void StateKeeper::look(plugins::Instance::Done done) {
  list([this, done = std::move(done), alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired()) return;
    std::vector<SnapshotInfo> all;
    if (result.ok()) {
      all = answers::snapshots(result.value);
      std::erase_if(all,
                    [this](const SnapshotInfo& s) { return damaged_.contains(s.id); });  // a list does not read them
    }
    tools_.remember(all);
    done(result);
  });
}

StateKeeper::~StateKeeper() {
  alive_.reset();
  worker_.join();
  std::error_code ec;
  fs::remove_all(work_dir_, ec);
}

void StateKeeper::push(const config::Target& target, Epoch epoch, Millis budget, bool urgent, Done done) {
  auto job = std::make_shared<Job>();
  job->what = Job::What::push;
  job->target = &target;
  job->epoch = epoch;
  job->budget = budget;
  job->done = std::move(done);
  enqueue(std::move(job), urgent);
}

void StateKeeper::prepare(const config::Target& target, const Bringing& what, Done done) {
  auto job = std::make_shared<Job>();
  job->what = Job::What::prepare;
  job->target = &target;
  job->epoch = what.epoch;
  job->what_to_bring = what;
  job->done = std::move(done);
  enqueue(std::move(job), true);
}

void StateKeeper::enqueue(std::shared_ptr<Job> job, bool urgent) {
  if (queue_.size() >= longest_queue) return job->done({false, {}, "the state store is too far behind"});
  job->urgent = urgent;
  if (job->what == Job::What::prepare)
    take_from_queue([](const Job& one) { return one.what == Job::What::prepare; },
                    {false, {}, "a later one was asked for", sdk::Status::cancelled});
  if (urgent) {
    queue_.push_front(std::move(job));
    if (running_ && gives_way(*running_, *queue_.front())) give_way();
  } else {
    queue_.push_back(std::move(job));
  }
  next();
}

bool StateKeeper::gives_way(const Job& running, const Job& urgent) {
  if (running.what == Job::What::push) return !running.urgent;
  if (running.in_place) return false;
  // A later order takes the place of an earlier one, which may hang at the store for an hour.
  return urgent.what == Job::What::prepare || !running.what_to_bring.seal;
}

void StateKeeper::give_way() {
  const auto job = std::exchange(running_, nullptr);
  store_->cancel(job->ticket);
  job->done({false, {}, "it gave way to what was more urgent", sdk::Status::cancelled});
}

void StateKeeper::next() {
  if (running_ || queue_.empty()) return;
  running_ = std::move(queue_.front());
  queue_.pop_front();
  const auto job = running_;
  job->what == Job::What::push ? run_push(job) : run_prepare(job);
}

void StateKeeper::end(const Answer& answer) {
  const auto job = std::exchange(running_, nullptr);
  std::error_code ec;
  if (!job->staging.empty()) fs::remove_all(job->staging, ec);
  job->done(answer);
  next();
}

std::vector<std::pair<std::string, std::string>> StateKeeper::named_paths(const config::Target& target) const {
  // Inside a snapshot a path goes by the primary's name for it; names that occur twice get their number in front.
  std::vector<std::pair<std::string, std::string>> out;
  std::multiset<std::string> names;
  for (const auto& p : service_.state->paths) names.insert(p.filename().string());
  for (std::size_t i = 0; i < target.paths.size() && i < service_.state->paths.size(); ++i) {
    std::string name = service_.state->paths[i].filename().string();
    if (name.empty() || names.count(name) > 1) name = std::to_string(i) + "-" + name;
    out.emplace_back(std::move(name), target.paths[i].string());
  }
  return out;
}

void StateKeeper::run_push(const std::shared_ptr<Job>& job) {
  sdk::Json paths = sdk::Json::array();
  for (const auto& [name, path] : named_paths(*job->target)) paths.push_back({{"name", name}, {"path", path}});
  job->ticket = store_->call(
      "store.push/1",
      {{"service", service_.id.value},
       {"id", snapshot_id(wall_now(), job->epoch)},
       {"epoch", job->epoch.value},
       {"paths", std::move(paths)}},
      job->budget, [this, job, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
        if (alive.expired()) return;
        auto snapshot = result.ok() ? answers::snapshot(result.value) : SnapshotInfo{};
        if (snapshot.created == WallTime{}) snapshot.created = wall_now();  // it did not say
        if (result.ok()) tools_.remember({snapshot});
        if (running_ != job) return;  // it gave way
        if (!result.ok()) return end({false, {}, result.error.message, result.error.status});
        if (!snapshot.valid)  // no failover would take it
          return end({false, {}, "what the store says it saved cannot be: " + snapshot.problem, sdk::Status::invalid});
        end({true, snapshot, ""});
      });
}

void StateKeeper::run_prepare(const std::shared_ptr<Job>& job) {
  if (job->what_to_bring.seal && store_->offers(seal_method)) return seal(job);
  choose(job);
}

void StateKeeper::take_from_queue(const std::function<bool(const Job&)>& which, const Answer& answer) {
  std::vector<std::shared_ptr<Job>> taken;
  std::erase_if(queue_, [&](const std::shared_ptr<Job>& one) {
    const bool is = which(*one);
    if (is) taken.push_back(one);
    return is;
  });
  for (const auto& one : taken) one->done(answer);
}

/// Before the list is read: what the old site still saves after that would be missed, and would be newer than what
/// goes on.
void StateKeeper::seal(const std::shared_ptr<Job>& job) {
  const Epoch epoch = *job->what_to_bring.seal;
  take_from_queue([&](const Job& one) { return one.what == Job::What::push && one.epoch < epoch; },
                  {false, {}, "its epoch has ended"});
  store_->call(seal_method, {{"service", service_.id.value}, {"epoch", epoch.value}}, seal_budget,
               [this, job, epoch, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
                 if (alive.expired() || running_ != job) return;
                 if (result.error.status == sdk::Status::unsupported) return choose(job);
                 if (result.ok() && answers::fence(result.value) == epoch) return choose(job);
                 end({false, {}, why_not_sealed(epoch, result), result.error.status});
               });
}

void StateKeeper::choose(const std::shared_ptr<Job>& job) {
  list([this, job, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired() || running_ != job) return;
    if (!result.ok()) return end({false, {}, result.error.message});
    const auto& wanted = job->what_to_bring.wanted;
    const auto all = answers::snapshots(result.value);
    for (const auto& info : all) {
      if (!info.valid)
        tools_.log.write(host::Level::warning, service_.id.value,
                         "snapshot " + info.id.value + " is damaged, and left out: " + info.problem);
      if (info.valid && (wanted.empty() || wanted == info.id)) job->candidates.push_back(info);
    }
    std::ranges::sort(job->candidates, {},
                      [](const SnapshotInfo& i) { return std::tuple(i.epoch, i.created, i.id.value); });
    if (job->candidates.empty() && wanted.empty()) {
      if (!all.empty()) return end({false, {}, "every snapshot in the store is damaged"});
      return end({true, {}, "there is no snapshot"});
    }
    try_snapshots(job);
  });
}

void StateKeeper::try_snapshots(const std::shared_ptr<Job>& job) {
  if (job->candidates.empty())
    return end({false,
                {},
                job->problems.empty() ? "snapshot " + job->what_to_bring.wanted.value + " is not in the store"
                                      : job->problems});
  const auto snapshot = job->candidates.back();
  job->candidates.pop_back();
  const auto& have = job->what_to_bring.have;
  if (!have.empty() && snapshot.id == have) return end({true, snapshot, ""});
  const sdk::Json which = {{"service", service_.id.value}, {"id", snapshot.id.value}};
  const auto done = [this, job, snapshot, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
    if (alive.expired()) return;
    if (running_ == job) return pulled(job, snapshot, result);
    std::error_code ec;  // it gave way, and writes no more
    if (!job->staging.empty()) fs::remove_all(job->staging, ec);
  };
  if (job->target->paths.empty()) {
    job->ticket = store_->call("store.verify/1", which, pull_budget, done);
    return;
  }
  // A folder of its own: one that gave way may still be written to.
  job->staging = work_dir_ / ("staging-" + std::to_string(++pulls_) + "-" + snapshot.id.value);
  std::error_code ec;
  fs::remove_all(job->staging, ec);
  fs::create_directories(job->staging, ec);
  if (ec) return end({false, {}, "cannot make " + job->staging.string() + ": " + ec.message()});
  sdk::Json params = which;
  params["staging"] = job->staging.string();
  job->ticket = store_->call("store.pull/1", params, pull_budget, done);
}

void StateKeeper::pulled(const std::shared_ptr<Job>& job, const SnapshotInfo& snapshot, const sdk::Result& result) {
  if (result.ok()) {
    return job->target->paths.empty() ? end({true, snapshot, ""}) : put_in_place(job, snapshot);
  }
  job->problems += (job->problems.empty() ? "" : "; ") + snapshot.id.value + ": " + result.error.message;
  // Damaged: the one before it is the newest that verifies. Anything else may pass: the caller tries again.
  if (result.error.status != sdk::Status::invalid) return end({false, {}, job->problems});
  SnapshotInfo damaged = snapshot;
  damaged.valid = false;
  damaged_.insert(damaged.id);
  damaged.problem = result.error.message;
  tools_.remember({damaged});
  tools_.log.write(host::Level::error, service_.id.value,
                   "snapshot " + snapshot.id.value + " is damaged: " + result.error.message);
  try_snapshots(job);
}

void StateKeeper::put_in_place(const std::shared_ptr<Job>& job, const SnapshotInfo& snapshot) {
  std::vector<SwapItem> items;
  for (const auto& [name, path] : named_paths(*job->target)) {
    const auto staged = job->staging / name;
    // A start without a part of its state would be a start with a stale one.
    std::error_code ec;
    const auto status = fs::symlink_status(staged, ec);
    if (!fs::status_known(status)) return end({false, {}, "cannot look at " + staged.string() + ": " + ec.message()});
    if (!fs::exists(status))
      return end({false,
                  {},
                  "snapshot " + snapshot.id.value + " holds no \"" + name +
                      "\": are `paths` the same as where it was saved?"});
    items.push_back({staged, path});
  }
  job->in_place = true;
  const std::string mark = snapshot_id(wall_now(), job->epoch);
  boost::asio::post(worker_, [this, items, mark, snapshot, alive = std::weak_ptr(alive_)] {
    const auto problem = swap_in(items, mark);
    boost::asio::post(tools_.loop, [this, problem, snapshot, alive] {
      if (alive.expired()) return;
      end(problem ? Answer{false, {}, *problem} : Answer{true, snapshot, ""});
    });
  });
}

void StateKeeper::prune() {
  const auto& s = *service_.state;
  store_->call("store.prune/1",
               {{"service", service_.id.value},
                {"keep_days", s.keep_days},
                {"keep_at_least", s.keep_at_least},
                {"dry_run", false}},
               prune_budget, [this, alive = std::weak_ptr(alive_)](const sdk::Result& result) {
                 if (alive.expired() || result.ok()) return;
                 tools_.log.write(host::Level::warning, service_.id.value,
                                  "old snapshots were not removed: " + result.error.message);
               });
}

void StateKeeper::list(plugins::Instance::Done done) {
  store_->call("store.list/1", {{"service", service_.id.value}}, list_budget, std::move(done));
}

void StateKeeper::verify(const SnapshotId& id, plugins::Instance::Done done) {
  store_->call("store.verify/1", {{"service", service_.id.value}, {"id", id.value}}, pull_budget, std::move(done));
}

void StateKeeper::restore(const SnapshotId& id, const std::string& folder, plugins::Instance::Done done) {
  std::error_code ec;
  if (fs::exists(folder, ec) && !fs::is_empty(folder, ec)) {
    return done(
        {{},
         {sdk::Status::invalid, folder + " is not empty", "name a new folder: a restore never overwrites", {}, {}}});
  }
  fs::create_directories(folder, ec);
  if (ec) return done({{}, {sdk::Status::invalid, "cannot make " + folder + ": " + ec.message(), {}, {}, {}}});
  store_->call("store.pull/1", {{"service", service_.id.value}, {"id", id.value}, {"staging", folder}}, pull_budget,
               std::move(done));
}

}  // namespace understudy::state
