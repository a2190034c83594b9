// weir completion SHELL: a script for the shell that asks `weir __complete` for the words, so that
// it never has to be made anew when verbs are added.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/complete.h"
#include "cli/explain.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

// Somebody waits with a finger on the tab key: what does not answer by then offers nothing.
constexpr Duration kPatience = 700ms;

// A line `:files` asks the shell for its own completion of paths.
constexpr const char* kBash = R"(# bash completion for weir
_weir() {
  local IFS=$'\n' words
  words=$(weir __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ $words == :files ]]; then
    compopt -o default 2>/dev/null
    COMPREPLY=()
    return
  fi
  COMPREPLY=($words)
}
complete -F _weir weir
)";

constexpr const char* kZsh = R"(#compdef weir
_weir() {
  local -a found
  found=("${(@f)$(weir __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "$found" == ":files" ]]; then
    _files
    return
  fi
  compadd -- $found
}
compdef _weir weir
)";

constexpr const char* kFish = R"(# fish completion for weir
function __weir_complete
  set -l typed (commandline -opc) (commandline -ct)
  set -l found (weir __complete -- $typed[2..] 2>/dev/null)
  if test "$found" = ":files"
    __fish_complete_path (commandline -ct)
    return
  end
  string join \n -- $found
end
complete -c weir -f -a '(__weir_complete)'
)";

Result<> completion(Session& session) {
  const std::string& shell = session.options().shell;
  session.print(shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish);
  return {};
}

// Names of the fleet that is here, asked of a store that may be away.
std::vector<std::string> names_of(Session& session, Offers offers) {
  if (offers == Offers::topics) return explained_words();
  std::vector<std::string> out;
  if (!session.open()) return out;
  if (offers == Offers::hosts) {
    for (const Host& host : session.facts().hosts) out.push_back(host.name.text);
    return out;
  }
  const auto services =
      store::list_desired(session.store(), session.keys(), session.within(kPatience));
  if (!services) return out;
  for (const auto& held : *services) out.push_back(held.service.name.text);
  return out;
}

Result<> complete_words(Session& session) {
  const Completion found =
      complete(session.options().words, [&](Offers offers) { return names_of(session, offers); });
  session.print(found.files ? ":files" : join(found.words, "\n"));
  return {};
}

}  // namespace

constinit const Verb kCompletion{
    "completion",
    Group::learn,
    "Print a script that completes verbs, flags, services and hosts",
    "Names of services and hosts come from the fleet that is here, at the moment of typing.",
    "# In ~/.bashrc\nsource <(weir completion bash)\n\n"
    "# In ~/.zshrc, after compinit\nsource <(weir completion zsh)\n\n"
    "weir completion fish > ~/.config/fish/completions/weir.fish",
    "",
    [](Grammar& grammar, Options& options) {
      grammar.positional("SHELL", &options.shell, "For which shell")
          .needed()
          .one_of({"bash", "zsh", "fish"});
    },
    completion,
};

constinit const Verb kComplete{
    "__complete",
    Group::hidden,
    "What the shell offers for the words typed so far, the last one being typed",
    "",
    "",
    "",
    [](Grammar& grammar, Options& options) {
      grammar.positional("WORD", &options.words, "The words after `weir`");
    },
    complete_words,
};

}  // namespace weir::cli
