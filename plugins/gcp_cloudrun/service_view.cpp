#include "service_view.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "text.hpp"

namespace gcp {
namespace {

using namespace understudy::sdk;

constexpr const char* rollback_note = "understudy-rollback";  ///< annotation of the service
constexpr const char* end_note = "understudy-ended";          ///< likewise

std::string variable(const Json& containers, const char* name) {
  for (const auto& container : containers) {
    for (const auto& entry : list_of(container, "env")) {
      if (text_of(entry, "name") == name) return text_of(entry, "value");
    }
  }
  return {};
}

std::optional<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc()) return std::nullopt;
  return number;
}

void annotate(Patch& patch, const ServiceView& service, const char* name, const std::string& value) {
  const bool more = patch.body.contains("annotations");
  Json annotations = more ? patch.body.at("annotations") : object_of(service.raw, "annotations");
  annotations[name] = value;
  patch.body["annotations"] = std::move(annotations);
  if (!more) patch.mask += (patch.mask.empty() ? "" : ",") + std::string("annotations");
}

void read_condition(const Json& service, ServiceView& out) {
  const Json& ready = object_of(service, "terminalCondition");
  out.condition = text_of(ready, "state");
  for (const char* key : {"reason", "revisionReason"}) {
    if (const auto text = text_of(ready, key); !text.empty()) out.why += (out.why.empty() ? "" : ", ") + text;
  }
  if (const auto text = text_of(ready, "message"); !text.empty()) out.why += (out.why.empty() ? "" : ": ") + text;
}

void read_resources(const Json& containers, ServiceView& out) {
  bool limited = false;
  double cpu = 0, memory = 0;
  for (const auto& container : containers) {
    const Json& limits = object_of(object_of(container, "resources"), "limits");
    cpu += vcpus(text_of(limits, "cpu")).value_or(1);
    memory += memory_gib(text_of(limits, "memory")).value_or(0.5);
    // Without `resources` the default holds, CPU only during requests; with it, an absent cpuIdle means false.
    if (container.contains("resources") && !flag_of(object_of(container, "resources"), "cpuIdle")) limited = true;
  }
  out.cpu_only_in_requests = !limited;
  if (cpu > 0) out.vcpu = cpu;
  if (memory > 0) out.memory_gib = memory;
}

void read_scaling(const Json& service, ServiceView& out) {
  const Json& scaling = object_of(service, "scaling");
  const Json& revision = object_of(object_of(service, "template"), "scaling");
  out.manual = text_of(scaling, "scalingMode") == "MANUAL";
  out.manual_count = number_of(scaling, "manualInstanceCount");
  out.service_min = number_of(scaling, "minInstanceCount");
  out.service_max = number_of(scaling, "maxInstanceCount");
  out.revision_min = number_of(revision, "minInstanceCount");
  out.revision_max = number_of(revision, "maxInstanceCount");
}

/// The template without what would make Cloud Run refuse it: a revision's name is used once.
Json template_of(const ServiceView& service) {
  Json out = object_of(service.raw, "template");
  out.erase("revision");
  return out;
}

Json scaling_of(const ServiceView& service, Scaling scaling, std::int64_t count) {
  Json out = object_of(service.raw, "scaling");
  if (scaling == Scaling::manual) {
    out["scalingMode"] = "MANUAL";
    out["manualInstanceCount"] = count;
    out.erase("minInstanceCount");
  } else {
    out["scalingMode"] = "AUTOMATIC";
    out["minInstanceCount"] = count;
    out.erase("manualInstanceCount");
  }
  return out;
}

Json whole_traffic(const std::string& revision) {
  Json target = {{"percent", 100}};
  target["type"] =
      revision.empty() ? "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" : "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
  if (!revision.empty()) target["revision"] = revision;
  return Json::array({target});
}

std::optional<double> with_unit(const std::string& text, const std::vector<std::pair<std::string, double>>& units) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || number <= 0) return std::nullopt;
  const std::string unit = end;
  for (const auto& [name, factor] : units) {
    if (unit == name) return number * factor;
  }
  return std::nullopt;
}

}  // namespace

