// The pages for three in the morning, with their disaster: each command that they give is run as it
// stands there, and the fleet is whole afterwards.
#include <gtest/gtest.h>
#include <signal.h>

#include "base/text.h"
#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

// The commands of the page, block by block. The page must open with one.
std::vector<std::string> commands_of(LiveFleet& fleet, const std::string& page) {
  const auto text = fleet.files().read(std::string(WEIR_SOURCE_DIR) + "/docs/" + page);
  EXPECT_TRUE(text.has_value()) << page;
  std::vector<std::string> blocks;
  bool inside = false;
  int line_number = 0;
  for (const std::string& line : split(text.value_or(""), '\n')) {
    ++line_number;
    if (starts_with(line, "```")) {
      inside = line == "```sh";
      if (inside) blocks.emplace_back();
      if (inside && blocks.size() == 1) {
        EXPECT_LE(line_number, 3) << page << " opens with words";
      }
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  EXPECT_FALSE(blocks.empty()) << page;
  return blocks;
}

void run_page(LiveFleet& fleet, const std::string& page) {
  for (const std::string& block : commands_of(fleet, page)) {
    const Ran ran = fleet.shell("cd " + fleet.folder() + "\n" + block, 300s);
    EXPECT_EQ(ran.status, 0) << page << ": " << block << ran.out << ran.err;
  }
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
}

TEST(Docs, ThePagesOfThreeDisastersAreTrue) {
  LiveFleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  EXPECT_EQ(fleet.sql(fleet.leader(), "create table kept as select 1 as n"), "");

  const std::string leader = fleet.leader();
  kill(fleet.agent(leader), SIGKILL);
  kill(fleet.postmaster(leader), SIGKILL);
  ASSERT_NO_FATAL_FAILURE(run_page(fleet, "leader-died.md"));

  const std::string replica = fleet.leader() == "c" ? "b" : "c";
  kill(fleet.agent(replica), SIGKILL);
  kill(fleet.postmaster(replica), SIGKILL);
  ASSERT_TRUE(fleet.remove_while_written(fleet.host_folder(replica)));
  ASSERT_NO_FATAL_FAILURE(run_page(fleet, "replica-lost-its-disk.md"));

  const std::string after = fleet.leader();
  const int server = fleet.postmaster(after);
  kill(fleet.process("supervisor"), SIGKILL);
  kill(fleet.process("store"), SIGKILL);
  for (const char* host : {"a", "b", "c"}) kill(fleet.agent(host), SIGKILL);
  ASSERT_NO_FATAL_FAILURE(run_page(fleet, "weir-is-down.md"));
  EXPECT_EQ(fleet.postmaster(after), server);
  EXPECT_EQ(fleet.leader(), after);
  EXPECT_EQ(fleet.sql(after, "select n from kept"), "1");
}

}  // namespace
}  // namespace weir::test
