#include "store.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "saving.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr std::int64_t day_ms = 86'400'000;
constexpr int most_swaps = 10;
constexpr const char* manifest_leaf = "manifest.json";
constexpr const char* refused_leaf = "refused.json";

bool plain(const std::string& text, std::string_view more) {
  return std::ranges::all_of(text, [&](unsigned char c) {
    return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

std::string hex(std::uint64_t number) {
  char out[17];
  return {out, std::to_chars(out, out + sizeof out, number, 16).ptr};
}

std::int64_t number_in(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto it = metadata.find(key);
  return it == metadata.end() ? 0 : number_of(Json{{"n", it->second}}, "n");
}

std::string text_in(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto it = metadata.find(key);
  return it == metadata.end() ? "" : it->second;
}

/// What the listing shows without reading the manifests themselves.
std::map<std::string, std::string> metadata_of(const Manifest& manifest, const std::string& text,
                                               const std::string& data) {
  const auto& s = manifest.snapshot;
  return {{"epoch", std::to_string(s.epoch)}, {"created_ms", std::to_string(s.created_ms)},
          {"bytes", std::to_string(s.bytes)}, {"files", std::to_string(s.files)},
          {"sha256", sha256_hex(text)},       {"data", data}};
}

std::string id_in(const std::string& object) {
  const auto end = object.rfind('/');
  const auto begin = object.rfind('/', end - 1);
  return object.substr(begin + 1, end - begin - 1);
}

Snapshot listed(const Object& object, bool refused) {
  Snapshot out;
  out.id = id_in(object.name);
  out.epoch = static_cast<std::uint64_t>(number_in(object.metadata, "epoch"));
  out.created_ms = number_in(object.metadata, "created_ms");
  out.bytes = number_in(object.metadata, "bytes");
  out.files = number_in(object.metadata, "files");
  if (text_in(object.metadata, "sha256").empty()) {
    out.valid = false;
    out.created_ms = object.created_ms;
    out.problem = "its manifest was not written by Understudy";
  }
  if (refused) {
    out.valid = false;
    out.problem = "refused: a site of epoch " + std::to_string(out.epoch) + " brought it after epoch " +
                  text_in(object.metadata, "newer") + " had begun";
  }
  return out;
}

Manifest manifest_of(const PushRequest& request, std::vector<SavedPath> paths, std::int64_t now) {
  Manifest out;
  out.paths = std::move(paths);
  out.snapshot.id = request.id;
  out.snapshot.epoch = request.epoch;
  out.snapshot.created_ms = now;
  const auto count = [&](const Entry& e) {
    if (e.type != Entry::Type::file) return;
    ++out.snapshot.files;
    out.snapshot.bytes += e.size;
  };
  for (const auto& p : out.paths) {
    count(p.root);
    for (const auto& e : p.entries) count(e);
  }
  return out;
}

/// From the manifest on the push may have had its effect.
template <class Fn>
auto in_doubt(const std::string& id, Fn fn) {
  try {
    return fn();
  } catch (const Failure& failure) {
    Error error = failure.error();
    if (error.status == Status::conflict) throw;
    error.status = Status::unknown;
    error.message = "whether snapshot " + id + " counts is not known: " + error.message;
    throw Failure(error);
  }
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

Store::Latest Store::latest(const std::string& service, const Deadline& deadline) {
  const auto found = bucket_.read(home(service) + "latest", deadline);
  if (!found) return {};
  const Json body = parse_json(found->text);
  Latest out{found->generation, text_of(body, "id"), static_cast<std::uint64_t>(number_of(body, "epoch"))};
  if (out.id.empty() || out.generation == 0) {
    throw Failure(Status::invalid, "gs://" + bucket_.name() + "/" + home(service) + "latest is damaged",
                  "remove it: the next push writes it anew from what is listed");
  }
  return out;
}

void Store::refuse_older(const PushRequest& request, const Latest& newest, const Deadline& deadline) {
  // `latest` may be behind: removed, or its push ended between the manifest and it.
  std::uint64_t epoch = newest.epoch;
  for (const auto& object : bucket_.list_leaves(home(request.service) + "snapshots/", manifest_leaf, deadline)) {
    if (const auto s = listed(object, false); s.valid) epoch = std::max(epoch, s.epoch);
  }
  if (epoch > request.epoch) {
    throw Failure(Status::conflict,
                  "epoch " + std::to_string(request.epoch) + " is older than that of the newest snapshot, " +
                      std::to_string(epoch),
                  "a site that was replaced must not save over its successor");
  }
}

Snapshot Store::push(const PushRequest& request, const Work& work) {
  const std::string place = folder(request.service, request.id);
  const auto newest = latest(request.service, work.deadline);
  refuse_older(request, newest, work.deadline);
  if (bucket_.stat(place + manifest_leaf, work.deadline))
    throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
  const auto now = now_ms(bucket_.host());
  const std::string data = place + "data-" + hex(static_cast<std::uint64_t>(now));
  auto manifest = manifest_of(request, save(bucket_, data, request.paths, parallel_, work), now);
  work.check();
  publish(request, manifest, data, newest, work.deadline);
  return manifest.snapshot;
}

void Store::publish(const PushRequest& request, const Manifest& manifest, const std::string& data, Latest newest,
                    const Deadline& deadline) {
  const std::string place = folder(request.service, request.id), text = write_manifest(manifest);
  const auto metadata = metadata_of(manifest, text, data);
  const auto written =
      in_doubt(request.id, [&] { return bucket_.write(place + manifest_leaf, text, metadata, 0, deadline); });
  if (!written) throw Failure(Status::conflict, "there is a snapshot " + request.id + " already");
  const std::string pointer = Json{{"id", request.id}, {"epoch", request.epoch}}.dump() + "\n";
  in_doubt(request.id, [&] {
    for (int i = 0; i < most_swaps; ++i) {
      if (newest.epoch > request.epoch) return set_aside(request, text, metadata, *written, newest.epoch, deadline);
      if (newest.epoch == request.epoch && newest.id > request.id) return;  // a newer one of the same site
      if (bucket_.write(home(request.service) + "latest", pointer, {}, newest.generation, deadline)) return;
      newest = latest(request.service, deadline);
    }
    throw Failure(Status::transient, "`latest` is moved by others again and again");
  });
}

/// A newer epoch began while this was on its way. Its data is kept for a person, and it is listed as refused.
void Store::set_aside(const PushRequest& request, const std::string& text, std::map<std::string, std::string> metadata,
                      const Object& manifest, std::uint64_t newer, const Deadline& deadline) {
  const std::string place = folder(request.service, request.id);
  metadata["newer"] = std::to_string(newer);
  (void)bucket_.write(place + refused_leaf, text, metadata, 0, deadline);
  bucket_.remove(place + manifest_leaf, manifest.generation, deadline);
  throw Failure(Status::conflict,
                "epoch " + std::to_string(request.epoch) + " is older than " + std::to_string(newer) +
                    ", which began meanwhile; what was saved is kept aside in gs://" + bucket_.name() + "/" + place,
                "a site that was replaced must not save over its successor");
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

/// By epoch first: whatever the clocks of two sites say, the later epoch's state is the newer one.
SnapshotList Store::list(const std::string& service, const Deadline& deadline) {
  const std::string place = home(service) + "snapshots/";
  SnapshotList out;
  for (const auto& object : bucket_.list_leaves(place, manifest_leaf, deadline))
    out.snapshots.push_back(listed(object, false));
  for (const auto& object : bucket_.list_leaves(place, refused_leaf, deadline))
    out.snapshots.push_back(listed(object, true));
  std::ranges::sort(out.snapshots, std::greater<>(),
                    [](const Snapshot& s) { return std::tuple(s.epoch, s.created_ms, s.id); });
  return out;
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
  int valid_seen = 0;
  for (const auto& s : list(request.service, work.deadline).snapshots) {
    const bool kept = !everything && (!s.valid || now - s.created_ms < request.keep_days * day_ms ||
                                      valid_seen < request.keep_at_least);
    valid_seen += s.valid ? 1 : 0;
    if (kept) {
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
    remove_leftovers(request.service, now, work);
  }
  return out;
}

/// Files of pushes that never came to their manifest, a day after their last one.
void Store::remove_leftovers(const std::string& service, std::int64_t now, const Work& work) {
  const std::string place = home(service) + "snapshots/";
  std::map<std::string, std::vector<Object>> by_id;
  std::set<std::string> whole;
  for (auto& object : bucket_.list(place, work.deadline)) {
    const auto rest = object.name.substr(place.size());
    const auto slash = rest.find('/');
    if (slash == std::string::npos) continue;
    const auto leaf = rest.substr(slash + 1);
    if (leaf == manifest_leaf || leaf == refused_leaf) whole.insert(rest.substr(0, slash));
    by_id[rest.substr(0, slash)].push_back(std::move(object));
  }
  for (const auto& [id, objects] : by_id) {
    const auto young = [&](const Object& o) { return now - o.created_ms < day_ms; };
    if (!whole.contains(id) && std::ranges::none_of(objects, young)) remove_all(objects, work);
  }
}

}  // namespace gcp
