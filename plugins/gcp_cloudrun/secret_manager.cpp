#include "secret_manager.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "bucket.hpp"
#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr int most_readings = 3;  ///< when what comes is damaged
constexpr Millis between{200};

std::vector<std::string> segments(const std::string& text) {
  std::vector<std::string> out{""};
  for (const char c : text) {
    if (c == '/') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

/// Ids of projects may have a domain ("example.com:demo"); nothing that would lead elsewhere is let through.
bool plain(const std::string& text) {
  return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

bool says(const Error& error, const char* word) { return error.message.find(word) != std::string::npos; }

std::string role_command(const SecretName& name, const std::string& identity) {
  const auto space = identity.rfind(' ');
  const bool account = identity.find('@') != std::string::npos;
  const auto email = account ? identity.substr(space == std::string::npos ? 0 : space + 1) : "EMAIL";
  return "gcloud secrets add-iam-policy-binding " + name.secret + " --member=serviceAccount:" + email +
         " --role=roles/secretmanager.secretAccessor" + name.flags();
}

/// Which version Google means: `latest` can be read, but not enabled.
std::string number_in(const std::string& message, const std::string& otherwise) {
  static constexpr std::string_view before = "/versions/";
  const auto at = message.find(before);
  const auto rest = at == std::string::npos ? "" : message.substr(at + before.size());
  const auto digits = rest.substr(0, rest.find_first_not_of("0123456789"));
  return digits.empty() ? otherwise : digits;
}

/// A version that is there and cannot be read: disabled, or its content destroyed.
std::string advice_on_state(const SecretName& name, const Error& error) {
  const std::string more =
      "add a new version: gcloud secrets versions add " + name.secret + " --data-file=FILE" + name.flags();
  if (says(error, "DESTROYED")) return "what it held is gone for good; " + more;
  return "enable it (gcloud secrets versions enable " + number_in(error.message, name.version) +
         " --secret=" + name.secret + name.flags() + "), or " + more;
}

[[noreturn]] void retold(const SecretName& name, Error error, const std::string& identity) {
  if (error.kind == "missing") {
    error.hint =
        "see what there is: gcloud secrets versions list " + name.secret + name.flags() + "; is the name right?";
  } else if (error.status == Status::denied && says(error, "secretmanager.versions.access")) {
    error.hint = "let " + identity + " read it: " + role_command(name, identity);
  } else if (error.status == Status::invalid && (says(error, "DISABLED") || says(error, "DESTROYED"))) {
    error.kind = "disabled";
    error.hint = advice_on_state(name, error);
  }
  throw Failure(std::move(error));
}

/// The bytes, or nothing when they are not those that the checksum is of.
std::optional<std::string> payload(const Answer& answer) {
  const Json& body = object_of(answer.json, "payload");
  auto data = from_base64(text_of(body, "data"));
  if (!answer.json.is_object() || !data) return std::nullopt;
  if (!body.contains("dataCrc32c")) return data;
  Crc32c crc;
  crc.add(data->data(), data->size());
  if (static_cast<std::int64_t>(crc.value()) != number_of(body, "dataCrc32c")) return std::nullopt;
  return data;
}

}  // namespace

SecretName SecretName::parse(const std::string& text) {
  const auto parts = segments(text);
  const bool regional = parts.size() == 8 && parts[2] == "locations";
  const std::size_t at = regional ? 4 : 2;
  if ((parts.size() == 6 || regional) && parts[0] == "projects" && parts[at] == "secrets" &&
      parts[at + 2] == "versions" && std::ranges::all_of(parts, plain))
    return {parts[1], regional ? parts[3] : "", parts[at + 1], parts[at + 3]};
  throw Failure(Status::invalid, "\"" + text.substr(0, 200) + "\" names no version of a secret",
                "write projects/PROJECT/secrets/SECRET/versions/latest (or a number in place of latest)");
}

std::string SecretName::resource() const {
  return "projects/" + escaped(project) + (location.empty() ? "" : "/locations/" + escaped(location)) + "/secrets/" +
         escaped(secret) + "/versions/" + escaped(version);
}

std::string SecretName::flags() const {
  return " --project=" + project + (location.empty() ? "" : " --location=" + location);
}

std::string SecretManager::address(const SecretName& name) const {
  if (!api_.empty()) return api_;
  if (name.location.empty()) return "https://secretmanager.googleapis.com";
  return "https://secretmanager." + name.location + ".rep.googleapis.com";
}

Answer SecretManager::ask(const SecretName& name, const Deadline& deadline) {
  Ask request;
  request.url = address(name) + "/v1/" + name.resource() + ":access";
  const About about{"read the secret " + name.secret + " (version " + name.version + ")",
                    name.project,
                    "a version " + name.version + " of a secret " + name.secret + " in the project " + name.project,
                    "roles/secretmanager.secretAccessor on the secret",
                    "",
                    "secretmanager.googleapis.com"};
  try {
    return client_.call(request, about, Repeat::safe, deadline);
  } catch (const Failure& failure) {
    retold(name, failure.error(), client_.identity());
  }
}

std::string SecretManager::access(const SecretName& name, const Deadline& deadline) {
  for (int tries = 1;; ++tries) {
    if (auto data = payload(ask(name, deadline))) return *std::move(data);
    if (tries == most_readings || deadline.left() < between * 2) break;
    pause(client_.host(), between);
  }
  throw Failure(Status::transient,
                "the secret " + name.secret + " (version " + name.version +
                    ") came damaged: its bytes are not those that its checksum is of",
                "something on the way changes what Google sends (a proxy?); it is not used");
}

}  // namespace gcp
