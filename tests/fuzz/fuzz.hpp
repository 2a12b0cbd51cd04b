// What the fuzzers share: the entry point's name, a law that must hold, and a file that is memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace understudy::fuzz {

/// What is wrong with an answer is a finding, like a crash.
inline void must(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "broken law: %s\n", law);
  std::abort();
}

/// For readers that take the name of a file.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    must(fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "memory is there");
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }
  [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// The input as lines, or as parts at another byte.
inline std::vector<std::string> parts(std::string_view input, char between = '\n') {
  std::vector<std::string> out;
  while (true) {
    const auto end = input.find(between);
    out.emplace_back(input.substr(0, end));
    if (end == std::string_view::npos) return out;
    input.remove_prefix(end + 1);
  }
}

/// The input as JSON; discarded when it is none.
inline nlohmann::json json(std::string_view input) { return nlohmann::json::parse(input, nullptr, false); }

/// As everything that leaves the process: must not throw on any bytes.
inline std::string dumped(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace understudy::fuzz

/// The body of a fuzzer: FUZZ(input) { ... }, `input` being the bytes.
#define FUZZ(input)                                                                   \
  static void fuzz_one(std::string_view);                                             \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_one(std::string_view(reinterpret_cast<const char*>(data), size));            \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_one(std::string_view input)
