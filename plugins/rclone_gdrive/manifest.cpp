#include "manifest.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <stdexcept>

#include "snapshot/epochs.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;

constexpr int format = 1;
constexpr const char* type_names[] = {"file", "folder", "link"};
constexpr const char* hex_mark = "~hex~";

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

std::string to_hex(const std::string& text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : text) {
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

/// JSON holds UTF-8 only; a file name may be any bytes.
Json text_or_hex(const std::string& text) {
  if (is_utf8(text)) return text;
  return {{"hex", to_hex(text)}};
}

std::string text_from(const Json& in) {
  if (in.is_string()) return in.get<std::string>();
  const auto hex = in.at("hex").get<std::string>();
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

Json entry_json(const Entry& e) {
  Json out = {{"path", text_or_hex(e.path)},
              {"type", type_names[static_cast<int>(e.type)]},
              {"mode", e.mode},
              {"mtime_ns", e.mtime_ns}};
  if (e.type == Entry::Type::link) out["link"] = text_or_hex(e.link);
  if (e.type != Entry::Type::file) return out;
  out["size"] = e.size;
  out["sha256"] = e.hashes.sha256;
  out["sha1"] = e.hashes.sha1;
  out["md5"] = e.hashes.md5;
  return out;
}

Entry entry_from(const Json& in, bool root) {
  Entry e;
  e.path = text_from(in.at("path"));
  const auto type = in.at("type").get<std::string>();
  e.type = type == "folder" ? Entry::Type::folder : type == "link" ? Entry::Type::link : Entry::Type::file;
  e.mode = in.at("mode").get<unsigned>() & 07777;
  e.mtime_ns = in.at("mtime_ns").get<std::int64_t>();
  e.size = in.value("size", std::int64_t{0});
  e.hashes = {in.value("sha256", ""), in.value("sha1", ""), in.value("md5", "")};
  if (in.contains("link")) e.link = text_from(in.at("link"));
  if (root ? !e.path.empty() : !harmless(e.path))
    throw Failure(Status::invalid, "the manifest names \"" + e.path + "\", which would leave the snapshot");
  return e;
}

Json card_json(const Card& card) {
  return {{"format", format},
          {"id", card.snapshot.id},
          {"epoch", card.snapshot.epoch},
          {"created_ms", card.snapshot.created_ms},
          {"bytes", card.snapshot.bytes},
          {"files", card.snapshot.files},
          {"manifest_sha256", card.manifest_sha256}};
}

void check_format(const Json& in) {
  if (in.at("format").get<int>() != format)
    throw Failure(Status::invalid, "it has a format that this version does not know", "update Understudy");
}

Card card_from(const Json& in) {
  check_format(in);
  Card out;
  out.snapshot = {in.at("id"),
                  understudy::snapshot::epoch_from(in.at("epoch")),
                  in.at("created_ms"),
                  in.at("bytes"),
                  in.at("files"),
                  true,
                  ""};
  out.manifest_sha256 = in.at("manifest_sha256").get<std::string>();
  return out;
}

/// The value with the SHA-256 of itself, so that a cut or changed file shows.
std::string sealed(Json value) {
  value["check"] = sha256_of(value.dump());
  return value.dump(1) + "\n";
}

template <class Fn>
auto unsealed(const std::string& text, const char* what, Fn fn) {
  try {
    Json value = parse_json(text);
    const auto check = value.at("check").get<std::string>();
    value.erase("check");
    if (sha256_of(value.dump()) != check) throw Failure(Status::invalid, std::string(what) + " was changed");
    return fn(value);
  } catch (const Json::exception&) {
    throw Failure(Status::invalid, std::string(what) + " is damaged or cut short");
  } catch (const std::logic_error&) {
    throw Failure(Status::invalid, std::string(what) + " is damaged: a name is no hex");
  }
}

Json manifest_json(const Manifest& manifest) {
  Json out = {{"format", format}, {"id", manifest.id}, {"paths", Json::array()}};
  for (const auto& p : manifest.paths) {
    Json entries = Json::array();
    for (const auto& e : p.entries) entries.push_back(entry_json(e));
    out["paths"].push_back({{"name", p.name}, {"root", entry_json(p.root)}, {"entries", std::move(entries)}});
  }
  return out;
}

Manifest manifest_from(const Json& in) {
  check_format(in);
  Manifest out;
  out.id = in.at("id").get<std::string>();
  for (const auto& p : in.at("paths")) {
    SavedPath path{p.at("name"), entry_from(p.at("root"), true), {}};
    if (!harmless_name(path.name))
      throw Failure(Status::invalid, "the manifest names \"" + path.name + "\", which would leave the snapshot");
    for (const auto& e : p.at("entries")) path.entries.push_back(entry_from(e, false));
    out.paths.push_back(std::move(path));
  }
  return out;
}

std::string object_part(const std::string& part) {
  const bool plain = is_utf8(part) && part.rfind(hex_mark, 0) != 0 &&
                     std::ranges::none_of(part, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return plain ? part : hex_mark + to_hex(part);
}

}  // namespace

std::string write_card(const Card& card) { return sealed(card_json(card)); }
std::string write_manifest(const Manifest& manifest) { return sealed(manifest_json(manifest)); }
std::string write_latest(const Latest& latest) {
  Json others = Json::array();
  for (const auto& card : latest.others) others.push_back(card_json(card));
  return sealed({{"format", format}, {"latest", card_json(latest.card)}, {"others", std::move(others)}});
}

Card read_card(const std::string& text) { return unsealed(text, "its card", card_from); }
Manifest read_manifest(const std::string& text) { return unsealed(text, "its manifest", manifest_from); }
Latest read_latest(const std::string& text) {
  return unsealed(text, "latest.json", [](const Json& in) {
    check_format(in);
    Latest out{card_from(in.at("latest")), {}};
    for (const auto& card : in.at("others")) out.others.push_back(card_from(card));
    return out;
  });
}

std::vector<FileRef> files_of(Manifest& manifest) {
  std::vector<FileRef> out;
  for (auto& p : manifest.paths) {
    if (p.root.type == Entry::Type::file) out.push_back({object_name(p.name, ""), &p.root});
    for (auto& e : p.entries) {
      if (e.type == Entry::Type::file) out.push_back({object_name(p.name, e.path), &e});
    }
  }
  return out;
}

std::string object_name(const std::string& name, const std::string& path) {
  std::string out = "files/" + object_part(name);
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    out += "/" + object_part(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::optional<std::int64_t> time_in_id_ms(const std::string& id) {
  std::tm utc{};
  int ms = 0;
  if (std::sscanf(id.c_str(), "%4d%2d%2dT%2d%2d%2d.%3dZ", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour,
                  &utc.tm_min, &utc.tm_sec, &ms) != 7)
    return std::nullopt;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return static_cast<std::int64_t>(::timegm(&utc)) * 1000 + ms;
}

}  // namespace rclone_store
