// Google's replies: a status, a blank, and the body; read as a service, an error, an operation's error, the
// supervisor's health, and by the readers of times and encodings.
#include "plugins/gcp_cloudrun/diagnosis.hpp"
#include "plugins/gcp_cloudrun/errors.hpp"
#include "plugins/gcp_cloudrun/health_answer.hpp"
#include "plugins/gcp_cloudrun/service_view.hpp"
#include "plugins/gcp_cloudrun/text.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using sdk::Json;

namespace {

void read_text(const std::string& text) {
  (void)gcp::rfc3339_ms(text);
  (void)gcp::http_date_ms(text);
  (void)gcp::duration_of(text);
  (void)gcp::memory_gib(text);
  (void)gcp::vcpus(text);
  (void)gcp::short_name(text);
  fuzz::must(gcp::from_base64(gcp::base64(text)) == text, "base64 reads back as written");
  fuzz::must(gcp::from_base64url(gcp::base64url(text)) == text, "base64url reads back as written");
  (void)gcp::from_base64(text);
  (void)gcp::from_base64url(text);
  fuzz::must(gcp::escaped(text).find_first_of("/?&# ") == std::string::npos, "an escaped part is one part");
}

void read_service(const Json& in) {
  try {
    const auto view = gcp::ServiceView::from(in);
    (void)view.summary();
    (void)view.ready();
    (void)view.kept_instances();
    (void)gcp::diagnose(view, {true, gcp::Scaling::manual, true, "s"});
    auto patch = gcp::started(view, {{"A", "b"}}, gcp::Scaling::minimum, 1);
    gcp::note_end(patch, view, 5);
    gcp::note_rollback(patch, view, view.rolled_back);
    (void)fuzz::dumped(patch.body);
    (void)fuzz::dumped(gcp::scaled(view, gcp::Scaling::manual, 0).body);
  } catch (const sdk::Failure& failure) {
    (void)fuzz::dumped(failure.error().to_json());
  }
}

}  // namespace

FUZZ(input) {
  gcp::Answer answer;
  answer.status = std::atoi(std::string(input.substr(0, 3)).c_str());
  answer.body = input.substr(std::min<std::size_t>(4, input.size()));
  answer.json = sdk::parse_json(answer.body);
  answer.headers = {{"retry-after", answer.body.substr(0, 9)}, {"date", answer.body.substr(0, 30)}};
  const gcp::About about{"change s", "demo", "s", "roles/run.developer", "me"};
  for (const bool mutation : {false, true})
    (void)fuzz::dumped(gcp::explain(gcp::api_error(answer), about, mutation).to_json());
  (void)fuzz::dumped(gcp::explain(gcp::rpc_error(answer.json), about, true).to_json());
  fuzz::must(gcp::read_health(answer.status, answer.json).instance.size() <= 64, "an instance's name is bounded");
  read_service(answer.json);
  read_text(answer.body);
}
