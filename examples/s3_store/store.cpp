#include "store.hpp"

#include <algorithm>
#include <charconv>

namespace s3_store {
namespace {

using namespace understudy::sdk;

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t largest_object = 5LL * 1024 * 1024 * 1024;  // of one PUT
constexpr int tries_to_publish = 3;
constexpr const char* no_manifest = "it has no manifest: its push did not finish, or is under way";

std::string pair_text(const std::string& id, std::uint64_t epoch) {
  return Json({{"id", id}, {"epoch", epoch}}).dump() + "\n";
}

/// Did we write a key of this form below a snapshot's folder?
bool of_ours(const std::string& below_folder) {
  if (below_folder == "manifest.json") return true;
  const std::string files = "files/";
  return below_folder.rfind(files, 0) == 0 && below_folder.size() > files.size() &&
         below_folder.find_first_not_of("0123456789", files.size()) == std::string::npos;
}

/// Newest first. A snapshot of an older epoch that is younger than one of a newer epoch comes from a site that had been
/// replaced and did not know it yet: nobody may go on from it.
void order(std::vector<Snapshot>& all) {
  std::ranges::sort(all, std::less<>(), [](const Snapshot& s) { return std::pair(s.created_ms, s.id); });
  std::uint64_t newest = 0;
  for (auto& s : all) {
    if (s.valid && s.epoch < newest) {
      s.valid = false;
      s.problem = "epoch " + std::to_string(s.epoch) + " saved it when epoch " + std::to_string(newest) + " had begun";
    }
    if (s.valid) newest = std::max(newest, s.epoch);
  }
  std::ranges::reverse(all);
}

Snapshot damaged(const std::string& id, const std::string& problem) {
  Snapshot out;
  out.id = id;
  out.valid = false;
  out.problem = problem;
  return out;
}

/// What a manifest promises, as an object's number and size, in the order of the manifest.
template <class Fn>
void each_file(const Manifest& m, Fn fn) {
  for (const auto& p : m.paths) {
    for (const auto& e : p.entries) {
      if (e.type == Entry::Type::file) fn(p, e);
    }
  }
}

}  // namespace

Store::Store(Bucket& bucket, std::string prefix, std::string spool)
    : bucket_(bucket), prefix_(std::move(prefix)), spool_(std::move(spool)) {
  while (prefix_.ends_with('/')) prefix_.pop_back();
  for (std::size_t at = 0; at <= prefix_.size();) {
    const auto end = std::min(prefix_.find('/', at), prefix_.size());
    if (!plain_name(prefix_.substr(at, end - at)))
      throw Failure(Status::invalid, "the prefix \"" + prefix_ + "\" is no plain path",
                    "use letters, digits, \"-\", \"_\", \".\" and \"/\", e.g. \"understudy/home\"");
    at = end + 1;
  }
}

std::string Store::home(const std::string& service) const {
  if (!plain_name(service)) throw Failure(Status::invalid, "\"" + service + "\" cannot be part of a key");
  return prefix_ + "/" + service + "/";
}
std::string Store::home(const std::string& service, const std::string& id) const {
  if (!plain_name(id)) throw Failure(Status::invalid, "\"" + id + "\" is no snapshot's name");
  return home(service) + id + "/";
}

Store::Latest Store::latest(const Call& call, const std::string& service) {
  const auto found = bucket_.get(call, home(service) + "latest");
  if (!found) return {};
  const Json in = Json::parse(found->body, nullptr, false);
  if (!in.is_object() || !in.contains("epoch") || !in.at("epoch").is_number_unsigned() ||
      in.at("epoch").get<std::uint64_t>() > most_epochs)
    throw Failure(Status::invalid, "the object " + home(service) + "latest is damaged",
                  "delete it: it is made anew from the snapshots");
  return {in.value("id", ""), found->etag, in.at("epoch").get<std::uint64_t>()};
}

/// The newest epoch that saved here; throws `conflict` when it is newer than that of the request.
Store::Latest Store::admitted(const Call& call, const PushRequest& request) {
  auto found = latest(call, request.service);
  if (found.etag.empty()) {  // the first push, or somebody removed it
    for (const auto& s : list(call, request.service).snapshots) {
      if (s.valid && s.id != request.id) found.epoch = std::max(found.epoch, s.epoch);
    }
  }
  if (found.epoch > request.epoch)
    throw Failure(Status::conflict,
                  "epoch " + std::to_string(request.epoch) + " is older than that of the newest snapshot, " +
                      std::to_string(found.epoch),
                  "a site that was replaced must not save over its successor");
  return found;
}

Manifest Store::upload_all(const Call& call, const PushRequest& request, const Hooks& hooks) {
  const TemporaryFolder spool(spool_, "understudy-s3-");
  const auto copy = spool.file("file");
  Manifest out;
  std::int64_t bytes = 0;
  for (const auto& p : request.paths) {
    if (p.name.find('/') != std::string::npos || !harmless(p.name))
      throw Failure(Status::invalid, "\"" + p.name + "\" cannot be a name in a snapshot");
    SavedPath saved{p.name, {}};
    for (auto& e : walk(p.path, [&](const std::string& path) {
           hooks.warn(path + " is a socket, pipe or device and is not saved");
         })) {
      call.check();
      if (e.type == Entry::Type::file) {
        const auto from = below(p.path, e.path);
        if (!copy_and_hash(from, copy, e, [&] { call.check(); })) continue;  // gone since it was listed
        if (e.size > largest_object)
          throw Failure(Status::invalid, from + " is larger than the 5 GiB of one object", "split it");
        e.object = ++out.snapshot.files;
        bucket_.upload(call, home(request.service, request.id) + "files/" + object_name(e.object), copy, e.sha256,
                       e.size);
        hooks.progress(bytes += e.size, 0);
      }
      saved.entries.push_back(std::move(e));
    }
    if (saved.entries.empty()) throw Failure(Status::transient, p.path + " vanished while it was read", "try again");
    out.paths.push_back(std::move(saved));
  }
  out.snapshot.bytes = bytes;
  return out;
}

Snapshot Store::push(const Call& call, const PushRequest& request, const Hooks& hooks, bool& begun) {
  const auto folder = home(request.service, request.id);
  if (bucket_.get(call, folder + "manifest.json"))
    throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
  (void)admitted(call, request);
  begun = true;
  auto manifest = upload_all(call, request, hooks);
  manifest.snapshot.id = request.id;
  manifest.snapshot.epoch = request.epoch;
  manifest.snapshot.created_ms = bucket_.now_ms(call);
  (void)admitted(call, request);  // that took a while: a successor may have saved meanwhile
  try {
    bucket_.put(call, folder + "manifest.json", write_manifest(manifest));
    publish(call, request);
  } catch (const Failure& failure) {
    if (failure.error().status == Status::conflict) throw;
    Error e = failure.error();
    e.status = Status::unknown;  // the manifest may be there, and with it the snapshot
    throw Failure(std::move(e));
  }
  return manifest.snapshot;
}

/// Compare and swap, where the storage knows conditions; elsewhere a successor can slip in between, which list() tells.
void Store::publish(const Call& call, const PushRequest& request) {
  for (int tries = 0; tries < tries_to_publish; ++tries) {
    const auto before = admitted(call, request);
    if (before.id == request.id) return;  // the answer to our own try was lost
    if (bucket_.put(call, home(request.service) + "latest", pair_text(request.id, request.epoch), OnlyIf{before.etag}))
      return;
  }
  throw Failure(Status::unknown, "others write " + home(request.service) + "latest all the time", "who are they?");
}

void Store::clean_up(const Call& call, const std::string& service, const std::string& id) {
  const auto folder = home(service, id);
  remove_snapshot(call, folder, {[](std::int64_t, std::int64_t) {}, [](const std::string&) {}});
}

Manifest Store::load(const Call& call, const std::string& service, const std::string& id) {
  const auto folder = home(service, id);
  const auto found = bucket_.get(call, folder + "manifest.json");
  if (!found) throw Failure(Status::invalid, "there is no snapshot " + id + ", or it has no manifest");
  return read_manifest(found->body, id);
}

Snapshot Store::pull(const Call& call, const PullRequest& request, const Hooks& hooks) {
  const auto folder = home(request.service, request.id);
  const auto m = load(call, request.service, request.id);
  // Beside the state until it is verified, and on the same file system.
  const TemporaryFolder incoming(request.staging, ".incoming-");
  const auto file = incoming.file("file");
  std::int64_t done = 0;
  try {
    for (const auto& p : m.paths) make_folders(request.staging + "/" + p.name, p);
    each_file(m, [&](const SavedPath& p, const Entry& e) {
      call.check();
      bucket_.download(call, folder + "files/" + object_name(e.object), file, e.size);
      if (hash_of(file, [&] { call.check(); }) != e.sha256)
        throw Failure(Status::invalid, below(p.name, e.path) + " in snapshot " + request.id + " is not what was saved");
      put_in_place(file, below(request.staging + "/" + p.name, e.path), e);
      hooks.progress(done += e.size, m.snapshot.bytes);
    });
    for (const auto& p : m.paths) finish_tree(request.staging + "/" + p.name, p);
    return m.snapshot;
  } catch (...) {
    for (const auto& p : m.paths) remove_tree(request.staging + "/" + p.name);  // nothing unverified stays
    throw;
  }
}

Snapshot Store::verify(const Call& call, const VerifyRequest& request, const Hooks& hooks) {
  const auto folder = home(request.service, request.id);
  const auto m = load(call, request.service, request.id);
  std::int64_t done = 0;
  each_file(m, [&](const SavedPath& p, const Entry& e) {
    call.check();
    const TemporaryFolder spool(spool_, "understudy-s3-");
    bucket_.download(call, folder + "files/" + object_name(e.object), spool.file("file"), e.size);
    if (hash_of(spool.file("file"), [&] { call.check(); }) != e.sha256)
      throw Failure(Status::invalid, below(p.name, e.path) + " in snapshot " + request.id + " is not what was saved");
    hooks.progress(done += e.size, m.snapshot.bytes);
  });
  return m.snapshot;
}

SnapshotList Store::list(const Call& call, const std::string& service) {
  const auto top = home(service);
  std::vector<std::string> ids, keys;
  for (const auto& folder : bucket_.list(call, top, true).folders) {
    if (folder.rfind(top, 0) != 0 || folder.size() <= top.size() + 1) continue;
    const auto id = folder.substr(top.size(), folder.size() - top.size() - 1);
    if (!plain_name(id)) continue;  // not ours
    ids.push_back(id);
    keys.push_back(folder + "manifest.json");
  }
  const auto texts = bucket_.get_all(call, keys);
  SnapshotList out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    try {
      out.snapshots.push_back(texts[i] ? read_manifest(texts[i]->body, ids[i]).snapshot : damaged(ids[i], no_manifest));
    } catch (const Failure& f) {
      out.snapshots.push_back(damaged(ids[i], f.error().message));
    }
  }
  order(out.snapshots);
  return out;
}

