// A receiver's answer: a status, a blank, and the body, whose beginning is also the Retry-After; and the alert that is
// sent.
#include "plugins/webhook/message.hpp"
#include "plugins/webhook/verdict.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace webhook_plugin;

FUZZ(input) {
  const int status = std::atoi(std::string(input.substr(0, 3)).c_str());
  const std::string body(input.substr(std::min<std::size_t>(4, input.size())));
  if (const auto wait = retry_after(body, 1'764'000'000'000))
    fuzz::must(wait->count() >= 0 && *wait <= Millis(86'400'000), "a wait is at most a day");
  Circumstances how;
  how.now_ms = 1'764'000'000'000;
  how.discreet.hide("hunter2hunter2");
  how.discreet.hide_url("https://hooks.example.org/services/T0/B0/XXXX");
  const Json headers = {{"retry-after", body.substr(0, 32)}, {"location", body.substr(0, 64)}};
  for (const auto format : {Format::json, Format::slack, Format::ntfy}) {
    how.format = format;
    try {
      (void)fuzz::dumped(judge({{{"status", status}, {"body", body}, {"headers", headers}}}, how).to_json());
    } catch (const sdk::Failure& failure) {
      const auto told = fuzz::dumped(failure.error().to_json());
      fuzz::must(told.find("hunter2hunter2") == std::string::npos, "a secret is not told");
    }
  }
  sdk::Alert alert;
  alert.id = alert.title = alert.text = alert.service = body;
  alert.facts[body] = body;
  (void)fuzz::dumped(own_json(alert));
  (void)fuzz::dumped(slack_json(alert));
  (void)fuzz::dumped(ntfy_json(alert, "topic"));
}
