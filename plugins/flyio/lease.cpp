#include "lease.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis give_back_patience{3'000}, look_patience{5'000};
constexpr const char* hint =
    "another controller or `fly deploy` is at work on it; it ends by itself, or see `fly machine leases`";

Json data_of(const Answer& answer) {
  if (!answer.body.is_object()) return Json::object();
  const auto it = answer.body.find("data");  // the spec has the lease itself, the wire wraps it
  return it != answer.body.end() && it->is_object() ? *it : answer.body;
}

}  // namespace

std::string leased_by_another(Api& api, const std::string& machine, const std::string& holder,
                              const Deadline& deadline) {
  const auto answer = api.act({"GET", "/" + machine + "/lease", nullptr, ""}, deadline.at_most(look_patience));
  if (!answer.ok()) return {};
  const Json data = data_of(answer);
  const auto owner = data.value("owner", ""), description = data.value("description", "");
  if (description == holder) return {};  // ours, that could not be given back
  if (owner.empty() && description.empty()) return data.value("nonce", "").empty() ? "" : "somebody";
  return owner + (description.empty() ? "" : " (" + description + ")");
}

Lease::Lease(Api& api, std::string machine, std::string holder, const Deadline& deadline)
    : api_(api), machine_(std::move(machine)), holder_(std::move(holder)) {
  const Attempt attempt{"take the lease of machine " + machine_, "", true};
  for (int tries = 0;; ++tries) {
    const auto answer = ask(deadline);
    if (answer.ok()) {
      taken(data_of(answer));
      return;
    }
    if ((answer.doubtful() || answer.http == 409) && adopt(deadline)) return;
    const bool again = answer.http == 409 || answer.http == 0 || answer.doubtful() || answer.later();
    const auto wait = answer.retry_after.value_or(api_.pause(tries));
    if (!again || wait >= deadline.left()) {
      auto error = explain(answer, attempt, api_.settings());
      // A lease changes nothing of what runs.
      if (error.status == Status::unknown) error.status = Status::transient;
      if (answer.http == 409) error.hint = hint;
      throw Failure(error);
    }
    api_.sleep(wait, deadline);
  }
}

Lease::~Lease() {
  if (nonce_.empty()) return;
  try {
    (void)api_.act({"DELETE", "/" + machine_ + "/lease", nullptr, nonce_}, Deadline(give_back_patience));
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it ends by itself
  }
}

Answer Lease::ask(const Deadline& deadline) {
  const auto seconds = std::max<std::int64_t>(5, api_.settings().lease_ttl.count() / 1000);
  return api_.act({"POST", "/" + machine_ + "/lease", {{"ttl", seconds}, {"description", holder_}}, nonce_}, deadline);
}

/// Ours already, from a call whose answer was lost.
bool Lease::adopt(const Deadline& deadline) {
  const auto answer = api_.act({"GET", "/" + machine_ + "/lease", nullptr, ""}, deadline.at_most(look_patience));
  if (!answer.ok()) return false;
  const Json data = data_of(answer);
  if (data.value("description", "") != holder_ || data.value("nonce", "").empty()) return false;
  nonce_ = data.value("nonce", "");
  const auto renewed = ask(deadline);
  if (!renewed.ok()) {
    nonce_.clear();
    return false;
  }
  taken(data_of(renewed));
  return true;
}

void Lease::taken(const Json& data) {
  if (const auto nonce = data.value("nonce", ""); !nonce.empty()) nonce_ = nonce;
  if (nonce_.empty()) throw Failure(Status::transient, "Fly gave a lease of machine " + machine_ + " without a nonce");
  renew_at_ = std::chrono::steady_clock::now() + api_.settings().lease_ttl / 2;
}

const std::string& Lease::nonce(const Deadline& deadline) {
  if (std::chrono::steady_clock::now() < renew_at_) return nonce_;
  for (int tries = 0;; ++tries) {
    const auto answer = ask(deadline);
    if (answer.ok()) {
      taken(data_of(answer));
      return nonce_;
    }
    const auto wait = answer.retry_after.value_or(api_.pause(tries));
    const bool again = answer.http == 0 || answer.doubtful() || answer.later();
    if (again && wait < deadline.left()) {
      api_.sleep(wait, deadline);
      continue;
    }
    auto error = explain(answer, {"renew the lease of machine " + machine_, "", false}, api_.settings());
    error.hint = hint;
    throw Failure(error);
  }
}

}  // namespace flyio_plugin
