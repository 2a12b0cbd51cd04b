// Runs the catalogue: each case in a child process of its own, so that a crash or a hang is a verdict and not the end.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/conformance/case.hpp"

namespace understudy::conformance {

enum class Verdict { passed, failed, skipped };
[[nodiscard]] std::string_view name_of(Verdict verdict) noexcept;

struct Outcome {
  std::string name;  ///< "target/old-epoch"
  std::string interface_name;
  std::string isolation;  ///< "loop", "process"; empty for rules of the library
  Verdict verdict = Verdict::passed;
  std::string rule;
  std::string message;  ///< why not passed
  std::string log;      ///< of the child, when it failed
  Millis took{0};
};

struct Plan {
  std::filesystem::path library, program;
  std::string settings_file;  ///< may be empty
  std::vector<std::string> isolations{"loop", "process"};
  std::string only;  ///< names that contain this; empty: all
  std::uint64_t seed = 0;
  Millis case_timeout{180'000};
};

/// `told` hears each outcome as it comes.
[[nodiscard]] std::vector<Outcome> run_all(const Plan& plan, const std::function<void(const Outcome&)>& told);

/// What the child does: one case, named by its index in the catalogue. Prints one line of JSON. Returns the exit code.
struct Single {
  std::size_t index = 0;
  std::string interface_name, isolation;
  std::uint64_t seed = 0;
  std::filesystem::path library, program;
  std::map<std::string, config::PluginUse> uses;
  std::vector<std::string> tamper;
};
[[nodiscard]] int run_single(const Single& single);

}  // namespace understudy::conformance
