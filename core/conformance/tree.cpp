#include "core/conformance/tree.hpp"

#include <fstream>
#include <map>
#include <sstream>

namespace understudy::conformance {
namespace {

namespace fs = std::filesystem;

std::string random_bytes(std::size_t size, std::mt19937_64& random) {
  std::string out(size, '\0');
  for (auto& c : out) c = static_cast<char>(random());
  return out;
}

void write(const fs::path& file, const std::string& content) {
  std::ofstream out(file, std::ios::binary);
  out << content;
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Relative path → what it is.
std::map<std::string, fs::file_status> content_of(const fs::path& folder) {
  std::map<std::string, fs::file_status> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    out[entry.path().lexically_relative(folder).string()] = entry.symlink_status();
  return out;
}

constexpr auto executable = fs::perms::owner_exec;

}  // namespace

void make_tree(const fs::path& folder, std::mt19937_64& random) {
  fs::create_directories(folder / "deep/er/still");
  fs::create_directories(folder / "empty folder");
  write(folder / "empty", "");
  write(folder / "state.json", "{\"count\": " + std::to_string(random() % 1'000'000) + "}\n");
  write(folder / "with space & ampersand.txt", "a\r\nb\n");
  write(folder / "\xC3\xBCml\xC3\xA4ut-\xE2\x82\xAC.bin", random_bytes(random() % 5'000, random));
  write(folder / "deep/er/still/leaf", random_bytes(1 + random() % 300, random));
  write(folder / ".hidden", "dot\n");
  write(folder / "large.db", random_bytes(700'000 + random() % 700'000, random));
  write(folder / "-dash", "no option\n");
  write(folder / "percent%20plus+hash#question", "odd\n");
  write(folder / "tool.sh", "#!/bin/sh\n");
  fs::permissions(folder / "tool.sh", executable, fs::perm_options::add);
  for (int i = 0; i < 20; ++i)
    write(folder / "deep" / ("file-" + std::to_string(i)), random_bytes(random() % 2'000, random));
}

void change_tree(const fs::path& folder, std::mt19937_64& random) {
  write(folder / "state.json", "{\"count\": " + std::to_string(1'000'000 + random() % 1'000'000) + "}\n");
  write(folder / "new one", random_bytes(random() % 1'000, random));
  fs::remove(folder / "deep/file-3");
  fs::remove_all(folder / "deep/er");
}

std::string difference(const fs::path& expected, const fs::path& found) {
  const auto wanted = content_of(expected), got = content_of(found);
  for (const auto& [path, status] : wanted) {
    const auto it = got.find(path);
    if (it == got.end()) return "\"" + path + "\" is missing";
    if (it->second.type() != status.type()) return "\"" + path + "\" is of another kind";
    if (!fs::is_regular_file(status)) continue;
    if (read(expected / path) != read(found / path)) return "\"" + path + "\" has other bytes";
    if ((status.permissions() & executable) != (it->second.permissions() & executable))
      return "\"" + path + "\" has lost or gained its executable bit";
  }
  for (const auto& [path, status] : got) {
    if (!wanted.contains(path)) return "\"" + path + "\" was not there before";
  }
  return {};
}

}  // namespace understudy::conformance
