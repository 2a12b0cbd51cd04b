#include "bucket.hpp"

#include <array>

#include "snapshot/tree.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr const char* reader = "roles/storage.objectViewer";
constexpr const char* writer = "roles/storage.objectUser";
constexpr int most_pages = 1'000;

Object object_from(const Json& in) {
  Object out{text_of(in, "name"),         number_of(in, "size"),
             number_of(in, "generation"), rfc3339_ms(text_of(in, "timeCreated")).value_or(0),
             text_of(in, "crc32c"),       {}};
  const Json& metadata = object_of(in, "metadata");
  for (const auto& [key, value] : metadata.items()) {
    if (value.is_string()) out.metadata[key] = value.get<std::string>();
  }
  return out;
}

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> out{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    out[i] = value;
  }
  return out;
}();

std::string crc_of(const std::string& text) {
  Crc32c crc;
  crc.add(text.data(), text.size());
  return crc.base64();
}

}  // namespace

void Crc32c::add(const void* data, std::size_t n) noexcept {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < n; ++i) state_ = (state_ >> 8) ^ crc_table[(state_ ^ bytes[i]) & 0xFF];
}

std::string Crc32c::base64() const {
  const std::uint32_t value = ~state_;
  std::string raw;
  for (const int shift : {24, 16, 8, 0}) raw += static_cast<char>((value >> shift) & 0xFF);
  return gcp::base64(raw);
}

About Bucket::about(const std::string& what, const char* role) const {
  return {what + " gs://" + bucket_, project_, "the bucket " + bucket_, std::string(role) + " on the bucket", "",
          "storage.googleapis.com"};
}

std::string Bucket::address(const std::string& name) const {
  return api_ + "/storage/v1/b/" + escaped(bucket_) + "/o/" + escaped(name);
}

std::optional<Bucket::Content> Bucket::read(const std::string& name, const Deadline& deadline) {
  Ask ask;
  ask.url = address(name) + "?alt=media";
  ask.max_body = 64 * 1024 * 1024;
  const auto answer = client_.call(ask, about("read " + name + " in", reader), Repeat::safe, deadline, {404});
  if (answer.status == 404) {
    // A bucket that does not exist must not look like an empty one.
    if (api_error(answer).message.find("bucket does not exist") != std::string::npos)
      throw Failure(explain(api_error(answer), about("read " + name + " in", reader), false));
    return std::nullopt;
  }
  return Content{answer.body, number_of(answer.headers, "x-goog-generation")};
}

std::optional<Object> Bucket::stat(const std::string& name, const Deadline& deadline) {
  Ask ask;
  ask.url = address(name);
  const auto answer = client_.call(ask, about("look at " + name + " in", reader), Repeat::safe, deadline, {404});
  if (answer.status == 404) return std::nullopt;
  return object_from(answer.json);
}

bool Bucket::download(const std::string& name, const std::string& to, const Deadline& deadline) {
  Ask ask;
  ask.url = address(name) + "?alt=media";
  ask.to_file = to;
  return client_.call(ask, about("read " + name + " in", reader), Repeat::safe, deadline, {404}).good();
}

std::optional<Object> Bucket::write(const std::string& name, const std::string& text,
                                    const std::map<std::string, std::string>& metadata, std::int64_t generation,
                                    const Deadline& deadline) {
  Ask ask;
  ask.method = "POST";
  ask.url = api_ + "/upload/storage/v1/b/" + escaped(bucket_) +
            "/o?uploadType=multipart&ifGenerationMatch=" + std::to_string(generation);
  const std::string boundary =
      "understudy-" + understudy::snapshot::sha256_hex(text);  // so that the text cannot hold it
  ask.headers = {{"Content-Type", "multipart/related; boundary=" + boundary}};
  const Json resource = {{"name", name}, {"contentType", "application/json"}, {"metadata", metadata}};
  ask.body = "--" + boundary + "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" + resource.dump() +
             "\r\n--" + boundary + "\r\nContent-Type: application/json\r\n\r\n" + text + "\r\n--" + boundary + "--\r\n";
  // Safe to repeat: the condition lets it happen once.
  const auto answer = client_.call(ask, about("write " + name + " to", writer), Repeat::safe, deadline, {412});
  if (answer.good()) return object_from(answer.json);
  auto now = stat(name, deadline);
  if (now && now->generation != generation && now->crc32c == crc_of(text) && now->metadata == metadata) return now;
  return std::nullopt;
}

std::optional<Object> Bucket::upload(const std::string& name, const std::string& file, const Deadline& deadline) {
  Ask ask;
  ask.method = "POST";
  ask.url = api_ + "/upload/storage/v1/b/" + escaped(bucket_) +
            "/o?uploadType=media&ifGenerationMatch=0&name=" + escaped(name);
  ask.headers = {{"Content-Type", "application/octet-stream"}};
  ask.body_file = file;
  const auto answer = client_.call(ask, about("write " + name + " to", writer), Repeat::safe, deadline, {412});
  if (answer.good()) return object_from(answer.json);
  return stat(name, deadline);  // an earlier try of ours whose answer was lost: the caller compares its checksum
}

std::vector<Object> Bucket::listed(const std::string& query, const Deadline& deadline) {
  std::vector<Object> out;
  std::string page;
  for (int i = 0; i < most_pages; ++i) {
    Ask ask;
    ask.url = api_ + "/storage/v1/b/" + escaped(bucket_) + "/o?maxResults=1000&" + query;
    if (!page.empty()) ask.url += "&pageToken=" + escaped(page);
    ask.max_body = 16 * 1024 * 1024;
    const auto answer = client_.call(ask, about("list", reader), Repeat::safe, deadline);
    for (const auto& item : list_of(answer.json, "items")) out.push_back(object_from(item));
    page = text_of(answer.json, "nextPageToken");
    if (page.empty()) return out;
  }
  throw Failure(Status::invalid, "gs://" + bucket_ + " holds too many objects below the prefix", "prune it");
}

std::vector<Object> Bucket::list(const std::string& prefix, const Deadline& deadline) {
  return listed("prefix=" + escaped(prefix), deadline);
}

std::vector<Object> Bucket::list_leaves(const std::string& prefix, const std::string& leaf, const Deadline& deadline) {
  return listed("prefix=" + escaped(prefix) + "&matchGlob=" + escaped(prefix + "*/" + leaf), deadline);
}

void Bucket::remove(const std::string& name, std::int64_t generation, const Deadline& deadline) {
  Ask ask;
  ask.method = "DELETE";
  ask.url = address(name);
  if (generation != 0) ask.url += "?ifGenerationMatch=" + std::to_string(generation);
  (void)client_.call(ask, about("remove " + name + " from", writer), Repeat::safe, deadline, {404, 412});
}

}  // namespace gcp
