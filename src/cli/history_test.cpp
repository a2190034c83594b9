// A recovery's phases, read out of what the agents journaled.
#include "cli/history.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

const WallTime kFault{Duration(1'700'000'000s)};
const HostName kB("b");
const HostName kC("c");

WallTime at(Duration later) { return kFault + later; }

Told told(const HostName& host, const char* kind, Duration when, Duration took,
          journal::Outcome outcome = journal::Outcome::done) {
  journal::Entry entry;
  entry.service = "orders";
  entry.kind = kind;
  entry.at = at(when);
  entry.took = took;
  entry.outcome = outcome;
  return {host, entry};
}

Duration sum(const std::vector<Phase>& phases) {
  Duration total{};
  for (const Phase& phase : phases) total += phase.took;
  return total;
}

using Phases = std::vector<Phase>;

// b opened the round, c was chosen; writes were served again after 1.6 s.
std::vector<Told> failover() {
  return {
      told(kB, "Confirm", -20s, 5ms),        told(kB, "OpenRound", 300ms, 50ms),
      told(kB, "GivePromise", 360ms, 200ms), told(kC, "GivePromise", 370ms, 250ms),
      told(kC, "Take", 700ms, 40ms),         told(kC, "Promote", 745ms, 600ms),
      told(kC, "Confirm", 1400ms, 30ms),
  };
}

TEST(PhasesOf, AFailoverIsToldFromTheFaultToTheFirstWrite) {
  const Phases phases = phases_of(failover(), kFault, at(1600ms));
  EXPECT_EQ(phases, (Phases{{"detect", 300ms},
                            {"round", 50ms},
                            {"promise", 350ms},
                            {"take", 40ms},
                            {"promote", 605ms},
                            {"first write", 255ms}}));
  EXPECT_EQ(sum(phases), 1600ms);
}

TEST(PhasesOf, ARestartInPlaceHasPhasesOfItsOwn) {
  const std::vector<Told> history = {told(kB, "Restart", 100ms, 900ms),
                                     told(kB, "Confirm", 1100ms, 20ms)};
  EXPECT_EQ(phases_of(history, kFault, at(1300ms)),
            (Phases{{"detect", 100ms}, {"restart", 900ms}}));
  EXPECT_EQ(phases_of(history, kFault, at(500ms)), (Phases{{"detect", 100ms}, {"restart", 400ms}}))
      << "no phase reaches beyond the end of the recovery";
}

TEST(PhasesOf, WhatTheJournalDoesNotTellIsLeftOut) {
  EXPECT_EQ(phases_of({}, kFault, at(1s)), Phases{});
  std::vector<Told> history = failover();
  std::erase_if(history, [](const Told& t) { return t.entry.kind == "Take"; });
  EXPECT_EQ(phases_of(history, kFault, at(1600ms)), Phases{}) << "nobody is known to have taken it";

  history = failover();
  std::erase_if(history, [](const Told& t) { return t.entry.kind == "OpenRound"; });
  EXPECT_EQ(
      phases_of(history, kFault, at(1600ms)),
      (Phases{{"promise", 700ms}, {"take", 40ms}, {"promote", 605ms}, {"first write", 255ms}}));

  history = failover();
  std::erase_if(history, [](const Told& t) { return t.entry.kind == "Promote"; });
  EXPECT_EQ(phases_of(history, kFault, at(1600ms)), (Phases{{"detect", 300ms},
                                                            {"round", 50ms},
                                                            {"promise", 350ms},
                                                            {"take", 40ms},
                                                            {"first write", 860ms}}));
}

TEST(PhasesOf, OnlyWhatWasDoneDuringTheRecoveryCounts) {
  std::vector<Told> history = failover();
  history.insert(history.begin(), {told(kB, "OpenRound", -60s, 50ms), told(kB, "Take", -59s, 1ms),
                                   told(kB, "Restart", -30s, 1ms)});
  history.push_back(told(kC, "Restart", 5s, 1ms));
  EXPECT_EQ(phases_of(history, kFault, at(1600ms)), phases_of(failover(), kFault, at(1600ms)));
}

TEST(PhasesOf, StepsThatDidNotSucceedAreNoPhase) {
  for (const journal::Outcome outcome : {journal::Outcome::open, journal::Outcome::refused,
                                         journal::Outcome::failed, journal::Outcome::unknown}) {
    std::vector<Told> history = failover();
    history.insert(history.begin(), {told(kC, "OpenRound", 200ms, 10ms, outcome),
                                     told(kB, "Take", 250ms, 10ms, outcome),
                                     told(kB, "Restart", 260ms, 10ms, outcome)});
    EXPECT_EQ(phases_of(history, kFault, at(1600ms)), phases_of(failover(), kFault, at(1600ms)))
        << name_of(outcome);
  }
}

// Another member's promotion of an earlier try is not this leader's.
TEST(PhasesOf, ThePromotionIsTheTakersOwn) {
  std::vector<Told> history = failover();
  history.insert(history.begin(), told(kB, "Promote", 710ms, 10ms));
  EXPECT_EQ(phases_of(history, kFault, at(1600ms)), phases_of(failover(), kFault, at(1600ms)));
}

// The clocks of two hosts differ, and a step may end after the first write was served: no phase is
// negative, and together they never exceed the recovery.
TEST(PhasesOf, NoPhaseIsNegative) {
  const std::vector<Told> history = {
      told(kB, "OpenRound", 300ms, 500ms),
      told(kC, "Take", 400ms, 100ms),
      told(kC, "Promote", 450ms, 5s),
  };
  const Phases phases = phases_of(history, kFault, at(1600ms));
  for (const Phase& phase : phases) EXPECT_GT(phase.took, Duration{}) << phase.name;
  EXPECT_EQ(sum(phases), 1600ms);
}

}  // namespace
}  // namespace weir::cli
