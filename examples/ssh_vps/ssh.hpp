// One command on the VPS through the host's process.run/1 and the ssh program: its words, and what its end means.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <understudy/host.hpp>

namespace ssh_vps {

using understudy::sdk::Json;
using understudy::sdk::Millis;

struct Login {
  std::string program = "ssh", host, user, identity_file, known_hosts, control_path;
  int port = 22;
  Millis connect_timeout{10'000};
  std::vector<std::string> options;  ///< "Name=value", after ours: ssh takes the first that it sees
};

/// The arguments of ssh: no questions, the host's key checked, nothing forwarded.
[[nodiscard]] std::vector<std::string> ssh_arguments(const Login& login);

/// 'text' for sh, whatever it holds. Throws Failure when it holds a NUL.
[[nodiscard]] std::string shell_word(const std::string& text);

/// What the script said: its words, and lines of the log.
struct Told {
  std::map<std::string, std::string> words;
  std::vector<std::string> lines;
  [[nodiscard]] std::string get(const std::string& word) const {
    const auto it = words.find(word);
    return it == words.end() ? std::string() : it->second;
  }
};

/// May what was asked have happened when the answer is lost?
enum class Effect { none, possible };

/// Runs `script` there and waits; for worker threads. Throws Failure: with Effect::possible it is `unknown` as soon as
/// ssh has begun and no answer came, since nobody can tell how far it went.
[[nodiscard]] Told run_there(understudy::sdk::Host& host, const Login& login, const std::string& script, Millis budget,
                             Effect effect);

}  // namespace ssh_vps
