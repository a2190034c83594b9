// The simulated ports: durable files that outlive a crash, calls that die with their caller.
#include "sim/ports.h"

#include <gtest/gtest.h>

#include <optional>

#include "sim/peers.h"

namespace weir::sim {
namespace {

constexpr Instant kLong{std::chrono::hours(1)};

class Ports : public testing::Test {
 protected:
  Ports() : cluster(random), host(fibers, random, cluster, HostName("a")) {}

  Fibers fibers;
  SimRandom random{1};
  SimNet net{random};
  engine::FakeCluster cluster;
  SimHost host;
};

TEST_F(Ports, AKilledWriterHasWrittenAllOrNothing) {
  int done = 0, undone = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string path = "/f" + std::to_string(i);
    const Group group = fibers.new_group();
    fibers.begin(group, "writer", [&] { (void)host.files.write(path, "whole"); });
    fibers.run_until(fibers.now() + Duration(random.next() % 2'000'000));
    fibers.kill(group);
    if (!host.disk.exists(path)) {
      ++undone;
    } else {
      EXPECT_EQ(host.disk.read(path).value_or(""), "whole");
      ++done;
    }
  }
  EXPECT_GT(done, 0);
  EXPECT_GT(undone, 0);
}

TEST_F(Ports, AKilledAppendMayLeaveATornPiece) {
  int torn = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string path = "/f" + std::to_string(i);
    const Group group = fibers.new_group();
    fibers.begin(group, "writer", [&] { (void)host.files.append(path, "0123456789"); });
    fibers.run_until(fibers.now() + 50us);
    fibers.kill(group);
    const std::string left = host.disk.read(path).value_or("");
    EXPECT_TRUE(std::string("0123456789").starts_with(left));
    if (!left.empty() && left.size() < 10) ++torn;
  }
  EXPECT_GT(torn, 0);
}

TEST_F(Ports, ACallOfADeadProcessHasNoEffect) {
  const auto written = host.files.write("/f", "x");  // outside any fiber: nobody lives who could
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().failure, Failure::cancelled);
  EXPECT_FALSE(host.disk.exists("/f"));
}

TEST_F(Ports, RenameMovesWholeFolders) {
  ASSERT_TRUE(host.disk.write("/d/data/x", "1", 0600));
  ASSERT_TRUE(host.disk.write("/d/database", "2", 0600));
  ASSERT_TRUE(host.disk.rename("/d/data", "/d/old"));
  EXPECT_EQ(host.disk.read("/d/old/x").value_or(""), "1");
  EXPECT_EQ(host.disk.read("/d/database").value_or(""), "2");
  EXPECT_EQ(host.disk.list("/d").value_or(std::vector<std::string>{}),
            (std::vector<std::string>{"database", "old"}));
}

TEST_F(Ports, JobsAndAlarmsWakeTheirWaiters) {
  bool job_ended = false, rung = false, late = true;
  fibers.begin(0, "caller", [&] {
    auto alarm = host.workers.make_alarm();
    auto job = host.workers.begin("job", [&] {
      host.clock.sleep_for(10ms);
      alarm->ring();
    });
    rung = alarm->wait_until(fibers.now() + 1s);
    job_ended = job->wait({fibers.now() + 1s});
    late = alarm->wait_until(fibers.now() + 1s);
  });
  fibers.run_until(kLong);
  EXPECT_TRUE(rung);
  EXPECT_TRUE(job_ended);
  EXPECT_FALSE(late);
}

TEST_F(Ports, AFullDiskTakesNothingAndAHungOneNobodyBack) {
  const auto write = [&](const std::string& path) {
    std::optional<Result<>> out;
    fibers.begin(0, "writer", [&] { out = host.files.write(path, "x"); });
    fibers.run_until(fibers.now() + 1s);
    return out;
  };
  EXPECT_TRUE(write("/well").value_or(fail(Failure::io, "")).has_value());
  host.disk.health = engine::DiskHealth::full;
  const auto refused = write("/full");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->error().failure, Failure::no_space);
  EXPECT_FALSE(host.disk.exists("/full"));

  host.disk.health = engine::DiskHealth::hung;
  bool back = false;
  fibers.begin(0, "writer", [&] { back = host.files.write("/hung", "x").has_value(); });
  fibers.run_until(fibers.now() + 1s);
  EXPECT_FALSE(back);
  EXPECT_FALSE(host.disk.exists("/hung"));
  host.disk.health = engine::DiskHealth::well;
  fibers.run_until(fibers.now() + 1s);
  EXPECT_TRUE(back);
}

