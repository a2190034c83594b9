// Each rule of safety.md that can be switched off is found missing by the search: a mutant that
// lives would mean that the checker, or the schedule that it needs, is not there.
#include <gtest/gtest.h>

#include "base/mutant.h"
#include "sim/scenario.h"
#include "sim/swarm.h"

namespace weir::sim {
namespace {

class Mutants : public testing::Test {
 protected:
  void TearDown() override { mutants_on().clear(); }
  // The first of the seeds whose run violates something; 0 if none does.
  static std::uint64_t found_by(const std::string& mutant, std::uint64_t seeds) {
    mutants_on() = {mutant};
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      if (!run(drawn_plan(seed)).violations.empty()) return seed;
    }
    return 0;
  }
};

TEST_F(Mutants, OnePromiseTooFewIsFound) { EXPECT_NE(found_by("promise-too-few", 200), 0u); }

TEST_F(Mutants, AnAnswerAfterTheReloadIsFound) {
  EXPECT_NE(found_by("answer-after-the-reload", 200), 0u);
}

}  // namespace
}  // namespace weir::sim
