// A loaded plugin library: checked before anything of it is called, never unloaded (its thread-local destructors may
// be pending for as long as the process lives).
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>
#include <variant>

#include "core/plugins/manifest.hpp"
#include "understudy/abi.h"

namespace understudy::plugins {

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

/// Loads and checks: symbol, ABI major, manifest. [any thread]
[[nodiscard]] std::variant<std::shared_ptr<Library>, LoadError> load_library(const std::filesystem::path& path);

/// The manifest only, read by `program plugin-host --describe` in a process of its own: no code of the library runs in
/// this one. Waits up to five seconds. [any thread]
[[nodiscard]] std::variant<std::shared_ptr<Library>, LoadError> describe_library(const std::filesystem::path& path,
                                                                                 const std::filesystem::path& program);

}  // namespace understudy::plugins
