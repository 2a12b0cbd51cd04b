#include "core/agent/state_room.hpp"

#include "core/answers/store.hpp"

namespace understudy::agent {
namespace {

constexpr Millis push_budget{600'000};

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '/') text.pop_back();
  return text;
}

}  // namespace

StateRoom::StateRoom(plugins::Registry::Wiring wiring, plugins::Registry& registry, const config::Agent& options)
    : wiring_(wiring), registry_(registry), options_(options) {
  service_.id = options.service;
  service_.state = options.state;
  here_.id = TargetId("here");
  if (options.state) here_.paths = options.state->paths;
}

std::optional<std::string> StateRoom::place(nlohmann::json& settings, const std::string& where) const {
  if (where.empty()) return std::nullopt;
  if (!options_.store_setting.empty()) {
    settings[options_.store_setting] = where;
    return std::nullopt;
  }
  for (const auto& [key, value] : settings.items()) {
    if (value.is_string() && trimmed(value.get<std::string>()) == trimmed(where)) return std::nullopt;
  }
  return "the store " + where +
         " is not the one of this supervisor's file; add store_setting to [agent] to let callers name it";
}

std::optional<std::string> StateRoom::open(const std::string& where) {
  if (!options_.state) {
    return where.empty() ? std::nullopt : std::optional<std::string>("this supervisor has no [agent.state]");
  }
  auto use = options_.state->store;
  if (auto problem = place(use.settings, where)) return problem;
  if (keeper_ && opened_ == use.settings.dump()) return std::nullopt;
  auto made = registry_.make(wiring_, use, "state", service_.id.value + "/state", service_.id.value, "");
  if (const auto* error = std::get_if<plugins::LoadError>(&made))
    return error->message + (error->hint.empty() ? "" : "; " + error->hint);
  keeper_ = std::make_unique<state::StateKeeper>(
      state::StateKeeper::Tools{wiring_.loop, wiring_.log, [](const auto&) {}}, service_, options_.data_dir / "work",
      std::move(std::get<std::unique_ptr<plugins::Instance>>(made)));
  opened_ = use.settings.dump();
  return std::nullopt;
}

void StateRoom::list(Listed done) {
  keeper_->list([done = std::move(done)](const sdk::Result& result) {
    if (!result.ok()) return done(result.error.message);
    done(answers::snapshots(result.value));
  });
}

void StateRoom::bring(const SnapshotId& id, Epoch epoch, state::StateKeeper::Done done) {
  keeper_->prepare(here_, id, epoch, std::move(done));
}

void StateRoom::push(Epoch epoch, bool urgent, state::StateKeeper::Done done) {
  const auto budget = urgent ? options_.state->save_timeout : push_budget;
  keeper_->push(here_, epoch, budget, urgent, std::move(done));
}

void StateRoom::prune() { keeper_->prune(); }

bool StateRoom::in_place() const {
  std::error_code ec;
  for (const auto& path : here_.paths) {
    if (!std::filesystem::exists(path, ec)) return false;
  }
  return !here_.paths.empty();
}

}  // namespace understudy::agent
