// The manifest of a snapshot: what is in it, with a SHA-256 for each file. docs/formats/snapshot.md.
#pragma once

#include <string>
#include <vector>

#include "snapshot/tree.hpp"
#include "understudy/types.hpp"

namespace understudy::snapshot {

/// One state path as it was saved: a folder with its entries, or a single file (one entry with an empty path).
struct SavedPath {
  std::string name;
  Entry root;
  std::vector<Entry> entries;
};

struct Manifest {
  understudy::sdk::Snapshot snapshot;
  std::vector<SavedPath> paths;
  std::int64_t started_ms = 0;  ///< when its files began to be read; 0: not told
};

/// The bytes that are stored; names that are no UTF-8 are written as hex.
[[nodiscard]] std::string write_manifest(const Manifest& manifest);
/// Throws sdk::Failure(invalid) when it is damaged or would lead out of its folder.
[[nodiscard]] Manifest read_manifest(const std::string& text);

}  // namespace understudy::snapshot
