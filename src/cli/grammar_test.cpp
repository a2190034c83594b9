// Words of a command line: what is read, and what is answered to what cannot be.
#include "cli/grammar.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

struct Words : ::testing::Test {
  Words() {
    common.option("-o,--output", "FORMAT", &output, "").one_of({"table", "json"});
    common.flag("--yes", yes, "");
    own.positional("FAULT", &fault, "").needed().one_of({"kill-host", "kill-server"});
    own.positional("SERVICE", &services, "");
    own.option("--rate", "NUMBER", &rate, "").within(1, 100);
    own.option("--writers", "NUMBER", &writers, "").within(1, 64);
    own.option("--since", "TIME", &since, "");
  }
  Result<> read(const std::vector<std::string>& words) {
    return read_words("drill", common, own, words);
  }
  Error error(const std::vector<std::string>& words) {
    const auto result = read(words);
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }

  Grammar common, own;
  std::string output, fault;
  std::vector<std::string> services;
  bool yes = false;
  double rate = 0;
  int writers = 0;
  std::optional<Duration> since;
};

TEST_F(Words, StandInAnyOrder) {
  ASSERT_TRUE(read({"--rate", "2.5", "kill-host", "-o", "json", "a", "--yes", "b", "--since=2m"}));
  EXPECT_EQ(fault, "kill-host");
  EXPECT_EQ(services, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(output, "json");
  EXPECT_TRUE(yes);
  EXPECT_EQ(rate, 2.5);
  EXPECT_EQ(since, std::optional<Duration>(2min));
}

TEST_F(Words, ShortOptionsTakeTheirValueEveryWay) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"kill-host", "-ojson"},
                                                {"kill-host", "-o=json"},
                                                {"kill-host", "-o", "json"},
                                                {"kill-host", "--output=json"}}) {
    output.clear();
    ASSERT_TRUE(read(words));
    EXPECT_EQ(output, "json");
  }
}

TEST_F(Words, AfterTwoDashesAllArePlain) {
  ASSERT_TRUE(read({"kill-host", "--", "--yes"}));
  EXPECT_FALSE(yes);
  EXPECT_EQ(services, std::vector<std::string>{"--yes"});
}

TEST_F(Words, WhatCannotBeReadIsAnswered) {
  const struct {
    std::vector<std::string> words;
    const char* what;
    const char* hint;
  } rows[] = {
      {{}, "weir drill needs FAULT", "weir drill --help"},
      {{"kill-hots"},
       "FAULT expects one of kill-host, kill-server, got 'kill-hots'",
       "did you mean `kill-host`?"},
      {{"kill-host", "--rat", "3"}, "weir drill has no flag --rat", "did you mean `--rate`?"},
      {{"kill-host", "--ouptut", "json"},
       "weir drill has no flag --ouptut",
       "did you mean `--output`?"},
      {{"kill-host", "--frobnicate"}, "weir drill has no flag --frobnicate", "weir drill --help"},
      {{"kill-host", "--rate"}, "--rate needs a value: NUMBER", "weir drill --help"},
      {{"kill-host", "--rate", "101"},
       "--rate expects a number from 1 to 100, got '101'",
       "weir drill --help"},
      {{"kill-host", "--writers", "2x"},
       "--writers expects a whole number from 1 to 64, got '2x'",
       "weir drill --help"},
      {{"kill-host", "--writers", ""},
       "--writers expects a whole number from 1 to 64, got ''",
       "weir drill --help"},
      {{"kill-host", "--since", "yesterday"},
       "--since expects a time such as 30s, got 'yesterday'",
       "weir drill --help"},
      {{"kill-host", "--yes=no"}, "--yes takes no value", "weir drill --help"},
      {{"kill-host", "-o", "xml"},
       "--output expects one of table, json, got 'xml'",
       "weir drill --help"},
  };
  for (const auto& row : rows) {
    const Error got = error(row.words);
    EXPECT_EQ(got.what, row.what);
    EXPECT_EQ(got.hint, row.hint);
    EXPECT_EQ(got.failure, Failure::bad_config);
  }
}

TEST_F(Words, MoreThanItTakesIsRefused) {
  Grammar none;
  const auto result = read_words("down", common, none, {"orders"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, "weir down does not take 'orders'");
}

TEST_F(Words, TheVerbIsTheFirstPlainWord) {
  EXPECT_EQ(first_plain_word(common, {"status"}), 0u);
  EXPECT_EQ(first_plain_word(common, {"-o", "json", "status"}), 2u);
  EXPECT_EQ(first_plain_word(common, {"-ojson", "--yes", "status"}), 2u);
  EXPECT_EQ(first_plain_word(common, {"--yes"}), 1u);
}

TEST_F(Words, UsageShowsWhatMustBeGiven) { EXPECT_EQ(own.usage(), "FAULT [SERVICE...]"); }

}  // namespace
}  // namespace weir::cli
