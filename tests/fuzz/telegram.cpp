// Replies of the Bot API (a status, a blank, and the body), what people type, and the thread that travels with an
// alert.
#include "plugins/telegram/answer.hpp"
#include "plugins/telegram/commands.hpp"
#include "plugins/telegram/incident.hpp"
#include "plugins/telegram/update.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace telegram_plugin;
using sdk::Json;

FUZZ(input) {
  static const auto settings = Settings::from({{"token", {{"$secret", "token"}}}, {"chat", -100}});
  constexpr std::string_view token = "123456:abcdefghijkl";
  const int status = std::atoi(std::string(input.substr(0, 3)).c_str());
  const std::string body(input.substr(std::min<std::size_t>(4, input.size())));
  try {  // Json::exception: the SDK's trampoline tells it
    const auto answer = read_answer("sendMessage", {{{"status", status}, {"body", body}}}, token);
    fuzz::must(answer.said.find(token) == std::string::npos, "the token is not told");
    fuzz::must(!answer.error.retry_after || answer.error.retry_after->count() > 0, "a wait is in the future");
    (void)fuzz::dumped(answer.error.to_json());
  } catch (const Json::exception&) {
    return;
  }
  (void)parse_command(body, "bot");
  sdk::Alert alert;
  alert.title = alert.text = body;
  alert.thread = sdk::parse_json(body);
  if (const auto id = update_id(alert.thread)) fuzz::must(*id + 1 > 0, "an update can be confirmed");
  fuzz::must(sent_at(alert.thread).count() >= 0, "a message was not sent before all time");
  if (alert.thread.is_discarded()) alert.thread = Json::object();
  auto incident = Incident::from(alert.thread, settings);
  incident.add(alert);
  for (const auto& part : split(incident.render(alert, settings)))
    fuzz::must(units(html(part)) <= longest_message, "a message is short enough");
  (void)fuzz::dumped(incident.to_json(settings));
}
