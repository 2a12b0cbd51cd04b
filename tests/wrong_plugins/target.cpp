// A standby target whose "provider" is a file, that keeps every rule or breaks the one that it was compiled to break.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "understudy/plugin.hpp"

namespace {
using namespace understudy::sdk;
using State = Observation::State;

class FileTarget final : public StandbyTarget {
 public:
  explicit FileTarget(const Envelope& e)
      : file_(e.settings.at("dir").get<std::string>() + "/" + e.service + ".workload") {
    if (e.interface != "target") throw Failure(Status::unsupported, "target only");
  }
  void observe(const ObserveRequest&, Reply<Observation> reply) override { reply(look()); }

  void activate(const ActivateRequest& request, Reply<Observation> reply) override {
    const auto now = look();
#if defined(DIES_IN_ACTIVATE)
    if (now.state == State::active) std::abort();
#endif
#if !defined(IGNORES_EPOCH)
    if (now.state == State::active && request.epoch < now.epoch.value_or(0))
      return reply.fail(Status::conflict, "a newer epoch runs");
#endif
#if defined(STARTS_AGAIN)
    if (now.state == State::active) return reply.fail(Status::conflict, "it runs already");
#endif
    write(request.epoch);
    reply(look());
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const auto now = look();
#if !defined(IGNORES_EPOCH)
    if (now.state == State::active && request.epoch < now.epoch.value_or(0))
      return reply.fail(Status::conflict, "a newer epoch runs");
#endif
#if defined(LIES_ABOUT_STOP)
    return reply({true, "asked it to stop"});
#endif
    write(0);
    reply({true, "stopped"});
  }

 private:
  [[nodiscard]] Observation look() const {
    std::uint64_t epoch = 0;
#if defined(REMEMBERS)
    epoch = memory_;
#else
    std::ifstream(file_) >> epoch;
#endif
    Observation out;
    out.state = epoch > 0 ? State::active : State::stopped;
    if (epoch > 0) out.epoch = epoch;
    return out;
  }
  void write(std::uint64_t epoch) {
    memory_ = epoch;
    std::filesystem::create_directories(std::filesystem::path(file_).parent_path());
    std::ofstream(file_) << epoch;
    if (epoch == 0) std::filesystem::remove(file_);
  }
  std::string file_;
  std::uint64_t memory_ = 0;
};
}  // namespace

UNDERSTUDY_PLUGIN(R"({"name": ")" WRONG_NAME
                  R"(", "version": "1", "license": "Apache-2.0", "summary": "For the kit's own tests",
  "interfaces": {"target": {"provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1"],
    "settings": {"required": ["dir"], "properties": {"dir": {"type": "string", "format": "path", "description": "where"}}}}}})",
                  [](Host&, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<FileTarget>(e); })
