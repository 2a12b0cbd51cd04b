// The rclone program, by the host's process.run/1: one run at a time for the calling worker thread, its complaints
// kept, its progress told, and repeated while that may help. Blocking: [worker] only. Throws sdk::Failure.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "diagnosis.hpp"
#include "job.hpp"
#include "settings.hpp"

namespace rclone_store {

using Args = std::vector<std::string>;

class Program {
 public:
  Program(understudy::sdk::Host& host, const Settings& settings) : host_(host), settings_(settings) {}

  struct Options {
    std::size_t max_output = 1024 * 1024;
    bool transfer = false;  ///< moves data: progress is told and the bandwidth limit holds
  };

  /// One run, whatever its end.
  [[nodiscard]] Ended once(const Job& job, const Args& args, const Options& options) const;
  /// Tries again while that may help; its output.
  std::string run(const Job& job, const Args& args, const Options& options) const;
  std::string run(const Job& job, const Args& args) const { return run(job, args, Options{}); }
  /// As run(), and nothing when the folder or file is not there.
  [[nodiscard]] std::optional<std::string> run_if_there(const Job& job, const Args& args, const Options& options) const;
  [[nodiscard]] std::optional<std::string> run_if_there(const Job& job, const Args& args) const {
    return run_if_there(job, args, Options{});
  }

 private:
  [[nodiscard]] Ended once_more(const Job& job, const Args& args, const Options& options,
                                const std::optional<understudy::sdk::Error>& before) const;
  [[nodiscard]] Args command(const Args& args, const Options& options) const;
  [[nodiscard]] std::string password(const Job& job) const;
  [[nodiscard]] std::optional<understudy::sdk::Error> complaint_of(const Ended& ended) const;

  understudy::sdk::Host& host_;
  const Settings& settings_;
};

}  // namespace rclone_store
