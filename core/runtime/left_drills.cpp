#include "core/runtime/left_drills.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/journal/journal.hpp"
#include "core/runtime/alert_desk.hpp"

namespace understudy::runtime {
namespace {

std::string text_of(const nlohmann::json& document, const char* key) {
  const auto it = document.find(key);
  return it != document.end() && it->is_string() ? it->get<std::string>() : "";
}

}  // namespace

Alert left_by_a_drill(const ServiceId& service, const nlohmann::json& document) {
  const auto target = text_of(document, "target");
  Alert alert;
  alert.kind = "drill.left_running";
  alert.severity = Severity::warning;
  alert.state = AlertState::event;
  alert.service = service;
  alert.target = TargetId(target);
  if (text_of(document, "mode") == "switchover") {
    alert.title = fmt::format("{} may still be at {}, where a drill took it", service.value, target);
    alert.text =
        "The orchestrator ended in the drill, and does not find both in its file any more. What runs there may be the "
        "service itself: name it in the file again, or start it elsewhere before you stop it there.";
  } else {
    alert.title = fmt::format("a drill's copy of {} may still run at {}", service.value, target);
    alert.text =
        "The orchestrator ended in the drill, and does not find both in its file any more: stop the copy by hand. "
        "UNDERSTUDY_DRILL is in its environment; what has none is the service itself.";
  }
  return alert;
}

void remove_copy_state(const config::Config& config, const std::string& drill) {
  const auto drills = config.orchestrator.data_dir / "drills";
  const auto folder = drills / drill;
  std::error_code ec;
  if (!drill.empty() && folder.lexically_normal().parent_path() == drills.lexically_normal())
    std::filesystem::remove_all(folder, ec);
}

void tell_left_drills(journal::Journal& journal, const config::Config& config, AlertDesk& desk) {
  for (const auto& [key, document] : journal.documents(drilling_space)) {
    const ServiceId id(key);
    if (!document.is_object() || std::ranges::find(config.services, id, &config::Service::id) != config.services.end())
      continue;
    desk.tell(left_by_a_drill(id, document));
    remove_copy_state(config, text_of(document, "id"));
    (void)journal.commit({journal::DocumentErase{drilling_space, key}});
  }
}

}  // namespace understudy::runtime
