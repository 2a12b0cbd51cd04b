// The signatures against the examples that AWS publishes, and the plugin against a bucket that this test plays.
// A real S3 server is used by Understudy's tests/e2e/test_examples.py.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <understudy/testing.hpp>

#include "manifest.hpp"
#include "sigv4.hpp"

using namespace understudy::sdk;
namespace fs = std::filesystem;

namespace {

int passed = 0;
void expect(bool what, const std::string& text) {
  ++passed;
  if (what) return;
  std::fprintf(stderr, "failed: %s\n", text.c_str());
  std::exit(1);
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// ---- signatures: "Signature Calculations for the Authorization Header", Amazon S3 API reference ---------------------

const std::string nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string signature(s3_store::Request r) {
  r.headers["host"] = "examplebucket.s3.amazonaws.com";
  s3_store::sign(r, {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""}, "us-east-1",
                 "20130524T000000Z");
  const auto& text = r.headers.at("authorization");
  expect(contains(text, "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders="), text);
  return text.substr(text.find("Signature=") + 10);
}

void signs_as_aws_publishes() {
  expect(s3_store::sha256_hex("") == nothing, "SHA-256 of nothing");
  expect(s3_store::amz_date(1369353600000) == "20130524T000000Z", "the date");
  expect(signature({"GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, nothing}) ==
             "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
         "GET object");
  expect(signature({"PUT",
                    "/test$file.text",
                    {},
                    {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                    s3_store::sha256_hex("Welcome to Amazon S3.")}) ==
             "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
         "PUT object");
  expect(signature({"GET", "/", {{"lifecycle", ""}}, {}, nothing}) ==
             "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
         "GET bucket lifecycle");
  expect(signature({"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, nothing}) ==
             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
         "list objects, with the query in any order");
}

// ---- the plugin, with a bucket in memory ----------------------------------------------------------------------------

/// Answers http.request/1 as S3 does. `on_request` sees each first and may answer it itself.
class FakeBucket {
 public:
  explicit FakeBucket(testing::FakeHost& host) {
    host.on("secret.get/1",
            [](const Json& asked) { return Result{{{"value", "of-" + asked.at("key").get<std::string>()}}}; });
    host.on("http.request/1", [this](const Json& asked) { return answer(asked); });
  }
  std::map<std::string, std::string> objects;
  std::function<std::optional<Result>(const std::string& method, const std::string& key)> on_request;
  std::vector<std::string> log;

  static Result reply(int status, const std::string& body = {}) {
    return {{{"status", status}, {"body", body}, {"headers", {{"etag", "\"e\""}}}, {"truncated", false}}};
  }
  static Result error(int status, const std::string& code) {
    return reply(status, "<Error><Code>" + code + "</Code><Message>so it is</Message></Error>");
  }

 private:
  Result answer(const Json& asked) {
    const auto url = asked.at("url").get<std::string>();
    const auto method = asked.at("method").get<std::string>();
    const std::string root = "http://s3.test:9000/state";
    expect(url.rfind(root, 0) == 0, "the url " + url);
    expect(contains(asked.at("headers").at("authorization"), "AWS4-HMAC-SHA256 Credential=of-a/"), "it is signed");
    expect(!contains(asked.dump(), "of-s"), "the secret key is not sent");
    const auto rest = url.substr(root.size());
    const auto key = rest.rfind('/', 0) == 0 ? rest.substr(1) : rest;
    log.push_back(method + " " + key);
    if (on_request) {
      if (auto own = on_request(method, key)) return *own;
    }
    if (key.rfind("?", 0) == 0) return list(key);
    if (method == "PUT") return put(key, asked);
    if (method == "DELETE") return objects.erase(key), reply(204);
    if (!objects.contains(key)) return error(404, "NoSuchKey");
    if (!asked.contains("to_file")) return reply(200, objects.at(key));
    std::ofstream(asked.at("to_file").get<std::string>(), std::ios::binary) << objects.at(key);
    return reply(200);
  }
  Result put(const std::string& key, const Json& asked) {
    std::string body = asked.value("body", "");
    if (asked.contains("body_file")) {
      std::ifstream in(asked.at("body_file").get<std::string>(), std::ios::binary);
      body.assign(std::istreambuf_iterator<char>(in), {});
    }
    expect(asked.at("headers").at("x-amz-content-sha256") == s3_store::sha256_hex(body), "the hash of " + key);
    objects[key] = body;
    return reply(200);
  }
  /// Two keys a page, so that lists go on.
  Result list(const std::string& query) {
    const auto value = [&](const std::string& name) {
      const auto at = query.find(name + "=");
      return at == std::string::npos ? std::string()
                                     : query.substr(at + name.size() + 1, query.find('&', at) - at - name.size() - 1);
    };
    auto prefix = value("prefix");
    for (auto at = prefix.find("%2F"); at != std::string::npos; at = prefix.find("%2F")) prefix.replace(at, 3, "/");
    std::vector<std::string> found;
    for (const auto& [key, body] : objects) {
      if (key.rfind(prefix, 0) != 0) continue;
      const auto slash = key.find('/', prefix.size());
      const bool folder = contains(query, "delimiter") && slash != std::string::npos;
      const auto one =
          folder ? "<CommonPrefixes><Prefix>" + key.substr(0, slash + 1) + "</Prefix></CommonPrefixes>"
                 : "<Contents><Key>" + key + "</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>";
      if (found.empty() || found.back() != one) found.push_back(one);
    }
    const auto token = value("continuation-token");
    const std::size_t from = token.empty() ? 0 : std::stoul(token);
    std::string xml = "<ListBucketResult>";
    for (std::size_t i = from; i < std::min(from + 2, found.size()); ++i) xml += found[i];
    const bool more = from + 2 < found.size();
    xml += more ? "<IsTruncated>true</IsTruncated><NextContinuationToken>" + std::to_string(from + 2) +
                      "</NextContinuationToken>"
                : "<IsTruncated>false</IsTruncated>";
    return reply(200, xml + "</ListBucketResult>");
  }
};

const Json settings = {{"endpoint", "http://s3.test:9000/"},
                       {"bucket", "state"},
                       {"prefix", "under/study"},
                       {"access_key", {{"$secret", "a"}}},
                       {"secret_key", {{"$secret", "s"}}}};

struct Bench {
  Bench() {
    std::string name = (fs::temp_directory_path() / "s3-store-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::exit(1);
    dir = name;
    fs::create_directories(dir / "state/sub");
    std::ofstream(dir / "state/a b&c\xff", std::ios::binary) << std::string("\0\xff\n", 3);
    std::ofstream(dir / "state/sub/empty");
    fs::create_symlink("sub/empty", dir / "state/link");
  }
  ~Bench() { fs::remove_all(dir); }
  Result call(const char* method, const Json& params) { return store.call(method, params); }
  Result push(const std::string& id, int epoch) {
    return call("store.push/1", {{"service", "svc"},
                                 {"id", id},
                                 {"epoch", epoch},
                                 {"paths", {{{"name", "state"}, {"path", (dir / "state").string()}}}}});
  }
  Result pull(const std::string& id, const std::string& into) {
    fs::create_directories(dir / into);
    return call("store.pull/1", {{"service", "svc"}, {"id", id}, {"staging", (dir / into).string()}});
  }
  std::vector<std::string> valid() {
    std::vector<std::string> out;
    const auto r = call("store.list/1", {{"service", "svc"}});
    for (const auto& s : r.get().at("snapshots")) {
      if (s.at("valid") == true) out.push_back(s.at("id"));
    }
    return out;
  }
  fs::path dir;
  testing::FakeHost host{understudy_plugin()};
  FakeBucket bucket{host};
  testing::FakeHost::Instance store = host.make("state", settings);
};

using Ids = std::vector<std::string>;

void brings_back_what_was_saved() {
  Bench b;
  const auto saved = b.push("one", 3).get();
  expect(saved["files"] == 2 && saved["bytes"] == 3 && saved["epoch"] == 3, "files, bytes and epoch");
  expect(b.bucket.log.back() == "PUT under/study/svc/latest", "`latest` is last");
  expect(b.pull("one", "in").ok(), "it is pulled");
  std::ifstream in(b.dir / "in/state/a b&c\xff", std::ios::binary);
  expect(std::string(std::istreambuf_iterator<char>(in), {}) == std::string("\0\xff\n", 3), "any bytes, any name");
  expect(fs::read_symlink(b.dir / "in/state/link") == "sub/empty" && fs::exists(b.dir / "in/state/sub/empty"),
         "the tree");
  expect(b.valid() == Ids{"one"}, "it is listed");
}

void refuses_what_was_changed() {
  Bench b;
  (void)b.push("one", 1).get();
  auto& file = b.bucket.objects.at("under/study/svc/one/files/000001");
  file[0] = 'x';
  const auto pulled = b.pull("one", "in");
  expect(pulled.error.status == Status::invalid && contains(pulled.error.message, "is not what was saved"),
         "pull sees it");
  expect(fs::is_empty(b.dir / "in"), "nothing unverified stays");
  expect(b.call("store.verify/1", {{"service", "svc"}, {"id", "one"}}).error.status == Status::invalid,
         "verify sees it");
  auto& manifest = b.bucket.objects.at("under/study/svc/one/manifest.json");
  manifest.replace(manifest.find("\"epoch\":1"), 9, "\"epoch\":9");
  expect(b.valid().empty(), "a changed manifest is listed as damaged");
}

void refuses_a_replaced_site() {
  Bench b;
  (void)b.push("two", 5).get();
  const auto before = b.bucket.objects;
  expect(b.push("three", 4).error.status == Status::conflict, "an older epoch is a conflict");
  b.bucket.objects.erase("under/study/svc/latest");
  expect(b.push("three", 4).error.status == Status::conflict, "also when `latest` is lost");
  b.bucket.objects["under/study/svc/latest"] = R"({"id": "two", "epoch": 18446744073709551615})";
  expect(b.push("three", 5).error.status == Status::invalid, "-1 read as unsigned is damage, not the newest epoch");
  b.bucket.objects = before;
  // The successor saves while the files are sent.
  b.bucket.objects["under/study/svc/latest"] = R"({"id": "two", "epoch": 4})";
  b.bucket.on_request = [&](const std::string& method, const std::string& key) -> std::optional<Result> {
    if (method == "PUT" && contains(key, "three/files/000002"))
      b.bucket.objects["under/study/svc/latest"] = R"({"id": "x", "epoch": 5})";
    return std::nullopt;
  };
  expect(b.push("three", 4).error.status == Status::conflict, "seen before the manifest is written");
  expect(b.valid() == Ids{"two"}, "and no snapshot comes of it");
}

void marks_a_latecomer() {
  s3_store::Manifest m;
  Bench b;
  const auto put = [&](const char* id, std::uint64_t epoch, std::int64_t at) {
    m.snapshot = {id, epoch, at, 0, 0, true, ""};
    b.bucket.objects[std::string("under/study/svc/") + id + "/manifest.json"] = s3_store::write_manifest(m);
  };
  put("old", 1, 1000);
  put("new", 2, 2000);
  put("late", 1, 3000);
  expect(b.valid() == Ids{"new", "old"}, "newest first, without what the replaced site saved afterwards");
}

void says_unknown_only_when_it_is() {
  Bench b;
  const auto fails_at = [&](const std::string& part, Result how) {
    b.bucket.on_request = [part, how](const std::string& method, const std::string& key) -> std::optional<Result> {
      return method == "PUT" && contains(key, part) ? std::optional(how) : std::nullopt;
    };
  };
  const Result cut{{}, {Status::transient, "connection closed", {}, "closed", {}}};
  fails_at("files/", cut);
  expect(b.push("one", 1).error.status == Status::transient, "files alone are no snapshot");
  expect(b.valid().empty(), "nothing valid is listed");
  fails_at("manifest.json", cut);
  expect(b.push("two", 1).error.status == Status::unknown, "the manifest may have come");
  fails_at("latest", FakeBucket::error(503, "SlowDown"));
  expect(b.push("three", 1).error.status == Status::unknown, "the snapshot is there, and `latest` is not");
  fails_at("files/", FakeBucket::error(403, "SignatureDoesNotMatch"));
  const auto wrong = b.push("four", 1).error;
  expect(wrong.status == Status::denied && contains(wrong.hint, "secret_key"), "a wrong key is told with a hint");
  b.bucket.on_request = nullptr;
  b.bucket.objects.erase("under/study/svc/latest");
  const auto tries = b.bucket.log.size();
  bool failed = false;
  b.bucket.on_request = [&](const std::string&, const std::string&) -> std::optional<Result> {
    return std::exchange(failed, true) ? std::nullopt : std::optional(FakeBucket::error(500, "InternalError"));
  };
  expect(b.push("five", 1).ok() && b.bucket.log.size() > tries, "what a repeat cures is repeated");
}

void prunes_only_its_own() {
  Bench b;
  for (const char* id : {"s1", "s2", "s3", "s4"}) (void)b.push(id, 1).get();
  b.bucket.objects["under/study/svc/s1/files/notes.txt"] = "of somebody";
  b.bucket.objects["under/study/svc2/s1/manifest.json"] = "of another service";
  b.bucket.objects["elsewhere/s1/manifest.json"] = "of somebody";
  b.bucket.objects["under/study/svc/unfinished/files/000001"] = "x";
  const auto before = b.bucket.objects;
  const Json params = {{"service", "svc"}, {"keep_days", 0}, {"keep_at_least", 2}, {"dry_run", true}};
  const auto planned = b.call("store.prune/1", params).get();
  expect(b.bucket.objects == before, "a dry run removes nothing");
  Json really = params;
  really["dry_run"] = false;
  const auto done = b.call("store.prune/1", really).get();
  expect(done["removed"] == planned["removed"] && done["removed"] == Json({"s2", "s1", "unfinished"}),
         "as it said: " + done.dump());
  expect(b.valid() == Ids{"s4", "s3"}, "the newest stay");
  for (const char* key :
       {"under/study/svc/s1/files/notes.txt", "under/study/svc2/s1/manifest.json", "elsewhere/s1/manifest.json"})
    expect(b.bucket.objects.contains(key), std::string(key) + " is not ours");
  really["keep_days"] = 10'000;
  really["keep_at_least"] = 1;
  expect(b.call("store.prune/1", really).get()["removed"].empty(), "the young ones stay");
}

void refuses_settings_and_names() {
  testing::FakeHost host(understudy_plugin());
  for (const auto& [key, value] : {std::pair("endpoint", "ftp://x"), std::pair("endpoint", "https://x/path"),
                                   std::pair("prefix", "../up"), std::pair("bucket", "a/b")}) {
    Json changed = settings;
    changed[key] = value;
    bool refused = false;
    try {
      (void)host.make("state", changed);
    } catch (const Failure&) {
      refused = true;
    }
    expect(refused, std::string(key) + " = " + value + " is refused");
  }
  Bench b;
  for (const char* id : {"", "../other", "a/b", ".hidden"}) {
    expect(b.push(id, 1).error.status == Status::invalid, "no id: " + std::string(id));
    expect(b.pull(id, "in").error.status == Status::invalid, "no id: " + std::string(id));
  }
  for (const char* bad : {"/etc/passwd", "a/../../b", "..", "a//b"}) expect(!s3_store::harmless(bad), bad);
}

}  // namespace

int main() {
  signs_as_aws_publishes();
  brings_back_what_was_saved();
  refuses_what_was_changed();
  refuses_a_replaced_site();
  marks_a_latecomer();
  says_unknown_only_when_it_is();
  prunes_only_its_own();
  refuses_settings_and_names();
  std::printf("s3_store: %d expectations met\n", passed);
}
