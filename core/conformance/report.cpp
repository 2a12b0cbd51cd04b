#include "core/conformance/report.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace understudy::conformance {
namespace {

std::string full_name(const Outcome& o) {
  std::string out = o.name;
  if (o.name.rfind("protocol/", 0) == 0) out += " (" + o.interface_name + ")";
  if (!o.isolation.empty()) out += o.isolation == "process" ? " isolated" : " in process";
  return out;
}

std::string painted(const std::string& text, int colour, bool on) {
  return on ? fmt::format("\033[{}m{}\033[0m", colour, text) : text;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
      out += '?';  // XML 1.0 has no others
    else
      out += c;
  }
  return out;
}

}  // namespace

int count(const std::vector<Outcome>& all, Verdict verdict) {
  return static_cast<int>(std::ranges::count(all, verdict, &Outcome::verdict));
}

std::string line_of(const Outcome& o, bool colour) {
  const std::string name = fmt::format("{:<44}", full_name(o));
  switch (o.verdict) {
    case Verdict::passed: return fmt::format("{} {} {}\n", painted("pass", 32, colour), name, o.rule);
    case Verdict::skipped: return fmt::format("{} {} {}\n", painted("skip", 33, colour), name, o.message);
    case Verdict::failed: break;
  }
  return fmt::format("{} {} {}\n     rule: {}\n", painted("FAIL", 31, colour), name, o.message, o.rule);
}

std::string summary(const std::vector<Outcome>& all, std::uint64_t seed) {
  return fmt::format("{} passed, {} failed, {} skipped (--seed {})\n", count(all, Verdict::passed),
                     count(all, Verdict::failed), count(all, Verdict::skipped), seed);
}

sdk::Json to_json(const std::vector<Outcome>& all, const std::string& plugin, std::uint64_t seed) {
  sdk::Json cases = sdk::Json::array();
  for (const auto& o : all) {
    cases.push_back({{"name", o.name},
                     {"interface", o.interface_name},
                     {"isolation", o.isolation},
                     {"verdict", name_of(o.verdict)},
                     {"rule", o.rule},
                     {"message", o.message},
                     {"log", o.log},
                     {"time_ms", o.took.count()}});
  }
  return {{"schema", 1},
          {"plugin", plugin},
          {"seed", seed},
          {"passed", count(all, Verdict::passed)},
          {"failed", count(all, Verdict::failed)},
          {"skipped", count(all, Verdict::skipped)},
          {"cases", std::move(cases)}};
}

std::string to_junit(const std::vector<Outcome>& all, const std::string& plugin, std::uint64_t seed) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n", escaped(plugin),
                     all.size(), count(all, Verdict::failed), count(all, Verdict::skipped));
  out += fmt::format("  <properties><property name=\"seed\" value=\"{}\"/></properties>\n", seed);
  for (const auto& o : all) {
    out += fmt::format("  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", escaped(plugin),
                       escaped(full_name(o)), static_cast<double>(o.took.count()) / 1000.0);
    if (o.verdict == Verdict::passed) {
      out += "/>\n";
    } else if (o.verdict == Verdict::skipped) {
      out += fmt::format("><skipped message=\"{}\"/></testcase>\n", escaped(o.message));
    } else {
      out += fmt::format("><failure message=\"{}\">{}</failure></testcase>\n", escaped(o.message), escaped(o.log));
    }
  }
  return out + "</testsuite>\n";
}

}  // namespace understudy::conformance
