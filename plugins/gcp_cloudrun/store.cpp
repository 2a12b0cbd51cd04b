#include "store.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "listing.hpp"
#include "saving.hpp"
#include "snapshot/epochs.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

bool plain(const std::string& text, std::string_view more) {
  return std::ranges::all_of(text, [&](unsigned char c) {
    return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

BucketAddress bucket_address(const std::string& text) {
  if (text.rfind("gs://", 0) != 0)
    throw Failure(Status::invalid, "`bucket` is \"" + text + "\"; it must be written as \"gs://bucket/prefix\"");
  const auto slash = std::min(text.find('/', 5), text.size());
  BucketAddress out{text.substr(5, slash - 5), text.substr(std::min(slash + 1, text.size()))};
  while (!out.prefix.empty() && out.prefix.back() == '/') out.prefix.pop_back();
  if (out.bucket.empty() || !plain(out.bucket, "-_."))
    throw Failure(Status::invalid, "\"" + out.bucket + "\" cannot be a bucket's name");
  if (!out.prefix.empty() && (!plain(out.prefix, "-_./=+@") || !harmless(out.prefix)))
    throw Failure(Status::invalid,
                  "the prefix \"" + out.prefix + "\" must be plain: letters, digits, - _ . = + @ and /");
  return out;
}

std::string Store::home(const std::string& service) const {
  if (service.empty() || !plain(service, "-_.") || service.front() == '.')
    throw Failure(Status::invalid, "\"" + service + "\" cannot be a folder's name");
  return (prefix_.empty() ? "" : prefix_ + "/") + service + "/";
}

std::string Store::folder(const std::string& service, const std::string& id) const {
  if (id.empty() || !plain(id, "-_.:") || id.front() == '.')
    throw Failure(Status::invalid, "\"" + id + "\" is no snapshot's name");
  return home(service) + "snapshots/" + id + "/";
}

Latest Store::latest(const std::string& service, const Deadline& deadline) {
  const auto found = bucket_.read(home(service) + "latest", deadline);
  if (!found) return {};
  auto out = Latest::from(found->text);
  if (!out || found->generation == 0) {
    throw Failure(Status::invalid, "gs://" + bucket_.name() + "/" + home(service) + "latest is damaged",
                  "remove it: the next push writes it anew from what is listed; which epochs may save is then known by "
                  "the snapshots alone");
  }
  out->generation = found->generation;
  return *out;
}

Store::Loaded Store::load(const std::string& service, const std::string& id, const Deadline& deadline) {
  const std::string place = folder(service, id);
  const auto object = bucket_.stat(place + manifest_leaf, deadline);
  if (!object) {
    const bool refused = bucket_.stat(place + refused_leaf, deadline).has_value();
    throw Failure(Status::invalid, refused ? "snapshot " + id + " was refused: it came from an older epoch"
                                           : "there is no snapshot " + id);
  }
  const auto content = bucket_.read(place + manifest_leaf, deadline);
  if (!content || sha256_hex(content->text) != text_in(object->metadata, "sha256"))
    throw Failure(Status::invalid, "the manifest of " + id + " was changed or is cut short");
  Loaded out{read_manifest(content->text), text_in(object->metadata, "data")};
  if (out.manifest.snapshot.id != id)
    throw Failure(Status::invalid, "the manifest in " + id + " belongs to " + out.manifest.snapshot.id);
  if (out.data.rfind(place, 0) != 0)
    throw Failure(Status::invalid, "the manifest of " + id + " points outside its snapshot");
  return out;
}

Snapshot Store::pull(const PullRequest& request, const Work& work) {
  const auto loaded = load(request.service, request.id, work.deadline);
  bring(bucket_, loaded.data, loaded.manifest, request.staging, parallel_, work);
  return loaded.manifest.snapshot;
}

Snapshot Store::verify(const VerifyRequest& request, const Work& work) {
  const auto loaded = load(request.service, request.id, work.deadline);
  compare(bucket_, loaded.data, loaded.manifest, parallel_, work);
  return loaded.manifest.snapshot;
}

SnapshotList Store::list(const std::string& service, const Latest& newest, const Deadline& deadline) {
  SnapshotList out;
  for (const auto& object : bucket_.list_leaves(home(service) + "snapshots/", manifest_leaf, deadline)) {
    auto s = listed(object);
    if (s.valid && newest.late(s)) {
      s.valid = false;
      s.problem = "a push of epoch " + std::to_string(s.epoch) + " that was under way when a newer epoch had begun";
    }
    out.snapshots.push_back(std::move(s));
  }
  std::ranges::sort(out.snapshots, newer);
  return out;
}

SnapshotList Store::list(const std::string& service, const Deadline& deadline) {
  // A damaged `latest` hides no snapshot: its fence and the next push say so.
  const auto found = bucket_.read(home(service) + "latest", deadline);
  const auto newest = found ? Latest::from(found->text) : std::nullopt;
  return list(service, newest.value_or(Latest()), deadline);
}

void Store::remove_all(const std::vector<Object>& objects, const Work& work) {
  each(objects.size(), parallel_, [&](std::size_t i) {
    work.check();
    bucket_.remove(objects[i].name, objects[i].generation, work.deadline);
  });
}

PruneReport Store::prune(const PruneRequest& request, const Work& work) {
  PruneReport out;
  const auto now = now_ms(bucket_.host());
  const bool everything = request.keep_at_least == 0;
  Keeping keeping(request, now);
  for (const auto& s : list(request.service, work.deadline).snapshots) {
    if (keeping.keeps(s)) {
      ++out.kept;
      continue;
    }
    out.removed.push_back(s.id);
    if (request.dry_run) continue;
    const std::string place = folder(request.service, s.id);
    // The manifest goes first: a removal that is cut short leaves no snapshot with holes.
    bucket_.remove(place + manifest_leaf, 0, work.deadline);
    remove_all(bucket_.list(place, work.deadline), work);
  }
  if (request.dry_run) return out;
  if (everything) {
    remove_all(bucket_.list(home(request.service), work.deadline), work);
  } else {
    remove_leftovers(request, now, work);
  }
  return out;
}

/// Files of pushes that never came to their manifest, a day after their last one; and what was refused long ago.
void Store::remove_leftovers(const PruneRequest& request, std::int64_t now, const Work& work) {
  const std::string place = home(request.service) + "snapshots/";
  std::map<std::string, std::vector<Object>> by_id;
  std::set<std::string> whole, refused;
  for (auto& object : bucket_.list(place, work.deadline)) {
    const auto rest = object.name.substr(place.size());
    const auto slash = rest.find('/');
    if (slash == std::string::npos) continue;
    const auto leaf = rest.substr(slash + 1);
    if (leaf == manifest_leaf) whole.insert(rest.substr(0, slash));
    if (leaf == refused_leaf) refused.insert(rest.substr(0, slash));
    by_id[rest.substr(0, slash)].push_back(std::move(object));
  }
  for (const auto& [id, objects] : by_id) {
    const auto age_ms = refused.contains(id) ? aside_age_ms(request) : day_ms;
    const auto young = [&](const Object& o) { return now - o.created_ms < age_ms; };
    if (whole.contains(id) || !std::ranges::none_of(objects, young)) continue;
    remove_all(objects, work);
    if (refused.contains(id))
      bucket_.host().log(LogLevel::info, "gs://" + bucket_.name() + "/" + place + id +
                                             " had been kept aside for long enough and is removed");
  }
}

}  // namespace gcp
