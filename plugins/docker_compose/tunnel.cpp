#include "tunnel.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace compose_plugin {
namespace {

namespace fs = std::filesystem;
using namespace understudy::sdk;

constexpr Millis life{std::chrono::hours(24)};  // then it is opened anew
constexpr Millis opening{15'000}, look_every{50}, connect_patience{2'000};

}  // namespace

Tunnel::Tunnel(Host& host, const Project& project) : host_(host), project_(project) {}

Tunnel::~Tunnel() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

std::string Tunnel::socket(Millis budget) {
  const auto path = [this] { return folder_ + "/engine.sock"; };
  if (run_) {
    const std::lock_guard lock(run_->mutex);
    if (!run_->ended) return path();
  }
  open();
  const auto end = std::chrono::steady_clock::now() + std::min(budget, opening);
  while (std::chrono::steady_clock::now() < end) {
    {
      const std::lock_guard lock(run_->mutex);
      if (run_->ended)
        throw Failure(Status::transient, "ssh to " + project_.engine.authority + " failed: " + run_->why,
                      "try it by hand: ssh " + project_.engine.authority);
    }
    if (fs::exists(path()) && answers(std::min(budget, connect_patience))) return path();
    if (!host_.blocking("timer.after/1", {{"ms", look_every.count()}}, Millis(5'000)).ok()) break;
  }
  throw Failure(Status::transient, "ssh to " + project_.engine.authority + " opened no tunnel in time",
                "try it by hand: ssh " + project_.engine.authority);
}

bool Tunnel::answers(Millis budget) {
  return host_
      .blocking("tcp.connect/1", {{"unix_socket", folder_ + "/engine.sock"}, {"timeout_ms", budget.count()}}, budget)
      .ok();
}

void Tunnel::open() {
  std::error_code ignored;
  if (folder_.empty()) {
    std::string name = (fs::temp_directory_path() / "understudy-ssh-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw Failure(Status::transient,
                    "cannot make a folder for the ssh tunnel in " + fs::temp_directory_path().string());
    folder_ = name;  // mode 0700: nobody else reaches the socket
  }
  fs::remove(folder_ + "/engine.sock", ignored);
  Json argv = {"ssh", "-nNT",
               "-o",  "BatchMode=yes",
               "-o",  "ExitOnForwardFailure=yes",
               "-o",  "ConnectTimeout=10",
               "-o",  "ServerAliveInterval=5",
               "-o",  "ServerAliveCountMax=3",
               "-o",  "ControlPath=none"};
  for (const auto& option : project_.ssh_options) argv.push_back(option);
  if (!project_.engine.ssh_port.empty()) {
    argv.push_back("-p");
    argv.push_back(project_.engine.ssh_port);
  }
  argv.push_back("-L");
  argv.push_back(folder_ + "/engine.sock:" + project_.engine.unix_socket);
  argv.push_back("--");
  argv.push_back(project_.engine.authority);
  run_ = std::make_shared<Run>();
  host_.call("process.run/1", {{"argv", argv}}, life, [run = run_](const Result& r) {
    const std::lock_guard lock(run->mutex);
    run->ended = true;
    run->why = r.ok() ? r.value.value("stderr", "") : r.error.message;
    while (!run->why.empty() && run->why.back() == '\n') run->why.pop_back();
  });
}

}  // namespace compose_plugin
