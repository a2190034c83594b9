// What is written while agents of two weirs live side by side.
#include "agent/formats.h"

#include <gtest/gtest.h>

#include "journal/journal.h"

namespace weir::agent {
namespace {

const HostName kA("a");
const HostName kB("b");
const Instant kNow = Instant{} + 1h;
const Json kNew = Json::object().set("reads", Formats::own());
const Json kFormer = Json::object().set("format", 1);  // that weir says nothing of what it reads

TEST(AgentFormats, TheLowestOfThoseThatLiveDecides) {
  Formats formats;
  EXPECT_EQ(formats.journal(kNow), journal::kFormatBefore) << "nobody was heard yet";
  formats.learn(kA, kNew, kNow);
  EXPECT_EQ(formats.journal(kNow), journal::kFormat);
  formats.learn(kB, kFormer, kNow);
  EXPECT_EQ(formats.journal(kNow), journal::kFormatBefore);
  formats.learn(kB, kNew, kNow + 5s);
  EXPECT_EQ(formats.journal(kNow + 5s), journal::kFormat);
  // The former binary comes back.
  formats.learn(kB, kFormer, kNow + 10s);
  EXPECT_EQ(formats.journal(kNow + 10s), journal::kFormatBefore);
}

TEST(AgentFormats, WhoeverIsSilentForLongHoldsNobodyBack) {
  Formats formats;
  formats.learn(kB, kFormer, kNow);
  formats.learn(kA, kNew, kNow + kAgentLives);
  EXPECT_EQ(formats.journal(kNow + kAgentLives), journal::kFormatBefore);
  formats.learn(kA, kNew, kNow + kAgentLives + 1s);
  EXPECT_EQ(formats.journal(kNow + kAgentLives + 1s), journal::kFormat);
}

TEST(AgentFormats, AnAgentThatIsNewerThanUsReadsWhatWeWrite) {
  Formats formats;
  const Json newer =
      Json::object().set("reads", Json::object().set("journal", journal::kFormat + 5));
  formats.learn(kB, newer, kNow);
  EXPECT_EQ(formats.journal(kNow), journal::kFormat);
}

}  // namespace
}  // namespace weir::agent
