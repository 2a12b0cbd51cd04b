// What is written down about a snapshot: its card (small; the snapshot exists when its card does), its manifest (all
// files with their hashes) and `latest` (the newest card, with the others for a quick listing). Pure.
// The formats: docs/plugins/rclone_gdrive.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tree.hpp"
#include "understudy/types.hpp"

namespace rclone_store {

struct Card {
  understudy::sdk::Snapshot snapshot;
  std::string manifest_sha256;
};

/// One state path as it was saved: a folder with its entries, or a single file (its root alone).
struct SavedPath {
  std::string name;
  Entry root;
  std::vector<Entry> entries;
};

struct Manifest {
  std::string id;
  std::vector<SavedPath> paths;
};

/// A file of a manifest and its name in the snapshot's folder.
struct FileRef {
  std::string object;
  Entry* entry = nullptr;
};

struct Latest {
  Card card;
  std::vector<Card> others;  ///< as of its writing; a convenience, never the authority
};

[[nodiscard]] std::string write_card(const Card& card);
[[nodiscard]] std::string write_manifest(const Manifest& manifest);
[[nodiscard]] std::string write_latest(const Latest& latest);

/// These throw sdk::Failure(invalid) on what was changed or cut short.
[[nodiscard]] Card read_card(const std::string& text);
[[nodiscard]] Manifest read_manifest(const std::string& text);
[[nodiscard]] Latest read_latest(const std::string& text);

[[nodiscard]] std::vector<FileRef> files_of(Manifest& manifest);
/// A path as a name (files/NAME/...) that every remote takes: parts that are no UTF-8 or hold control characters are
/// written in hex.
[[nodiscard]] std::string object_name(const std::string& name, const std::string& path);
/// The time in an id such as 20261120T101500.123Z-e7; nothing when it has none.
[[nodiscard]] std::optional<std::int64_t> time_in_id_ms(const std::string& id);

}  // namespace rclone_store
