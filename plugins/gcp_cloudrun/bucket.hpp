// Objects of one Cloud Storage bucket over the JSON API. [worker threads]
// The generation of an object is its fencing token: a write names the generation that it replaces, 0 for "new only".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client.hpp"

namespace gcp {

struct Object {
  std::string name;
  std::int64_t size = 0, generation = 0, created_ms = 0;
  std::string crc32c;  ///< base64, big-endian
  std::map<std::string, std::string> metadata;
};

class Bucket {
 public:
  /// `project` may be empty; it is for advice.
  Bucket(Client& client, std::string api, std::string bucket, std::string project)
      : client_(client), api_(std::move(api)), bucket_(std::move(bucket)), project_(std::move(project)) {}

  struct Content {
    std::string text;
    std::int64_t generation = 0;
  };
  /// Nothing when there is no such object. For small ones.
  [[nodiscard]] std::optional<Content> read(const std::string& name, const Deadline& deadline);
  [[nodiscard]] std::optional<Object> stat(const std::string& name, const Deadline& deadline);
  /// To a new file. False when there is no such object.
  [[nodiscard]] bool download(const std::string& name, const std::string& to, const Deadline& deadline);

  /// The new object, or nothing when the one there now is not of `generation` (0: one exists already).
  /// A lost answer is looked into before it is told, so a repeat by ourselves is no lost race.
  [[nodiscard]] std::optional<Object> write(const std::string& name, const std::string& text,
                                            const std::map<std::string, std::string>& metadata, std::int64_t generation,
                                            const Deadline& deadline);
  /// Of the file's bytes, as a new object.
  [[nodiscard]] std::optional<Object> upload(const std::string& name, const std::string& file,
                                             const Deadline& deadline);

  /// All whose names begin with `prefix`.
  [[nodiscard]] std::vector<Object> list(const std::string& prefix, const Deadline& deadline);
  /// Those directly below `prefix` and named `.../NAME/leaf` for any one NAME.
  [[nodiscard]] std::vector<Object> list_leaves(const std::string& prefix, const std::string& leaf,
                                                const Deadline& deadline);
  /// Gone already is fine. `generation` 0: whatever it is.
  void remove(const std::string& name, std::int64_t generation, const Deadline& deadline);

  [[nodiscard]] const std::string& name() const noexcept { return bucket_; }
  [[nodiscard]] understudy::sdk::Host& host() noexcept { return client_.host(); }

 private:
  [[nodiscard]] About about(const std::string& what, const char* role) const;
  [[nodiscard]] std::string address(const std::string& name) const;
  [[nodiscard]] std::vector<Object> listed(const std::string& query, const Deadline& deadline);

  Client& client_;
  const std::string api_, bucket_, project_;
};

/// CRC-32C as Cloud Storage writes it.
class Crc32c {
 public:
  void add(const void* data, std::size_t n) noexcept;
  [[nodiscard]] std::string base64() const;
  [[nodiscard]] std::uint32_t value() const noexcept { return ~state_; }

 private:
  std::uint32_t state_ = 0xFFFFFFFF;
};

}  // namespace gcp
