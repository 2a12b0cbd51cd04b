// understudy rehearse: years of outages on virtual time, from the file. Offline: asks no provider and starts nothing.
#include <algorithm>
#include <charconv>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"
#include "core/config/scenario_file.hpp"
#include "core/config/units.hpp"
#include "core/host/clock.hpp"
#include "core/journal/past.hpp"
#include "core/rehearse/alternatives.hpp"
#include "core/rehearse/render.hpp"
#include "core/runtime/load.hpp"

namespace understudy::cli {
namespace {

constexpr double year_us = 365.25 * 86'400e6;
constexpr Millis after_scenario{86'400'000};

struct RehearseOptions {
  double years = 10;
  std::uint64_t seed = 1;
  std::string service, scenario, person, svg;
  bool years_given = false, history = false, alternatives = true, csv = false;
};

rehearse::Fault fault_of(const config::ScenarioOutage& o, std::size_t target) {
  return {static_cast<rehearse::Fault::What>(o.what), target, Time(o.at), Time(o.at + o.lasts), true};
}

std::vector<rehearse::Fault> faults_of(const config::ScenarioFile& scenario, const config::Service& service) {
  std::vector<rehearse::Fault> out;
  for (const auto& o : scenario.outages) {
    if (!o.service.empty() && o.service != service.id.value) continue;
    for (std::size_t i = 0; i < service.targets.size(); ++i) {
      if (o.target == service.targets[i].id) out.push_back(fault_of(o, i));
    }
    if (o.what == config::ScenarioOutage::What::our_network) out.push_back(fault_of(o, 0));
  }
  std::ranges::stable_sort(out, {}, &rehearse::Fault::from);
  return out;
}

Micros length_of(const RehearseOptions& o, const std::optional<config::ScenarioFile>& scenario) {
  const Micros years(static_cast<std::int64_t>(o.years * year_us));
  if (!scenario || o.years_given) return years;
  if (scenario->lasts) return *scenario->lasts;
  Millis end{0};
  for (const auto& one : scenario->outages) end = std::max(end, one.at + one.lasts);
  return end + after_scenario;
}

class Rehearsals {
 public:
  Rehearsals(Context& cx, const RehearseOptions& o) : cx_(cx), o_(o) {}

  /// False after an error was said.
  bool prepare() {
    auto loaded = runtime::load(cx_.files());
    tell(loaded.result.diagnostics);
    if (!loaded.result.config) return fail("the configuration is wrong", "");
    config_ = std::move(*loaded.result.config);
    if (!o_.service.empty() && !known()) return false;
    if (!o_.person.empty()) {
      const auto person = config::parse_duration(o_.person);
      if (!person || person->count() < 1)
        return fail("--person \"" + o_.person + "\" is no duration", "write it as 30m");
      config_.rehearse.person = *person;
    }
    if (o_.scenario.empty()) return true;
    scenario_ = config::load_scenario(o_.scenario, config_, config::process_environment());
    tell(scenario_->diagnostics);
    return scenario_->ok() || fail("the scenario is wrong", "");
  }

  /// Nothing after an error was said.
  std::optional<std::vector<rehearse::Rehearsed>> run() {
    std::vector<rehearse::Rehearsed> out;
    for (const auto& service : config_.services) {
      if (!o_.service.empty() && service.id.value != o_.service) continue;
      std::optional<Past> past;
      if (o_.history) {
        auto read = journal::read_past(config_.orchestrator.data_dir, service.id, host::wall_now());
        if (const auto* problem = std::get_if<journal::Problem>(&read)) {
          cx_.fail(failed, problem->message, problem->hint);
          return std::nullopt;
        }
        past = std::get<Past>(std::move(read));
      }
      out.push_back(one(service, past));
    }
    return out;
  }