class Peers : public Ports {
 protected:
  Result<Json> call(SimCaller& caller) {
    Result<Json> out = fail(Failure::io, "never returned");
    fibers.begin(0, "caller", [&] {
      out = caller.call({"b", "", 0}, "/x", Json(1), {fibers.now() + 1s});
    });
    fibers.run_until(fibers.now() + 3s);
    return out;
  }
  SimCaller caller_to(Doorway door) {
    return SimCaller(fibers, net, host.passage, random, "a",
                     [door](const std::string&) { return door; });
  }
};

TEST_F(Peers, AnAgentAnswers) {
  const Group group = fibers.new_group();
  SimCaller caller = caller_to({true, group, [](const peer::Request& request) {
                                  return Result<Json>(Json(request.from + request.path));
                                }});
  const auto answered = call(caller);
  ASSERT_TRUE(answered.has_value()) << answered.error().what;
  EXPECT_EQ(answered->text(), "a/x");
}

TEST_F(Peers, ADeadAgentRefusesAndADeadHostIsSilent) {
  SimCaller refused = caller_to({true, 0, nullptr});
  EXPECT_EQ(call(refused).error().failure, Failure::unreachable);
  const Instant before = fibers.now();
  SimCaller silent = caller_to({false, 0, nullptr});
  EXPECT_EQ(call(silent).error().failure, Failure::timed_out);
  EXPECT_GE(fibers.now() - before, 1s);
}

// One direction is enough: the question arrives, is answered, and the caller is in doubt.
TEST_F(Peers, ACutLinkLosesTheQuestionOrTheAnswer) {
  const Group group = fibers.new_group();
  int asked = 0;
  SimCaller caller = caller_to({true, group, [&](const peer::Request&) {
                                  ++asked;
                                  return Result<Json>(Json(1));
                                }});
  net.cut(HostName("a"), HostName("b"));
  EXPECT_EQ(call(caller).error().failure, Failure::timed_out);
  EXPECT_EQ(asked, 0);
  net.mend_all();
  net.cut(HostName("b"), HostName("a"));
  EXPECT_EQ(call(caller).error().failure, Failure::outcome_unknown);
  EXPECT_EQ(asked, 1);
  net.mend(HostName("b"), HostName("a"));
  EXPECT_TRUE(call(caller).has_value());
}

TEST_F(Peers, AFrozenAgentAnswersAtItsThawWhatNobodyWaitsFor) {
  const Group group = fibers.new_group();
  Instant answered{};
  SimCaller caller = caller_to({true, group, [&](const peer::Request&) {
                                  answered = fibers.now();
                                  return Result<Json>(Json(1));
                                }});
  fibers.freeze(group);
  const Instant thaw = fibers.now() + 2s;
  fibers.at(thaw, [&] { fibers.thaw(group); });
  EXPECT_EQ(call(caller).error().failure, Failure::outcome_unknown);
  EXPECT_EQ(answered, thaw);
}

TEST_F(Peers, WhoeverDiesWhileAnsweringLeavesTheCallerInDoubt) {
  const Group group = fibers.new_group();
  SimCaller caller = caller_to({true, group, [this](const peer::Request&) {
                                  host.clock.sleep_for(500ms);
                                  return Result<Json>(Json(1));
                                }});
  fibers.at(fibers.now() + 100ms, [&] { fibers.kill(group); });
  EXPECT_EQ(call(caller).error().failure, Failure::outcome_unknown);
}

}  // namespace
}  // namespace weir::sim
