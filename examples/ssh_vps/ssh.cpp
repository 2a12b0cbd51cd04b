#include "ssh.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>

namespace ssh_vps {
namespace {

using namespace understudy::sdk;

constexpr std::string_view mark = "understudy: ";
constexpr int ssh_failed = 255;
constexpr Millis kill_grace{200};
constexpr std::int64_t longest_answer = 4 * 1024 * 1024;

std::string last_line(const std::string& text) {
  std::string out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) out = line;
  }
  return out;
}

/// Why ssh itself failed. The words are those of OpenSSH, which it does not translate.
Failure no_connection(const Login& login, const std::string& stderr_text) {
  const auto has = [&](const char* words) { return stderr_text.find(words) != std::string::npos; };
  Error e{Status::transient, "ssh to " + login.host + " failed: " + last_line(stderr_text), {}, "closed", {}};
  if (has("Host key verification failed") || has("HOST IDENTIFICATION HAS CHANGED")) {
    e.status = Status::denied;
    e.kind = "host_key";
    e.hint = "compare the fingerprint with the provider's, then put the key into known_hosts";
  } else if (has("Permission denied")) {
    e.status = Status::denied;
    e.kind = "permission";
    e.hint = "put the public key into authorized_keys of that account; no password is ever asked for";
  } else if (has("Could not resolve")) {
    e.kind = "resolve";
    e.hint = "check `host`";
  } else if (has("refused")) {
    e.kind = "refused";
    e.hint = "is its sshd running, and `port` right?";
  } else if (has("timed out")) {
    e.kind = "timeout";
  }
  return Failure(std::move(e));
}

Failure lost(const Login& login, const std::string& what) {
  return Failure(Status::unknown, "the answer of " + login.host + " was lost: " + what,
                 "it may have happened: observe tells");
}

Status status_of(const std::string& word) {
  if (word == "conflict") return Status::conflict;
  if (word == "denied") return Status::denied;
  if (word == "invalid") return Status::invalid;
  return word == "transient" ? Status::transient : Status::unknown;
}

Told read_answer(const std::string& text) {
  Told out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(mark, 0) != 0) continue;
    line.erase(0, mark.size());
    const auto space = line.find(' ');
    const auto word = line.substr(0, space);
    const auto value = space == std::string::npos ? std::string() : line.substr(space + 1);
    if (word == "line") {
      out.lines.push_back(value);
    } else {
      out.words[word] = value;
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> ssh_arguments(const Login& login) {
  std::vector<std::string> out{login.program, "-T", "-p", std::to_string(login.port)};
  const auto option = [&](const std::string& text) { out.insert(out.end(), {"-o", text}); };
  option("BatchMode=yes");
  option("StrictHostKeyChecking=yes");
  option("ConnectTimeout=" + std::to_string(std::max<std::int64_t>(1, login.connect_timeout.count() / 1000)));
  option("ServerAliveInterval=5");
  option("ServerAliveCountMax=3");
  option("ClearAllForwardings=yes");
  option("ForwardAgent=no");
  option("PermitLocalCommand=no");
  if (!login.known_hosts.empty()) option("UserKnownHostsFile=\"" + login.known_hosts + "\"");
  if (!login.identity_file.empty()) {
    option("IdentitiesOnly=yes");
    out.insert(out.end(), {"-i", login.identity_file});
  }
  if (!login.control_path.empty()) {
    option("ControlMaster=auto");
    option("ControlPersist=60");
    option("ControlPath=\"" + login.control_path + "\"");
  }
  for (const auto& more : login.options) option(more);
  if (!login.user.empty()) out.insert(out.end(), {"-l", login.user});
  out.insert(out.end(), {"--", login.host, "exec sh"});
  return out;
}

std::string shell_word(const std::string& text) {
  if (text.find('\0') != std::string::npos) throw Failure(Status::invalid, "a setting holds a NUL");
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Told run_there(Host& host, const Login& login, const std::string& script, Millis budget, Effect effect) {
  const auto timeout = std::max<std::int64_t>(1, budget.count() - 2 * kill_grace.count());
  const Json request = {{"argv", ssh_arguments(login)},
                        {"stdin", script},
                        {"timeout_ms", timeout},
                        {"kill_grace_ms", kill_grace.count()},
                        {"max_output", longest_answer}};
  const auto ended = host.blocking("process.run/1", request, budget);
  if (!ended.ok()) {
    if (ended.error.status != Status::unknown) throw Failure(ended.error);
    if (effect == Effect::possible) throw lost(login, ended.error.message);
    throw Failure({Status::transient, login.host + " did not answer in time", "is it overloaded?", "timeout", {}});
  }
  const auto errors = ended.value.value("stderr", "");
  const auto told = read_answer(ended.value.value("stdout", ""));
  if (told.words.contains("done")) {
    if (!told.words.contains("error")) return told;
    throw Failure(status_of(told.get("error")), login.host + ": " + told.get("message"));
  }
  const int code = ended.value.value("exit_code", ssh_failed);
  if (effect == Effect::possible) throw lost(login, last_line(errors));
  if (code == ssh_failed) throw no_connection(login, errors);
  throw Failure(Status::invalid,
                login.host + " did not run our script but ended with exit code " + std::to_string(code) + ": " +
                    last_line(errors + "\n" + ended.value.value("stdout", "")),
                "does the account have a login shell?");
}

}  // namespace ssh_vps
