// What the real binary says and how it ends, where no fleet is. WEIR_BINARY names another one.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>

#include "base/json.h"
#include "tests/golden/golden.h"
#include "world/real.h"

namespace weir::golden {
namespace {

std::string binary() {
  const char* named = std::getenv("WEIR_BINARY");
  return named == nullptr ? WEIR_BINARY_DEFAULT : named;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
    at += by.size();
  }
  return text;
}

// Each test has an empty state folder of its own.
struct CliGolden : ::testing::Test {
  CliGolden() {
    char path[] = "/tmp/weir-cli-XXXXXX";
    folder = ::mkdtemp(path);
  }
  ~CliGolden() override {
    EXPECT_FALSE(std::filesystem::exists(folder + "/state")) << "looking made something";
    std::filesystem::remove_all(folder);
  }

  Output weir(std::vector<std::string> words) {
    Command command;
    command.argv = {binary()};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.env = {"WEIR_STATE=" + folder + "/state", "WEIR_RUN=" + folder + "/run"};
    const auto output = programs->run(command, clock->within(60s));
    EXPECT_TRUE(output) << output.error().what;
    if (!output) return {-1, {}, {}};
    return {output->status, tidied(output->out), tidied(output->err)};
  }
  // Exit status, then what a script reads, then what a person reads.
  std::string told(const std::vector<std::string>& words) {
    const Output output = weir(words);
    return "exit " + std::to_string(output.status) + "\n--- stdout\n" + output.out +
           "--- stderr\n" + output.err;
  }
  std::string tidied(const std::string& text) const {
    const std::string named = replaced(text, binary(), "weir");
    return replaced(replaced(named, folder, "FOLDER"), WEIR_SOURCE_DIR, "SOURCE");
  }
  std::string file(const std::string& text) const {
    std::ofstream(folder + "/fleet.yaml") << text;
    return folder + "/fleet.yaml";
  }

  std::unique_ptr<Clock> clock = make_real_clock();
  std::unique_ptr<Programs> programs = make_real_programs(*clock);
  std::string folder;
  const std::string quickstart = std::string(WEIR_SOURCE_DIR) + "/examples/quickstart.yaml";
};

std::string quickstart_with(const std::string& what, const std::string& by) {
  const std::string text =
      read(std::filesystem::path(WEIR_SOURCE_DIR) / "examples" / "quickstart.yaml");
  EXPECT_NE(text.find(what), std::string::npos) << what;
  return replaced(text, what, by);
}

TEST_F(CliGolden, Help) { expect("cli/help.txt", told({"--help"})); }

TEST_F(CliGolden, HelpOfEachVerb) {
  for (const char* verb :
       {"up", "init", "token", "join", "down", "plan", "apply", "status", "get", "describe",
        "events", "logs", "drill", "explain", "version", "completion"}) {
    expect("cli/help_" + std::string(verb) + ".txt", told({verb, "--help"}));
  }
}

TEST_F(CliGolden, PlanOfANewFleet) {
  expect("cli/plan.txt", told({"plan", "-f", quickstart}));
  const Output json = weir({"plan", "-f", quickstart, "-o", "json"});
  EXPECT_EQ(json.status, 0);
  EXPECT_EQ(json.err, "");
  expect("cli/plan.json", json.out);
}

TEST_F(CliGolden, PlanThatIsAskedForChangesExitsTwo) {
  const Output output = weir({"plan", "-f", quickstart, "--detailed-exitcode"});
  EXPECT_EQ(output.status, 2);
  EXPECT_EQ(output.out, weir({"plan", "-f", quickstart}).out);
  EXPECT_EQ(output.err, "") << "changes are no error";
}

TEST_F(CliGolden, WhatIsNotDoneYetIsRefusedInOneSentence) {
  const std::string asked = file(quickstart_with("durability: required", "durability: preferred"));
  for (const char* verb : {"plan", "apply", "up"}) {
    expect("cli/refused.txt", told({verb, "-f", asked}));
  }
}

TEST_F(CliGolden, MistakesOfTheFileAreShownWhereTheyStand) {
  expect("cli/mistakes.txt",
         told({"plan", "-f", file(quickstart_with("durability: required", "durabilty: requird"))}));
}

TEST_F(CliGolden, AFileThatIsNotThere) {
  expect("cli/no_file.txt", told({"plan", "-f", folder + "/absent.yaml"}));
  expect("cli/no_file_named.txt", told({"plan"}));
}

TEST_F(CliGolden, NoFleetIsHere) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"status"}, {"events"}, {"down"}, {"drill", "kill-host"}}) {
    expect("cli/no_fleet.txt", told(words));
  }
  expect("cli/no_fleet_json.txt", told({"status", "-o", "json"}));
}

TEST_F(CliGolden, WordsThatItDoesNotKnow) {
  expect("cli/no_verb.txt", told({}));
  expect("cli/unknown_verb.txt", told({"frobnicate"}));
  expect("cli/misspelt_verb.txt", told({"stauts"}));
  expect("cli/unknown_option.txt", told({"status", "--frobnicate"}));
  expect("cli/unknown_fault.txt", told({"drill", "kill-hots", "orders"}));
  expect("cli/unknown_output.txt", told({"status", "-o", "xml"}));
}

