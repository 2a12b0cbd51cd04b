// What a Docker engine says: an inspected container or several, an event, a refusal, a version.
#include "plugins/docker_compose/containers.hpp"
#include "plugins/docker_compose/engine_words.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace understudy;
using namespace compose_plugin;
using sdk::Json;

FUZZ(input) {
  const std::string text(input);
  (void)fuzz::dumped(refusal("GET /x", 500, text).error().to_json());
  fuzz::must(parse_version(text).second >= 0, "a version has no negative part");
  if (const auto event = parse_event(text)) {
    fuzz::must(event->at_ns >= 0, "an event is after 1970");
    const auto since = since_after(event->at_ns);
    fuzz::must(since.size() - since.find('.') == 10, "nanoseconds have nine digits");
  }
  const Json in = sdk::parse_json(text);
  static Project project;
  project.services = {"bot"};
  try {  // Json::exception: no container, told as such by whoever asked
    Containers all;
    if (in.is_array()) {
      for (const auto& one : in) all.push_back(Container::from_inspect(one));
    } else {
      all.push_back(Container::from_inspect(in));
    }
    (void)describe(all);
    (void)newest_epoch(all);
    (void)fuzz::dumped(observation_of(all).to_json());
    for (const bool weak : {false, true}) (void)fuzz::dumped(health_of(all, project, weak).to_json());
    for (auto rest = living(all); !rest.empty();) {
      const auto first = first_to_stop(rest);
      fuzz::must(!first.empty(), "something can be stopped");
      std::erase_if(rest, [&](const Container& c) {
        return std::ranges::any_of(first, [&](const Container& f) { return f.id == c.id; });
      });
    }
  } catch (const Json::exception&) {
    return;
  }
}
