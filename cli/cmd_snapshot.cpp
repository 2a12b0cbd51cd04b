// understudy snapshot list, push, verify, restore.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

using Json = nlohmann::json;
// A little more than the orchestrator gives the store, whose own word on it is the better one.
constexpr std::chrono::seconds list_time{60};
constexpr std::chrono::minutes long_time{66};

struct SnapshotOptions {
  std::string service, id, folder;
};

std::string path(const SnapshotOptions& o, const std::string& rest = {}) {
  return "/v1/services/" + url_escaped(o.service) + "/snapshots" + rest;
}

std::string line(const Json& s) {
  return fmt::format("{:<30} {:>6} {:>8} {:>14}  {}  {}\n", s.value("id", ""), s.value("epoch", 0),
                     s.value("files", std::int64_t{0}), s.value("bytes", std::int64_t{0}),
                     clock_time(s.value("created_ms", std::int64_t{0})),
                     s.value("valid", true) ? "" : coloured("damaged: " + s.value("problem", ""), 31));
}

void list(Context& cx, const SnapshotOptions& o) {
  const auto reply = cx.ask("GET", path(o), nullptr, list_time);
  if (!reply) return;
  if (cx.json) return print(reply->dump(2) + "\n");
  print(fmt::format("{:<30} {:>6} {:>8} {:>14}  {}\n", "snapshot", "epoch", "files", "bytes", "made"));
  for (const auto& s : reply->at("snapshots")) print(line(s));
}

void one(Context& cx, const SnapshotOptions& o, const std::string& rest, const Json& extra, const std::string& said) {
  Json body = {{"who", user_at_host()}};
  body.update(extra);
  const auto reply = cx.ask("POST", path(o, rest), body, long_time);
  if (!reply) return;
  print(cx.json ? reply->dump(2) + "\n" : said + " " + line(*reply));
}

}  // namespace

void add_snapshot(CLI::App& app, Context& cx) {
  auto* family = app.add_subcommand("snapshot", "The saved states of a service");
  family->require_subcommand(1);
  auto o = std::make_shared<SnapshotOptions>();
  const auto add = [&](const char* name, const char* help, bool with_id) {
    auto* c = family->add_subcommand(name, help);
    c->add_option("service", o->service, "the service")->required();
    if (with_id) c->add_option("id", o->id, "the snapshot")->required();
    c->add_flag("--json", cx.json, "machine-readable");
    return c;
  };
  add("list", "List them, newest first", false)->callback([&cx, o] { list(cx, *o); });
  add("push", "Save the active target's state now", false)->callback([&cx, o] {
    one(cx, *o, "", Json::object(), "saved");
  });
  add("verify", "Read every byte of one and compare", true)->callback([&cx, o] {
    one(cx, *o, "/" + url_escaped(o->id) + "/verify", Json::object(), "whole:");
  });
  auto* restore = add("restore", "Bring one into a new folder", true);
  restore->add_option("folder", o->folder, "a folder that is empty or does not exist yet")->required();
  restore->callback([&cx, o] {
    const auto folder = std::filesystem::absolute(o->folder).string();
    one(cx, *o, "/" + url_escaped(o->id) + "/restore", {{"folder", folder}}, "restored to " + folder + ":");
  });
}

}  // namespace understudy::cli
