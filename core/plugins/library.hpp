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
  [[nodiscard]] const us_plugin& entry() const noexcept { return *entry_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] bool provides(std::string_view interface_name, std::string_view method) const;

 private:
  friend std::variant<std::shared_ptr<Library>, LoadError> load_library(const std::filesystem::path& path);
  std::filesystem::path path_;
  const us_plugin* entry_ = nullptr;
  Manifest manifest_;
};

/// Loads and checks: symbol, ABI major, manifest. [any thread]
[[nodiscard]] std::variant<std::shared_ptr<Library>, LoadError> load_library(const std::filesystem::path& path);

}  // namespace understudy::plugins
