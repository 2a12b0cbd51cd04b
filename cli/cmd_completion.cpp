// understudy completion: for bash, zsh and fish. The words come from the program itself, so they are never out of date.
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/context.hpp"

namespace understudy::cli {
namespace {

/// What people type: a command without a group is the program's own.
std::vector<const CLI::App*> offered(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* s) { return !s->get_name().empty() && !s->get_group().empty(); });
}

std::string words(const CLI::App& app) {
  std::string out;
  for (const auto* sub : offered(app)) out += (out.empty() ? "" : " ") + sub->get_name();
  return out;
}

constexpr const char* bash_head = R"(_understudy() {
  local words cur="${COMP_WORDS[COMP_CWORD]}" command="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${COMP_WORDS[i]}" in
      -c|--config)
        if [[ "${COMP_WORDS[i + 1]}" == "=" ]]; then i=$((i + 1)); fi
        i=$((i + 1)) ;;
      -*) ;;
      *) command="${command:-${COMP_WORDS[i]}}" ;;
    esac
  done
  if ((i > COMP_CWORD)); then return; fi  # a file is being named
  case "$command" in
)";
constexpr const char* bash_tail = R"(    *) return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _understudy understudy
)";

std::string bash(const CLI::App& app) {
  std::string cases = "    \"\") words=\"" + words(app) + " --config --help\" ;;\n";
  for (const auto* sub : offered(app)) {
    std::string inner = words(*sub);
    for (const auto* option : sub->get_options()) {
      for (const auto& name : option->get_lnames()) inner += " --" + name;
    }
    cases += "    " + sub->get_name() + ") words=\"" + inner + "\" ;;\n";
  }
  return bash_head + cases + bash_tail;
}

/// Between single quotes, as fish reads them.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\\' || c == '\'' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

std::string fish(const CLI::App& app) {
  std::string out;
  for (const auto* sub : offered(app))
    out += "complete -c understudy -n __fish_use_subcommand -a " + sub->get_name() + " -d " +
           fish_quoted(sub->get_description()) + "\n";
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
