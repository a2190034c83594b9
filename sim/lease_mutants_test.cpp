// The mutant of the lease that no schedule can reach: what a store call may last lies within the
// margin between a deadline and the end of its lease. So it is found by a directed test.
#include <atomic>

#include "agent/guards_test.h"
#include "agent/lease.h"
#include "agent/store_test.h"
#include "agent/world_test.h"
#include "base/mutant.h"

namespace weir::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerTakes = 50ms;

// Whether the deadline is later than 4.5 s after the renewal that it rests on was sent. Each
// answer of the store takes a while.
bool counts_from_the_reply() {
  agent::TestWorld test;
  agent::MoodyStore store{*test.clock, *test.workers};
  agent::Guards guard;
  World world{*test.clock, *test.random, test.files, *test.programs, guard, *test.workers};
  agent::Setting setting{store::Keys{FleetName("quickstart")}, HostName("a"), "/nowhere", {}};
  setting.timings.renewal = 1ms;
  const Json never = Json::object().set("format", 1).set("incarnation", "").set("count", 0);
  EXPECT_TRUE(store.commit({{setting.keys.renewal(HostName("a")), 0, never.dump(), 0}},
                           test.clock->within(10s)));
  Instant first_sent{};
  std::int64_t told = 0;
  std::atomic<int> renewals = 0;
  // The second goes out under the deadline that rests on the first.
  store.meanwhile = [&](const std::string&) {
    if (renewals == 0) first_sent = test.clock->now();
    if (renewals == 1) told = guard.deadline;
    ++renewals;
    test.clock->sleep_for(kAnswerTakes);
  };
  agent::Lease::Ears ears;
  ears.wards = [](const AgentLife&) {
    return std::vector<agent::Lease::Ward>{{agent::kGuarded, [] { return Result<>{}; }, [] {}}};
  };
  ears.given_up = [](const AgentLife&) { return false; };
  ears.began_anew = [](const AgentLife&) {};
  agent::Lease lease(world, store, setting, AgentLife("life"), std::move(ears));
  EXPECT_TRUE(test.comes_true([&] { return renewals >= 2; }));
  lease.join();
  EXPECT_GT(told, 0);
  return Instant(Duration(told)) > first_sent + setting.timings.guard_deadline;
}

TEST(LeaseMutants, ALeaseCountedFromTheReplyIsFound) {
  mutants_on().clear();
  EXPECT_FALSE(counts_from_the_reply());
  mutants_on() = {"lease-counted-from-the-reply"};
  EXPECT_TRUE(counts_from_the_reply());
  mutants_on().clear();
}

}  // namespace
}  // namespace weir::sim
