// The corpus of wrong files: each NAME.toml has its expected messages in NAME.expected.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "core/config/loader.hpp"
#include "core/config/units.hpp"
#include "tests/catch.hpp"

using namespace understudy;
using namespace understudy::config;
namespace fs = std::filesystem;

namespace {

/// The settings of two plugins, as their manifests would give them.
class Schemas final : public SchemaSource {
 public:
  std::variant<nlohmann::json, Problem> schema(const std::string& plugin, const std::string& interface_name) override {
    if (plugin == "web" && interface_name == "health") {
      return nlohmann::json::parse(R"({"required": ["url"], "properties": {"url": {"type": "string", "format": "url"},
        "wait": {"type": "integer", "format": "duration", "default": 1500, "maximum": 60000}, "mode": {"type": "string", "enum": ["fast", "slow"]},
        "password": {"type": "string", "x-secret": true}, "size": {"type": "integer", "format": "size"}}})");
    }
    if ((plugin == "box" || plugin == "crate") && interface_name == "target")
      return nlohmann::json::parse(R"({"properties": {"dir": {"type": "string", "format": "path"}}})");
    if (plugin == "shelf" && interface_name == "state") return nlohmann::json::parse(R"({"properties": {}})");
    if (plugin == "log" && interface_name == "notifier") return nlohmann::json::parse(R"({"properties": {}})");
    return Problem{"no plugin \"" + plugin + "\" that serves as " + interface_name,
                   "`understudy plugin list` shows those found"};
  }
  std::vector<std::string> names() override { return {"web", "box", "shelf", "log"}; }
  bool offers(const std::string& plugin, const std::string&, const std::string& method) override {
    if (plugin == "crate") return method != "standby.deactivate/1";
    return plugin != "box" || method != "drill.start/1";
  }
};

Environment environment() {
  Environment out;
  out.variable = [](const std::string& name) {
    return name == "PLACE" ? std::optional<std::string>("/srv") : std::nullopt;
  };
  out.home = "/home/me";
  return out;
}

LoadResult load_files(const std::vector<fs::path>& files) {
  Schemas schemas;
  return load(files, [&](const Orchestrator&) -> SchemaSource& { return schemas; }, environment());
}

fs::path write(const std::string& name, const std::string& text) {
  const auto folder = fs::temp_directory_path() / "understudy-config-test";
  fs::create_directories(folder);
  std::ofstream(folder / name) << text;
  return folder / name;
}

const std::string good = R"(
[service.s]
primary = "a"
[service.s.target.a]
plugin = "box"
settings = { dir = "~/x" }
[[service.s.target.a.health]]
plugin = "web"
settings = { url = "http://localhost/", size = "2KiB", password = { env = "P" } }
[service.s.target.b]
plugin = "box"
settings = { dir = "${PLACE}/y" }
price = { active_per_hour = "$0.25" }
)";

