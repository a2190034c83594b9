// Who is heard, who refuses, and that nobody's silence delays another.
#include "agent/heartbeats.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "agent/world_test.h"

namespace weir::agent {
namespace {

const HostName kA("a");
const HostName kB("b");
const HostName kC("c");

// Answers for each host as it is told; a silent one answers nothing until it is released.
class ScriptedCaller final : public peer::Caller {
 public:
  explicit ScriptedCaller(Clock& clock) : clock_(clock) {}

  struct Call {
    peer::Address to;
    std::string path;
    Json body;
    Duration limit{};
  };
  std::atomic<bool> released = false;

  void answer(const HostName& host, Result<Json> with) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(host.text, std::move(with));
  }
  std::vector<Call> calls(const HostName& host) const {
    const std::lock_guard lock(mutex_);
    std::vector<Call> out;
    for (const Call& call : calls_) {
      if (call.to.name == host.text) out.push_back(call);
    }
    return out;
  }

  Result<Json> call(const peer::Address& to, const std::string& path, const Json& body,
                    Deadline deadline) override {
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back({to, path, body, deadline.at - clock_.now()});
      const auto found = answers_.find(to.name);
      if (found != answers_.end()) return found->second;
    }
    poll_until(clock_, deadline, 1ms, [&] { return released.load(); });
    return fail(Failure::timed_out, "no answer");
  }

 private:
  Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Result<Json>> answers_;
  std::vector<Call> calls_;
};

struct HeartbeatsTest : ::testing::Test, TestWorld {
  Heartbeats* speak(Duration heartbeat) {
    Timings timings;
    timings.heartbeat = heartbeat;
    timings.suspect_after = 1h;  // only a release ends a silence
    heartbeats = std::make_unique<Heartbeats>(
        world, caller, kA, timings,
        Heartbeats::Ears{[] { return Json("said"); },
                         [this](const HostName& host, const Json& said) {
                           const std::lock_guard lock(mutex);
                           heard.emplace_back(host, said);
                         },
                         [this](const HostName& host) {
                           const std::lock_guard lock(mutex);
                           refused.push_back(host);
                         }});
    return heartbeats.get();
  }
  long count_heard(const HostName& host) {
    const std::lock_guard lock(mutex);
    return std::ranges::count(heard, host, &std::pair<HostName, Json>::first);
  }
  long count_refused(const HostName& host) {
    const std::lock_guard lock(mutex);
    return std::ranges::count(refused, host);
  }

  // Also where an assertion fails: nobody waits an hour for the silent.
  void TearDown() override {
    caller.released = true;
    heartbeats.reset();
  }

  ScriptedCaller caller{*clock};
  std::mutex mutex;
  std::vector<std::pair<HostName, Json>> heard;
  std::vector<HostName> refused;
  std::unique_ptr<Heartbeats> heartbeats;
};

TEST_F(HeartbeatsTest, AnAnswerIsHeard) {
  caller.answer(kB, Json("answered"));
  Heartbeats* const agent = speak(1ms);
  agent->know(kB, "10.0.0.2");
  ASSERT_TRUE(comes_true([&] { return count_heard(kB) >= 3; }));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(heard.front(), (std::pair{kB, Json("answered")}));
  EXPECT_TRUE(refused.empty());
  const auto call = caller.calls(kB).front();
  EXPECT_EQ(call.to.ip, "10.0.0.2");
  EXPECT_EQ(call.to.port, peer::kAgentPort);
  EXPECT_EQ(call.path, "/heartbeat");
  EXPECT_EQ(call.body, Json("said"));
  EXPECT_LE(call.limit, 1h) << "an answer after the time of suspicion helps nobody";
  EXPECT_GT(call.limit, Duration{});
}

TEST_F(HeartbeatsTest, ARefusalIsToldAndOtherFailuresAreSilence) {
  caller.answer(kB, fail(Failure::unreachable, "refused"));
  caller.answer(kC, fail(Failure::timed_out, "no answer"));
  Heartbeats* const agent = speak(1ms);
  agent->know(kB, "10.0.0.2");
  agent->know(kC, "10.0.0.3");
  ASSERT_TRUE(comes_true([&] { return count_refused(kB) >= 3; }));
  for (const Failure failure : {Failure::outcome_unknown, Failure::denied, Failure::bad_data}) {
    const std::size_t before = caller.calls(kC).size();
    caller.answer(kC, fail(failure, "not now"));
    ASSERT_TRUE(comes_true([&] { return caller.calls(kC).size() >= before + 2; }));
  }
  EXPECT_EQ(count_refused(kC), 0);
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(heard.empty());
}

TEST_F(HeartbeatsTest, ASilentPeerDelaysNobody) {
  caller.answer(kB, Json("answered"));
  Heartbeats* const agent = speak(1ms);
  agent->know(kC, "10.0.0.3");
  ASSERT_TRUE(comes_true([&] { return caller.calls(kC).size() == 1; }));
  agent->know(kB, "10.0.0.2");
  EXPECT_TRUE(comes_true([&] { return count_heard(kB) >= 5; }));
  agent->rouse();
  agent->speak_to(kB, clock->within(10s));
  EXPECT_EQ(caller.calls(kC).size(), 1U) << "it is still silent";
}

