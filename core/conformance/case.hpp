// One rule of the plugin boundary as a test, and what it is given to work with.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/conformance/session.hpp"

namespace understudy::conformance {

/// The rule is broken; the text says how, to the plugin's author.
class Broken : public std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The rule cannot be tested here; the text says why.
class Skipped : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws Broken when `held` is false.
inline void expect(bool held, const std::string& otherwise) {
  if (!held) throw Broken(otherwise);
}

/// What a case works with. Everything random comes from `random`.
struct Bench {
  std::filesystem::path library, program;
  std::string interface_name;  ///< empty for rules of the library as a whole
  std::string isolation;       ///< "loop" or "process"
  std::map<std::string, config::PluginUse> uses;
  std::mt19937_64 random;
  std::uint64_t first_epoch = 1;    ///< of this case: rises from case to case and from run to run
  std::string run;                  ///< names what this run leaves at a provider: "conformance-<seed>"
  std::filesystem::path scratch;    ///< an empty folder, removed after the case
  std::vector<std::string> tamper;  ///< a command that damages the snapshot $SNAPSHOT at the provider; may be empty
  host::Logger& log;

  [[nodiscard]] const config::PluginUse& use();  ///< of this interface; throws Skipped when the file has none
  [[nodiscard]] std::shared_ptr<plugins::Library> loaded();     ///< in this process; throws Broken
  [[nodiscard]] std::shared_ptr<plugins::Library> described();  ///< the manifest only; throws Broken
  [[nodiscard]] sdk::Json envelope();
  [[nodiscard]] bool offers(const std::string& method);
};

struct Case {
  std::string name;            ///< "target/old-epoch"
  std::string rule;            ///< what must hold, as a sentence
  std::string interface_name;  ///< "" once for the library; "*" for each interface that it offers
  bool in_process_only = false;
  std::function<void(Bench&)> run;  ///< throws Broken or Skipped
};

/// All rules, in the order in which they are tried.
[[nodiscard]] const std::vector<Case>& catalogue();

// One file a group.
void add_library_cases(std::vector<Case>& out);
void add_protocol_cases(std::vector<Case>& out);
void add_health_cases(std::vector<Case>& out);
void add_target_cases(std::vector<Case>& out);
void add_state_cases(std::vector<Case>& out);
void add_notifier_cases(std::vector<Case>& out);

/// A session with one instance, for the rules of meaning.
class Subject {
 public:
  explicit Subject(Bench& bench);
  /// The result; throws Broken with the method's name when it fails.
  [[nodiscard]] sdk::Json get(const std::string& method, const sdk::Json& params = sdk::Json::object(),
                              Millis budget = Millis(30'000));
  [[nodiscard]] sdk::Result call(const std::string& method, const sdk::Json& params = sdk::Json::object(),
                                 Millis budget = Millis(30'000));
  [[nodiscard]] Session& session() noexcept { return session_; }
  [[nodiscard]] plugins::Instance& instance() noexcept { return *instance_; }

 private:
  Session session_;
  std::unique_ptr<plugins::Instance> instance_;
};

}  // namespace understudy::conformance