TEST_F(CliGolden, Version) {
  const Output output = weir({"version"});
  EXPECT_EQ(output.status, 0);
  EXPECT_NE(output.out.find("formats: record "), std::string::npos) << output.out;
  EXPECT_EQ(weir({"--version"}).out, output.out);
  const auto json = Json::parse(weir({"version", "-o", "json"}).out);
  ASSERT_TRUE(json);
  for (const char* key : {"version", "commit", "build", "formats", "libraries"}) {
    EXPECT_TRUE(json->has(key)) << key;
  }
}

TEST_F(CliGolden, Explanations) {
  expect("cli/explain.txt", told({"explain"}));
  for (const char* word :
       {"timings", "exit-codes", "record", "GivePromise", "void", "services.members", "file"}) {
    expect("cli/explain_" + std::string(word) + ".txt", told({"explain", word}));
  }
  expect("cli/explain_unknown.txt", told({"explain", "timigns"}));
}

TEST_F(CliGolden, TheManualIsTheTableOfVerbs) { expect("../../docs/cli.md", weir({"__docs"}).out); }

// A complaint is data too where data was asked for, whatever is complained of.
TEST_F(CliGolden, ComplaintsAsData) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"frobnicate", "-o", "json"},
        {"status", "--frobnicate", "-ojson"},
        {"plan", "--output=json"},
        {"status", "-o", "json"}}) {
    const Output output = weir(words);
    EXPECT_EQ(output.status, 1);
    EXPECT_EQ(output.out, "");
    const auto json = Json::parse(output.err);
    ASSERT_TRUE(json) << output.err;
    for (const char* key : {"failure", "what", "hint"}) EXPECT_TRUE(json->has(key)) << key;
  }
  expect("cli/no_fleet_yaml.txt", told({"status", "-o", "yaml"}));
}

TEST_F(CliGolden, ColourOnlyWhereItIsAskedForOrATerminalIs) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"plan", "-f", quickstart},
                                                {"plan", "-f", quickstart, "--color", "never"}}) {
    EXPECT_EQ(weir(words).out.find('\x1b'), std::string::npos);
  }
  EXPECT_NE(weir({"plan", "-f", quickstart, "--color", "always"}).out.find("\x1b[32m  + "),
            std::string::npos);
  EXPECT_EQ(weir({"plan", "-f", quickstart, "--color=always", "-o", "json"}).out.find('\x1b'),
            std::string::npos);
}

TEST_F(CliGolden, PlanAsYaml) {
  const Output yaml = weir({"plan", "-f", quickstart, "-o", "yaml"});
  EXPECT_EQ(yaml.status, 0) << yaml.err;
  expect("cli/plan.yaml", yaml.out);
}

// The shells themselves ask; bash stands for all where it is the one that is always there.
TEST_F(CliGolden, BashCompletes) {
  const auto offered = [&](const std::string& words, int at) {
    const std::string script =
        "weir() { " + binary() + " \"$@\"; }; source <(weir completion bash); COMP_WORDS=(" +
        words + "); COMP_CWORD=" + std::to_string(at) +
        "; complete -p weir >/dev/null || exit 9; _weir; printf '%s\n' \"${COMPREPLY[@]}\"";
    const auto output = programs->run(
        {{"bash", "-c", script}, "", {"WEIR_STATE=" + folder + "/state"}, "", 1u << 20},
        clock->within(60s));
    EXPECT_TRUE(output);
    return output ? output->out + output->err : std::string{};
  };
  EXPECT_EQ(offered("weir dri", 1), "drill\n");
  EXPECT_EQ(offered("weir drill kill-h", 2), "kill-host\n");
  EXPECT_EQ(offered("weir get services -o ya", 4), "yaml\n");
  EXPECT_EQ(offered("weir status ''", 2), "\n") << "no fleet, no names, no complaint";
}

TEST_F(CliGolden, AReaderThatGoesAwayIsNoError) {
  const auto output =
      programs->run({{"bash", "-c", "set -o pipefail; " + binary() + " explain words | head -n 1"},
                     "",
                     {"WEIR_STATE=" + folder + "/state"},
                     "",
                     1u << 20},
                    clock->within(60s));
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, 0) << output->err;
  EXPECT_EQ(output->err, "");
}

TEST_F(CliGolden, AnAnswerThatCannotBeWrittenIsAnError) {
  const auto output = programs->run({{"bash", "-c", binary() + " explain words > /dev/full"},
                                     "",
                                     {"WEIR_STATE=" + folder + "/state"},
                                     "",
                                     1u << 20},
                                    clock->within(60s));
  ASSERT_TRUE(output);
  EXPECT_EQ(output->status, 1);
  EXPECT_NE(output->err.find("could not be written"), std::string::npos) << output->err;
}

}  // namespace
}  // namespace weir::golden
