// Days on which one member's disk is full: as a leader's it costs a failover, as a replica's a
// voter, never an acknowledged commit; with space again the member is whole by itself.
#include "tests/real/days/bad_day.h"

namespace weir::test {
namespace {

class FullDisk : public BadDay {
 protected:
  void TearDown() override {
    if (disk_) down();  // before its disk goes
    disk_.reset();
  }
  // The disk of one member, of its own and small, from before its data is made.
  void give_small_disk(const std::string& host) {
    const std::string members = fleet.host_folder(host) + "/members";
    EXPECT_TRUE(fleet.files().make_folder(members, 0711).has_value());
    const std::string arguments = fmt::format(
        "-t tmpfs -o size=400m,mode=0711,uid={},gid={} weir-test", geteuid(), getegid());
    disk_ = std::make_unique<Mounted>(fleet, arguments, members);
  }
  void fill() {
    const Ran full = fleet.shell(
        fmt::format("dd if=/dev/zero of={}/ballast bs=1M 2>/dev/null || true", disk_->path()));
    EXPECT_EQ(full.status, 0) << full.err;
  }
  void free_again() { EXPECT_TRUE(fleet.files().remove(disk_->path() + "/ballast").has_value()); }
  // More log than the segments that are there can take; no table grows by it.
  void push_log() {
    (void)fleet.sql(fleet.leader(),
                    "select count(pg_logical_emit_message(true, 'weir', repeat('x', 1000000))) "
                    "from generate_series(1, 150)");
  }
  void await_other_leader() {
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 300ms, [&] {
      const std::string leader = fleet.leader();
      return leader == "b" || leader == "c";
    })) << fleet.weir({"status", "orders"}).out;
    EXPECT_TRUE(poll_until(fleet.clock(), fleet.clock().within(120s), 300ms,
                           [&] { return fleet.as_application("select 1").out == "1"; }));
  }

 private:
  std::unique_ptr<Mounted> disk_;
};

TEST_F(FullDisk, OfAReplicaCostsAVoterUntilThereIsSpace) {
  give_small_disk("b");
  ASSERT_FALSE(HasFailure());
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.leader(), "a");
  Application application(fleet);
  application.write(3);
  fill();
  push_log();
  EXPECT_TRUE(hears(fleet, "o space left on device")) << fleet.weir({"events"}).out;
  application.write(3);
  EXPECT_EQ(application.acknowledged(), 6u);
  EXPECT_EQ(fleet.leader(), "a");
  free_again();
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  application.expect_all();
}

// Nothing is written to it: its log has room, a client's new rows would not.
TEST_F(FullDisk, OfALeaderIsFoundBeforeItsServerFails) {
  give_small_disk("a");
  ASSERT_FALSE(HasFailure());
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.leader(), "a");
  Application application(fleet);
  application.write(3);
  // While nobody can take over it is at least not called healthy.
  const std::vector<int> others{fleet.agent("b"), fleet.agent("c")};
  for (const int agent : others) kill(agent, SIGSTOP);
  fill();
  EXPECT_TRUE(hears(fleet, "a can write nothing: ")) << fleet.weir({"status", "orders"}).out;
  EXPECT_NE(fleet.weir({"status", "orders"}).out.find("No space left on device"),
            std::string::npos);
  EXPECT_FALSE(fleet.status()["healthy"].boolean());
  for (const int agent : others) kill(agent, SIGCONT);
  EXPECT_TRUE(hears(fleet, "a's own agent reports that its writes do not move"));
  await_other_leader();
  application.write(3);
  EXPECT_EQ(application.acknowledged(), 6u);
  free_again();
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  application.expect_all();
}

TEST_F(FullDisk, OfALeaderCostsAFailoverAndItComesBack) {
  give_small_disk("a");
  ASSERT_FALSE(HasFailure());
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.leader(), "a");
  Application application(fleet);
  application.write(3);
  fill();
  push_log();
  await_other_leader();
  application.write(3);
  EXPECT_TRUE(hears(fleet, "o space left on device")) << fleet.weir({"events"}).out;
  // Long enough for the old leader to try its way back more than once.
  fleet.clock().sleep_for(5s);
  free_again();
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  const auto exports = fleet.files().list(fleet.member_folder("a") + "/exports");
  ASSERT_TRUE(exports.has_value());
  EXPECT_LE(exports->size(), 1u) << "what only it had is put aside once, whole";
  EXPECT_GE(application.acknowledged(), 6u);
  application.expect_all();
}

}  // namespace
}  // namespace weir::test
