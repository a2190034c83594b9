// What the shell offers at each place of a line.
#include "cli/complete.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::cli {
namespace {

using Words = std::vector<std::string>;

Completion at(const Words& typed) {
  return complete(typed, [](Offers offers) -> Words {
    if (offers == Offers::services) return {"orders", "options", "users"};
    if (offers == Offers::hosts) return {"a", "b"};
    return {"timings"};
  });
}
bool offers(const Words& typed, const std::string& word) {
  const Words words = at(typed).words;
  return std::find(words.begin(), words.end(), word) != words.end();
}

TEST(Complete, OffersVerbsFirst) {
  EXPECT_TRUE(offers({""}, "status"));
  EXPECT_TRUE(offers({}, "status"));
  EXPECT_FALSE(offers({""}, "__complete")) << "hidden";
  EXPECT_FALSE(offers({""}, "supervisor")) << "nobody types it";
  EXPECT_EQ(at({"stat"}).words, Words{"status"});
  EXPECT_EQ(at({"frob"}).words, Words{});
}

TEST(Complete, OffersServicesAndChoicesWhereTheyStand) {
  EXPECT_EQ(at({"status", "o"}).words, (Words{"orders", "options"}));
  EXPECT_EQ(at({"status", "orders", ""}).words, Words{});
  EXPECT_EQ(at({"drill", "kill-h"}).words, Words{"kill-host"});
  EXPECT_EQ(at({"drill", "kill-host", "u"}).words, Words{"users"});
  EXPECT_EQ(at({"drill", "--rate", "3", "kill-host", "u"}).words, Words{"users"});
  EXPECT_EQ(at({"explain", "t"}).words, Words{"timings"});
}

TEST(Complete, OffersFlagsAndTheirValues) {
  EXPECT_TRUE(offers({"drill", "--"}, "--rate"));
  EXPECT_TRUE(offers({"drill", "--"}, "--fleet"));
  EXPECT_TRUE(offers({"--"}, "--fleet"));
  EXPECT_EQ(at({"status", "-o", "js"}).words, Words{"json"});
  EXPECT_EQ(at({"-o", "ya"}).words, Words{"yaml"});
  EXPECT_TRUE(offers({"-o", "json", "st"}, "status"));
}

TEST(Complete, LeavesPathsToTheShell) {
  EXPECT_TRUE(at({"plan", "-f", "fle"}).files);
  EXPECT_FALSE(at({"plan", ""}).files);
}

TEST(Complete, KnowsNothingBehindAnUnknownVerb) {
  EXPECT_EQ(at({"frobnicate", ""}).words, Words{});
}

}  // namespace
}  // namespace weir::cli
