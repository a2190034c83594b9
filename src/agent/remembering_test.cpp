// What is remembered outlives the agent, and damage of it is no forgetting.
#include "agent/remembering.h"

#include <gtest/gtest.h>

#include "world/real.h"

namespace weir::agent {
namespace {

Remembered remembered(const char* service, std::int64_t revision) {
  Remembered out;
  out.fleet = FleetName("quickstart");
  out.revision = revision;
  out.record.epoch = {0, 1};
  out.record.leader = {MemberName("a"), Incarnation("ia")};
  out.record.leader_host = HostName("a");
  out.record.lineage = {"7000000000000000001", {}, 1};
  out.record.members = {out.record.leader};
  out.desired.name = ServiceName(service);
  out.desired.engine = "postgres";
  out.desired.members = {{out.desired.name, MemberName("a"), HostName("a"), "10.0.0.1", 5432}};
  return out;
}

struct RememberingTest : ::testing::Test {
  RememberingTest() : folder("/tmp/weir-remembering-" + make_real_random()->id()) {}
  ~RememberingTest() override { (void)files->remove(folder).has_value(); }

  std::unique_ptr<Files> files = make_real_files();
  std::string folder;
};

TEST_F(RememberingTest, OutlivesTheAgent) {
  {
    Remembering first(*files, folder);
    ASSERT_TRUE(first.load());
    EXPECT_TRUE(first.all().empty());
    ASSERT_TRUE(first.keep(remembered("orders", 5)));
    ASSERT_TRUE(first.keep(remembered("carts", 6)));
    ASSERT_TRUE(first.keep(remembered("orders", 7)));
    ASSERT_TRUE(first.forget(ServiceName("carts")));
  }
  Remembering anew(*files, folder);
  ASSERT_TRUE(anew.load());
  ASSERT_EQ(anew.all().size(), 1u);
  EXPECT_EQ(anew.all().begin()->second, remembered("orders", 7));
}

TEST_F(RememberingTest, DamageIsNoForgetting) {
  Remembering first(*files, folder);
  ASSERT_TRUE(first.load());
  ASSERT_TRUE(files->write(folder + "/orders.json", "{\"format\":1,"));
  const auto loaded = first.load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().failure, Failure::bad_data);
  EXPECT_NE(loaded.error().what.find(folder + "/orders.json"), std::string::npos);
}

}  // namespace
}  // namespace weir::agent