bool Store::unfinished_for_long(const Call& call, const std::string& folder, std::int64_t now_ms) {
  // Both are "2026-11-20T10:15:00…", so that they compare as text.
  const auto stamp = amz_date(now_ms - day_ms);
  const auto limit = stamp.substr(0, 4) + "-" + stamp.substr(4, 2) + "-" + stamp.substr(6, 5) + ":" +
                     stamp.substr(11, 2) + ":" + stamp.substr(13, 2);
  auto objects = bucket_.list(call, folder, false).objects;
  std::erase_if(objects, [&](const Listed& o) { return o.key.rfind(folder, 0) != 0; });
  const bool sent = std::ranges::any_of(objects, [&](const Listed& o) { return of_ours(o.key.substr(folder.size())); });
  return sent &&
         std::ranges::all_of(objects, [&](const Listed& o) { return !o.modified.empty() && o.modified < limit; });
}

void Store::remove_snapshot(const Call& call, const std::string& folder, const Hooks& hooks) {
  // The manifest first: a removal that is cut short leaves something unfinished, never a snapshot with holes.
  bucket_.remove(call, folder + "manifest.json");
  for (const auto& o : bucket_.list(call, folder, false).objects) {
    call.check();
    if (o.key.rfind(folder, 0) != 0) continue;
    if (of_ours(o.key.substr(folder.size()))) {
      bucket_.remove(call, o.key);
    } else {
      hooks.warn(o.key + " is not of ours and stays");
    }
  }
}

PruneReport Store::prune(const Call& call, const PruneRequest& request, const Hooks& hooks) {
  PruneReport out;
  const auto now_ms = bucket_.now_ms(call);
  const bool everything = request.keep_at_least <= 0;
  int valid_seen = 0;
  for (const auto& s : list(call, request.service).snapshots) {
    call.check();
    const auto folder = home(request.service, s.id);
    const bool young = now_ms - s.created_ms < request.keep_days * day_ms;
    bool goes = everything;
    if (!goes && s.valid) goes = !young && valid_seen >= request.keep_at_least;
    if (!goes && s.problem == no_manifest) goes = unfinished_for_long(call, folder, now_ms);
    valid_seen += s.valid ? 1 : 0;
    if (!goes) {  // what is damaged is for a person to look at
      ++out.kept;
      continue;
    }
    out.removed.push_back(s.id);
    if (!request.dry_run) remove_snapshot(call, folder, hooks);
  }
  if (everything && !request.dry_run) bucket_.remove(call, home(request.service) + "latest");
  return out;
}

}  // namespace s3_store
