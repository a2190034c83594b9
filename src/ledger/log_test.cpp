// The acknowledgement log is read back as it was written, and damage is never guessed around.
#include "ledger/log.h"

#include <gtest/gtest.h>

namespace weir::ledger {
namespace {

using engine::Written;

std::vector<Attempt> three_attempts() {
  std::vector<Attempt> out;
  std::int64_t sequence = 0;
  for (const Written written : {Written::acknowledged, Written::in_doubt, Written::refused}) {
    const std::string before = sequence == 0 ? "" : out.back().row.hash;
    ++sequence;
    out.push_back({{2, sequence, before, row_hash("d", 2, sequence, before)},
                   written,
                   Instant(1234567890123ns),
                   Instant(1234567890456ns)});
  }
  return out;
}

std::string text_of(const std::vector<Attempt>& attempts) {
  std::string text = log_head("d", Instant(5s), WallTime(1700000000s));
  for (const Attempt& attempt : attempts) text += log_line(attempt);
  return text;
}

TEST(LedgerLog, ReadsWhatWasWritten) {
  const std::vector<Attempt> wrote = three_attempts();
  const auto read = parse_log(text_of(wrote), "d");
  ASSERT_TRUE(read.has_value()) << read.error().what;
  ASSERT_EQ(read->size(), wrote.size());
  for (std::size_t i = 0; i < wrote.size(); ++i) {
    EXPECT_EQ((*read)[i].row, wrote[i].row);
    EXPECT_EQ((*read)[i].written, wrote[i].written);
    EXPECT_EQ((*read)[i].sent, wrote[i].sent);
    EXPECT_EQ((*read)[i].answered, wrote[i].answered);
  }
}

TEST(LedgerLog, DropsATornLastLine) {
  std::string text = text_of(three_attempts());
  text.resize(text.size() - 5);
  const auto read = parse_log(text, "d");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->size(), 2u);
}

TEST(LedgerLog, RefusesDamage) {
  const std::string text = text_of(three_attempts());
  std::string hole = text;
  hole.replace(text.find('\n') + 4, 3, "\"\"\"");
  std::string word = text;
  word.replace(text.find("acknowledged"), 4, "ackn?");
  for (const std::string& damaged : {std::string(), std::string("\n"), hole, word}) {
    const auto read = parse_log(damaged, "d");
    ASSERT_FALSE(read.has_value()) << damaged;
    EXPECT_EQ(read.error().failure, Failure::bad_data);
  }
  EXPECT_FALSE(parse_log(text, "another").has_value());
}

}  // namespace
}  // namespace weir::ledger
