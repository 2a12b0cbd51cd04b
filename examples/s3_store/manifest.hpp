// The manifest of a snapshot: what is in it, with a SHA-256 for each file and one over the whole.
//
// Files are stored as numbered objects, so that a name of any bytes needs no place in a URL: the manifest tells which
// is which. Its text is {"sha256": H, "manifest": M}, H being the hash of M as it is written without spaces, keys
// sorted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <understudy/types.hpp>

namespace s3_store {

/// A file, folder or link below a state path, or the path itself (then `path` is empty).
struct Entry {
  enum class Type { file, folder, link };
  std::string path;
  Type type = Type::file;
  unsigned mode = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t size = 0;  ///< of a file, and so are these two
  std::string sha256;
  std::int64_t object = 0;  ///< its number
  std::string link;
};
struct SavedPath {
  std::string name;
  std::vector<Entry> entries;  ///< folders before what is in them; the first is the path itself
};
struct Manifest {
  understudy::sdk::Snapshot snapshot;
  std::vector<SavedPath> paths;
};

/// No service comes so far. A -1 that was read as unsigned would refuse every push from then on.
constexpr std::uint64_t most_epochs = std::uint64_t{1} << 53;

[[nodiscard]] std::string write_manifest(const Manifest& manifest);
/// Throws Failure(invalid) when it is damaged, of another snapshot, or would lead out of its folder.
[[nodiscard]] Manifest read_manifest(const std::string& text, const std::string& id);

/// "000042"
[[nodiscard]] std::string object_name(std::int64_t number);

/// Letters, digits, "-", "_" and ".", not beginning with ".": safe in a key and as a file's name.
[[nodiscard]] bool plain_name(const std::string& text);
/// Relative, without "..", "." or empty parts.
[[nodiscard]] bool harmless(const std::string& path);

}  // namespace s3_store
