// The generic diff: what differs, what it does, in which order, and what it must leave alone.
#include <gtest/gtest.h>

#include "engine/engine.h"

namespace weir::engine {
namespace {

const std::vector<Attribute> kTable{
    {"param", "shared_buffers", "restart", "bytes"},
    {"param", "work_mem", "reload", "bytes"},
    {"param", "autovacuum", "reload", "bool"},
    {"param", "random_page_cost", "reload", "number"},
    {"param", "checkpoint_timeout", "reload", "duration"},
    {"param", "search_path", "reload", "list"},
    {"role", "login", "", "bool"},
    {"role", "password", "", "text"},
    {"database", "owner", "", "text"},
    {"database", "encoding", "replace", "text"},
    {"grant", "tables", "", "list"},
};

Resource param(const std::string& name, const std::string& value) {
  return {"param", name, {{"value", value}}};
}
Resource role(const std::string& name, const std::string& login, const std::string& password) {
  return {"role", name, {{"login", login}, {"password", password}}};
}
Resource database(const std::string& name, const std::string& owner) {
  return {"database", name, {{"owner", owner}}};
}

TEST(Diff, EqualValuesInOtherWordsAreNoDifference) {
  const struct {
    const char *name, *wanted, *present;
    bool differs;
  } rows[] = {
      {"shared_buffers", "64MB", "65536kB", false},
      {"shared_buffers", "64MB", "65537kB", true},
      {"shared_buffers", "-1", "-1", false},
      {"shared_buffers", "-1", "64MB", true},
      {"checkpoint_timeout", "5min", "300s", false},
      {"checkpoint_timeout", "0", "0s", false},
      {"checkpoint_timeout", "5min", "301s", true},
      {"autovacuum", "on", "true", false},
      {"autovacuum", "on", "off", true},
      {"random_page_cost", "4", "4.0", false},
      {"random_page_cost", "4", "4.1", true},
      {"search_path", "a,b", "a, b", false},
      {"search_path", "a,b", "b, a", true},
      {"unknown_to_the_table", "a", "a", false},
      {"unknown_to_the_table", "a", "A", true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.name) + ": " + row.wanted + " and " + row.present);
    const auto found = diff({param(row.name, row.wanted)}, {param(row.name, row.present)}, kTable);
    EXPECT_EQ(!found.empty(), row.differs);
  }
}

TEST(Diff, TheTableSaysWhatAChangeDoes) {
  const auto restart =
      diff({param("shared_buffers", "64MB")}, {param("shared_buffers", "1GB")}, kTable);
  ASSERT_EQ(restart.size(), 1u);
  EXPECT_EQ(restart[0].effect, "restart");
  EXPECT_EQ(restart[0].reason, "shared_buffers takes effect when the server restarts");
  EXPECT_EQ(diff({param("work_mem", "1MB")}, {}, kTable)[0].effect, "reload");
  // Of several attributes the strongest effect counts.
  const Resource wanted{"database", "shop", {{"owner", "a"}, {"encoding", "UTF8"}}};
  const Resource present{"database", "shop", {{"owner", "b"}, {"encoding", "LATIN1"}}};
  const auto replace = diff({wanted}, {present}, kTable);
  ASSERT_EQ(replace.size(), 1u);
  EXPECT_EQ(replace[0].effect, "replace");
  EXPECT_EQ(replace[0].reason, "encoding, owner cannot be changed in place");
  EXPECT_EQ(replace[0].wanted, wanted);
  EXPECT_EQ(replace[0].present, present);
}

TEST(Diff, APasswordIsComparedOnlyIfBothSidesKnowIt) {
  EXPECT_TRUE(diff({role("r", "true", "")}, {role("r", "true", "SCRAM-1")}, kTable).empty());
  EXPECT_TRUE(diff({role("r", "true", "SCRAM-1")}, {role("r", "true", "")}, kTable).empty());
  EXPECT_TRUE(
      diff({role("r", "true", "SCRAM-1")}, {{"role", "r", {{"login", "true"}}}}, kTable).empty());
  EXPECT_TRUE(diff({role("r", "true", "SCRAM-1")}, {role("r", "true", "SCRAM-1")}, kTable).empty());
  EXPECT_EQ(diff({role("r", "true", "SCRAM-1")}, {role("r", "true", "SCRAM-2")}, kTable).size(),
            1u);
}

TEST(Diff, ThingsAreMadeBeforeWhatNeedsThemAndDeletedAfter) {
  const Resource grant{"grant", "app on shop.public", {{"tables", "select"}}};
  const Resource old_grant{"grant", "old on old.public", {{"tables", "select"}}};
  const auto found =
      diff({grant, database("shop", "owner"), role("owner", "false", ""), param("work_mem", "1MB")},
           {role("old", "false", ""), old_grant, database("old", "old")}, kTable);
  std::vector<std::string> order;
  for (const Difference& difference : found) {
    order.push_back(difference.wanted.name.empty() ? "-" + difference.present.kind
                                                   : "+" + difference.wanted.kind);
  }
  EXPECT_EQ(order, (std::vector<std::string>{"+param", "+role", "+database", "+grant", "-grant",
                                             "-database", "-role"}));
}

TEST(Diff, AParameterThatIsSetAndNotDeclaredGoesBackToItsDefault) {
  const auto found = diff({}, {param("work_mem", "1MB"), param("shared_buffers", "1GB")}, kTable);
  ASSERT_EQ(found.size(), 2u);
  for (const Difference& difference : found) {
    EXPECT_TRUE(difference.wanted.name.empty());
    EXPECT_EQ(difference.effect, difference.present.name == "work_mem" ? "reload" : "restart");
  }
}

TEST(Diff, WhatIsNotDeclaredOfAThingIsNotCompared) {
  const Resource present{"database", "shop", {{"owner", "a"}, {"comment", "theirs"}}};
  EXPECT_TRUE(diff({database("shop", "a")}, {present}, kTable).empty());
  // But what is declared and not reported is a difference.
  EXPECT_EQ(diff({database("shop", "a")}, {{"database", "shop", {}}}, kTable).size(), 1u);
}

TEST(Diff, ApplyingItLeavesNothing) {
  const std::vector<Resource> wanted{param("work_mem", "1MB"), role("a", "true", "x"),
                                     database("shop", "a")};
  std::vector<Resource> present{param("work_mem", "4MB"), role("b", "true", "")};
  for (const Difference& difference : diff(wanted, present, kTable)) {
    std::erase(present, difference.present);
    if (!difference.wanted.name.empty()) present.push_back(difference.wanted);
  }
  EXPECT_TRUE(diff(wanted, present, kTable).empty());
}

}  // namespace
}  // namespace weir::engine
