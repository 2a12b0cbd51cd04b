// understudy plugin new: a folder with a plugin that builds and has one passing test.
#include <cctype>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {

/// The files of sdk/templates, as the build embedded them.
const std::map<std::string, std::string_view>& plugin_templates();

namespace {

namespace fs = std::filesystem;

struct Interface {
  const char* text;
  std::vector<std::string> provides;
  const char* test;    ///< of the C++ form
  const char* method;  ///< that the other forms answer at once...
  const char* reply;   ///< ...with this; null: nothing can be answered before it is written
  const char* status = "OK";
};

const std::map<std::string, Interface>& interfaces() {
  static const std::map<std::string, Interface> all = {
      {"health",
       {"a health source",
        {"health.check/1"},
        R"(  host.on("http.request/1", [](const Json&) { return Result{{{"status", 200}, {"body", ""}}}; });
  auto instance = host.make("health", {{"url", "http://localhost/"}});
  expect(instance.call("health.check/1").get()["outcome"] == "pass", "200 passes");)",
        "health.check/1",
        R"({"outcome": "unknown", "verdict": false, "cause": "not written yet"})"}},
      {"target",
       {"a standby target",
        {"standby.observe/1", "standby.activate/1", "standby.deactivate/1"},
        R"(  std::string state = "stopped";
  host.on("http.request/1", [&state](const Json& asked) {
    const auto url = asked.at("url").get<std::string>();
    if (url.find("/start") != std::string::npos) state = "running";
    if (url.find("/stop") != std::string::npos) state = "stopped";
    return Result{{{"status", 200}, {"body", Json{{"state", state}}.dump()}}};
  });
  auto instance = host.make("target", {{"api", "http://localhost"}});
  expect(instance.call("standby.observe/1").get()["state"] == "stopped", "it is stopped at first");
  expect(instance.call("standby.activate/1", {{"epoch", 1}}).get()["state"] == "active", "it is started");
  expect(instance.call("standby.deactivate/1", {{"epoch", 1}}).get()["stopped"] == true, "it is stopped again");)",
        "standby.observe/1",
        R"({"state": "unknown", "detail": "not written yet"})"}},
      {"state",
       {"a state store",
        {"store.push/1", "store.pull/1", "store.list/1", "store.verify/1", "store.prune/1"},
        R"(  char folder[] = "/tmp/@NAME@-XXXXXX";
  const std::string dir = mkdtemp(folder);
  auto instance = host.make("state", {{"dir", dir}});
  const Json push = {{"service", "s"}, {"id", "one"}, {"epoch", 1}, {"paths", {{{"name", "state"}, {"path", "/etc/hostname"}}}}};
  expect(instance.call("store.push/1", push).ok(), "a file is saved");
  expect(instance.call("store.list/1", {{"service", "s"}}).get()["snapshots"].size() == 1, "it is listed");
  expect(!instance.call("store.pull/1", {{"service", "s"}, {"id", "two"}, {"staging", dir}}).ok(), "what is not there cannot be had");)",
        "store.list/1",
        R"({"snapshots": []})"}},
      {"notifier",
       {"a notifier",
        {"notify.send/1"},
        R"(  host.on("http.request/1", [](const Json&) { return Result{{{"status", 200}, {"body", ""}}}; });
  auto instance = host.make("notifier", {{"url", "http://localhost/"}});
  expect(instance.call("notify.send/1", {{"alert", {{"title", "hello"}}}}).ok(), "an alert is sent");)",
        "notify.send/1",
        nullptr}},
      {"secrets",
       {"a source of secrets",
        {"secret.fetch/1"},
        R"test(  host.on("secret.get/1", [](const Json&) { return Result{{{"value", "opens"}}}; });
  host.on("http.request/1", [](const Json& asked) {
    const bool there = asked.at("url") == "http://localhost/mail/password" && asked.at("bearer") == "opens";
    return there ? Result{{{"status", 200}, {"body", R"({"value": "hidden"})"}}} : Result{{{"status", 404}, {"body", ""}}};
  });
  auto instance = host.make("secrets", {{"api", "http://localhost"}, {"token", {{"$secret", "token"}}}});
  expect(instance.call("secret.fetch/1", {{"name", "mail/password"}}).get()["value"] == "hidden", "a secret is given");
  expect(instance.call("secret.fetch/1", {{"name", "other"}}).error.status == Status::invalid, "there is no other");)test",
        "secret.fetch/1",
        R"({"message": "not written yet"})",
        "INVALID"}}};
  return all;
}

using Words = std::map<std::string, std::string>;

/// @WORD@ → its text. Other @ stay.
std::string filled(std::string_view text, const Words& words) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text[at] == '@' ? text.find('@', at + 1) : std::string_view::npos;
    const auto it =
        end != std::string_view::npos ? words.find(std::string(text.substr(at + 1, end - at - 1))) : words.end();
    if (it == words.end()) {
      out += text[at++];
    } else {
      out += filled(it->second, words);
      at = end + 1;
    }
  }
  return out;
}

std::string joined(const std::vector<std::string>& all, const std::string& quote) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ", ") + quote + one + quote;
  return out;
}

std::string escaped_quotes(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '"' ? std::string("\\\"") : std::string(1, c);
  return out;
}

struct Wanted {
  std::string name, interface_name = "target", language = "cpp", folder;
};

