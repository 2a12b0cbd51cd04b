#include "cloud_run.hpp"

#include <algorithm>

#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr const char* reader = "roles/run.viewer";
constexpr const char* writer = "roles/run.developer";
constexpr Millis first_look{250}, longest_look{3'000}, after_race{200};
constexpr Millis one_look{10'000};  // a look that gets no answer is soon made again
constexpr int most_revisions_pages = 5;

/// The time between two looks at something that moves.
class Pace {
 public:
  explicit Pace(Host& host) : host_(host) {}
  /// False when there is no time for another look.
  [[nodiscard]] bool wait(const Deadline& deadline) {
    if (deadline.left() <= next_) return false;
    pause(host_, next_);
    next_ = std::min(next_ * 3 / 2, longest_look);
    return true;
  }

 private:
  Host& host_;
  Millis next_ = first_look;
};

std::string path_of(const std::string& resource) {
  std::string out;
  for (std::size_t from = 0; from <= resource.size();) {
    const auto end = std::min(resource.find('/', from), resource.size());
    out += "/" + escaped(std::string_view(resource).substr(from, end - from));
    from = end + 1;
  }
  return out;
}

/// A change that Cloud Run took and could not carry out.
[[noreturn]] void came_to_nothing(const std::string& service, const std::string& why) {
  throw Failure(Error{Status::transient,
                      "Cloud Run could not bring the service " + service + " into its new state: " + why,
                      "see the revision's log in the console; a container must listen on $PORT in time",
                      "operation",
                      {}});
}

}  // namespace

About CloudRun::about(const std::string& what, const std::string& role) const {
  return {what + " the Cloud Run service " + address_.service, address_.project,
          "a service " + address_.service + " in the region " + address_.region + " of the project " + address_.project,
          role, ""};
}

ServiceView CloudRun::look(const Deadline& deadline) {
  Ask ask;
  ask.url = address_.api + "/v2" + path_of(address_.resource());
  ask.patience = one_look;
  auto answer = client_.call(ask, about("look at", reader), Repeat::safe, deadline);
  auto out = ServiceView::from(std::move(answer.json));
  const auto date = http_date_ms(text_of(answer.headers, "date"));
  out.seen_ms = date ? *date : now_ms(client_.host());
  return out;
}

std::vector<Revision> CloudRun::revisions(const Deadline& deadline) {
  std::vector<Revision> out;
  std::string page;
  for (int i = 0; i < most_revisions_pages; ++i) {
    Ask ask;
    ask.url = address_.api + "/v2" + path_of(address_.resource()) + "/revisions?pageSize=100";
    if (!page.empty()) ask.url += "&pageToken=" + escaped(page);
    const auto answer = client_.call(ask, about("list the revisions of", reader), Repeat::safe, deadline);
    for (const auto& one : list_of(answer.json, "revisions")) {
      Revision revision{short_name(text_of(one, "name")), rfc3339_ms(text_of(one, "createTime")).value_or(0), false,
                        one};
      const Json& conditions = list_of(one, "conditions");
      revision.ready = !flag_of(one, "reconciling") && std::ranges::any_of(conditions, [](const Json& c) {
        return text_of(c, "type") == "Ready" && text_of(c, "state") == "CONDITION_SUCCEEDED";
      });
      out.push_back(std::move(revision));
    }
    page = text_of(answer.json, "nextPageToken");
    if (page.empty()) break;
  }
  std::ranges::sort(out, std::greater<>(), [](const Revision& r) { return std::pair(r.created_ms, r.name); });
  return out;
}

/// `touched` as soon as Cloud Run took it: what goes wrong from there on undoes nothing.
CloudRun::Sent CloudRun::send_patch(const Patch& patch, const std::string& etag, bool& touched,
                                    const Deadline& deadline) {
  Ask ask;
  ask.method = "PATCH";
  ask.url = address_.api + "/v2" + path_of(address_.resource()) + "?updateMask=" + escaped(patch.mask);
  ask.fresh = true;
  ask.headers = {{"Content-Type", "application/json"}};
  Json body = patch.body;
  body["name"] = address_.resource();
  body["etag"] = etag;
  ask.body = body.dump();
  const auto answer = client_.call(ask, about("change", writer), Repeat::once, deadline, {409, 412});
  if (!answer.good()) return Sent::raced;
  touched = true;
  const std::string operation = text_of(answer.json, "name");
  if (flag_of(answer.json, "done") || operation.empty()) {
    if (answer.json.contains("error")) came_to_nothing(address_.service, rpc_error(answer.json.at("error")).message);
    return Sent::taken;
  }
  await_operation(operation, deadline);
  return Sent::taken;
}

void CloudRun::rehearse(const Patch& patch, const std::string& etag, const Deadline& deadline) {
  Ask ask;
  ask.method = "PATCH";
  ask.url =
      address_.api + "/v2" + path_of(address_.resource()) + "?validateOnly=true&updateMask=" + escaped(patch.mask);
  ask.headers = {{"Content-Type", "application/json"}};
  Json body = patch.body;
  body["name"] = address_.resource();
  body["etag"] = etag;
  ask.body = body.dump();
  (void)client_.call(ask, about("change", writer), Repeat::safe, deadline, {409, 412});
}

void CloudRun::await_operation(const std::string& name, const Deadline& deadline) {
  Pace pace(client_.host());
  Ask ask;
  ask.url = address_.api + "/v2" + path_of(name);
  ask.patience = one_look;
  while (true) {
    const auto answer = client_.call(ask, about("follow the change of", reader), Repeat::safe, deadline, {404});
    if (answer.status == 404) return;  // forgotten by Google; the service itself shows what became of it
    if (flag_of(answer.json, "done")) {
      if (answer.json.contains("error")) came_to_nothing(address_.service, rpc_error(answer.json.at("error")).message);
      return;
    }
    if (!pace.wait(deadline)) break;
  }
  throw Failure(Status::unknown, "Cloud Run is still changing the service " + address_.service,
                "it is looked at again; give it a longer activate_timeout if this is usual");
}

ServiceView CloudRun::await(Until until, const Deadline& deadline) {
  Pace pace(client_.host());
  while (true) {
    auto view = look(deadline);
    if (view.ready() || (until == Until::settled && view.settled())) return view;
    if (view.failed()) came_to_nothing(address_.service, view.why);
    if (!pace.wait(deadline)) {
      throw Failure(Status::unknown, "the service " + address_.service + " is not Ready yet: " + view.summary(),
                    "it is looked at again; give it a longer activate_timeout if this is usual");
    }
  }
}

ServiceView CloudRun::change(const Wanted& wanted, Until until, const Deadline& deadline) {
  bool touched = false;  // from here on only `unknown` is honest when it ends badly
  Pace pace(client_.host());
  while (true) {
    Error last;
    try {
      const auto view = look(deadline);
      const auto patch = wanted(view);
      touched = touched || !patch;
      if (!patch) return await(until, deadline);
      if (send_patch(*patch, view.etag, touched, deadline) == Sent::taken) continue;
      last = {Status::transient,
              "the service " + address_.service + " is changed by somebody else again and again",
              "is a deployment under way?",
              "raced",
              {}};
    } catch (const Failure& failure) {
      last = failure.error();
      touched = touched || last.status == Status::unknown;
      // What is switched off need not be in order: whether it is off is what the next look tells.
      const bool in_disorder = last.kind == "operation" && until == Until::ready;
      const bool passing = last.status == Status::unknown || (last.status == Status::transient && !in_disorder);
      if (!passing) {
        if (touched && last.kind != "operation") last.status = Status::unknown;
        throw Failure(last);
      }
    }
    if (deadline.left() > after_race * 5 && pace.wait(deadline)) continue;
    if (touched) last.status = Status::unknown;
    throw Failure(last);
  }
}

}  // namespace gcp
