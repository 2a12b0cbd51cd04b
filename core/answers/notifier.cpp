#include "core/answers/notifier.hpp"

namespace understudy::answers {

Delivered delivered(const sdk::Json& answer) {
  Delivered out{answer.value("receipt", ""), answer.value("thread", sdk::Json::object())};
  if (!out.thread.is_object()) out.thread = sdk::Json::object();
  return out;
}

}  // namespace understudy::answers
