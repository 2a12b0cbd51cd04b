#include "snapshot/manifest.hpp"

#include <algorithm>

#include "snapshot/epochs.hpp"

namespace understudy::snapshot {
namespace {

using understudy::sdk::Failure;
using understudy::sdk::Json;
using understudy::sdk::Status;

constexpr int format = 1;
constexpr const char* type_names[] = {"file", "folder", "link"};

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

/// JSON holds UTF-8 only; a file name may be any bytes.
Json text_or_hex(const std::string& text) {
  if (is_utf8(text)) return text;
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char c : text) {
    hex += digits[c >> 4];
    hex += digits[c & 15];
  }
  return {{"hex", hex}};
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
  if (e.type == Entry::Type::file) {
    out["size"] = e.size;
    out["sha256"] = e.sha256;
  }
  if (e.type == Entry::Type::link) out["link"] = text_or_hex(e.link);
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
  e.sha256 = in.value("sha256", "");
  if (in.contains("link")) e.link = text_from(in.at("link"));
  if (root ? !e.path.empty() : !harmless(e.path))
    throw Failure(Status::invalid, "the manifest names \"" + e.path + "\", which would leave the snapshot");
  return e;
}

}  // namespace

std::string write_manifest(const Manifest& m) {
  Json out = {{"format", format}, {"snapshot", m.snapshot.to_json()}, {"paths", Json::array()}};
  if (m.started_ms > 0) out["started_ms"] = m.started_ms;
  for (const auto& p : m.paths) {
    Json entries = Json::array();
    for (const auto& e : p.entries) entries.push_back(entry_json(e));
    out["paths"].push_back({{"name", p.name}, {"root", entry_json(p.root)}, {"entries", std::move(entries)}});
  }
  return out.dump(1) + "\n";
}

Manifest read_manifest(const std::string& text) {
  try {
    const Json in = understudy::sdk::parse_json(text);
    if (in.is_discarded()) throw Failure(Status::invalid, "its manifest is damaged: it is no JSON");
    if (in.at("format").get<int>() != format)
      throw Failure(Status::invalid, "the snapshot has a format that this version does not know");
    Manifest out;
    const auto& s = in.at("snapshot");
    out.snapshot = {s.at("id"), epoch_from(s.at("epoch")), s.at("created_ms"), s.at("bytes"), s.at("files"), true, ""};
    out.started_ms = in.value("started_ms", std::int64_t{0});
    for (const auto& p : in.at("paths")) {
      SavedPath path{p.at("name"), entry_from(p.at("root"), true), {}};
      if (!harmless(path.name) || path.name.find('/') != std::string::npos)
        throw Failure(Status::invalid, "the manifest names \"" + path.name + "\", which would leave the snapshot");
      for (const auto& e : p.at("entries")) path.entries.push_back(entry_from(e, false));
      out.paths.push_back(std::move(path));
    }
    return out;
  } catch (const Json::exception& e) {
    throw Failure(Status::invalid, std::string("its manifest is damaged: ") + e.what());
  } catch (const std::invalid_argument&) {
    throw Failure(Status::invalid, "its manifest is damaged: a name is no hex");
  }
}

}  // namespace understudy::snapshot
