#include "diagnosis.hpp"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string_view>

namespace rclone_store {
namespace {

using namespace understudy::sdk;

constexpr Millis rate_limit_pause{10'000};

/// rclone gives the same exit code to nearly everything; its words tell more. In order: the first that fits counts.
struct Sign {
  std::initializer_list<std::string_view> words;  ///< in lower case; any of them
  const char* kind;
  Status status;
  bool again;
  const char* what;
  const char* hint;  ///< {remote} and {config} are filled in
};

const Sign signs[] = {
    {{"is a directory or doesn't exist"}, "missing", Status::invalid, false, "it is not there", ""},
    {{"didn't find section in config file"},
     "no_remote",
     Status::invalid,
     false,
     "rclone knows no remote {remote}",
     "see `rclone listremotes{config}`; make it with `rclone config{config}`, or name the right file in `config`"},
    {{"unable to decrypt configuration", "couldn't decrypt configuration", "password in environment is not allowed",
      "not allowed to ask for password", "unable to decrypt it", "can't ask for password"},
     "config_password",
     Status::denied,
     false,
     "rclone's configuration is encrypted and could not be opened",
     "give its password in `config_password`"},
    {{"invalid_grant", "token expired and there's no refresh token", "empty token found", "couldn't fetch token",
      "cannot fetch token", "oauth2: token expired", "failed to refresh token", "expired_access_token",
      "invalid_access_token", "autherror", "invalid credentials"},
     "token",
     Status::denied,
     false,
     "the access of {remote} has expired or was withdrawn",
     "renew it with `rclone config reconnect {remote}{config}`"},
    {{"dailylimitexceeded", "uploadlimitexceeded", "daily upload limit", "received upload limit error"},
     "upload_limit",
     Status::transient,
     false,
     "today's upload limit of {remote} is used up",
     "Google Drive takes 750 GB a day and account: wait, save less often, or use another remote"},
    {{"ratelimitexceeded", "rate limit exceeded", "too many requests", "too_many_requests", "error 429", "429 too",
      "quota exceeded for quota metric", "slow_down", "slowdown"},
     "rate_limit",
     Status::transient,
     true,
     "{remote} asks us to go slower",
     "give the remote a client_id of its own, lower `transfers`, or save less often"},
    {{"storagequotaexceeded", "storage quota has been exceeded", "quota exceeded", "no space left", "not enough space",
      "remaining disk space", "insufficient storage", "insufficient_space", "disk full", "teamdrivefilelimitexceeded",
      "507 "},
     "full",
     Status::transient,
     false,
     "{remote} is full",
     "free space there (also its trash), keep fewer snapshots, or use another remote"},
    {{"no space on local"}, "full", Status::transient, false, "the local disk is full", "free space in `work_dir`"},
    {{"requesttimetooskewed", "request time is too skewed"},
     "clock",
     Status::denied,
     false,
     "{remote} finds our clock wrong",
     "set this host's clock (NTP)"},
    {{"signaturedoesnotmatch", "invalidaccesskeyid", "401 unauthorized", "error 401", "status code: 401",
      "unable to authenticate", "couldn't connect ssh: ssh: handshake failed"},
     "denied",
     Status::denied,
     false,
     "{remote} refuses our credentials",
     "check them with `rclone config show {remote}{config}` and `rclone lsd {remote}{config}`"},
    {{"permission denied", "403 forbidden", "status code: 403", "error 403", "accessdenied", "access denied",
      "insufficientpermissions", "insufficientfilepermissions", "insufficient permission", "operation not permitted",
      "read-only file system"},
     "denied",
     Status::denied,
     false,
     "{remote} does not let us do that",
     "give the account (or Understudy's user) the right to write there"},
    {{"unknown flag", "unknown command", "unknown shorthand"},
     "version",
     Status::invalid,
     false,
     "this rclone is too old or no rclone",
     "install rclone 1.60 or newer, or name it in `program`"},
    {{"connection refused", "no such host", "no route to host", "network is unreachable", "i/o timeout",
      "connection reset", "broken pipe", "unexpected eof", "connection timed out", "tls handshake timeout",
      "context deadline exceeded", "server misbehaving", "temporary failure in name resolution"},
     "unreachable",
     Status::transient,
     true,
     "{remote} cannot be reached",
     "check the network and the server"},
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string replaced(std::string text, std::string_view slot, const std::string& with) {
  for (auto at = text.find(slot); at != std::string::npos; at = text.find(slot, at + with.size()))
    text.replace(at, slot.size(), with);
  return text;
}

/// The line that a sign fits, or null.
const std::string* fits(const Sign& sign, const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    const std::string low = lower(line);
    if (std::ranges::any_of(sign.words, [&](std::string_view w) { return low.find(w) != std::string::npos; }))
      return &line;
  }
  return nullptr;
}

/// The last line is rclone's summary: "Failed to copy: ...".
std::string last_words(const Ended& ended) { return ended.errors.empty() ? "it said nothing" : ended.errors.back(); }

Diagnosis by_exit_code(const Ended& ended, const std::string& remote) {
  switch (ended.exit_code) {
    case 2: return {{Status::invalid, "rclone was called wrongly: " + last_words(ended), "", "usage", {}}, false};
    case 3:
    case 4: return {{Status::invalid, "it is not there: " + last_words(ended), "", "missing", {}}, true};
    case 6:
    case 7:
    case 8: return {{Status::transient, "rclone gave up: " + last_words(ended), "", "fatal", {}}, false};
    default: break;
  }
  return {{Status::transient, "rclone failed with " + remote + " " + last_words(ended), "", "failed", {}}, true};
}

}  // namespace

Diagnosis diagnose(const Ended& ended, const std::string& remote, const std::string& config) {
  const std::string place = remote.empty() ? "the folder" : remote;
  if (ended.signal)
    return {{Status::transient, "rclone was killed by signal " + std::to_string(*ended.signal), "", "killed", {}},
            true};
  const std::string option = config.empty() ? "" : " --config " + config;
  for (const auto& sign : signs) {
    const std::string* line = fits(sign, ended.errors);
    if (line == nullptr) continue;
    const auto filled = [&](const char* text) {
      return replaced(replaced(text, "{remote}", place), "{config}", option);
    };
    Diagnosis out{{sign.status, filled(sign.what) + ": " + *line, filled(sign.hint), sign.kind, {}}, sign.again};
    if (out.error.kind == "rate_limit") out.error.retry_after = rate_limit_pause;
    return out;
  }
  return by_exit_code(ended, place);
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (!secret.empty()) text = replaced(std::move(text), secret, "***");
  }
  for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const auto end = std::min(text.find_first_of("/ \"'", at + 3), text.size());
    const auto sign = text.rfind('@', end);
    if (sign != std::string::npos && sign > at + 3 && sign < end) text.replace(at + 3, sign - at - 3, "***");
  }
  return text;
}

}  // namespace rclone_store
