// Talks to the plugin as Understudy does, with a host that this test plays: what ssh is asked, and what its ends mean.
// The script itself is tried with a real sshd by Understudy's tests/e2e/test_examples.py.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <understudy/testing.hpp>

#include "ssh.hpp"

using namespace understudy::sdk;

namespace {

int passed = 0;
void expect(bool what, const char* text) {
  ++passed;
  if (what) return;
  std::fprintf(stderr, "failed: %s\n", text);
  std::exit(1);
}

const Json settings = {{"host", "vps.example.org"},
                       {"user", "app"},
                       {"port", 2222},
                       {"known_hosts", "/etc/my hosts"},
                       {"command", {"/srv/app", "--name", "it's"}},
                       {"env", {{"GREETING", "good morning $(reboot)"}}},
                       {"secret_env", {{"TOKEN", {{"$secret", "k"}}}}}};
const Json there = {{"service", "test"}, {"target", "here"}};
const Json start = {{"service", "test"}, {"target", "here"}, {"epoch", 7}, {"operation", "op"}, {"snapshot", "s1"}};
const Json stop = {{"service", "test"}, {"target", "here"}, {"epoch", 7}, {"operation", "op"}, {"grace_ms", 1000}};

Result ended(int code, const std::string& out, const std::string& err = {}) {
  return {{{"exit_code", code}, {"stdout", out}, {"stderr", err}, {"truncated", false}, {"duration_ms", 1}}};
}
Result said(const std::string& lines) { return ended(0, "Welcome to the VPS\n" + lines + "understudy: done\n"); }
const std::string looked =
    "understudy: now 1700000000\nunderstudy: state stopped\nunderstudy: detail no process runs\n";

/// A host whose n-th ssh ends with the n-th answer (the last one repeats).
struct Played {
  explicit Played(std::vector<Result> answers) {
    host.on("secret.get/1", [](const Json&) { return Result{{{"value", "swordfish"}}}; });
    host.on("process.run/1", [this, answers = std::move(answers)](const Json& asked) {
      runs.push_back(asked);
      return answers[std::min(runs.size(), answers.size()) - 1];
    });
  }
  Result call(const char* method, const Json& params) { return host.make("target", settings).call(method, params); }
  testing::FakeHost host{understudy_plugin()};
  std::vector<Json> runs;
};

bool has(const Json& argv, const std::string& word) { return std::ranges::find(argv, Json(word)) != argv.end(); }
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void asks_ssh_carefully() {
  Played p({said(looked)});
  const auto seen = p.call("standby.observe/1", there).get();
  expect(seen["state"] == "stopped" && !seen.contains("epoch"), "nothing runs, and there is no epoch");
  const auto& argv = p.runs.at(0).at("argv");
  expect(argv.at(0) == "ssh" && argv.back() == "exec sh", "ssh runs a plain sh");
  for (const char* word : {"BatchMode=yes", "StrictHostKeyChecking=yes", "UserKnownHostsFile=\"/etc/my hosts\""})
    expect(has(argv, word), word);
  expect(!contains(argv.dump(), "ControlMaster"), "no shared connection unless asked for");
  const auto at = std::ranges::find(argv, Json("--"));
  expect(at != argv.end() && *(at + 1) == "vps.example.org", "the host cannot be an option");
}

void sends_the_workload() {
  Played p({said(looked), said("understudy: state active\nunderstudy: epoch 7\nunderstudy: detail pid 42\n")});
  const auto r = p.call("standby.activate/1", start).get();
  expect(r["state"] == "active" && r["epoch"] == 7, "it is active with its epoch");
  expect(p.runs.size() == 2, "a look, then the start");
  const auto script = p.runs.at(1).at("stdin").get<std::string>();
  expect(contains(script, "export GREETING='good morning $(reboot)'"), "variables are quoted");
  expect(contains(script, "export TOKEN='swordfish'"), "secrets are pushed");
  expect(contains(script, "exec setsid '/srv/app' '--name' 'it'\\''s'"),
         "arguments are quoted, in a session of its own");
  expect(contains(script, "export UNDERSTUDY_EPOCH='7'") && contains(script, "export UNDERSTUDY_SNAPSHOT='s1'"),
         "the epoch and the snapshot are pushed");
  expect(!contains(p.runs.at(1).at("argv").dump(), "swordfish"), "no value is in an argument list");
  expect(script.ends_with("\nmain\n"), "nothing runs before the whole script has come");
}

void tells_apart_what_failed() {
  const auto lost = ended(255, "", "client_loop: send disconnect: Broken pipe\r\n");
  const Result late{{}, {Status::unknown, "the program did not end in time and was killed", {}, "timeout", {}}};
  const auto status = [](std::vector<Result> answers, const char* method, const Json& params) {
    return Played(std::move(answers)).call(method, params).error.status;
  };
  expect(status({lost}, "standby.observe/1", there) == Status::transient, "a lost look has no effect");
  expect(status({late}, "standby.observe/1", there) == Status::transient, "a late look has no effect");
  for (const auto& [method, params] :
       {std::pair("standby.activate/1", start), std::pair("standby.deactivate/1", stop)}) {
    expect(status({lost}, method, params) == Status::transient, "not reached: nothing happened");
    expect(status({said(looked), lost}, method, params) == Status::unknown, "ssh's 255 amid a mutation is unknown");
    expect(status({said(looked), late}, method, params) == Status::unknown, "a timeout amid a mutation is unknown");
    expect(status({said(looked), ended(0, "understudy: state active\n")}, method, params) == Status::unknown,
           "an answer that is cut short is unknown");
    expect(status({said(looked), said("understudy: error conflict\nunderstudy: message older\n")}, method, params) ==
               Status::conflict,
           "an older epoch is a conflict");
  }
  const auto key = Played({ended(255, "", "Host key verification failed.\r\n")}).call("standby.observe/1", there).error;
  expect(key.status == Status::denied && contains(key.hint, "fingerprint"), "a wrong host key is denied, with a hint");
  const auto shell = Played({ended(1, "This account is not available\n")}).call("standby.observe/1", there).error;
  expect(shell.status == Status::invalid && contains(shell.message, "not available"), "no shell there");
}

void stops_when_seen() {
  Played yes({said(looked), said("understudy: stopped yes\nunderstudy: detail every process has ended\n")});
  expect(yes.call("standby.deactivate/1", stop).get()["stopped"] == true, "stopped is what the VPS saw");
  Played no({said(looked), said("understudy: stopped no\nunderstudy: detail these processes cannot be killed: 7\n")});
  expect(no.call("standby.deactivate/1", stop).get()["stopped"] == false, "what cannot be killed is not stopped");
}

void gives_its_log() {
  Played p({said("understudy: line one\nunderstudy: line  two\n")});
  const auto lines = p.call("standby.logs/1", {{"lines", 2}}).get()["lines"];
  expect(lines == Json({"one", " two"}), "lines come as they are");
}

void refuses_settings() {
  testing::FakeHost host(understudy_plugin());
  const auto refused = [&](const char* key, const Json& value) {
    Json changed = settings;
    changed[key] = value;
    try {
      (void)host.make("target", changed);
    } catch (const Failure& f) {
      return f.error().status == Status::invalid;
    }
    return false;
  };
  expect(refused("command", Json::array()), "no command");
  expect(refused("host", "-oProxyCommand=reboot"), "a host that is an option");
  expect(refused("env", {{"A B", "x"}}), "a variable with a space");
}

}  // namespace

int main() {
  asks_ssh_carefully();
  sends_the_workload();
  tells_apart_what_failed();
  stops_when_seen();
  gives_its_log();
  refuses_settings();
  std::printf("ssh_vps: %d expectations met\n", passed);
}
