// A loaded plugin library: checked before anything of it is called, never unloaded (its thread-local destructors may
// be pending for as long as the process lives).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "understudy/abi.h"
#include "understudy/status.hpp"

namespace understudy::plugins {

/// Why a library cannot be used. `message` names the file.
struct LoadError {
  std::string message, hint;
};

struct Manifest {
  std::string name, version, license, summary;
  sdk::Json interfaces;            ///< {"health": {"provides": [...], "settings": {...}}, ...}
  std::vector<std::string> needs;  ///< host methods
  sdk::Json raw;
};

class Library {
 public:
  [[nodiscard]] const Manifest& manifest() const noexcept { return manifest_; }
  /// Only of a library that is loaded into this process.
  [[nodiscard]] const us_plugin& entry() const noexcept { return *entry_; }
  [[nodiscard]] bool loaded() const noexcept { return entry_ != nullptr; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] bool provides(std::string_view interface_name, std::string_view method) const;

 private:
  friend std::variant<std::shared_ptr<Library>, LoadError> load_library(const std::filesystem::path& path);
  friend std::variant<std::shared_ptr<Library>, LoadError> describe_library(const std::filesystem::path& path,
                                                                            const std::filesystem::path& program);
  std::filesystem::path path_;
  const us_plugin* entry_ = nullptr;
  Manifest manifest_;
};

/// Checks what a manifest says. [any thread]
[[nodiscard]] std::variant<Manifest, LoadError> read_manifest(const std::filesystem::path& path, sdk::Json raw);

/// Loads and checks: symbol, ABI major, manifest. [any thread]
[[nodiscard]] std::variant<std::shared_ptr<Library>, LoadError> load_library(const std::filesystem::path& path);

/// The manifest only, read by `program plugin-host --describe` in a process of its own: no code of the library runs in
/// this one. Waits up to five seconds. [any thread]
[[nodiscard]] std::variant<std::shared_ptr<Library>, LoadError> describe_library(const std::filesystem::path& path,
                                                                                 const std::filesystem::path& program);

}  // namespace understudy::plugins
