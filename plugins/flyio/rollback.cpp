#include <algorithm>
#include <sstream>

#include "extras.hpp"

namespace flyio_plugin {
namespace {

using namespace understudy::sdk;

constexpr const char* meta_rollback = "understudy_rollback";  ///< the operation that made the last one
constexpr const char* meta_back_from = "understudy_rollback_from";

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

/// The newest image in the history that is neither the present one nor one that was rolled back from.
std::string image_before(const Machine& m, const std::vector<Version>& history) {
  const auto bad = words(m.meta(meta_bad_images));
  for (const auto& version : history) {
    const auto image = version.config.value("image", "");
    if (!image.empty() && image != m.image() && std::ranges::find(bad, image) == bad.end()) return image;
  }
  throw Failure(Status::invalid,
                "machine " + m.id + " has no image to go back to: Fly remembers " + std::to_string(history.size()) +
                    " versions, and none with another image than " + m.image(),
                "images that are to be told apart need a tag or digest of their own: deploy the one that you want");
}

Json config_with(const Machine& m, const std::string& image, const std::string& operation, bool ran) {
  Json out = m.config;
  auto bad = words(m.meta(meta_bad_images));
  if (std::ranges::find(bad, m.image()) == bad.end()) bad.push_back(m.image());
  if (bad.size() > 5) bad.erase(bad.begin());
  std::string text;
  for (const auto& one : bad) text += (text.empty() ? "" : " ") + one;
  out["image"] = image;
  out["metadata"][meta_bad_images] = text;
  out["metadata"][meta_rollback] = operation;
  out["metadata"][meta_rollback_ran] = ran ? "1" : "";
  out["metadata"][meta_back_from] = m.image();
  return out;
}

/// What ran before runs again, and a repeat has nothing left to do.
void start_again(Api& api, Held& held, const Deadline& deadline) {
  held.start(api.settings().started_after, deadline);
  held.note({{meta_rollback_ran, ""}}, deadline);
}

/// `changes` is set before the first change is sent.
void one(Api& api, Held& held, const RollbackRequest& request, RollbackReport& report, bool& changes,
         const Deadline& deadline) {
  const auto& m = held.machine();
  if (const auto epoch = m.epoch(); epoch && *epoch > request.epoch)
    throw Failure(Status::conflict, "a newer epoch (" + std::to_string(*epoch) + ") was started here: " + m.describe());
  if (!request.operation.empty() && m.meta(meta_rollback) == request.operation) {  // a repeat
    report.from = m.meta(meta_back_from);
    report.to = m.image();
    if (m.meta(meta_rollback_ran).empty()) return;
    changes = true;
    return start_again(api, held, deadline);
  }
  const auto image = image_before(m, api.versions(m.id, deadline));
  report.from = m.image();
  report.to = image;
  const bool runs = (m.lives() && !m.passive()) || !m.meta(meta_rollback_ran).empty();
  changes = changes || m.config.is_object();
  held.configure(config_with(m, image, request.operation, runs), deadline, runs);
  if (runs) start_again(api, held, deadline);
}

}  // namespace

RollbackReport roll_back(Api& api, const std::string& holder, const RollbackRequest& request,
                         const Deadline& deadline) {
  RollbackReport report;
  const auto all = api.machines(deadline);
  if (all.empty()) throw Failure(Status::invalid, "Fly app " + api.settings().app + " has no machine to roll back");
  bool changes = false;
  try {
    for (const auto& m : all) {
      Held held(api, m.id, holder, deadline);
      one(api, held, request, report, changes, deadline);
      report.detail += (report.detail.empty() ? "" : "; ") + held.machine().describe();
    }
  } catch (const Failure& failure) {
    auto error = failure.error();
    if (changes) error.status = Status::unknown;
    throw Failure(error);
  }
  return report;
}

}  // namespace flyio_plugin
