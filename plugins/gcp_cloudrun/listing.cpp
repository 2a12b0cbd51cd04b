#include "listing.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "snapshot/epochs.hpp"
#include "snapshot/tree.hpp"
#include "text.hpp"

namespace gcp {

using namespace understudy::sdk;
using namespace understudy::snapshot;

namespace {

std::int64_t number_in(const Metadata& metadata, const char* key) {
  const auto it = metadata.find(key);
  return it == metadata.end() ? 0 : number_of(Json{{"n", it->second}}, "n");
}

/// 0 when it is missing; nothing when it can be none.
std::optional<std::uint64_t> epoch_in(const Metadata& metadata) {
  const auto it = metadata.find("epoch");
  if (it == metadata.end()) return 0;
  std::uint64_t out = 0;
  const auto* end = it->second.data() + it->second.size();
  const auto [rest, error] = std::from_chars(it->second.data(), end, out);
  return error == std::errc() && rest == end && out <= most_epochs ? std::optional(out) : std::nullopt;
}

std::string id_in(const std::string& object) {
  const auto end = object.rfind('/');
  const auto begin = object.rfind('/', end - 1);
  return object.substr(begin + 1, end - begin - 1);
}

}  // namespace

std::string text_in(const Metadata& metadata, const char* key) {
  const auto it = metadata.find(key);
  return it == metadata.end() ? "" : it->second;
}

Metadata metadata_of(const Manifest& manifest, const std::string& text, const std::string& data) {
  const auto& s = manifest.snapshot;
  return {{"epoch", std::to_string(s.epoch)}, {"created_ms", std::to_string(s.created_ms)},
          {"bytes", std::to_string(s.bytes)}, {"files", std::to_string(s.files)},
          {"sha256", sha256_hex(text)},       {"data", data}};
}

Snapshot listed(const Object& object) {
  Snapshot out;
  out.id = id_in(object.name);
  const auto epoch = epoch_in(object.metadata);
  out.epoch = epoch.value_or(0);
  out.created_ms = number_in(object.metadata, "created_ms");
  out.bytes = number_in(object.metadata, "bytes");
  out.files = number_in(object.metadata, "files");
  if (text_in(object.metadata, "sha256").empty() || !epoch) {
    out.valid = false;
    out.created_ms = object.created_ms;
    out.problem = "its manifest was not written by Understudy";
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

}  // namespace gcp
