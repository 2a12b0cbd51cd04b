// understudy completion: for bash, zsh and fish. The words come from the program itself, so they are never out of date.
#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

std::string words(const CLI::App& app) {
  std::string out;
  for (const auto* sub : app.get_subcommands([](const CLI::App* s) { return !s->get_name().empty(); }))
    out += (out.empty() ? "" : " ") + sub->get_name();
  return out;
}

std::string bash(const CLI::App& app) {
  std::string cases;
  for (const auto* sub : app.get_subcommands([](const CLI::App* s) { return !s->get_name().empty(); })) {
    std::string inner = words(*sub);
    for (const auto* option : sub->get_options()) {
      for (const auto& name : option->get_lnames()) inner += " --" + name;
    }
    cases += "    " + sub->get_name() + ") words=\"" + inner + "\" ;;\n";
  }
  return "_understudy() {\n  local words cur=\"${COMP_WORDS[COMP_CWORD]}\" command=\"\"\n  local i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"${COMP_WORDS[i]}\" in -*) ;; *) "
         "command=\"${COMP_WORDS[i]}\"; break ;; esac\n  done\n"
         "  case \"$command\" in\n    \"\") words=\"" +
         words(app) + " --config --help\" ;;\n" + cases +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _understudy "
         "understudy\n";
}

std::string fish(const CLI::App& app) {
  std::string out;
  for (const auto* sub : app.get_subcommands([](const CLI::App* s) { return !s->get_name().empty(); })) {
    out += "complete -c understudy -n __fish_use_subcommand -a " + sub->get_name() + " -d '" + sub->get_description() +
           "'\n";
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, Context& cx) {
  auto* command = app.add_subcommand("completion", "Print a completion script");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, &cx, shell] {
    (void)cx;
    if (*shell == "fish") return print(fish(app));
    print((*shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "") + bash(app));
  });
  auto* version = app.add_subcommand("version", "Print the version");
  version->add_flag("--json", cx.json, "machine-readable");
  version->callback([&cx] {
    print(cx.json ? nlohmann::json{{"schema", 1}, {"version", UNDERSTUDY_VERSION}}.dump() + "\n"
                  : std::string("understudy ") + UNDERSTUDY_VERSION + "\n");
  });
}

}  // namespace understudy::cli
