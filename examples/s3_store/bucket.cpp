#include "bucket.hpp"

#include <algorithm>
#include <future>
#include <string_view>

namespace s3_store {
namespace {

using namespace understudy::sdk;

constexpr Millis usual_patience{30'000}, patience_with_the_host{50}, poll{20};
constexpr std::int64_t slowest_bytes_per_ms = 100;  // slower is stalled
constexpr std::int64_t largest_text = 64 * 1024 * 1024;
constexpr int most_tries = 4;
constexpr std::size_t at_a_time = 8;

std::string unescaped(std::string text) {
  static constexpr std::pair<std::string_view, char> entities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&#39;", '\''}, {"&#34;", '"'}, {"&amp;", '&'}};
  for (const auto& [entity, c] : entities) {
    for (auto at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1))
      text.replace(at, entity.size(), 1, c);
  }
  return text;
}

/// The contents of every <tag>, one after the other. The answers of S3 are flat and plain enough for that.
std::vector<std::string> elements(std::string_view xml, const std::string& tag) {
  std::vector<std::string> out;
  const std::string open = "<" + tag + ">", close = "</" + tag + ">";
  for (auto from = xml.find(open); from != std::string_view::npos; from = xml.find(open, from)) {
    from += open.size();
    const auto to = xml.find(close, from);
    if (to == std::string_view::npos) break;
    out.emplace_back(xml.substr(from, to - from));
    from = to + close.size();
  }
  return out;
}
std::string element(std::string_view xml, const std::string& tag) {
  const auto all = elements(xml, tag);
  return all.empty() ? std::string() : unescaped(all.front());
}

std::string hint_for(const std::string& code) {
  if (code == "SignatureDoesNotMatch") return "check secret_key; a proxy that changes the request breaks it too";
  if (code == "InvalidAccessKeyId") return "check access_key, and that it belongs to this endpoint";
  if (code == "RequestTimeTooSkewed") return "set this host's clock";
  if (code == "NoSuchBucket") return "make the bucket, or check `bucket`";
  if (code == "AccessDenied") return "the key needs ListBucket, GetObject, PutObject and DeleteObject on the bucket";
  if (code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed" || code == "TemporaryRedirect")
    return "check `region` and `endpoint`";
  return {};
}

Failure refused(int status, const std::string& body, const std::string& what) {
  const auto code = element(body, "Code");
  const auto said = element(body, "Message");
  Error e{Status::invalid,
          what + ": " + (code.empty() ? "HTTP " + std::to_string(status) : code),
          hint_for(code),
          code,
          {}};
  if (!said.empty()) e.message += " (" + said.substr(0, 200) + ")";
  if (status == 401 || status == 403) e.status = Status::denied;
  if (status == 429 || status >= 500) e.status = Status::transient;
  return Failure(std::move(e));
}

bool worth_another_try(const Result& r) {
  if (!r.ok()) return r.error.status == Status::transient && r.error.kind != "tls" && r.error.kind != "file";
  const int status = r.value.value("status", 0);
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

Millis patience_for(std::int64_t size) { return usual_patience + Millis(size / slowest_bytes_per_ms); }

}  // namespace

void Call::check() const {
  if (cancelled()) throw Failure(Status::cancelled, "it was cancelled");
  if (left() <= Millis(0))
    throw Failure(Status::transient, "it did not finish in time", "give it more time, or a faster connection");
}

Bucket::Bucket(Host& host, Place place) : host_(host), place_(std::move(place)) {
  while (place_.endpoint.ends_with('/')) place_.endpoint.pop_back();
  const auto at = place_.endpoint.find("://");
  scheme_ = at == std::string::npos ? "" : place_.endpoint.substr(0, at);
  authority_ = at == std::string::npos ? "" : place_.endpoint.substr(at + 3);
  if ((scheme_ != "http" && scheme_ != "https") || authority_.empty() ||
      authority_.find_first_of("/?#@") != std::string::npos)
    throw Failure(Status::invalid, "the endpoint " + place_.endpoint + " is not http(s)://host or http(s)://host:port");
  // As the Host header has it: without the port that goes without saying.
  const std::string usual = scheme_ == "http" ? ":80" : ":443";
  if (authority_.ends_with(usual)) authority_.erase(authority_.size() - usual.size());
  if (place_.bucket_in_host) authority_ = place_.bucket + "." + authority_;
}

/// Host::blocking() that ends with the call: in small steps, so that a cancelled push of a large file ends soon.
Result Bucket::host_call(const Call& call, const char* method, const Json& params, Millis budget) {
  call.check();
  auto promise = std::make_shared<std::promise<Result>>();
  auto answer = promise->get_future();
  const auto op = host_.call(method, params, std::min(call.left(), budget),
                             [promise](Result r) { promise->set_value(std::move(r)); });
  bool told = false;
  while (answer.wait_for(poll) != std::future_status::ready) {
    if (call.left() < -patience_with_the_host) call.check();
    if (told || (!call.cancelled() && call.left() > Millis(0))) continue;
    host_.cancel(op);
    told = true;
  }
  return answer.get();
}

std::int64_t Bucket::now_ms(const Call& call) {
  return host_call(call, "clock.now/1", Json::object(), usual_patience).get().at("wall_ms").get<std::int64_t>();
}

std::string Bucket::secret(const Call& call, const Json& setting) {
  if (!setting.is_object()) return {};
  const auto r = host_call(call, "secret.get/1", {{"key", setting.at("$secret")}}, usual_patience);
  return r.get().at("value").get<std::string>();
}

Bucket::Wanted Bucket::wanted(const char* method, const std::string& key) const {
  Wanted out;
  out.request.method = method;
  out.request.path = (place_.bucket_in_host ? "/" : "/" + place_.bucket + (key.empty() ? "" : "/")) + key;
  out.request.headers["host"] = authority_;
  out.request.payload_sha256 = sha256_hex("");
  out.patience = usual_patience;
  return out;
}

Json Bucket::signed_request(const Call& call, const Wanted& wanted) {
  Request r = wanted.request;
  const Keys keys{secret(call, place_.access_key), secret(call, place_.secret_key), secret(call, place_.session_token)};
  sign(r, keys, place_.region, amz_date(now_ms(call)));
  r.headers.erase("host");  // the host's HTTP client writes the same
  const auto query = query_text(r);
  Json out = wanted.more;
  out["url"] = scheme_ + "://" + authority_ + uri_encoded(r.path, "/") + (query.empty() ? "" : "?" + query);
  out["method"] = r.method;
  out["headers"] = r.headers;
  out["want"] = {"headers"};
  out["max_body"] = largest_text;
  if (!place_.ca_file.empty()) out["ca_file"] = place_.ca_file;
  return out;
}

Json Bucket::perform(const Call& call, const Wanted& wanted) {
  for (int tries = 1;; ++tries) {
    const auto r = host_call(call, "http.request/1", signed_request(call, wanted), wanted.patience);
    const Millis wait(200 * (1 << tries));
    if (tries == most_tries || !worth_another_try(r) || call.cancelled() || wait >= call.left()) {
      if (!r.ok() && call.left() <= Millis(0)) call.check();  // it was cut off by us: no word on the storage
      return r.get();
    }
    (void)host_call(call, "timer.after/1", {{"ms", wait.count()}}, wait + poll).get();
  }
}

std::optional<Text> Bucket::get(const Call& call, const std::string& key) {
  const auto r = perform(call, wanted("GET", key));
  const int status = r.at("status").get<int>();
  const auto& body = r.at("body").get_ref<const std::string&>();
  if (status == 404 && element(body, "Code") != "NoSuchBucket") return std::nullopt;
  if (status != 200) throw refused(status, body, "cannot read " + key);
  if (r.value("truncated", false)) throw Failure(Status::invalid, key + " is larger than anything that we write");
  return Text{body, r.at("headers").value("etag", "")};
}

std::vector<std::optional<Text>> Bucket::get_all(const Call& call, const std::vector<std::string>& keys) {
  std::vector<std::optional<Text>> out(keys.size());
  for (std::size_t from = 0; from < keys.size(); from += at_a_time) {
    std::vector<std::future<std::optional<Text>>> waiting;
    for (std::size_t i = from; i < std::min(from + at_a_time, keys.size()); ++i)
      waiting.push_back(std::async(std::launch::async, [this, &call, &key = keys[i]] { return get(call, key); }));
    for (auto& w : waiting) w.wait();  // all of them refer to what is ours
    for (std::size_t i = 0; i < waiting.size(); ++i) out[from + i] = waiting[i].get();
  }
  return out;
}

void Bucket::download(const Call& call, const std::string& key, const std::string& file, std::int64_t size) {
  auto w = wanted("GET", key);
  w.more["to_file"] = file;
  w.patience = patience_for(size);
  const auto r = perform(call, w);
  const int status = r.at("status").get<int>();
  if (status == 404 && element(r.value("body", ""), "Code") != "NoSuchBucket")
    throw Failure(Status::invalid, key + " is not in the bucket any more");
  if (status != 200) throw refused(status, r.value("body", ""), "cannot read " + key);
}

bool Bucket::put(const Call& call, const std::string& key, const std::string& body,
                 const std::optional<OnlyIf>& only_if) {
  auto w = wanted("PUT", key);
  w.request.payload_sha256 = sha256_hex(body);
  w.request.headers["content-type"] = "application/json";
  w.more["body"] = body;
  if (only_if)
    w.request.headers[only_if->etag.empty() ? "if-none-match" : "if-match"] =
        only_if->etag.empty() ? "*" : only_if->etag;
  const auto r = perform(call, w);
  const int status = r.at("status").get<int>();
  if (only_if && (status == 412 || status == 409)) return false;
  if (only_if && status == 501) return put(call, key, body);
  if (status != 200) throw refused(status, r.at("body").get<std::string>(), "cannot write " + key);
  return true;
}

void Bucket::upload(const Call& call, const std::string& key, const std::string& file, const std::string& sha256,
                    std::int64_t size) {
  auto w = wanted("PUT", key);
  w.request.payload_sha256 = sha256;
  w.request.headers["content-type"] = "application/octet-stream";
  w.more["body_file"] = file;
  w.patience = patience_for(size);
  const auto r = perform(call, w);
  if (r.at("status") != 200) throw refused(r.at("status"), r.value("body", ""), "cannot write " + key);
}

void Bucket::remove(const Call& call, const std::string& key) {
  const auto r = perform(call, wanted("DELETE", key));
  const int status = r.at("status").get<int>();
  if (status != 204 && status != 200 && (status != 404 || element(r.value("body", ""), "Code") == "NoSuchBucket"))
    throw refused(status, r.value("body", ""), "cannot delete " + key);
}

Listing Bucket::list(const Call& call, const std::string& prefix, bool folders) {
  Listing out;
  std::string next;
  do {
    auto w = wanted("GET", "");
    w.request.query = {{"list-type", "2"}, {"prefix", prefix}};
    if (folders) w.request.query.emplace_back("delimiter", "/");
    if (!next.empty()) w.request.query.emplace_back("continuation-token", next);
    const auto r = perform(call, w);
    const auto& xml = r.at("body").get_ref<const std::string&>();
    if (r.at("status") != 200) throw refused(r.at("status"), xml, "cannot list the bucket " + place_.bucket);
    for (const auto& object : elements(xml, "Contents"))
      out.objects.push_back({element(object, "Key"), element(object, "LastModified")});
    for (const auto& folder : elements(xml, "CommonPrefixes")) out.folders.push_back(element(folder, "Prefix"));
    const bool more = element(xml, "IsTruncated") == "true";
    next = more ? element(xml, "NextContinuationToken") : "";
    if (more && next.empty()) throw Failure(Status::invalid, "the storage says that a list goes on, and not where");
  } while (!next.empty());
  return out;
}

}  // namespace s3_store
