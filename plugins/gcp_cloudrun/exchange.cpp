#include "exchange.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr Millis one_try{10'000}, first_pause{250}, longest_pause{4'000};
constexpr int most_exchanges = 5;

[[nodiscard]] std::string advice(const std::string& code, const std::string& said) {
  if (said.find("reasonable timeframe") != std::string::npos || said.find("iat") != std::string::npos)
    return "is this machine's clock right? a signed request counts for a few minutes only";
  if (said.find("account not found") != std::string::npos || said.find("Invalid JWT Signature") != std::string::npos)
    return "the service account or its key was deleted: make a new key (gcloud iam service-accounts keys create)";
  if (said.find("expired or revoked") != std::string::npos || said.find("rapt") != std::string::npos)
    return "sign in again: gcloud auth application-default login";
  if (code == "invalid_grant") return "the key or the sign-in is expired or revoked: make a new one";
  if (code == "invalid_client" || code == "deleted_client" || code == "unauthorized_client")
    return "the client of the credentials file does not exist any more: make a new file";
  if (code == "invalid_target")
    return "the workload identity pool or its provider does not exist or is disabled: check `audience` in the file";
  return "check the credentials file";
}

[[noreturn]] void refused(const Answer& answer, const std::string& who) {
  const Json& body = answer.json;
  const std::string code = text_of(body, "error");
  std::string said = text_of(body, "error_description");
  if (said.empty()) said = text_of(object_of(body, "error"), "message");
  Failure out(Status::denied,
              "no token for " + who + ": " + (code.empty() ? "HTTP " + std::to_string(answer.status) : code) +
                  (said.empty() ? "" : ": " + said),
              advice(code, said));
  if (answer.status == 429 || answer.status >= 500) {
    throw Failure(Error{
        Status::transient, out.error().message, "the sign-in service is in trouble: it is asked again", "token", {}});
  }
  throw Failure(Error{Status::denied, out.error().message, out.error().hint, "credentials", {}});
}

}  // namespace

Answer ask_for_token(Host& host, const Ask& ask, const Deadline& deadline) {
  Millis wait = first_pause;
  for (int tries = 1;; ++tries) {
    const bool last = tries == most_exchanges || deadline.left() < wait * 2;
    try {
      auto answer = send(host, ask, deadline.at_most(one_try));
      if (last || (answer.status < 500 && answer.status != 429)) return answer;
    } catch (const Failure& failure) {
      if (last || failure.error().status == Status::cancelled) throw;
    }
    pause(host, wait);
    wait = std::min(wait * 2, longest_pause);
  }
}

Json exchange(Host& host, const std::string& url, const Form& fields, const std::string& who,
              const Deadline& deadline) {
  Ask ask;
  ask.method = "POST";
  ask.url = url;
  ask.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  ask.body = form(fields);
  Answer answer;
  try {
    answer = ask_for_token(host, ask, deadline);
  } catch (const Failure& failure) {
    Error error = failure.error();
    error.message = "no token for " + who + ": " + url + " does not answer: " + error.message;
    throw Failure(error);
  }
  if (!answer.good()) refused(answer, who);
  if (!answer.json.is_object()) throw Failure(Status::transient, "no token for " + who + ": the answer is not JSON");
  return answer.json;
}

std::string must_have(const Json& file, const char* key) {
  std::string out = text_of(file, key);
  if (out.empty()) {
    throw Failure(Status::denied, std::string("the credentials file has no \"") + key + "\"",
                  "it must be the file as Google gives it");
  }
  return out;
}

}  // namespace gcp
