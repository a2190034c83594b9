// A verb: what it is called, what it takes, what it does. Each stands in its own file; the table of
// all of them in cli.cpp.
#pragma once

#include <span>
#include <string>

#include "cli/grammar.h"
#include "cli/session.h"

namespace weir::cli {

// Under which heading the help lists it.
enum class Group { fleet, look, prove, learn, processes, hidden };

struct Verb {
  const char* name;  // "drill"; of two words, "store rebuild"
  Group group;
  const char* help;      // one line, no full stop
  const char* more;      // paragraphs; may be empty
  const char* examples;  // lines as one would type them, comments with #; may be empty
  const char* outputs;   // what -o knows here, separated by commas; empty: no -o
  void (*takes)(Grammar& grammar, Options& options);
  Result<> (*run)(Session& session);
};
constexpr const char* kAnswers = "table,json,yaml";
constexpr const char* kAllAnswers = "table,wide,json,yaml,name";

// Every verb, in the order of the help.
std::span<const Verb* const> verbs();
const Verb* find_verb(const std::string& name);

// For verbs that take nothing of their own.
void nothing_more(Grammar& grammar, Options& options);
// The positional SERVICE, and -f FILE: alike wherever they stand.
void take_service(Grammar& grammar, Options& options);
void take_file(Grammar& grammar, Options& options);
// --timeout, for verbs that wait.
void take_timeout(Grammar& grammar, Options& options);
// What every verb takes.
void take_common(Grammar& grammar, Options& options, const Verb* verb);

// ": table, json", for help and docs.
std::string show_choices(const Argument& argument);
// What `weir --help` and `weir VERB --help` print.
std::string show_help();
std::string show_help(const Verb& verb);

}  // namespace weir::cli