std::string messages(const std::vector<Diagnostic>& all) {
  std::string out;
  for (const auto& d : all) {
    out += std::to_string(d.place.line) + ":" + std::to_string(d.place.column) + " " + d.code + " " + d.message +
           (d.hint.empty() ? "" : " | " + d.hint) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("a good file becomes a config with its units, paths and defaults") {
  const auto result = load_files({write("good.toml", good)});
  INFO(messages(result.diagnostics));
  REQUIRE(result.config);
  const auto& s = result.config->services.at(0);
  CHECK(s.targets.at(0).id.value == "a");
  CHECK(s.targets.at(0).use.settings.at("dir") == "/home/me/x");
  CHECK(s.targets.at(1).use.settings.at("dir") == "/srv/y");
  CHECK(s.targets.at(1).price.active_per_hour->value == 0.25);
  const auto& web = s.targets.at(0).health.at(0);
  CHECK(web.settings.at("wait") == 1500);
  CHECK(web.settings.at("size") == 2048);
  CHECK(web.settings.at("password") == nlohmann::json{{"$secret", "password"}});
  CHECK(web.secrets.at("password").name == "P");
  CHECK(result.config->notifiers.at(0).use.plugin == "log");
  CHECK(result.config->routes.size() == 1);
}

TEST_CASE("a second file overlays the first, key by key, and errors point into the file where the value stands") {
  const auto base = write("base.toml", good);
  const auto over = write("over.toml", "[service.s.detect]\nfall = 7\n");
  auto result = load_files({base, over});
  REQUIRE(result.config);
  CHECK(result.config->services.at(0).detect.fall == 7);
  CHECK(result.config->services.at(0).targets.size() == 2);
  const auto wrong = write("wrong.toml", "[service.s.detect]\n\nfal = 7\n");
  result = load_files({base, wrong});
  REQUIRE_FALSE(result.config);
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(result.diagnostics[0].place.file == wrong.string());
  CHECK(result.diagnostics[0].place.line == 3);
  CHECK_THAT(result.diagnostics[0].hint, ContainsSubstring("fall"));
}

TEST_CASE("an overlay that says where a secret is takes the place of what the base says") {
  const auto base = write("secret-base.toml", good);
  const auto over = write("secret-over.toml", R"(
[[service.s.target.a.health]]
plugin = "web"
settings = { url = "http://localhost/", password = { env = "P" } }
[service.s.lease]
key = { env = "BASE" }
)");
  const auto last = write("secret-last.toml", "[service.s.lease]\nkey = { file = \"/run/key\" }\n");
  const auto result = load_files({base, over, last});
  INFO(messages(result.diagnostics));
  REQUIRE(result.config);
  CHECK(result.config->services.at(0).lease_key.kind == SecretRef::Kind::file);
  CHECK(result.config->services.at(0).lease_key.name == "/run/key");
}

TEST_CASE("every wrong file of the corpus gives its messages, all at once") {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(UNDERSTUDY_SOURCE_DIR "/tests/unit/config_corpus")) {
    if (entry.path().extension() != ".toml") continue;
    ++files;
    const auto result = load_files({entry.path()});
    const auto golden = fs::path(entry.path()).replace_extension(".expected");
    if (std::getenv("UNDERSTUDY_ACCEPT_MESSAGES") != nullptr)
      std::ofstream(golden) << messages(result.diagnostics);  // then read the diff
    std::ifstream in(golden);
    std::stringstream expected;
    expected << in.rdbuf();
    INFO(entry.path().filename().string());
    CHECK(messages(result.diagnostics) == expected.str());
    CHECK_FALSE(result.config.has_value());
    for (const auto& d : result.diagnostics) CHECK_FALSE(explain(d.code).empty());
  }
  CHECK(files >= 10);
}

TEST_CASE("a file cut short or with flipped bytes gives a config or a diagnostic, never nothing") {
  for (std::size_t cut = 0; cut < good.size(); cut += 3) {
    auto text = good.substr(0, cut);
    if (cut % 2 == 0 && cut > 10) text[cut / 2] = static_cast<char>(text[cut / 2] ^ 0x15);
    const auto result = load_files({write("cut.toml", text)});
    CHECK((result.config.has_value() || !result.diagnostics.empty()));
  }
}

TEST_CASE("durations, sizes, money and percentages are read with their units only") {
  CHECK(parse_duration("1h30m") == Millis(5'400'000));
  CHECK(parse_duration("250ms") == Millis(250));
  CHECK(parse_duration("1.5s") == Millis(1500));
  for (const char* wrong : {"", "90", "s", "1x", "-1s", "1h 30", "999999d"})
    CHECK_FALSE(parse_duration(wrong).has_value());
  CHECK(parse_size("64MiB") == 64LL << 20);
  CHECK(parse_size("1GB") == 1'000'000'000);
  CHECK_FALSE(parse_size("1 QB").has_value());
  CHECK(parse_money("$12.50") == 12.5);
  CHECK_FALSE(parse_money("12 EUR").has_value());
  CHECK(parse_percent("5%") == 0.05);
  CHECK_FALSE(parse_percent("5").has_value());
}

TEST_CASE("the caret stands under the character that is meant, also behind letters of more than one byte") {
  const auto result =
      load_files({write("wide.toml",
                        "[orchestrator]\nname = \"Zürich Äpfel\"\n[service.s]\nprimary = "
                        "\"ä\"\n[service.s.target.a]\nplugin = \"box\" # ü\nsettings = { dir = \"ü\", dri = 1 }\n")});
  REQUIRE(result.diagnostics.size() == 2);
  CHECK(result.diagnostics[1].place.line == 7);
  CHECK(result.diagnostics[1].place.column == 25);
  const auto text = render(result.diagnostics, false);
  CHECK_THAT(text, ContainsSubstring("error[E0107]"));
  CHECK_THAT(text, ContainsSubstring("did you mean \"dir\"?"));
}

TEST_CASE("targets stand in the order of the file, also after an overlay") {
  const auto base = write("order.toml", R"(
[service.s]
primary = "zeta"
[service.s.target.zeta]
plugin = "box"
[service.s.target.mid]
plugin = "box"
[service.s.target.alpha]
plugin = "box"
)");
  const auto names = [](const LoadResult& loaded) {
    std::string out;
    REQUIRE(loaded.config);
    for (const auto& t : loaded.config->services.front().targets) out += t.id.value + std::to_string(t.order) + " ";
    return out;
  };
  CHECK(names(load_files({base})) == "zeta0 mid1 alpha2 ");
  const auto over = write("order-over.toml", "[service.s.target.mid]\nregion = \"eu\"\n");
  CHECK(names(load_files({base, over})) == "zeta0 mid1 alpha2 ");
}

TEST_CASE("a path of the state has a name, and lies in no other") {
  const auto with = [](const std::string& paths) {
    return load_files({write("paths.toml", R"(
[service.s]
primary = "a"
[service.s.state]
plugin = "shelf"
paths = )" + paths + R"(
[service.s.target.a]
plugin = "box"
)")});
  };
  const auto slashed = with(R"(["/srv/state/"])");
  REQUIRE(slashed.config);
  CHECK(slashed.config->services.front().state->paths.front() == fs::path("/srv/state"));
  CHECK(with(R"(["/srv/state", "/srv/state-of-another"])").config);
  for (const auto* wrong :
       {R"(["/srv/state", "/srv/state/db"])", R"(["/srv/state/db", "/srv/state"])", R"(["/srv/a", "/srv/a/"])"}) {
    const auto loaded = with(wrong);
    REQUIRE_FALSE(loaded.config);
    REQUIRE(loaded.diagnostics.size() == 1);
    CHECK(loaded.diagnostics.front().code == "E0109");
  }
}

TEST_CASE("what nobody could listen at is found before anything runs") {
  const auto with = [](const std::string& key, const std::string& value) {
    const auto loaded = load_files({write("listen.toml", "[orchestrator]\n" + key + " = \"" + value + "\"\n" + good)});
    if (loaded.diagnostics.empty()) return std::string();
    CHECK(loaded.diagnostics.front().code == "E0104");
    CHECK(loaded.diagnostics.front().place.line == 2);
    return loaded.diagnostics.front().message;
  };
  for (const auto* fine : {"127.0.0.1:8750", "127.8.8.8:1", "localhost:80", "[::1]:8750"}) {
    CHECK(with("listen", fine).empty());
    CHECK(with("lease_listen", fine).empty());
  }
  for (const auto* far : {"0.0.0.0:8750", "10.0.0.1:8750", "[::]:8750", "[fe80::1%eth0]:8750"}) {
    CHECK_THAT(with("listen", far), ContainsSubstring("only loopback addresses"));
    CHECK(with("lease_listen", far).empty());
  }
  for (const auto* wrong :
       {"8750", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":8750", "::1:8750", "[::1:8750", "here:8750"}) {
    CHECK_THAT(with("listen", wrong), ContainsSubstring("no ADDRESS:PORT"));
    CHECK_THAT(with("lease_listen", wrong), ContainsSubstring("no ADDRESS:PORT"));
  }
  const std::string longest = "/" + std::string(86, 'a');  // and "/understudy.sock"
  CHECK(with("data_dir", longest).empty());
  CHECK_THAT(with("data_dir", longest + "a"), ContainsSubstring("104 bytes long"));
}
