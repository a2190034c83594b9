// What the real binary says and how it ends, where no fleet is. WEIR_BINARY names another one.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>

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
  for (const char* verb : {"up", "down", "plan", "apply", "status", "events", "drill"}) {
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

TEST_F(CliGolden, AHugeFileIsRefused) {
  const std::string path = file("fleet: huge\n");
  std::filesystem::resize_file(path, 100u << 20);
  expect("cli/huge_file.txt", told({"plan", "-f", path}));
}

TEST_F(CliGolden, TargetsOfANewFleet) {
  expect("cli/plan_target.txt", told({"plan", "-f", quickstart, "-target", "orders"}));
  expect("cli/plan_target_new.txt",
         told({"plan", "-f", quickstart, "-target=orders/role/shop_app"}));
  expect("cli/plan_target_misspelt.txt",
         told({"plan", "-f", quickstart, "--target", "orders/rol/shop_app"}));
}

TEST_F(CliGolden, ASavedPlanHoldsReferencesAndNoSecret) {
  const std::string path = folder + "/saved.plan";
  const Output output = weir({"plan", "-f", quickstart, "--out", path});
  EXPECT_EQ(output.status, 0) << output.err;
  expect("cli/saved_plan.json", read(path));
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
  const Output output = weir({"--version"});
  EXPECT_EQ(output.status, 0);
  EXPECT_NE(output.out.find('.'), std::string::npos) << output.out;
}

}  // namespace
}  // namespace weir::golden