TEST_F(HeartbeatsTest, SpeaksToNobodyTwiceAndNeverToItself) {
  caller.answer(kA, Json("myself"));
  caller.answer(kB, Json("answered"));
  Heartbeats* const agent = speak(1h);
  agent->know(kA, "10.0.0.1");
  agent->know(kB, "10.0.0.2");
  agent->know(kB, "10.0.0.2");
  ASSERT_TRUE(comes_true([&] { return count_heard(kB) == 1; }));
  clock->sleep_for(20ms);
  EXPECT_EQ(caller.calls(kB).size(), 1U);
  EXPECT_TRUE(caller.calls(kA).empty());
}

TEST_F(HeartbeatsTest, FollowsAHostThatMoves) {
  caller.answer(kB, Json("answered"));
  Heartbeats* const agent = speak(1ms);
  agent->know(kB, "10.0.0.2");
  ASSERT_TRUE(comes_true([&] { return count_heard(kB) >= 1; }));
  agent->know(kB, "10.0.0.9");
  const std::size_t before = caller.calls(kB).size();
  ASSERT_TRUE(comes_true([&] { return caller.calls(kB).size() >= before + 3; }));
  const auto calls = caller.calls(kB);
  EXPECT_TRUE(std::all_of(calls.begin() + static_cast<std::ptrdiff_t>(before), calls.end(),
                          [](const auto& call) { return call.to.ip == "10.0.0.9"; }));
}

TEST_F(HeartbeatsTest, ARouseSpeaksToEverybodyAtOnce) {
  caller.answer(kB, Json("answered"));
  caller.answer(kC, Json("answered"));
  Heartbeats* const agent = speak(1h);
  agent->know(kB, "10.0.0.2");
  agent->know(kC, "10.0.0.3");
  ASSERT_TRUE(comes_true([&] { return count_heard(kB) == 1 && count_heard(kC) == 1; }));
  agent->rouse();
  EXPECT_TRUE(comes_true([&] { return count_heard(kB) == 2 && count_heard(kC) == 2; }));
}

TEST_F(HeartbeatsTest, WhoHasCalledIsNotCalledUntilThatIsOverdue) {
  caller.answer(kB, Json("answered"));
  caller.answer(kC, Json("answered"));
  Heartbeats* const agent = speak(1h);
  agent->learn_called(kB);
  agent->know(kB, "10.0.0.2");
  agent->know(kC, "10.0.0.3");
  ASSERT_TRUE(comes_true([&] { return count_heard(kC) == 1; }));
  clock->sleep_for(20ms);
  EXPECT_TRUE(caller.calls(kB).empty());
  agent->rouse();
  EXPECT_TRUE(comes_true([&] { return count_heard(kB) == 1; })) << "there is news for it";
}

TEST_F(HeartbeatsTest, WhoCallsNoMoreIsCalledAgain) {
  caller.answer(kB, Json("answered"));
  Heartbeats* const agent = speak(10ms);
  agent->learn_called(kB);
  const Instant called = clock->now();
  agent->know(kB, "10.0.0.2");
  ASSERT_TRUE(comes_true([&] { return count_heard(kB) >= 1; }));
  EXPECT_GE(clock->now() - called, 10ms);
  EXPECT_TRUE(comes_true([&] { return count_heard(kB) >= 3; }));
}

TEST_F(HeartbeatsTest, AQuestionOutOfTurnIsAnsweredBeforeItReturns) {
  caller.answer(kB, Json("answered"));
  Heartbeats* const agent = speak(1h);
  agent->know(kB, "10.0.0.2");
  ASSERT_TRUE(comes_true([&] { return count_heard(kB) == 1; }));
  caller.answer(kB, Json("again"));
  agent->speak_to(kB, clock->within(5s));
  EXPECT_EQ(count_heard(kB), 2);
  EXPECT_LE(caller.calls(kB).back().limit, 5s);
  agent->speak_to(kC, clock->within(5s));
  EXPECT_TRUE(caller.calls(kC).empty()) << "nobody knows where it is";
}

TEST_F(HeartbeatsTest, NobodyIsSpokenToAfterTheStop) {
  caller.answer(kB, Json("answered"));
  Heartbeats* const agent = speak(1ms);
  agent->know(kB, "10.0.0.2");
  ASSERT_TRUE(comes_true([&] { return count_heard(kB) >= 1; }));
  agent->stop();
  clock->sleep_for(50ms);
  const std::size_t last = caller.calls(kB).size();
  clock->sleep_for(50ms);
  EXPECT_EQ(caller.calls(kB).size(), last);
}

}  // namespace
}  // namespace weir::agent
