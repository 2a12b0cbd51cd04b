// What a plugin answers to the core, read: any JSON, for each method.
#include "core/answers/health.hpp"
#include "core/answers/notifier.hpp"
#include "core/answers/store.hpp"
#include "core/answers/target.hpp"

#include "core/model/epoch_from.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using sdk::Json;

namespace {

/// Wrong types throw Json::exception, of which the caller is told; nothing else may.
template <class Fn>
void read(Fn&& reader) {
  try {
    reader();
  } catch (const Json::exception&) {
    // expected
  }
}

void look_at(const SnapshotInfo& one) {
  fuzz::must(one.epoch.value <= most_told, "an epoch has many above it");
  fuzz::must(one.bytes >= 0 && one.files >= 0, "a size is not negative");
  fuzz::must(one.created.time_since_epoch().count() >= 0, "a time is after 1970");
  const auto& id = one.id.value;
  fuzz::must(!one.valid || (id.find('/') == std::string::npos && id != ".." && !id.empty()),
             "a name leads nowhere else");
}

}  // namespace

FUZZ(input) {
  const auto in = sdk::read_json(input);
  read([&] { (void)answers::check(in); });
  read([&] {
    const auto seen = answers::observed(in);
    fuzz::must(!seen.epoch || seen.epoch->value <= most_told, "an epoch has many above it");
  });
  read([&] { (void)answers::started(in); });
  read([&] { (void)answers::stopped(in); });
  read([&] { (void)answers::copy(in); });
  read([&] { (void)answers::problems(in); });
  read([&] { fuzz::must(answers::delivered(in).thread.is_object(), "a thread is an object"); });
  read([&] { (void)answers::observed_as_check(in); });
  read([&] {
    const auto price = answers::quote(in).price;
    for (const auto& usd : {price.standby_per_hour, price.active_per_hour, price.activation, price.transfer_per_gb})
      fuzz::must(usd.value >= 0, "no target pays us");
    fuzz::must(Millis(price.min_billing) * 2 >= Millis(0), "the shortest run is a time");
  });
  read([&] {
    const auto epoch = answers::fence(in);
    fuzz::must(!epoch || epoch->value <= most_told, "an epoch has many above it");
  });
  read([&] { look_at(answers::snapshot(in)); });
  read([&] {
    for (const auto& one : answers::snapshots(in)) look_at(one);
  });
}
