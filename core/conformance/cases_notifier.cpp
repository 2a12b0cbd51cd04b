// Rules of a Notifier. Each sends messages, which say that they are a test.
#include "core/conformance/case.hpp"
#include "core/conformance/samples.hpp"

namespace understudy::conformance {
namespace {

void sends(Bench& bench) {
  Subject subject(bench);
  (void)subject.get("notify.send/1", {{"alert", sample_alert(bench, "send")}});
}

void again(Bench& bench) {
  Subject subject(bench);
  auto alert = sample_alert(bench, "again");
  (void)subject.get("notify.send/1", {{"alert", alert}});
  alert["possible_duplicate"] = true;
  (void)subject.get("notify.send/1", {{"alert", alert}});
}

void odd_text(Bench& bench) {
  Subject subject(bench);
  auto alert = sample_alert(bench, "odd");
  alert["title"] =
      "<b>&amp; \"quotes\" 'and' \\backslash `code` *stars* _lines_ [x](y) \xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80";
  alert["text"] = "line one\r\nline two\n.\n\ttab \x01 control <script>";
  (void)subject.get("notify.send/1", {{"alert", alert}});
}

void long_text(Bench& bench) {
  Subject subject(bench);
  auto alert = sample_alert(bench, "long");
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "line " + std::to_string(i) + " \xE2\x82\xAC\n";
  alert["text"] = text;
  (void)subject.get("notify.send/1", {{"alert", alert}});
}

void resolves(Bench& bench) {
  Subject subject(bench);
  auto alert = sample_alert(bench, "firing");
  alert["state"] = "firing";
  (void)subject.get("notify.send/1", {{"alert", alert}});
  alert["id"] = bench.run + "-resolved";
  alert["state"] = "resolved";
  (void)subject.get("notify.send/1", {{"alert", alert}});
}

}  // namespace

void add_notifier_cases(std::vector<Case>& out) {
  out.push_back({"notifier/send", "an alert is delivered", "notifier", false, sends});
  out.push_back({"notifier/again", "the same alert again is no error", "notifier", false, again});
  out.push_back({"notifier/odd-text", "markup, control characters and any script pass", "notifier", false, odd_text});
  out.push_back({"notifier/long-text", "a text of 12 kB passes", "notifier", false, long_text});
  out.push_back({"notifier/resolve", "what fired can resolve", "notifier", false, resolves});
}

}  // namespace understudy::conformance
