// The table of verbs as a whole: each can be explained, none twice, each option said.
#include "cli/verb.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"
#include "cli/exit_codes.h"

namespace weir::cli {
namespace {

TEST(Verbs, EachSaysWhatItIsAndWhatItTakes) {
  std::set<std::string> names;
  for (const Verb* verb : verbs()) {
    SCOPED_TRACE(verb->name);
    EXPECT_TRUE(names.insert(verb->name).second) << "stands twice";
    EXPECT_EQ(find_verb(verb->name), verb);
    EXPECT_NE(std::string(verb->help), "");
    EXPECT_NE(std::string(verb->help).back(), '.');
    Options options;
    Grammar own;
    verb->takes(own, options);
    std::set<std::string> taken;
    for (const Argument& argument : own.arguments()) {
      EXPECT_NE(argument.help, "") << argument.name();
      EXPECT_TRUE(taken.insert(argument.name()).second) << argument.name();
    }
  }
}

TEST(Verbs, NoOptionOfAVerbHidesACommonOne) {
  for (const Verb* verb : verbs()) {
    Options options;
    Grammar own, common;
    verb->takes(own, options);
    take_common(common, options, verb);
    for (const std::string& name : own.option_names()) {
      EXPECT_EQ(common.find(name), nullptr) << verb->name << " " << name;
    }
  }
}

// Whoever reads the help of a verb that people type finds a line to type.
TEST(Verbs, ExamplesAreOfTheirOwnVerbAndCanBeRead) {
  for (const Verb* verb : verbs()) {
    if (verb->group == Group::processes || verb->group == Group::hidden) continue;
    SCOPED_TRACE(verb->name);
    int examples = 0;
    for (const std::string& line : split(verb->examples, '\n')) {
      const std::string command = "weir " + std::string(verb->name);
      if (line.empty() || line[0] == '#') continue;
      if (!starts_with(line, "weir ")) continue;  // what surrounds it in a pipe
      ++examples;
      ASSERT_TRUE(starts_with(line, command)) << line;
      std::vector<std::string> words;
      for (const std::string& word : split(line.substr(command.size()), ' ')) {
        if (word == "|" || word == ">" || word == "#") break;
        if (!word.empty()) words.push_back(word);
      }
      Options options;
      Grammar own, common;
      verb->takes(own, options);
      take_common(common, options, verb);
      const auto read = read_words(verb->name, common, own, words);
      EXPECT_TRUE(read) << line << ": " << read.error().what;
    }
    EXPECT_GT(examples, 0);
  }
}

TEST(ExitCodes, AreThoseOfTheDesign) {
  EXPECT_EQ(exit_code(Failure::plan_has_changes), 2);
  EXPECT_EQ(exit_code(Failure::objective_breached), 3);
  EXPECT_EQ(exit_code(Failure::refused), 4);
  EXPECT_EQ(exit_code(Failure::held), 5);
  EXPECT_EQ(exit_code(Failure::timed_out), 124);
  EXPECT_EQ(exit_code(Failure::cancelled), 130);
  for (const Failure other : {Failure::bad_config, Failure::not_found, Failure::unreachable,
                              Failure::drill_void, Failure::outcome_unknown, Failure::io}) {
    EXPECT_EQ(exit_code(other), 1);
  }
}

}  // namespace
}  // namespace weir::cli
