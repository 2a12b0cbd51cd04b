#include "core/runtime/check_once.hpp"

namespace understudy::runtime {
namespace {

struct Once {
  detect::Round round;
  Millis timeout;
  std::vector<CheckSource> sources;
  std::weak_ptr<int> alive;
  std::function<void(const detect::RoundResult&)> done;
};

void ask_next(const std::shared_ptr<Once>& once);

void answered(const std::shared_ptr<Once>& once, int check, const sdk::Result& result, Micros took) {
  if (once->alive.expired() || !once->done) return;
  const auto decided = once->round.report(check, report_of(result, took));
  if (!decided) return ask_next(once);
  std::exchange(once->done, nullptr)(*decided);
}

void ask_next(const std::shared_ptr<Once>& once) {
  for (const int check : once->round.next()) {
    once->sources[static_cast<std::size_t>(check)].instance->call(
        "health.check/1", {{"timeout_ms", once->timeout.count()}}, once->timeout,
        [once, check, began = mono_now()](const sdk::Result& result) {
          answered(once, check, result, mono_now() - began);
        });
  }
}

}  // namespace

void check_once(const config::Detect& detect, std::vector<CheckSource> sources, std::weak_ptr<int> alive,
                std::function<void(const detect::RoundResult&)> done) {
  if (sources.empty()) return done({});
  const auto count = static_cast<int>(sources.size());
  const int needed = std::min(detect.k, count);
  ask_next(std::make_shared<Once>(Once{detect::Round(detect.combine, needed, count), detect.timeout, std::move(sources),
                                       std::move(alive), std::move(done)}));
}

}  // namespace understudy::runtime
