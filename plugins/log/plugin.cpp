// The embedded default: alerts become lines of the log, and of a file when one is named.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "understudy/plugin.hpp"

namespace {

using namespace understudy::sdk;

class LogNotifier final : public Notifier {
 public:
  LogNotifier(Host& host, const Envelope& e) : host_(host), file_(e.settings.value("file", "")) {}

  void send(const Alert& alert, Reply<Receipt> reply) override {
    const auto level = alert.severity == "critical"  ? LogLevel::error
                       : alert.severity == "warning" ? LogLevel::warning
                                                     : LogLevel::info;
    std::string line = "[" + alert.severity + (alert.state == "event" ? "" : " " + alert.state) + "] " + alert.title;
    if (!alert.text.empty()) line += ": " + alert.text;
    if (alert.possible_duplicate) line += " (possibly told before)";
    host_.log(level, line, {{"kind", alert.kind}, {"service", alert.service}, {"target", alert.target}});
    if (file_.empty()) return reply(Receipt{alert.id});
    worker_.answer(std::move(reply), [this, alert] { return append(alert); });
  }

 private:
  Receipt append(const Alert& a) {
    const std::string line = detail::dump({{"id", a.id},
                                           {"at_ms", a.at_ms},
                                           {"kind", a.kind},
                                           {"severity", a.severity},
                                           {"state", a.state},
                                           {"service", a.service},
                                           {"target", a.target},
                                           {"title", a.title},
                                           {"text", a.text},
                                           {"facts", a.facts},
                                           {"incident", a.incident},
                                           {"possible_duplicate", a.possible_duplicate}}) +
                             "\n";
    const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const bool ok = fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (!ok)
      throw Failure(Status::transient, "cannot write " + file_ + ": " + std::strerror(error),
                    "check the disk and the permissions");
    return {a.id};
  }

  Host& host_;
  std::string file_;
  Worker worker_;
};

}  // namespace

UNDERSTUDY_PLUGIN(R"json({
  "name": "log", "version": "0.1.0", "license": "Apache-2.0", "summary": "Alerts as lines of the log",
  "interfaces": {"notifier": {"provides": ["notify.send/1"], "settings": {"type": "object", "properties": {
    "file": {"type": "string", "format": "path", "description": "append each alert there too, as a line of JSON"}}}}},
  "needs": []
})json",
                  [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
                    if (e.interface != "notifier") return nullptr;
                    return std::make_unique<LogNotifier>(host, e);
                  })
