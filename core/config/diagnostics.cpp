#include "core/config/diagnostics.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace understudy::config {
namespace {

struct Code {
  std::string_view code, text;
};
constexpr std::array codes{
    Code{"E0101",
         "The file is not valid TOML, or cannot be read. The message is the TOML parser's; the place is where it "
         "stopped."},
    Code{"E0102",
         "A key that Understudy does not know. Nothing is ignored silently: a mistyped key would be a setting that you "
         "believe in and that does nothing. The nearest known key is suggested; docs/configuration.md lists them all."},
    Code{"E0103", "A value of the wrong type, for example text where a number is needed."},
    Code{"E0104", "A value that is out of range, or not one of those allowed."},
    Code{"E0105", "A required key is missing."},
    Code{"E0106",
         "A duration, size, amount of money or percentage that cannot be read. Write durations as \"90s\", \"1h30m\" "
         "or \"250ms\", sizes as \"64MiB\", money as \"$0.25\" or 0.25, percentages as \"5%\"."},
    Code{"E0107",
         "A name that refers to nothing: a primary that is no target, a route to a notifier that does not exist."},
    Code{"E0108",
         "A plugin that cannot be found or loaded, or that has not the interface needed here. `understudy plugin list` "
         "shows those found."},
    Code{"E0109", "Settings that contradict one another. The message names both places."},
    Code{"E0110", "An environment variable used as ${NAME} is not set."},
    Code{"E0111", "A name with characters other than A-Z a-z 0-9 _ . - or longer than 64."},
    Code{"W0201",
         "A secret stands in the file in clear text. Anyone who can read or back up the file has it: use { env = "
         "\"NAME\" }, { file = \"/path\" } or { credential = \"name\" }."},
    Code{"W0202",
         "A schedule of drills that drills nobody, or not everybody whom it names: a plugin cannot run a copy beside "
         "the service, or no standby is named. mode = \"switchover\" in [service.NAME.drill] moves the service there "
         "and back instead, in the windows that are allowed."},
    Code{"W0203",
         "A target that keeps a lease, and no address at which its agent could renew it. Set lease_listen in "
         "[orchestrator], unless a proxy or an SSH forward brings agents to the socket in data_dir."},
};

std::string caret(const Diagnostic& d) {
  std::string out;
  std::uint32_t at = 1;
  for (const char c : d.source_line) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // inside a UTF-8 character
    if (at++ >= d.place.column) break;
    out += c == '\t' ? '\t' : ' ';
  }
  return out + "^";
}

}  // namespace

std::string render(const std::vector<Diagnostic>& diagnostics, bool colour) {
  std::string out;
  for (const auto& d : diagnostics) {
    const bool error = d.severity == Diagnostic::Severity::error;
    const std::string on = !colour ? "" : error ? "\x1b[1;31m" : "\x1b[1;33m";
    const std::string off = colour ? "\x1b[0m" : "";
    out += d.place.file;
    if (d.place.line > 0) out += ":" + std::to_string(d.place.line) + ":" + std::to_string(d.place.column);
    out += ": " + on + (error ? "error" : "warning") + "[" + d.code + "]" + off + ": " + d.message + "\n";
    if (!d.source_line.empty()) {
      const std::string number = std::to_string(d.place.line);
      out += "  " + number + " | " + d.source_line + "\n  " + std::string(number.size(), ' ') + " | " + on + caret(d) +
             off + "\n";
    }
    if (!d.hint.empty()) out += "    = " + d.hint + "\n";
  }
  return out;
}

nlohmann::json to_json(const std::vector<Diagnostic>& diagnostics) {
  auto out = nlohmann::json::array();
  for (const auto& d : diagnostics) {
    out.push_back({{"code", d.code},
                   {"severity", d.severity == Diagnostic::Severity::error ? "error" : "warning"},
                   {"message", d.message},
                   {"hint", d.hint},
                   {"file", d.place.file},
                   {"line", d.place.line},
                   {"column", d.place.column}});
  }
  return out;
}

std::string_view explain(std::string_view code) noexcept {
  for (const auto& c : codes) {
    if (c.code == code) return c.text;
  }
  return {};
}

std::vector<std::string_view> all_codes() {
  std::vector<std::string_view> out;
  for (const auto& c : codes) out.push_back(c.code);
  return out;
}

}  // namespace understudy::config
