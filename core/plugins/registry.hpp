// Finds plugins by name in the plugin_path, loads each once, and makes instances. On the loop.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "core/config/config.hpp"
#include "core/host/log.hpp"
#include "core/host/services.hpp"
#include "core/plugins/instance.hpp"
#include "core/plugins/library.hpp"
#include "core/plugins/stats.hpp"

namespace understudy::plugins {

class LibraryThread;

/// What failed a moment ago, by plugin: whoever asks again is told the same at once. Each try may hold the loop for
/// seconds, and a configuration names a plugin many times.
class Failures {
 public:
  void remember(const std::string& plugin, const LoadError& error);
  [[nodiscard]] const LoadError* recent(const std::string& plugin) const;

 private:
  struct Failed {
    LoadError error;
    std::chrono::steady_clock::time_point at;
  };
  std::map<std::string, Failed> failed_;
};

class Registry {
 public:
  /// `path`: folders, searched in order. Libraries that lie in a folder of `bundled` are trusted: they are loaded into
  /// this process and run on the loop. All others run isolated, unless the file says otherwise; `program` is the
  /// understudy that hosts them.
  Registry(std::vector<std::filesystem::path> path, std::vector<std::filesystem::path> bundled,
           std::filesystem::path program);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  [[nodiscard]] std::variant<std::shared_ptr<Library>, LoadError> find(const std::string& name);
  /// Every library in the path, with its manifest or with why it cannot be used.
  [[nodiscard]] std::vector<std::pair<std::filesystem::path, std::variant<std::shared_ptr<Library>, LoadError>>> all();
  /// How those that were used have behaved.
  [[nodiscard]] const std::map<std::string, std::shared_ptr<Stats>>& stats() const noexcept { return stats_; }
  /// Names for "did you mean".
  [[nodiscard]] std::vector<std::string> names() const;

  struct Wiring {
    boost::asio::io_context& loop;
    host::Services& services;
    host::Logger& log;
  };
  /// The wiring outlives the instance.
  [[nodiscard]] std::variant<std::unique_ptr<Instance>, LoadError> make(
      const Wiring& wiring, const config::PluginUse& use, const std::string& interface_name,
      const std::string& instance, const std::string& service, const std::string& target);

 private:
  [[nodiscard]] bool is_bundled(const std::filesystem::path& library) const;
  [[nodiscard]] std::variant<std::unique_ptr<Instance>, LoadError> make_with(const Wiring& wiring,
                                                                             const config::PluginUse& use,
                                                                             std::shared_ptr<Library> library,
                                                                             const sdk::Json& envelope);
  [[nodiscard]] std::shared_ptr<Stats> stats_of(const std::string& plugin);

  std::vector<std::filesystem::path> path_, bundled_;
  std::filesystem::path program_;
  std::map<std::string, std::shared_ptr<Library>> loaded_;
  Failures unusable_, hung_;  ///< that could not be loaded; that did not finish create()
  std::map<std::string, std::shared_ptr<LibraryThread>> threads_;
  std::map<std::string, std::shared_ptr<Stats>> stats_;
};

}  // namespace understudy::plugins
