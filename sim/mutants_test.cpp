// Each rule of safety.md that can be switched off is found missing by the search: a mutant that
// lives would mean that the checker, or the schedule that it needs, is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "base/mutant.h"
#include "base/text.h"
#include "sim/scenario.h"
#include "sim/swarm.h"

namespace weir::sim {
namespace {

struct Mutant {
  const char* name;
  // Found by this scenario below tests/scenarios, or else by drawn plans.
  const char* scenario;
  // With one of so many seeds from `first` on; 0: with the scenario's own.
  std::uint64_t first = 0;
  std::uint64_t seeds = 0;
  // Another rule that is off as well, where two rules hold the same thing; alone it is no fault.
  const char* beside = nullptr;
};

// How a failing test names its parameter.
void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }

class Mutants : public testing::TestWithParam<Mutant> {
 protected:
  void TearDown() override { mutants_on().clear(); }

  static Report play(std::uint64_t seed) {
    const Mutant& mutant = GetParam();
    if (mutant.scenario == nullptr) return run(drawn_plan(seed));
    const std::string path = std::string(WEIR_SCENARIOS) + "/" + mutant.scenario + ".txt";
    auto scenario = read_scenario(path);
    EXPECT_TRUE(scenario.has_value()) << scenario.error().what;
    if (!scenario) return {};
    if (mutant.seeds != 0) scenario->plan.seed = seed;
    return run(*scenario);
  }
};

// Once it is found, the same schedule holds with the rule on: it is the mutant that is found, not
// the schedule.
TEST_P(Mutants, IsFound) {
  const Mutant& mutant = GetParam();
  const std::uint64_t last = mutant.first + std::max<std::uint64_t>(mutant.seeds, 1);
  std::set<std::string> others;
  if (mutant.beside != nullptr) others.insert(mutant.beside);
  for (std::uint64_t seed = mutant.first; seed < last; ++seed) {
    mutants_on() = others;
    mutants_on().insert(mutant.name);
    const Report found = play(seed);
    if (found.violations.empty()) continue;
    RecordProperty("found", show(found));
    mutants_on() = others;
    const Report sound = play(seed);
    EXPECT_TRUE(sound.violations.empty()) << join(sound.violations, "\n");
    return;
  }
  ADD_FAILURE() << mutant.name << " lives";
}

constexpr Mutant kMutants[] = {
    {"two-records", "failover/set_narrowed_under_the_new_leader"},
    {"unconditional-write", "failover/chosen_writes_far_too_late"},
    {"create-if-absent", "store/lost_while_the_old_leader_is_away", 1, 20,
     "an-old-record-believed"},
    {"renewal-by-name", "failover/async_leader_loses_its_data"},
    {"mode-from-the-file", "failover/mode_declared_and_not_yet_recorded", 1, 20},
    {"wall-clock", "failover/async_wall_clock_steps"},
    {"view-from-before-a-thaw", "failover/both_voters_thaw", 1, 30},
    {"lease-from-a-stale-read", "store/async_behind_a_stale_store"},
    {"store-ttl", "store/async_leader_silent_as_the_store_thaws"},
    {"no-question-before-the-round", "failover/only_one_hears_nothing"},
    {"release-before-the-closing-cas", "failover/promised_and_let_go_too_early"},
    {"promote-before-the-cas", "failover/leader_dies_with_a_tail", 1, 30},
    {"overtaking-an-open-round", "failover/promised_and_let_go_too_early"},
    {"promise-too-few", "failover/winner_dies_before_it_promotes"},
    {"previous-set-ignored", "failover/winner_dies_before_it_promotes", 0, 0,
     "a-set-of-those-who-promised"},
    {"previous-set-forgotten", "failover/winner_dies_before_it_promotes", 0, 0,
     "a-set-of-those-who-promised"},
    {"only-the-last-previous-set", "failover/two_winners_die_before_they_promote", 0, 0,
     "a-set-of-those-who-promised"},
    {"position-before-lineage", "failover/longer_log_of_the_older_epoch", 1, 30},
    {"answer-after-the-reload", "failover/promise_with_replay_paused"},
    {"answer-from-show", "failover/promise_with_replay_paused"},
    {"keep-the-client-key", "failover/behind_a_cut_the_leader_lives"},
    {"key-under-one-path", "failover/behind_a_cut_the_leader_lives"},
    {"keep-restore-command", "failover/promised_and_the_log_is_archived"},
    {"promise-forgotten-at-a-restart", "failover/winner_dies_before_it_promotes", 1, 20},
    {"receive-position-after-a-restart", "failover/restarted_voter_that_never_received", 1, 20},
    {"healing-a-promised-voter", "failover/promised_and_the_old_leader_is_back", 1, 30},
    {"record-before-load", "failover/replica_dead"},
    {"added-before-it-is-recorded", "failover/replica_dead"},
    {"raised-number-recorded-first", "failover/number_raised_and_lowered"},
    {"lowered-number-loaded-first", "failover/number_raised_and_lowered"},
    {"seen-in-an-old-session", "failover/removed_voter_comes_back", 1, 120},
    {"loaded-as-shown", "failover/walsender_that_loads_late"},
    {"old-proof-kept", "failover/proof_of_an_earlier_set"},
    {"removal-before-the-rest-has-confirmed", "failover/removed_while_the_other_lags"},
    {"number-below-sync", "failover/both_replicas_dead"},
    {"promote-with-the-set-off", "failover/leader_dies_with_a_tail", 1, 30},
    {"own-write-not-learned", "failover/store_dies_between_a_write_and_its_reading", 1, 20},
    {"late-write-allowed", "failover/flapping_replica_and_a_doubtful_store", 1, 120},
    {"rewind-without-export", "failover/leader_dies_with_a_tail"},
    {"rejoin-while-counted", "failover/counted_until_the_other_is_back", 1, 30},
    {"rejoin-before-confirmation", "failover/both_others_left_the_history", 1, 20},
    {"rejoin-before-the-checkpoint", "failover/rewound_before_the_checkpoint"},
    {"no-claim", "failover/leader_dies_with_a_tail"},
    {"leads-with-less", "failover/leader_with_less_than_its_followers"},
    {"restart-of-an-empty-leader", "failover/empty_leader_alone", 1, 20},
    {"an-old-record-believed", "store/old_copy"},
    {"kill-the-group-only", "failover/async_sessions_outlive_their_server"},
    {"no-guard-check", "failover/async_guard_hangs_then_agent_killed"},
    {"grant-not-counted", "store/async_leader_silent_as_the_store_returns"},
    {"isolation-cancels-the-wait", "failover/isolated_and_deposed"},
    {"dead-taken-for-fenced", "failover/async_sessions_outlive_their_server"},
};

INSTANTIATE_TEST_SUITE_P(All, Mutants, testing::ValuesIn(kMutants), [](const auto& mutant) {
  std::string name = mutant.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace weir::sim
