// Another build of weir takes over a live fleet: the former one is that of the last tag where night
// gives it (WEIR_FORMER_BINARY), else a copy of the tested program that differs in a byte.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/text.h"
#include "tests/real/days/application.h"
#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

std::string former_program(const LiveFleet& fleet) {
  if (const char* given = std::getenv("WEIR_FORMER_BINARY")) return given;
  const std::string copy = fleet.folder() + "/former-weir";
  std::filesystem::copy_file(LiveFleet::tested_program(), copy);
  std::ofstream(copy, std::ios::app) << "\n";
  return copy;
}

std::string program_of(int pid) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error).string();
}

std::vector<int> processes_of_weir(LiveFleet& fleet) {
  return {fleet.process("supervisor"), fleet.process("store"), fleet.agent("a"), fleet.agent("b"),
          fleet.agent("c")};
}

void expect_all_run(LiveFleet& fleet, const std::string& program) {
  for (const int pid : processes_of_weir(fleet)) {
    EXPECT_EQ(program_of(pid), std::filesystem::canonical(program).string());
  }
}

TEST(Upgrade, ANewBuildReplacesProcessByProcessAndTouchesNoServer) {
  LiveFleet fleet;
  const std::string former = former_program(fleet);
  fleet.use_program(former);
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  expect_all_run(fleet, former);
  Application application(fleet);
  application.write(2);
  std::vector<int> servers;
  for (const char* host : {"a", "b", "c"}) servers.push_back(fleet.postmaster(host));
  const std::string leader = fleet.leader();
  const std::string epoch = fleet.status()["record"]["epoch"].dump();

  std::atomic<bool> stop = false;
  std::thread writing([&] {
    while (!stop) application.write(1);
  });
  fleet.use_program(LiveFleet::tested_program());
  const Ran up = fleet.weir({"up", "-f", fleet.file()});
  stop = true;
  writing.join();
  ASSERT_EQ(up.status, 0) << up.err;
  expect_all_run(fleet, LiveFleet::tested_program());

  EXPECT_EQ(servers, (std::vector<int>{fleet.postmaster("a"), fleet.postmaster("b"),
                                       fleet.postmaster("c")}));
  EXPECT_EQ(fleet.leader(), leader);
  EXPECT_EQ(fleet.status()["record"]["epoch"].dump(), epoch);
  // The leader's host is the last to be trusted to the new program.
  const std::size_t last = up.err.rfind("replacing the agent of ");
  ASSERT_NE(last, std::string::npos) << up.err;
  EXPECT_EQ(up.err.substr(last + 23, 1), leader) << up.err;
  EXPECT_GT(application.acknowledged(), 3u);
  application.expect_all();

  // It read what the former build had written: what it did, and who leads.
  const Ran events = fleet.weir({"events"});
  EXPECT_NE(events.out.find("Create"), std::string::npos) << events.out;
  const Ran again = fleet.weir({"up", "-f", fleet.file()});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.err.find("replacing"), std::string::npos) << again.err;
  const Ran drill = fleet.weir({"drill", "kill-host", "orders", "-o", "json"});
  EXPECT_EQ(drill.status, 0) << drill.out << drill.err;
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  application.expect_all();
}

}  // namespace
}  // namespace weir::test