ServiceView ServiceView::from(Json service) {
  if (!service.is_object() || text_of(service, "name").empty())
    throw Failure(Status::transient, "the Cloud Run interface answered with something that is no service");
  ServiceView out;
  out.etag = text_of(service, "etag");
  out.uri = text_of(service, "uri");
  out.latest_ready = text_of(service, "latestReadyRevision");
  out.latest_created = text_of(service, "latestCreatedRevision");
  out.generation = number_of(service, "generation");
  out.observed = number_of(service, "observedGeneration");
  out.moved_ms =
      std::max(rfc3339_ms(text_of(service, "updateTime")).value_or(0),
               rfc3339_ms(text_of(object_of(service, "terminalCondition"), "lastTransitionTime")).value_or(0));
  out.reconciling = flag_of(service, "reconciling");
  out.ingress = text_of(service, "ingress");
  const Json note = parse_json(text_of(object_of(service, "annotations"), rollback_note));
  out.rolled_back = {text_of(note, "operation"), text_of(note, "from"), text_of(note, "to"),
                     number_of(note, "instances"), flag_of(note, "manual")};
  out.open_to_all = flag_of(service, "invokerIamDisabled");
  read_condition(service, out);
  read_scaling(service, out);
  const Json& containers = list_of(object_of(service, "template"), "containers");
  read_resources(containers, out);
  out.operation = variable(containers, "UNDERSTUDY_OPERATION");
  out.epoch = whole_number(variable(containers, "UNDERSTUDY_EPOCH"));
  out.ended = whole_number(text_of(object_of(service, "annotations"), end_note));
  out.raw = std::move(service);
  return out;
}

std::string ServiceView::summary() const {
  std::string out =
      manual ? "manual scaling, " + std::to_string(manual_count) : "minimum " + std::to_string(kept_instances());
  out += kept_instances() == 1 ? " instance" : " instances";
  if (!settled()) return out + ", being changed";
  if (ready()) return out + ", Ready, revision " + short_name(latest_ready);
  return out + ", " + (condition.empty() ? "no Ready condition" : condition) + (why.empty() ? "" : " (" + why + ")");
}

Patch scaled(const ServiceView& service, Scaling scaling, std::int64_t count) {
  Patch out{{{"scaling", scaling_of(service, scaling, count)}}, "scaling"};
  if (scaling == Scaling::minimum && count == 0 && service.revision_min > 0) {
    out.body["template"] = template_of(service);
    out.body["template"]["scaling"].erase("minInstanceCount");
    out.mask += ",template";
  }
  return out;
}

Patch started(const ServiceView& service, const Json& env, Scaling scaling, std::int64_t count) {
  Patch out = scaled(service, scaling, count);
  Json revision = template_of(service);
  revision["containers"] = with_env(list_of(revision, "containers"), env);
  if (revision.contains("scaling")) revision["scaling"].erase("minInstanceCount");
  out.body["template"] = std::move(revision);
  out.body["traffic"] = whole_traffic("");
  out.mask = "scaling,template,traffic";
  return out;
}

Patch routed(const std::string& revision) { return {{{"traffic", whole_traffic(revision)}}, "traffic"}; }

void note_rollback(Patch& patch, const ServiceView& service, const ServiceView::RolledBack& rollback) {
  Json note = {{"operation", rollback.operation}, {"from", rollback.from}, {"to", rollback.to}};
  if (rollback.instances > 0) {
    note["instances"] = rollback.instances;
    note["manual"] = rollback.manual;
  }
  annotate(patch, service, rollback_note, note.dump());
}

void note_end(Patch& patch, const ServiceView& service, std::uint64_t epoch) {
  annotate(patch, service, end_note, std::to_string(std::max(epoch, service.ended.value_or(0))));
}

Json with_env(Json containers, const Json& env) {
  for (auto& container : containers) {
    Json kept = Json::array();
    for (const auto& entry : list_of(container, "env")) {
      if (!env.contains(text_of(entry, "name"))) kept.push_back(entry);
    }
    for (const auto& [name, value] : env.items()) kept.push_back({{"name", name}, {"value", value}});
    container["env"] = std::move(kept);
  }
  return containers;
}

std::string short_name(const std::string& resource) { return resource.substr(resource.rfind('/') + 1); }

std::optional<double> memory_gib(const std::string& text) {
  constexpr double gib = 1024.0 * 1024 * 1024;
  return with_unit(text, {{"", 1 / gib},
                          {"k", 1e3 / gib},
                          {"Ki", 1 / (1024.0 * 1024)},
                          {"M", 1e6 / gib},
                          {"Mi", 1 / 1024.0},
                          {"G", 1e9 / gib},
                          {"Gi", 1}});
}

std::optional<double> vcpus(const std::string& text) { return with_unit(text, {{"", 1}, {"m", 0.001}}); }

}  // namespace gcp