 private:
  [[nodiscard]] rehearse::Rehearsed one(const config::Service& service, const std::optional<Past>& past) const {
    auto assumed = rehearse::assume(config_, service, past, {});
    if (scenario_) assumed = rehearse::only_stated(std::move(assumed));
    const auto length = length_of(o_, scenario_);
    const auto faults =
        scenario_ ? faults_of(*scenario_, service) : rehearse::invent(service, assumed, length, o_.seed);
    rehearse::Rehearsed out{service.id.value, rehearse::sentences(assumed, service), {}, assumed.stated};
    if (scenario_)
      out.assumptions.insert(out.assumptions.begin(), "outages as " + o_.scenario + " states, and nothing else fails");
    const auto all =
        o_.alternatives ? rehearse::alternatives(service, assumed) : std::vector{rehearse::as_it_is(service, assumed)};
    for (const auto& a : all) out.results.push_back({a.name, rehearse::rehearse(a, faults, length, o_.seed)});
    return out;
  }

  bool known() {
    std::vector<std::string> names;
    for (const auto& s : config_.services) names.push_back(s.id.value);
    if (std::ranges::find(names, o_.service) != names.end()) return true;
    const auto near = config::nearest(o_.service, names);
    return fail("there is no service \"" + o_.service + "\"",
                near.empty() ? fmt::format("there are: {}", fmt::join(names, ", ")) : "did you mean \"" + near + "\"?");
  }

  bool fail(const std::string& message, const std::string& hint) {
    cx_.fail(wrong_use, message, hint);
    return false;
  }

  static void tell(const std::vector<config::Diagnostic>& diagnostics) {
    std::fputs(config::render(diagnostics, on_terminal(2)).c_str(), stderr);
  }

  Context& cx_;
  const RehearseOptions& o_;
  config::Config config_;
  std::optional<config::ScenarioFile> scenario_;
};

void rehearse_all(Context& cx, const RehearseOptions& o) {
  Rehearsals rehearsals(cx, o);
  if (!rehearsals.prepare()) return;
  const auto all = rehearsals.run();
  if (!all) return;
  if (!o.svg.empty()) {
    std::ofstream out(o.svg, std::ios::binary);
    out << rehearse::to_svg(*all);
    if (!out.flush()) return cx.fail(failed, "cannot write " + o.svg);
  }
  if (o.csv) return print(rehearse::to_csv(*all));
  if (!cx.json) {
    for (const auto& one : *all) print(rehearse::to_text(one) + (&one == &all->back() ? "" : "\n"));
    return;
  }
  nlohmann::json out = {{"schema", 1}, {"seed", o.seed}, {"services", nlohmann::json::array()}};
  for (const auto& one : *all) out["services"].push_back(rehearse::to_json(one));
  print(out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

/// To CLI11 "nan" is within each range, "-1" is the largest seed, and so is what is larger. Nothing: it may stand.
std::string no_number(const std::string& text) {
  return text.find_first_of("nN") == std::string::npos ? "" : text + " is no number";
}

std::string no_seed(const std::string& text) {
  std::uint64_t seed = 0;
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, seed);
  return read.ec == std::errc() && read.ptr == end ? "" : text + " is no number from 0 to 2^64 - 1";
}

}  // namespace

void add_rehearse(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("rehearse", "Years of outages on virtual time: what this file would give");
  auto o = std::make_shared<RehearseOptions>();
  auto* years =
      command->add_option("--years", o->years, "how long")->check(CLI::Range(0.001, 1000.0))->check(no_number);
  command->add_option("--seed", o->seed, "the same seed gives the same answer")->check(no_seed);
  command->add_option("--service", o->service, "default: all");
  command->add_option("--person", o->person, "until a person comes to what needs one, as 30m");
  auto* scenario = command->add_option("--scenario", o->scenario, "a file that states the outages, in place of chance");
  command->add_flag("--history", o->history, "learn from the journal's outages and starts")->excludes(scenario);
  command->add_flag("--alternatives,!--no-alternatives", o->alternatives, "also what other settings would give");
  command->add_option("--svg", o->svg, "write a picture to this file");
  auto* csv = command->add_flag("--csv", o->csv, "a table for other programs");
  command->add_flag("--json", cx.json, "machine-readable")->excludes(csv);
  command->callback([&cx, o, years] {
    o->years_given = years->count() > 0;
    rehearse_all(cx, *o);
  });
}

}  // namespace understudy::cli
