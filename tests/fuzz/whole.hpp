// A whole plugin whose host answers from the input: which question it is asked, then what its provider says to each
// request that comes of it. An input is text: a letter that chooses the question, and a line's end; then answers, with
// the byte 0x1E between them. An answer is a line with a status or an exit code (1000 more: the body was cut off),
// lines of headers ("name: value"; for a program what it complained), an empty line, and the body (what the program
// printed). Status 0 is no answer: then the header line is the kind of the failure ("refused"), and the body its
// message.
#pragma once

#include <algorithm>
#include <fstream>

#include "core/answers/health.hpp"
#include "core/answers/notifier.hpp"
#include "core/answers/store.hpp"
#include "core/answers/target.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "understudy/testing.hpp"

namespace understudy::fuzz {

using sdk::Json;

/// What a plugin is asked, after it was made with these settings.
struct Question {
  const char* interface_name;
  Json settings;
  const char* method;
  Json params;
  bool goes_on = false;  ///< it asks by itself: polls, watches
};

/// A folder of this process, in memory where that is to be had.
inline const std::filesystem::path& own_folder() {
  static const auto folder = [] {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code ec;
    auto out = (std::filesystem::exists(memory, ec) ? memory : std::filesystem::temp_directory_path()) /
               ("understudy-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(out);
    return out;
  }();
  struct Removed {
    std::filesystem::path path;
    ~Removed() {
      std::error_code ec;
      std::filesystem::remove_all(path, ec);
    }
  };
  static const Removed removed{folder};
  return folder;
}

/// A file there that is not written by what is tested.
inline std::string own_file(const std::string& name, const std::string& text) {
  const auto file = own_folder() / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  return file.string();
}

/// Empty at the start of each input.
inline std::filesystem::path work_folder() { return own_folder() / "work"; }

/// What stands for the provider.
class Script {
 public:
  explicit Script(std::string_view input) : parts_(parts(input, '\x1E')) {}

  /// Nothing when no answer is left.
  struct Answer {
    int code = 0;
    bool truncated = false;
    std::string head, body;
  };
  std::optional<Answer> next() {
    if (at_ == parts_.size()) return std::nullopt;
    const std::string& text = parts_[at_++];
    asked_ = Clock::now();
    Answer out;
    const int code = std::clamp(std::atoi(text.substr(0, 5).c_str()), -1, 1999);
    out.code = code % 1000;
    out.truncated = code >= 1000;
    const auto line = std::min(text.find('\n'), text.size());
    const auto blank = text.find("\n\n", line);
    const auto begin = std::min(line + 1, text.size());
    out.head = blank == std::string::npos ? text.substr(begin) : text.substr(begin, std::max(blank, begin) - begin);
    if (blank != std::string::npos) out.body = text.substr(blank + 2);
    return out;
  }
  [[nodiscard]] bool over() const noexcept { return at_ == parts_.size(); }
  /// Since the last answer nothing more was asked for, for so long.
  [[nodiscard]] bool idle_for(sdk::Millis time) const { return Clock::now() - asked_ > time; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point asked_ = Clock::now();
  std::vector<std::string> parts_;
  std::size_t at_ = 0;
};

/// As at the end of the process: who is told this stops asking.
inline sdk::Result cancelled() { return {{}, {sdk::Status::cancelled, "the input is over", {}, {}, {}}}; }

inline sdk::Result http_reply(Script& script, const Json& asked) {
  const auto answer = script.next();
  if (!answer) return cancelled();
  if (answer->code == 0) return {{}, {sdk::Status::transient, answer->body, {}, answer->head, {}}};
  Json headers = Json::object();
  for (const auto& line : parts(answer->head)) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos) headers[line.substr(0, colon)] = line.substr(colon + 2);
  }
  Json out = {{"status", answer->code},
              {"headers", headers},
              {"truncated", answer->truncated},
              {"time_us", 900'000},
              {"remote_ip", "::1"},
              {"reused", false},
              {"body", ""}};
  const bool to_file = asked.contains("to_file") && answer->code / 100 == 2;
  if (to_file) {
    std::ofstream(asked["to_file"].get<std::string>(), std::ios::binary) << answer->body;
    out["bytes"] = answer->body.size();
  } else {
    out["body"] = answer->body;
  }
  return {out};
}

inline sdk::Result program_end(Script& script) {
  const auto answer = script.next();
  if (!answer) return cancelled();
  return {{{"exit_code", answer->code},
           {"stdout", answer->body},
           {"stderr", answer->head},
           {"truncated", answer->truncated},
           {"duration_ms", 1}}};
}

/// With the core's own readers, as far as it reads that method's.
inline bool is_readable(std::string_view method, const Json& answer) {
  try {
    if (method == "health.check/1") (void)answers::check(answer);
    if (method == "standby.observe/1") (void)answers::observed(answer);
    if (method == "standby.activate/1") (void)answers::started(answer);
    if (method == "standby.deactivate/1" || method == "drill.end/1") (void)answers::stopped(answer);
    if (method == "drill.start/1" || method == "drill.observe/1") (void)answers::copy(answer);
    if (method == "standby.quote/1") must(answers::quote(answer).wrong.empty(), "no bundled price is negative");
    if (method == "target.diagnose/1") (void)answers::problems(answer);
    if (method == "store.push/1") must(answers::snapshot(answer).valid, "what was saved is of use");
    if (method == "store.list/1") (void)answers::snapshots(answer);
    if (method == "store.fence/1") must(answers::fence(answer).has_value(), "the epoch of a fence can be");
    if (method == "notify.send/1") (void)answers::delivered(answer);
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

/// What stands for the core; the same for all inputs, since making it reads the plugin's manifest.
class Stage {
 public:
  explicit Stage(const us_plugin* plugin) : host_(plugin) {
    host_.on("http.request/1", [this](const Json& asked) { return http_reply(*script_, asked); });
    host_.on("process.run/1", [this](const Json&) { return program_end(*script_); });
    host_.on("timer.after/1",
             [this](const Json&) { return script_->over() ? cancelled() : sdk::Result{Json::object()}; });
    host_.on("secret.get/1", [](const Json&) { return sdk::Result{{{"value", "123456:what-is-secret"}}}; });
    host_.on("operator.request/1", [](const Json& asked) {
      return sdk::Result{{{"text", "asked for " + asked.value("action", "")}, {"index", 7}}};
    });
  }

  /// Law: every question is answered, whatever the provider says.
  void play(const Question& question, std::string_view answers) {
    script_.emplace(answers);
    host_.asked.clear();
    std::filesystem::remove_all(work_folder());
    std::filesystem::create_directories(work_folder());
    auto instance = host_.make(question.interface_name, question.settings);
    const auto result = instance.call(question.method, question.params, sdk::Millis(20'000));
    must(result.error.kind != "deadline", "every question is answered");
    if (result.ok()) must(is_readable(question.method, result.value), "the core can read the answer");
    const auto quiet = [this] { return script_->idle_for(sdk::Millis(5)); };
    if (question.goes_on) must(instance.run(quiet, sdk::Millis(20'000)), "who is told that all is over stops asking");
  }

 private:
  std::optional<Script> script_;
  sdk::testing::FakeHost host_;
};

inline void ask_whole(const us_plugin* plugin, const std::vector<Question>& questions, std::string_view input) {
  static Stage stage(plugin);
  if (input.size() < 2) return;
  stage.play(questions[static_cast<unsigned char>(input[0] - 'a') % questions.size()], input.substr(2));
}

}  // namespace understudy::fuzz
