#include "core/rehearse/render.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/rehearse/assumptions.hpp"

namespace understudy::rehearse {
namespace {

std::string spread(const Spread& s) {
  if (s.n == 0) return "never";
  return fmt::format("p50 {}, p95 {}, p99 {}, max {} (n {})", span_text(s.p50), span_text(s.p95), span_text(s.p99),
                     span_text(s.max), s.n);
}

std::string line(const char* name, const std::string& text) { return fmt::format("  {:<14} {}\n", name, text); }

std::string summary(const Report& r, const Scale& scale) {
  std::string out = line("availability", fmt::format("{:.4f} %", r.availability() * 100));
  out += line("downtime", fmt::format("{} {}: {} of outages, {} of planned moves, {} needless; the longest of {} "
                                      "silences took {}",
                                      span_text(scale.of(r.downtime())), scale.unit, span_text(scale.of(r.down[0])),
                                      span_text(scale.of(r.down[1])), span_text(scale.of(r.down[2])), r.silences,
                                      span_text(r.longest_silence)));
  out += line("failovers", fmt::format("{} done; {} begun, {} of them while the active target was well; {} moves "
                                       "cancelled in time, {} rolled back",
                                       r.failovers, r.failovers_begun, r.false_failovers, r.cancelled, r.rollbacks));
  out += line("failbacks", fmt::format("{}", r.failbacks));
  out += line("RTO", spread(r.rto));
  out += line("RPO", spread(r.rpo));
  out += line("cost", fmt::format("${:.2f} {}: ${:.2f} for the targets, ${:.2f} for silence", scale.of(r.cost()),
                                  scale.unit, scale.of(r.spent()), scale.of(r.silence_cost)));
  if (r.two_ran.count() > 0)
    out += line("two ran", fmt::format("{} in all, after a person's --force", span_text(r.two_ran)));
  return out;
}

std::string money_table(const Report& r, const Scale& scale) {
  std::string out =
      fmt::format("\n  {:<16} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}   {}\n", fmt::format("$ {}", scale.unit),
                  "standby", "active", "starts", "transfer", "all", "ran", "starts (failed)");
  for (const auto& m : r.money) {
    out += fmt::format("  {:<16} {:>10.2f} {:>10.2f} {:>10.2f} {:>10.2f} {:>10.2f} {:>10}   {} ({})\n", m.target.value,
                       scale.of(m.standby), scale.of(m.active), scale.of(m.activation), scale.of(m.transfer),
                       scale.of(m.total()), span_text(scale.of(m.ran)), m.activations, m.failed);
  }
  return out;
}

std::string hold_table(const Report& r) {
  if (r.holds.empty()) return "";
  std::string out = fmt::format("\n  {:<20} {:>6} {:>16} {:>10} {:>10}\n", "nothing moved: why", "times",
                                "person decided", "mean", "longest");
  for (const auto& h : r.holds)
    out += fmt::format("  {:<20} {:>6} {:>16} {:>10} {:>10}\n", h.by, h.times, h.ended_by_person,
                       span_text(h.total / h.times), span_text(h.longest));
  return out;
}

std::string alternatives_table(const std::vector<Result>& results, const Scale& scale) {
  if (results.size() < 2) return "";
  std::string out = fmt::format("\n  {:<28} {:>12} {:>10} {:>9} {:>6} {:>8} {:>8} {:>10} {:>10} {:>10}\n",
                                "alternatives", "availability", "downtime", "failovers", "false", "RTO p50", "RTO p95",
                                "targets", "silence", fmt::format("$ {}", scale.unit));
  for (const auto& [name, r] : results)
    out += fmt::format("  {:<28} {:>10.4f} % {:>10} {:>9} {:>6} {:>8} {:>8} {:>10.2f} {:>10.2f} {:>10.2f}\n", name,
                       r.availability() * 100, span_text(scale.of(r.downtime())), r.failovers, r.false_failovers,
                       r.rto.n > 0 ? span_text(r.rto.p50) : "-", r.rto.n > 0 ? span_text(r.rto.p95) : "-",
                       scale.of(r.spent()), scale.of(r.silence_cost), scale.of(r.cost()));
  return out;
}

nlohmann::json to_json(const Spread& s) {
  return {{"n", s.n},
          {"p50_ms", s.p50.count()},
          {"p95_ms", s.p95.count()},
          {"p99_ms", s.p99.count()},
          {"max_ms", s.max.count()}};
}

nlohmann::json to_json(const Result& result) {
  using Json = nlohmann::json;
  const auto& r = result.report;
  Json out = {{"alternative", result.alternative},
              {"length_ms", std::chrono::duration_cast<Millis>(r.length).count()},
              {"availability", r.availability()},
              {"downtime_ms",
               {{"outages", r.down[0].count()},
                {"planned", r.down[1].count()},
                {"needless", r.down[2].count()},
                {"all", r.downtime().count()}}},
              {"silences", r.silences},
              {"longest_silence_ms", r.longest_silence.count()},
              {"failovers", r.failovers},
              {"failovers_begun", r.failovers_begun},
              {"failbacks", r.failbacks},
              {"switchovers", r.switchovers},
              {"rollbacks", r.rollbacks},
              {"cancelled", r.cancelled},
              {"false_failovers", r.false_failovers},
              {"lost_probes", r.lost_probes},
              {"rto", to_json(r.rto)},
              {"rpo", to_json(r.rpo)},
              {"two_ran_ms", r.two_ran.count()},
              {"silence_usd", r.silence_cost.value},
              {"targets_usd", r.spent().value},
              {"all_usd", r.cost().value},
              {"targets", Json::array()},
              {"holds", Json::array()}};
  for (const auto& m : r.money)
    out["targets"].push_back({{"target", m.target.value},
                              {"standby_usd", m.standby.value},
                              {"active_usd", m.active.value},
                              {"activation_usd", m.activation.value},
                              {"transfer_usd", m.transfer.value},
                              {"ran_ms", m.ran.count()},
                              {"activations", m.activations},
                              {"failed", m.failed}});
  for (const auto& h : r.holds)
    out["holds"].push_back({{"by", h.by},
                            {"times", h.times},
                            {"ended_by_person", h.ended_by_person},
                            {"total_ms", h.total.count()},
                            {"longest_ms", h.longest.count()}});
  return out;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

Millis Scale::of(Millis span) const {
  return Millis(static_cast<std::int64_t>(static_cast<double>(span.count()) * factor));
}

Scale scale_of(const Rehearsed& rehearsed) {
  const double years = rehearsed.results.front().report.years();
  return rehearsed.stated || years <= 0 ? Scale{} : Scale{1 / years, "a year"};
}

std::string to_text(const Rehearsed& rehearsed) {
  const auto& r = rehearsed.results.front().report;
  std::string out = fmt::format("{}: {} on virtual time\n\n", rehearsed.service,
                                r.years() < 1 ? span_text(std::chrono::duration_cast<Millis>(r.length))
                                              : fmt::format("{:.4g} year{}", r.years(), r.years() == 1 ? "" : "s"));
  const Scale scale = scale_of(rehearsed);
  out += summary(r, scale) + money_table(r, scale) + hold_table(r) + alternatives_table(rehearsed.results, scale) +
         "\n  assumed:\n";
  for (const auto& text : rehearsed.assumptions) out += "  - " + text + "\n";
  return out;
}

nlohmann::json to_json(const Rehearsed& rehearsed) {
  nlohmann::json out = {
      {"service", rehearsed.service}, {"assumptions", rehearsed.assumptions}, {"results", nlohmann::json::array()}};
  for (const auto& result : rehearsed.results) out["results"].push_back(to_json(result));
  return out;
}

std::string to_csv(const std::vector<Rehearsed>& all) {
  std::string out =
      "service,alternative,years,availability,downtime_s,outage_s,planned_s,needless_s,silences,longest_silence_s,"
      "failovers,failovers_begun,false_failovers,failbacks,rollbacks,rto_n,rto_p50_s,rto_p95_s,rto_p99_s,rto_max_s,rpo_"
      "n,"
      "rpo_p50_s,rpo_p95_s,rpo_p99_s,rpo_max_s,targets_usd,silence_usd,all_usd\r\n";
  const auto s = [](Millis time) { return fmt::format("{:.3f}", static_cast<double>(time.count()) / 1000); };
  for (const auto& one : all) {
    for (const auto& [name, r] : one.results) {
      out += fmt::format("{},{},{:.6g},{:.9f},{},{},{},{},{},{},{},{},{},{},{},", csv_field(one.service),
                         csv_field(name), r.years(), r.availability(), s(r.downtime()), s(r.down[0]), s(r.down[1]),
                         s(r.down[2]), r.silences, s(r.longest_silence), r.failovers, r.failovers_begun,
                         r.false_failovers, r.failbacks, r.rollbacks);
      for (const auto& spread_ : {r.rto, r.rpo})
        out += spread_.n == 0 ? "0,,,,,"  // none is not one of 0 s
                              : fmt::format("{},{},{},{},{},", spread_.n, s(spread_.p50), s(spread_.p95),
                                            s(spread_.p99), s(spread_.max));
      out += fmt::format("{:.4f},{:.4f},{:.4f}\r\n", r.spent().value, r.silence_cost.value, r.cost().value);
    }
  }
  return out;
}

}  // namespace understudy::rehearse
