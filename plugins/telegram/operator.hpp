// What listed people ask of Understudy, over the host's operator.request/1, and its answer in a sentence.
#pragma once

#include <functional>
#include <string>

#include "understudy/host.hpp"

namespace telegram_plugin {

struct Wish {
  std::string action;  ///< "status", "promote", ...
  std::string service, target, incident;
  std::int64_t expect_index = -1;  ///< below 0: whatever the state is
  std::string by;                  ///< "telegram:ID name"
};

struct Outcome {
  bool done = false;
  std::string text;         ///< for people, whatever became of it; never empty
  std::int64_t index = -1;  ///< of the state that `text` tells of
  std::string target;       ///< that a plan names; may be empty
};

/// `then` runs once, on the [loop]. [any thread]
void ask(understudy::sdk::Host& host, const Wish& wish, understudy::sdk::Millis budget,
         std::function<void(const Outcome&)> then);

}  // namespace telegram_plugin
