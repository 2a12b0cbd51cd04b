#include "manifest.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "sigv4.hpp"

namespace s3_store {
namespace {

using namespace understudy::sdk;

constexpr int format = 1;
constexpr const char* type_names[] = {"file", "folder", "link"};

/// JSON holds UTF-8 only; a file's name may be any bytes.
Json text_or_bytes(const std::string& text) {
  try {
    (void)Json(text).dump();
    return text;
  } catch (const Json::exception&) {
    Json bytes = Json::array();
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    return bytes;
  }
}
std::string text_from(const Json& in) {
  if (in.is_string()) return in.get<std::string>();
  std::string out;
  for (const auto& byte : in) out += static_cast<char>(byte.get<unsigned char>());
  return out;
}

Json entry_json(const Entry& e) {
  Json out = {{"path", text_or_bytes(e.path)},
              {"type", type_names[static_cast<int>(e.type)]},
              {"mode", e.mode},
              {"mtime_ns", e.mtime_ns}};
  if (e.type == Entry::Type::file) out.update({{"size", e.size}, {"sha256", e.sha256}, {"object", e.object}});
  if (e.type == Entry::Type::link) out["link"] = text_or_bytes(e.link);
  return out;
}

Entry entry_from(const Json& in) {
  Entry e;
  e.path = text_from(in.at("path"));
  if (!e.path.empty() && !harmless(e.path))
    throw Failure(Status::invalid, "its manifest names \"" + e.path + "\", which would leave the snapshot");
  const auto type = in.at("type").get<std::string>();
  const auto known = std::ranges::find(type_names, type);
  if (known == std::end(type_names)) throw std::invalid_argument("unknown type " + type);
  e.type = static_cast<Entry::Type>(known - std::begin(type_names));
  e.mode = in.at("mode").get<unsigned>() & 07777;
  e.mtime_ns = in.at("mtime_ns").get<std::int64_t>();
  if (e.type == Entry::Type::file) {
    e.size = in.at("size").get<std::int64_t>();
    e.sha256 = in.at("sha256").get<std::string>();
    e.object = in.at("object").get<std::int64_t>();
  }
  if (e.type == Entry::Type::link) e.link = text_from(in.at("link"));
  return e;
}

SavedPath path_from(const Json& in) {
  SavedPath out{in.at("name").get<std::string>(), {}};
  if (!harmless(out.name) || out.name.find('/') != std::string::npos)
    throw Failure(Status::invalid, "its manifest names \"" + out.name + "\", which would leave the snapshot");
  for (const auto& e : in.at("entries")) out.entries.push_back(entry_from(e));
  const bool rooted = !out.entries.empty() && std::ranges::all_of(out.entries, [&](const Entry& e) {
    return e.path.empty() == (&e == &out.entries.front());
  });
  if (!rooted || out.entries.front().type == Entry::Type::link) throw std::invalid_argument("a path without its root");
  return out;
}

Manifest manifest_from(const Json& in, const std::string& id) {
  if (in.at("format").get<int>() != format)
    throw Failure(Status::invalid, "it has a format that this version does not know");
  Manifest out;
  const auto& s = in.at("snapshot");
  if (!s.at("epoch").is_number_unsigned() || s.at("epoch").get<std::uint64_t>() > most_epochs)
    throw std::invalid_argument("no epoch is " + s.at("epoch").dump());
  out.snapshot = {s.at("id"), s.at("epoch"), s.at("created_ms"), s.at("bytes"), s.at("files"), true, ""};
  if (out.snapshot.id != id) throw Failure(Status::invalid, "its manifest is that of " + out.snapshot.id);
  for (const auto& p : in.at("paths")) out.paths.push_back(path_from(p));
  return out;
}

}  // namespace

std::string write_manifest(const Manifest& m) {
  Json out = {{"format", format}, {"snapshot", m.snapshot.to_json()}, {"paths", Json::array()}};
  for (const auto& p : m.paths) {
    Json entries = Json::array();
    for (const auto& e : p.entries) entries.push_back(entry_json(e));
    out["paths"].push_back({{"name", p.name}, {"entries", std::move(entries)}});
  }
  return "{\"sha256\":\"" + sha256_hex(out.dump()) + "\",\"manifest\":" + out.dump() + "}\n";
}

Manifest read_manifest(const std::string& text, const std::string& id) {
  try {
    const Json in = Json::parse(text);
    const auto& manifest = in.at("manifest");
    if (sha256_hex(manifest.dump()) != in.at("sha256").get<std::string>())
      throw Failure(Status::invalid, "its manifest was changed");
    return manifest_from(manifest, id);
  } catch (const Json::exception& e) {
    throw Failure(Status::invalid, std::string("its manifest is damaged: ") + e.what());
  } catch (const std::invalid_argument& e) {
    throw Failure(Status::invalid, std::string("its manifest is damaged: ") + e.what());
  }
}

std::string object_name(std::int64_t number) {
  const auto digits = std::to_string(number);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

bool plain_name(const std::string& text) {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

bool harmless(const std::string& path) {
  if (path.find('\0') != std::string::npos) return false;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

}  // namespace s3_store
