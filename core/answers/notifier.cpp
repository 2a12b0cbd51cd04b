#include "core/answers/notifier.hpp"

#include "core/answers/values.hpp"

namespace understudy::answers {

Delivered delivered(const sdk::Json& answer) {
  Delivered out{text(answer, "receipt"), answer.value("thread", sdk::Json::object())};
  if (!out.thread.is_object()) out.thread = sdk::Json::object();
  return out;
}

}  // namespace understudy::answers
