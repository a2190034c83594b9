// Questions to the person at the terminal. Scripts answer beforehand, by options.
#pragma once

#include <string>
#include <vector>

#include "cli/grammar.h"
#include "cli/session.h"

namespace weir::cli {

// Whether somebody is there to be asked: --no-input is off and standard input is a terminal.
bool can_ask(const Session& session);
// One line from the terminal; cancelled when interrupted or at the end of input.
Result<std::string> ask(Session& session, const std::string& question);

// Each of `names` must be typed, or stand in --destroy-data already (`allowed`): --yes is no answer
// to this. `command` is what a script would type.
Result<> confirm_destruction(Session& session, const std::vector<std::string>& names,
                             const std::string& command);

// --destroy-data and --no-final-copy.
void take_destruction(Grammar& grammar, Options& options);

}  // namespace weir::cli
