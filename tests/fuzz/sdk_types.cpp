// What the ABI carries: the requests that a plugin reads, and the errors that the core reads.
#include "understudy/types.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using sdk::Json;

namespace {

/// Wrong types throw Json::exception, which the trampolines on both sides answer with an error; nothing else may.
template <class T>
void read(const Json& in) {
  try {
    const auto value = T::from_json(in);
    if constexpr (requires { value.to_json(); }) (void)fuzz::dumped(value.to_json());
  } catch (const Json::exception&) {
    // expected
  }
}

}  // namespace

FUZZ(input) {
  const auto in = fuzz::json(input);
  for (int raw = -1; raw < 12; ++raw)  // whatever JSON, or none, comes with a failure
    (void)fuzz::dumped(sdk::Error::from_json(sdk::status_from(raw), in).to_json());
  if (!in.is_object()) return;  // checked before it is read
  read<sdk::Envelope>(in);
  read<sdk::CheckRequest>(in);
  read<sdk::ObserveRequest>(in);
  read<sdk::ActivateRequest>(in);
  read<sdk::DeactivateRequest>(in);
  read<sdk::LogsRequest>(in);
  read<sdk::RollbackRequest>(in);
  read<sdk::PrewarmRequest>(in);
  read<sdk::DiagnoseRequest>(in);
  read<sdk::PushRequest>(in);
  read<sdk::PullRequest>(in);
  read<sdk::VerifyRequest>(in);
  read<sdk::ListRequest>(in);
  read<sdk::PruneRequest>(in);
  read<sdk::FenceRequest>(in);
  read<sdk::Alert>(in);
  read<sdk::SecretRequest>(in);
}
