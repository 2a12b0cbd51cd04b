// A bucket of S3-compatible storage through the host's http.request/1. Blocking, for worker threads; everything throws
// sdk::Failure. A request that a repeat may cure is repeated a few times: all of them repeat safely.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <understudy/host.hpp>

#include "sigv4.hpp"

namespace s3_store {

using understudy::sdk::Json;
using understudy::sdk::Millis;

/// Until when, and whether anybody still waits.
struct Call {
  std::chrono::steady_clock::time_point end;
  std::function<bool()> cancelled = [] { return false; };

  [[nodiscard]] Millis left() const {
    return std::chrono::duration_cast<Millis>(end - std::chrono::steady_clock::now());
  }
  /// Throws when it is over.
  void check() const;
};

struct Place {
  std::string endpoint;  ///< "https://s3.eu-central-1.amazonaws.com", without a slash at the end
  std::string region, bucket, ca_file;
  bool bucket_in_host = false;
  Json access_key, secret_key, session_token;  ///< {"$secret": key}; the last may be null
};

struct Text {
  std::string body, etag;
};
struct Listed {
  std::string key;
  std::string modified;  ///< ISO 8601, UTC
};
struct Listing {
  std::vector<Listed> objects;
  std::vector<std::string> folders;  ///< common prefixes, with the slash
};

/// If what is there is not `etag` (empty: nothing must be there), put() does nothing.
struct OnlyIf {
  std::string etag;
};

class Bucket {
 public:
  Bucket(understudy::sdk::Host& host, Place place);

  /// Nothing when there is no such object.
  [[nodiscard]] std::optional<Text> get(const Call& call, const std::string& key);
  /// The same, several at a time.
  [[nodiscard]] std::vector<std::optional<Text>> get_all(const Call& call, const std::vector<std::string>& keys);
  /// Into a new file.
  void download(const Call& call, const std::string& key, const std::string& file, std::int64_t size);

  /// False when `only_if` forbids it. Storage that does not know conditions ignores it, or is asked again without.
  bool put(const Call& call, const std::string& key, const std::string& body,
           const std::optional<OnlyIf>& only_if = {});
  void upload(const Call& call, const std::string& key, const std::string& file, const std::string& sha256,
              std::int64_t size);

  void remove(const Call& call, const std::string& key);  ///< also when it is gone already
  [[nodiscard]] Listing list(const Call& call, const std::string& prefix, bool folders);

  [[nodiscard]] std::int64_t now_ms(const Call& call);

 private:
  struct Wanted {
    Request request;
    Json more = Json::object();  ///< of the host's request: body, body_file, to_file
    Millis patience{0};
  };
  [[nodiscard]] Wanted wanted(const char* method, const std::string& key) const;
  [[nodiscard]] Json signed_request(const Call& call, const Wanted& wanted);
  [[nodiscard]] std::string secret(const Call& call, const Json& setting);
  [[nodiscard]] understudy::sdk::Result host_call(const Call& call, const char* method, const Json& params,
                                                  Millis budget);
  [[nodiscard]] Json perform(const Call& call, const Wanted& wanted);

  understudy::sdk::Host& host_;
  Place place_;
  std::string scheme_, authority_;
};

}  // namespace s3_store
