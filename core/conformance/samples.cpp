#include "core/conformance/samples.hpp"

namespace understudy::conformance {

sdk::Json sample_alert(const Bench& bench, const std::string& id) {
  return {{"id", bench.run + "-" + id},
          {"kind", "conformance.test"},
          {"severity", "info"},
          {"state", "event"},
          {"service", bench.run},
          {"target", "here"},
          {"title", "A test of the plugin " + bench.library.stem().string()},
          {"text", "Sent by `understudy plugin test`. Nothing has happened."},
          {"at_ms", std::int64_t{1'700'000'000'000}},
          {"possible_duplicate", false},
          {"facts", sdk::Json::object()}};
}

std::vector<Sample> harmless_calls(Bench& bench) {
  const sdk::Json where = {{"service", bench.run}, {"target", "here"}};
  const std::vector<Sample> all = {{"health.check/1", {{"timeout_ms", 500}}},
                                   {"standby.observe/1", where},
                                   {"standby.quote/1", sdk::Json::object()},
                                   {"standby.logs/1", {{"lines", 5}}},
                                   {"store.list/1", where},
                                   {"store.verify/1", {{"service", bench.run}, {"id", "20200101T000000.000Z-e1"}}},
                                   {"notify.send/1", {{"alert", sample_alert(bench, "harmless")}}}};
  std::vector<Sample> out;
  const auto library = bench.described();
  for (const auto& sample : all) {
    if (library->provides(bench.interface_name, sample.method)) out.push_back(sample);
  }
  return out;
}

}  // namespace understudy::conformance
