#include "snapshot/epochs.hpp"

#include <algorithm>
#include <tuple>

namespace understudy::snapshot {

using namespace understudy::sdk;

namespace {

constexpr std::int64_t aside_days = 90;
constexpr Millis slack_of_a_refusal{10'000};

std::string older(std::uint64_t epoch, std::uint64_t than) {
  return "epoch " + std::to_string(epoch) + " is older than " + std::to_string(than);
}

}  // namespace

std::uint64_t epoch_from(const Json& in) {
  if (in.is_number_unsigned() && in.get<std::uint64_t>() <= most_epochs) return in.get<std::uint64_t>();
  throw Failure(Status::invalid,
                "its manifest is damaged: no epoch is " + in.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool newer(const Snapshot& a, const Snapshot& b) {
  return std::tie(a.epoch, a.created_ms, a.id) > std::tie(b.epoch, b.created_ms, b.id);
}

bool Keeping::keeps(const Snapshot& snapshot) {
  const bool wanted = valid_seen_ < request_.keep_at_least;
  valid_seen_ += snapshot.valid ? 1 : 0;
  const bool young = now_ms_ - snapshot.created_ms < request_.keep_days * day_ms;
  return request_.keep_at_least > 0 && (!snapshot.valid || young || wanted);
}

std::int64_t aside_age_ms(const PruneRequest& request) {
  return std::max<std::int64_t>(aside_days, request.keep_days) * day_ms;
}

Millis time_aside(Millis left) {
  return std::max({std::min(left / 2, left - slack_of_a_refusal), left / 4, Millis(1)});
}

void refuse_old(std::uint64_t epoch, std::uint64_t newest, const std::string& fate) {
  throw Failure(Error{Status::conflict,
                      older(epoch, newest) + ", the newest that this store knows; " + fate,
                      "a site that was replaced must not save over its successor; look at what it had, then delete it",
                      "old_epoch",
                      {}});
}

std::string only_at_the_site(const std::string& why) {
  return "its data could not be kept aside (" + why + ") and lie at that site alone";
}

void refuse_fence(std::uint64_t epoch, std::uint64_t known) {
  throw Failure(Status::conflict, older(epoch, known) + ", which this store knows already",
                "somebody has gone on with a newer epoch: look with `understudy status` what runs");
}

}  // namespace understudy::snapshot
