// The picture: two columns of bars, downtime and cost a year, a row an alternative.
#include <algorithm>

#include <fmt/format.h>

#include "core/rehearse/assumptions.hpp"
#include "core/rehearse/render.hpp"
#include "understudy/text.hpp"

namespace understudy::rehearse {
namespace {

constexpr int row = 26, head = 64, gap = 30;
constexpr int name_x = 16, down_x = 250, cost_x = 560, bar = 200, width = 900;

std::string text(int x, int y, const char* kind, const std::string& what) {
  return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", x, y, kind, sdk::escape_markup(what));
}

/// Pieces of one bar, side by side. `unit`: pixels for one.
std::string stacked(int x, int y, double unit, const std::vector<std::pair<const char*, double>>& pieces) {
  std::string out;
  double at = x;
  for (const auto& [kind, value] : pieces) {
    const double wide = value * unit;
    if (wide > 0)
      out +=
          fmt::format("<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"14\" class=\"{}\"/>\n", at, y, wide, kind);
    at += wide;
  }
  return out;
}

std::string legend(int y) {
  std::string out;
  const auto entry = [&](int x, const char* kind, const char* what) {
    out += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"10\" height=\"10\" class=\"{}\"/>\n", x, y - 9, kind);
    out += text(x + 14, y, "small", what);
  };
  entry(down_x, "outage", "outages");
  entry(down_x + 70, "planned", "planned moves");
  entry(down_x + 186, "needless", "needless");
  entry(cost_x, "silence", "silence");
  entry(cost_x + 70, "targets", "targets");
  return out;
}

std::string rows(const Rehearsed& one, int y) {
  const Scale scale = scale_of(one);
  const auto ms = [&](Millis span) { return static_cast<double>(scale.of(span).count()); };
  double longest = 1e-9, dearest = 1e-9;
  for (const auto& [name, r] : one.results) {
    longest = std::max(longest, ms(r.downtime()));
    dearest = std::max(dearest, scale.of(r.cost()));
  }
  std::string out = text(name_x, y + 18, "title", one.service);
  out += text(down_x, y + 18, "head", fmt::format("downtime {}", scale.unit)) +
         text(cost_x, y + 18, "head", fmt::format("cost {}", scale.unit));
  out += legend(y + 38);
  y += head;
  for (const auto& [name, r] : one.results) {
    const auto down = [&](int i) { return ms(r.down[i]); };
    out += text(name_x, y + 12, &name == &one.results.front().alternative ? "first" : "name", name);
    out += stacked(down_x, y, bar / longest, {{"outage", down(0)}, {"planned", down(1)}, {"needless", down(2)}});
    const double all = down(0) + down(1) + down(2);
    out += text(down_x + static_cast<int>(all / longest * bar) + 6, y + 12, "small",
                span_text(Millis(static_cast<std::int64_t>(all))));
    out += stacked(cost_x, y, bar / dearest, {{"silence", scale.of(r.silence_cost)}, {"targets", scale.of(r.spent())}});
    const double cost = scale.of(r.cost());
    out += text(cost_x + static_cast<int>(cost / dearest * bar) + 6, y + 12, "small", fmt::format("${:.2f}", cost));
    y += row;
  }
  return out;
}

}  // namespace

std::string to_svg(const std::vector<Rehearsed>& all) {
  std::string body;
  int y = 10;
  for (const auto& one : all) {
    body += rows(one, y);
    y += head + row * static_cast<int>(one.results.size()) + gap;
  }
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
             "font-family=\"sans-serif\">\n<style>text{{fill:#222;font-size:12px}}.title{{font-size:16px;font-weight:"
             "bold}}.head,.first{{font-weight:bold}}.small{{font-size:11px;fill:#555}}.outage,.silence{{fill:#c0504d}}"
             ".planned{{fill:#4f81bd}}.needless{{fill:#e0a030}}.targets{{fill:#7f9f4f}}</style>\n"
             "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
             width, y) +
         body + "</svg>\n";
}

}  // namespace understudy::rehearse
