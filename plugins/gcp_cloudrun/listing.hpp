// What the objects of a snapshot are called, and what their metadata tells without reading them. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bucket.hpp"
#include "snapshot/manifest.hpp"

namespace gcp {

constexpr const char* manifest_leaf = "manifest.json";
constexpr const char* refused_leaf = "refused.json";

using Metadata = std::map<std::string, std::string>;

[[nodiscard]] std::string text_in(const Metadata& metadata, const char* key);
/// `data`: the prefix of its files' objects.
[[nodiscard]] Metadata metadata_of(const understudy::snapshot::Manifest& manifest, const std::string& text,
                                   const std::string& data);
/// Of a manifest; not valid when Understudy did not write it.
[[nodiscard]] understudy::sdk::Snapshot listed(const Object& object);
/// What a push has saved, made at `now`.
[[nodiscard]] understudy::snapshot::Manifest manifest_of(const understudy::sdk::PushRequest& request,
                                                         std::vector<understudy::snapshot::SavedPath> paths,
                                                         std::int64_t now);

}  // namespace gcp
