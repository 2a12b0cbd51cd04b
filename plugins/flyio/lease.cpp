#include "lease.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr Millis give_back_patience{3'000}, look_patience{5'000};
constexpr const char* hint =
    "another controller or `fly deploy` is at work on it; it ends by itself, or see `fly machine leases`";

constexpr std::string_view ours = "understudy ", stops = " stops";

std::string without_stops(const std::string& holder) {
  return holder.ends_with(stops) ? holder.substr(0, holder.size() - stops.size()) : holder;
}

Json data_of(const Answer& answer) {
  if (!answer.body.is_object()) return Json::object();
  const auto it = answer.body.find("data");  // the spec has the lease itself, the wire wraps it
  return it != answer.body.end() && it->is_object() ? *it : answer.body;
}

}  // namespace

std::string as_stopper(const std::string& holder) { return holder + std::string(stops); }

Lessee lessee_of(Api& api, const std::string& machine, const std::string& holder, const Deadline& deadline) {
  const auto patience = deadline.at_most(look_patience);
  const Api::Request look{"GET", "/" + machine + "/lease", nullptr, ""};
  auto answer = api.act(look, patience);
  for (int tries = 0; (answer.doubtful() || answer.http == 0) && !patience.over(); ++tries) {
    api.sleep(api.pause(tries), patience);
    answer = api.act(look, patience);
  }
  if (answer.http == 404) return {};
  if (!answer.ok()) {
    const auto why = explain(answer, {"read the lease of machine " + machine, "", false}, api.settings());
    return {"perhaps somebody (" + why.message + ")", false};
  }
  const Json data = data_of(answer);
  const auto owner = data.value("owner", ""), description = data.value("description", "");
  if (description.rfind(ours, 0) == 0 && description.ends_with(stops))
    return {"", without_stops(description) != holder};
  if (description == holder) return {};  // ours, that could not be given back
  if (owner.empty() && description.empty()) return {"somebody", false};
  return {owner + (description.empty() ? "" : " (" + description + ")"), false};
}

Lease::Lease(Api& api, std::string machine, std::string holder, const Deadline& deadline, Nonce wanted)
    : api_(api), machine_(std::move(machine)), holder_(std::move(holder)), description_(holder_) {
  const Attempt attempt{"take the lease of machine " + machine_, "", true};
  for (int tries = 0;; ++tries) {
    const auto answer = ask(deadline);
    if (answer.ok()) {
      taken(data_of(answer));
      return;
    }
    if ((answer.doubtful() || answer.http == 409) && adopt(deadline)) {
      if (!renounce(wanted, deadline)) return;
      wanted = Nonce::any;
    }
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
  if (nonce_.empty() || left_) return;
  try {
    (void)give_back(Deadline(give_back_patience));
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it ends by itself
  }
}

/// An adopted lease that is not what is wanted is given back, to be taken anew. False: it will do.
bool Lease::renounce(Nonce wanted, const Deadline& deadline) {
  if (wanted == Nonce::any && description_ == holder_) return false;
  const bool may_stay = holder_.ends_with(stops) || description_ == holder_;  // nobody starts under a stopper's name
  if (!give_back(deadline) && may_stay) return false;
  nonce_.clear();
  description_ = holder_;
  return true;
}

bool Lease::give_back(const Deadline& deadline) {
  const auto patience = deadline.at_most(give_back_patience);
  const auto answer = api_.act({"DELETE", "/" + machine_ + "/lease", nullptr, nonce_}, patience);
  if (!answer.ok()) return false;
  nonce_.clear();
  return true;
}

Answer Lease::ask(const Deadline& deadline) {
  const auto seconds = std::max<std::int64_t>(5, api_.settings().lease_ttl.count() / 1000);
  return api_.act({"POST", "/" + machine_ + "/lease", {{"ttl", seconds}, {"description", description_}}, nonce_},
                  deadline);
}

/// Ours already, from a call whose answer was lost.
bool Lease::adopt(const Deadline& deadline) {
  const auto answer = api_.act({"GET", "/" + machine_ + "/lease", nullptr, ""}, deadline.at_most(look_patience));
  if (!answer.ok()) return false;
  const Json data = data_of(answer);
  const auto description = data.value("description", "");
  if (without_stops(description) != without_stops(holder_) || data.value("nonce", "").empty()) return false;
  nonce_ = data.value("nonce", "");
  description_ = description;
  const auto renewed = ask(deadline);
  if (!renewed.ok()) {
    nonce_.clear();
    description_ = holder_;
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
