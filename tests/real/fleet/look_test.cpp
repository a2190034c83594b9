// What an operator is shown of a live fleet, also while its store is away; and never a secret.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "base/text.h"
#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

const std::vector<std::vector<std::string>> kLooks{
    {"status"},
    {"status", "orders", "-o", "json"},
    {"status", "orders", "-o", "yaml"},
    {"get", "services", "-o", "wide"},
    {"get", "services", "-o", "json"},
    {"get", "members", "orders", "-o", "wide"},
    {"get", "members", "-o", "yaml"},
    {"get", "hosts", "-o", "json"},
    {"get", "events"},
    {"describe", "orders"},
    {"describe", "orders", "-o", "json"},
    {"describe", "orders", "-o", "yaml"},
    {"describe", "orders/a"},
    {"describe", "member/orders/b", "-o", "json"},
    {"describe", "host/c"},
    {"events", "orders", "-o", "json"},
    {"events", "--since", "1h", "--kind", "Settle"},
    {"logs", "orders", "--tail", "1000"},
    {"logs", "orders/a", "--agent"},
};

// Safety.md S15: neither the password nor the verifier made of it.
void expect_no_secret(LiveFleet& fleet, const Ran& ran, const std::vector<std::string>& words) {
  const auto password = fleet.files().read(fleet.folder() + "/s/live/secrets/orders/shop_app");
  ASSERT_TRUE(password.has_value());
  ASSERT_GT(trim(*password).size(), 10u);
  for (const std::string& text : {ran.out, ran.err}) {
    EXPECT_EQ(text.find(trim(*password)), std::string::npos) << join(words, " ");
    EXPECT_EQ(text.find("SCRAM-SHA-256$"), std::string::npos) << join(words, " ") << text;
    EXPECT_EQ(text.find("PRIVATE KEY"), std::string::npos) << join(words, " ");
  }
}

int pid_of_store(LiveFleet& fleet) {
  const auto state = fleet.files().read(fleet.folder() + "/s/live/supervisor.json");
  const auto json = state ? Json::parse(*state) : Json::parse("{}");
  if (!json) return 0;
  for (const Json& child : (*json)["children"].items()) {
    if (child["name"].text() == "store") return static_cast<int>(child["pid"].integer());
  }
  return 0;
}

TEST(Looking, ShowsAFleetToPeopleAndToProgramsAndNeverASecret) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  for (const auto& words : kLooks) {
    const Ran ran = fleet.weir(words);
    EXPECT_EQ(ran.status, 0) << join(words, " ") << ran.err;
    EXPECT_NE(ran.out, "") << join(words, " ");
    if (words.back() == "json") {
      EXPECT_TRUE(Json::parse(ran.out)) << join(words, " ");
    }
    expect_no_secret(fleet, ran, words);
  }
  EXPECT_EQ(fleet.weir({"get", "services", "-o", "name"}).out, "service/orders\n");
  EXPECT_EQ(fleet.weir({"get", "members", "-o", "name"}).out,
            "member/orders/a\nmember/orders/b\nmember/orders/c\n");
  EXPECT_EQ(fleet.weir({"get", "host", "-o", "name"}).out, "host/a\nhost/b\nhost/c\n");
  for (const std::string& name : lines_of(fleet.weir({"get", "members", "-o", "name"}).out)) {
    const Ran ran = fleet.weir({"describe", name});
    EXPECT_EQ(ran.status, 0) << name << ran.err;
    EXPECT_NE(ran.out.find("Promised:"), std::string::npos) << ran.out;
  }

  const Json described = fleet.weir({"describe", "orders", "-o", "json"}).json();
  EXPECT_EQ(described["leader"].text(), fleet.leader());
  EXPECT_TRUE(described["record"]["confirmed"].boolean());
  EXPECT_GT(described["events"].items().size(), 0u);
  for (const Json& member : described["members"].items()) {
    EXPECT_EQ(member["agent"].text(), "alive");
    EXPECT_EQ(member["own"]["server"].text(), "running");
    EXPECT_EQ(member["others"].items().size(), 2u);
  }
  const Json settled = fleet.weir({"events", "--kind", "Settle", "-o", "json"}).json();
  EXPECT_GT(settled["events"].items().size(), 0u);
  for (const Json& event : settled["events"].items()) {
    EXPECT_EQ(event["kind"].text(), "Settle");
  }
  EXPECT_NE(fleet.weir({"logs", "orders/a"}).out.find("ready to accept"), std::string::npos);
  EXPECT_EQ(fleet.weir({"__complete", "--", "status", "ord"}).out, "orders\n");
  EXPECT_EQ(fleet.weir({"status", "odrers"}).status, 1);

  // What goes on until somebody has seen enough ends by that, and quietly.
  for (const std::vector<std::string>& words : {std::vector<std::string>{"events", "-f"},
                                                {"logs", "orders", "-f"},
                                                {"get", "members", "-w"}}) {
    const int pid = fleet.start_weir(words);
    fleet.clock().sleep_for(2s);
    EXPECT_EQ(fleet.wait_for(pid, 0s), -1) << join(words, " ") << " ended by itself";
    kill(pid, SIGINT);
    EXPECT_EQ(fleet.wait_for(pid, 60s), 130) << join(words, " ");
  }
}

// A store that hangs is away for us all the same: what the agents know is shown, and said to be so.
TEST(Looking, GoesOnWhileTheStoreIsAway) {
  LiveFleet fleet;
  // Who does not want to wait is told so, and what was begun goes on.
  const Ran hasty =
      fleet.weir({"up", "-f", fleet.file(), "--store", fleet.address("a"), "--timeout", "1ms"});
  EXPECT_EQ(hasty.status, 124) << hasty.err;
  const Ran patient = fleet.weir({"up", "-f", fleet.file(), "--timeout", "4m"});
  ASSERT_EQ(patient.status, 0) << patient.err;
  const std::string leader = fleet.leader();
  const int store = pid_of_store(fleet);
  ASSERT_GT(store, 1);
  ASSERT_EQ(kill(store, SIGSTOP), 0);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status"},
                                                {"get", "members", "-o", "json"},
                                                {"get", "hosts"},
                                                {"describe", "orders", "-o", "yaml"},
                                                {"describe", "orders/a"},
                                                {"events", "orders"},
                                                {"logs", "orders/b"}}) {
    const Ran ran = fleet.weir(words);
    EXPECT_EQ(ran.status, 0) << join(words, " ") << ran.err;
    EXPECT_NE(ran.out, "") << join(words, " ");
    EXPECT_NE(ran.err.find("the store is away"), std::string::npos) << join(words, " ") << ran.err;
    expect_no_secret(fleet, ran, words);
  }
  const Json status = fleet.weir({"status", "orders", "-o", "json"}).json();
  EXPECT_EQ(status["leader"].text(), leader);
  EXPECT_NE(status["store_away"].text(), "");
  EXPECT_EQ(kill(store, SIGCONT), 0);
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
}

}  // namespace
}  // namespace weir::test