Words words_for(const Wanted& w, const Interface& i) {
  Words out = {{"NAME", w.name},
               {"INTERFACE", w.interface_name},
               {"INTERFACE_TEXT", i.text},
               {"TEST", i.test},
               {"FIRST_METHOD", i.method},
               {"FIRST_STATUS", (w.language == "c" ? "US_" : "") + std::string(i.status)},
               {"PROVIDES", joined(i.provides, "\"")},
               {"PROVIDES_ESCAPED", joined(i.provides, "\\\"")}};
  const std::string reply = i.reply != nullptr ? i.reply : "{}";
  out["ANSWERS"] =
      w.language == "c"
          ? fmt::format("    {{\"{}\", US_{}, \"{}\"}},\n", i.method, i.status, escaped_quotes(reply))
          : fmt::format("        \"{}\" => Some(({}, \"{}\")),\n", i.method, i.status, escaped_quotes(reply));
  const bool invalid = i.status == std::string_view("INVALID");  // rustc complains of a constant that nobody uses
  out["MORE_STATUS"] = invalid ? "const INVALID: i32 = 2;\n" : "";
  const std::string top = w.interface_name == "secrets" ? " \"secret_source\": \"" + w.name + "_secret\"," : "";
  out["TOP_LEVEL"] = top;
  out["TOP_LEVEL_ESCAPED"] = escaped_quotes(top);
  const bool rust = w.language == "rust";
  out["CI_COMMANDS"] =
      rust ? "./build.sh" : "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure";
  out["BUILD_TEXT"] =
      rust ? "```sh\n./build.sh    # builds build/" + w.name + ".so and runs the test; needs rustc alone\n```"
           : "```sh\ncmake -S . -B build && cmake --build build && ctest --test-dir build\n```\n\nneeds the Understudy "
             "SDK "
             "(`-DCMAKE_PREFIX_PATH=/where/it/is` when it is not in a standard place).";
  return out;
}

/// Name in the new folder → name of its template.
std::map<std::string, std::string> files_for(const Wanted& w) {
  std::map<std::string, std::string> out = {{"README.md", "common/README.md"},
                                            {".github/workflows/build.yml", "common/ci.yml"}};
  if (w.language == "cpp") {
    out["CMakeLists.txt"] = "cpp/CMakeLists.txt";
    out[w.name + ".cpp"] = "cpp/" + w.interface_name + ".cpp";
    out[w.name + "_test.cpp"] = "cpp/test.cpp";
  } else if (w.language == "c") {
    out["CMakeLists.txt"] = "c/CMakeLists.txt";
    out[w.name + ".c"] = "c/plugin.c";
    out[w.name + "_test.c"] = "c/test.c";
  } else {
    out["build.sh"] = "rust/build.sh";
    out[w.name + ".rs"] = "rust/plugin.rs";
  }
  return out;
}

bool good_name(const std::string& name) {
  if (name.empty() || std::isalpha(static_cast<unsigned char>(name.front())) == 0) return false;
  return std::ranges::all_of(name,
                             [](unsigned char c) { return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_'; });
}

void make(Context& cx, const Wanted& w) {
  if (!good_name(w.name))
    return cx.fail(wrong_use, "\"" + w.name + "\" is no name for a plugin",
                   "lower-case letters, digits and _, a letter first");
  const auto& i = interfaces().at(w.interface_name);
  if (i.reply == nullptr && w.language != "cpp") {
    return cx.fail(wrong_use,
                   "a " + w.interface_name + " has no form in " + w.language +
                       " that is safe before it is written: an alert would be lost",
                   "use --lang cpp, or begin with another interface and change the method");
  }
  const fs::path folder = w.folder.empty() ? w.name : w.folder;
  std::error_code ec;
  if (fs::exists(folder, ec) && !fs::is_empty(folder, ec))
    return cx.fail(wrong_use, folder.string() + " is there and not empty; nothing was written");
  const auto words = words_for(w, i);
  for (const auto& [name, source] : files_for(w)) {
    const auto path = folder / name;
    fs::create_directories(path.parent_path(), ec);
    std::ofstream out(path);
    out << filled(plugin_templates().at(source), words);
    if (!out.flush()) return cx.fail(failed, "cannot write " + path.string());
    if (path.extension() == ".sh")
      fs::permissions(path, fs::perms::owner_exec | fs::perms::group_exec, fs::perm_options::add, ec);
  }
  print(fmt::format("{} is a {} in {}. Next:\n  cd {} && {}\n", w.name, i.text + 2, w.language, folder.string(),
                    words.at("CI_COMMANDS")));
}

}  // namespace

void add_plugin_new(CLI::App& family, Context& cx) {
  auto w = std::make_shared<Wanted>();
  auto* command = family.add_subcommand("new", "Make a folder with a new plugin that builds and passes its test");
  command->add_option("name", w->name, "its name: lower-case letters, digits and _")->required();
  command->add_option("--interface", w->interface_name, "what it will be (default: target)")
      ->check(CLI::IsMember({"health", "target", "state", "notifier", "secrets"}));
  command->add_option("--lang", w->language, "language (default: cpp)")->check(CLI::IsMember({"cpp", "c", "rust"}));
  command->add_option("--dir", w->folder, "where (default: ./NAME)");
  command->callback([&cx, w] { make(cx, *w); });
}

}  // namespace understudy::cli
