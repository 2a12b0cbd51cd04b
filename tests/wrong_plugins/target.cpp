// A standby target whose "provider" is a file, that keeps every rule or breaks the one that is its name.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "wrong.hpp"

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
    if (wrong("dies_in_activate") && now.state == State::active) std::abort();
    if (is_old(request.epoch, now)) return reply.fail(Status::conflict, "a newer epoch runs");
    if (wrong("starts_again") && now.state == State::active) return reply.fail(Status::conflict, "it runs already");
    write(request.epoch);
    reply(look());
  }
  void deactivate(const DeactivateRequest& request, Reply<StopReport> reply) override {
    const auto now = look();
    if (is_old(request.epoch, now)) return reply.fail(Status::conflict, "a newer epoch runs");
    if (wrong("lies_about_stop")) return reply({true, "asked it to stop"});
    write(0);
    reply({true, "stopped"});
  }

 private:
  static bool is_old(std::uint64_t epoch, const Observation& now) {
    return !wrong("ignores_epoch") && now.state == State::active && epoch < now.epoch.value_or(0);
  }
  [[nodiscard]] Observation look() const {
    std::uint64_t epoch = 0;
    if (wrong("remembers"))
      epoch = memory_;
    else
      std::ifstream(file_) >> epoch;
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

WRONG_PLUGIN(
    R"("interfaces": {"target": {"provides": ["standby.observe/1", "standby.activate/1", "standby.deactivate/1"],
    "settings": {"required": ["dir"], "properties": {"dir": {"type": "string", "format": "path", "description": "where"}}}}})",
    [](Host&, const Envelope& e) -> std::unique_ptr<Provider> { return std::make_unique<FileTarget>(e); })
