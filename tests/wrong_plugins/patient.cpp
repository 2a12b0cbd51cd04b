// A standby target that offers everything (with NO_STOP: everything but a stop), whose "provider" is a folder. What it
// suffers from is a setting, so that tests can see what people are told.
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "wrong.hpp"

namespace {
using namespace understudy::sdk;
using State = Observation::State;

class Patient final : public StandbyTarget {
 public:
  Patient(Host& host, const Envelope& e)
      : host_(host),
        dir_(e.settings.at("dir").get<std::string>() + "/" + e.service + "-" + e.target),
        token_(e.settings.value("token", Json::object())),
        suffers_(e.settings.value("suffers_from", "")),
        slow_(e.settings.value("slow_ms", 0)) {
    if (suffers_ == "late_riser") std::this_thread::sleep_for(slow_);
  }

  void observe(const ObserveRequest&, Reply<Observation> reply) override {
    if (suffers_ == "bad_token") return refuse(std::move(reply));
    reply(look());
  }
  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    if (suffers_ == "full") return reply.fail(Status::transient, "no room in fra", "ask for a larger quota");
    write("epoch", std::to_string(request.epoch));
    reply(look());
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    if (wrong("unstoppable"))
      return reply.fail(Status::unsupported, "epoch " + std::to_string(request.epoch) + " cannot be stopped from here");
    std::error_code ec;
    std::filesystem::remove(dir_ / "epoch", ec);
    write("calls", "deactivate e" + std::to_string(request.epoch));
    reply({true, "stopped"});
  }
  void logs(const LogsRequest& request, Reply<LogLines> reply) override {
    reply({{"last words, at most " + std::to_string(request.lines)}});
  }
  void rollback(const RollbackRequest& request, Reply<RollbackReport> reply) override {
    if (suffers_ == "one_version")
      return reply.fail(Status::invalid, "there is only one version", "deploy another one first");
    worker_.answer(std::move(reply), [this, request] {
      std::this_thread::sleep_for(slow_);
      write("calls", "rollback e" + std::to_string(request.epoch));
      return RollbackReport{"v9", "v8", "started again"};
    });
  }
  void prewarm(const PrewarmRequest&, Reply<PrewarmReport> reply) override {
    write("calls", "prewarm");
    reply({suffers_ != "cold", "an image is there"});
  }
  void diagnose(const DiagnoseRequest&, Reply<DiagnoseReport> reply) override {
    DiagnoseReport out;
    if (suffers_ == "draught") out.problems.push_back({"warning", "a window is open", "close it"});
    if (suffers_ == "fever") out.problems.push_back({"error", "the quota is used up", "ask for more"});
    reply(std::move(out));
  }

 private:
  /// A provider that repeats what it was told.
  void refuse(Reply<Observation> reply) {
    host_.call("secret.get/1", {{"key", token_.value("$secret", "")}}, std::chrono::seconds(5),
               [kept = share(std::move(reply))](const Result& secret) {
                 if (!secret.ok()) return kept->fail_with(secret);
                 kept->fail(Status::denied, "no such token: " + secret.value.value("value", ""), "make a new token");
               });
  }
  [[nodiscard]] Observation look() const {
    Observation out{State::stopped, {}, "nothing runs"};
    std::uint64_t epoch = 0;
    if (std::ifstream(dir_ / "epoch") >> epoch) out = {State::active, epoch, "runs"};
    if (suffers_ == "leftovers") out.unsaved = true;
    return out;
  }
  void write(const std::string& name, const std::string& line) const {
    std::filesystem::create_directories(dir_);
    std::ofstream(dir_ / name, name == "calls" ? std::ios::app : std::ios::trunc) << line << "\n";
  }

  Host& host_;
  const std::filesystem::path dir_;
  const Json token_;
  const std::string suffers_;
  const std::chrono::milliseconds slow_;
  Worker worker_;
};
}  // namespace

WRONG_PLUGIN(std::string(R"("needs": ["secret.get/1"],
  "interfaces": {"target": {"provides": ["standby.observe/1", "standby.activate/1", )") +
                 (wrong("unstoppable") ? "" : R"("standby.deactivate/1", )") + R"("standby.logs/1",
      "standby.rollback/1", "standby.prewarm/1", "target.diagnose/1"],
    "settings": {"required": ["dir"], "properties": {
      "dir": {"type": "string", "format": "path", "description": "where"},
      "token": {"type": "string", "x-secret": true, "description": "a secret"},
      "slow_ms": {"type": "integer", "default": 0, "description": "how long a rollback takes, or a late riser's start"},
      "suffers_from": {"type": "string", "default": "", "description": "bad_token, full, one_version, cold, draught, fever, leftovers or late_riser"}}}}})",
             [](Host& host, const Envelope& e) -> std::unique_ptr<Provider> {
               return std::make_unique<Patient>(host, e);
             })
