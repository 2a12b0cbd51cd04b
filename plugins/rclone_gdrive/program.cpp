#include "program.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include "program_words.hpp"

namespace rclone_store {
namespace {

using namespace understudy::sdk;

constexpr auto look_every = std::chrono::milliseconds(50);
constexpr Millis longest_wait{60'000};
constexpr Millis secret_budget{10'000};

/// Passes on what rclone says while it runs. Items come on the [loop].
class Listener {
 public:
  Listener(Host& host, std::string operation, std::vector<std::string> secrets)
      : host_(host), operation_(std::move(operation)), words_(std::move(secrets)) {}

  void line(const std::string& text) {
    if (auto progress = words_.line(text)) {
      (*progress)["operation"] = operation_;
      host_.notify("progress", *progress);
    }
  }
  [[nodiscard]] std::vector<std::string> complaints() const { return words_.complaints(); }

 private:
  Host& host_;
  std::string operation_;
  ProgramWords words_;
};

/// The answer of a run that could not be watched to its end. When time ran out, what rclone had complained of says
/// more.
[[noreturn]] void throw_unfinished(const Job& job, const Error& error, const std::optional<Error>& complaint) {
  if (error.kind == "not_found")
    throw Failure(Status::invalid, error.message,
                  "install rclone (`apt install rclone`), or name its path in `program`");
  if (job.cancelled() || error.kind == "cancelled" || error.status == Status::cancelled)
    throw Failure(Status::cancelled, job.operation() + " was cancelled");
  if (error.kind == "timeout" && complaint) throw Failure(*complaint);
  if (error.kind == "timeout") job.out_of_time();
  throw Failure(error);
}

}  // namespace

Args Program::command(const Args& args, const Options& options) const {
  Args out = {settings_.program};
  out.insert(out.end(), args.begin(), args.end());
  for (const char* flag : {"--use-json-log", "--ask-password=false", "--retries=1", "--low-level-retries=2",
                           "--drive-stop-on-upload-limit"})
    out.emplace_back(flag);
  if (!settings_.config.empty()) out.push_back("--config=" + settings_.config);
  if (!options.transfer) return out;
  for (const char* flag : {"--stats=1s", "--stats-log-level=NOTICE"}) out.emplace_back(flag);
  out.push_back("--transfers=" + std::to_string(settings_.transfers));
  if (!settings_.bandwidth_limit.empty()) out.push_back("--bwlimit=" + settings_.bandwidth_limit);
  return out;
}

std::string Program::password(const Job& job) const {
  if (!settings_.password_key.is_object()) return {};
  const auto got = host_.blocking("secret.get/1", {{"key", settings_.password_key.at("$secret")}},
                                  std::min(job.left(), secret_budget));
  return got.get().at("value").get<std::string>();
}

Ended Program::once(const Job& job, const Args& args, const Options& options) const {
  job.between();
  const std::string secret = password(job);
  // AWS_CA_BUNDLE set makes every S3 call of rclone fail; empty counts as not set. Links would lead out of our folders.
  Json env = {{"AWS_CA_BUNDLE", ""}, {"RCLONE_LINKS", "false"}, {"RCLONE_COPY_LINKS", "false"}};
  if (!secret.empty()) env["RCLONE_CONFIG_PASS"] = secret;
  const Json params = {{"argv", command(args, options)},
                       {"env", std::move(env)},
                       {"stream", "lines"},
                       {"max_output", options.max_output}};
  const auto listener = std::make_shared<Listener>(host_, job.operation(), std::vector{secret});
  const auto promise = std::make_shared<std::promise<Result>>();
  auto future = promise->get_future();
  const us_op op = host_.call(
      "process.run/1", params, job.left(), [promise](Result r) { promise->set_value(std::move(r)); },
      [listener](const Json& item) {
        if (item.value("stream", "") == "stderr") listener->line(item.value("line", ""));
      });
  for (bool asked = false; future.wait_for(look_every) != std::future_status::ready;) {
    if (!asked && job.cancelled()) host_.cancel(op);
    asked = asked || job.cancelled();
  }
  const Result result = future.get();
  Ended out;
  out.errors = listener->complaints();
  if (!result.ok()) throw_unfinished(job, result.error, complaint_of(out));
  out.exit_code = result.value.value("exit_code", -1);
  if (result.value.contains("signal")) out.signal = result.value.at("signal").get<int>();
  out.out = result.value.value("stdout", "");
  if (out.ok() && out.out.size() >= options.max_output)
    throw Failure(Status::transient, "rclone's answer is longer than expected (" + args.front() + ")",
                  "is something else stored in the same folder?");
  return out;
}

std::optional<Error> Program::complaint_of(const Ended& ended) const {
  if (ended.errors.empty()) return std::nullopt;
  return diagnose(ended, settings_.remote_name(), settings_.config).error;
}

std::optional<std::string> Program::run_if_there(const Job& job, const Args& args, const Options& options) const {
  Millis wait = settings_.retry_wait;
  std::optional<Error> before;
  for (int tries = 0;; ++tries) {
    auto ended = once_more(job, args, options, before);
    if (ended.ok()) return std::move(ended.out);
    auto problem = diagnose(ended, settings_.remote_name(), settings_.config);
    if (problem.error.kind == "missing") return std::nullopt;
    const Millis pause = std::min(std::max(wait, problem.error.retry_after.value_or(Millis(0))), longest_wait);
    if (!problem.again || tries >= settings_.retries || job.left() <= pause) throw Failure(problem.error);
    host_.log(LogLevel::warning, job.operation() + ": " + problem.error.message + "; trying again",
              {{"attempt", tries + 1}, {"wait_ms", pause.count()}});
    for (const auto until = Job::Clock::now() + pause; Job::Clock::now() < until;) {
      job.between();
      std::this_thread::sleep_for(look_every);
    }
    wait = std::min(wait * 2, longest_wait);
    before = problem.error;
  }
}

/// When time runs out in a repetition, what failed before says more than that.
Ended Program::once_more(const Job& job, const Args& args, const Options& options,
                         const std::optional<Error>& before) const {
  try {
    return once(job, args, options);
  } catch (const Failure&) {
    if (before && !job.cancelled() && job.left().count() <= 0) throw Failure(*before);
    throw;
  }
}

std::string Program::run(const Job& job, const Args& args, const Options& options) const {
  if (auto out = run_if_there(job, args, options)) return std::move(*out);
  throw Failure(Error{Status::invalid, "it is not there: " + args.back(), "", "missing", {}});
}

}  // namespace rclone_store
