// The journal over files that tear, fill up and are damaged.
#include "journal/journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "base/text.h"
#include "journal/testing.h"

namespace weir::journal {
namespace {

const std::string kPath = "/state/journal";
const std::string kLife = "q3life";

Entry promise_of(const std::string& because) {
  Entry entry;
  entry.service = "orders";
  entry.capability = "failover";
  entry.kind = "Promise";
  entry.step = Json::object().set("round", 7);
  entry.because = because;
  return entry;
}

struct JournalTest : ::testing::Test {
  TestWorld t;
  std::unique_ptr<Journal> journal = open();

  std::unique_ptr<Journal> open() {
    auto opened = Journal::open(t.world, kPath, kLife);
    EXPECT_TRUE(opened) << opened.error().what;
    return opened ? std::move(*opened) : nullptr;
  }
  Failure refusal() {
    const auto opened = Journal::open(t.world, kPath);
    EXPECT_FALSE(opened);
    return opened ? Failure::io : opened.error().failure;
  }
  std::int64_t intend(const std::string& because = "the leader is silent") {
    const auto number = journal->intend(promise_of(because));
    EXPECT_TRUE(number) << number.error().what;
    return number.value_or(0);
  }
  std::string& text() { return t.files.content[kPath]; }
  std::vector<std::int64_t> numbers(const std::vector<Entry>& entries) {
    std::vector<std::int64_t> out;
    for (const Entry& entry : entries) out.push_back(entry.number);
    return out;
  }
};
using Numbers = std::vector<std::int64_t>;

TEST_F(JournalTest, AnIntentIsOnDiskBeforeItsNumberIsKnown) {
  EXPECT_EQ(intend(), 1);
  EXPECT_EQ(intend(), 2);
  EXPECT_EQ(std::ranges::count(text(), '\n'), 2);
  EXPECT_EQ(numbers(open()->recent(10)), (Numbers{1, 2}));
}

TEST_F(JournalTest, EntriesComeBackWhole) {
  Entry entry = promise_of("because \"b\" said\nso");
  entry.at = WallTime(1234567890123456789ns);
  const auto number = journal->intend(entry);
  ASSERT_TRUE(number);
  ASSERT_TRUE(journal->conclude(*number, Outcome::refused, "a higher promise is held", 42ms));
  for (const auto& from : {journal->recent(1), open()->recent(1)}) {
    ASSERT_EQ(from.size(), 1u);
    const Entry& read = from.front();
    EXPECT_EQ(read.number, *number);
    EXPECT_EQ(read.service, "orders");
    EXPECT_EQ(read.capability, "failover");
    EXPECT_EQ(read.kind, "Promise");
    EXPECT_EQ(read.step, entry.step);
    EXPECT_EQ(read.because, entry.because);
    EXPECT_EQ(read.at, entry.at);
    EXPECT_EQ(read.outcome, Outcome::refused);
    EXPECT_EQ(read.detail, "a higher promise is held");
    EXPECT_EQ(read.took, 42ms);
  }
}

TEST_F(JournalTest, ReopeningShowsWhatWasLeftOpen) {
  const auto first = intend();
  const auto second = intend();
  const auto third = intend();
  ASSERT_TRUE(journal->conclude(second, Outcome::done, "", 1ms));
  EXPECT_TRUE(journal->left_open().empty());
  journal = open();
  EXPECT_EQ(numbers(journal->left_open()), (Numbers{first, third}));
  ASSERT_TRUE(journal->conclude(first, Outcome::failed, "", 1ms));
  EXPECT_EQ(numbers(open()->left_open()), (Numbers{third}));
  EXPECT_EQ(intend(), third + 1);
}

TEST_F(JournalTest, AnUnknownOutcomeMayBecomeWhatWasFound) {
  const auto number = intend();
  ASSERT_TRUE(journal->conclude(number, Outcome::unknown, "no answer", 1ms));
  EXPECT_TRUE(open()->left_open().empty());
  ASSERT_TRUE(journal->conclude(number, Outcome::done, "seen", 1ms));
  EXPECT_EQ(open()->recent(1).front().outcome, Outcome::done);
}

TEST_F(JournalTest, OnlyWhatWasIntendedCanEnd) {
  const auto ended = journal->conclude(1, Outcome::done, "", 1ms);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().failure, Failure::not_found);
  EXPECT_TRUE(text().empty());
}

TEST_F(JournalTest, ATornLastLineIsDropped) {
  const auto first = intend();
  const std::string whole = text();
  intend();
  const std::string both = text();
  for (std::size_t cut = whole.size() + 1; cut < both.size(); ++cut) {
    text() = both.substr(0, cut);
    ASSERT_EQ(numbers(open()->recent(10)), (Numbers{first})) << "cut at " << cut;
    ASSERT_EQ(text(), whole);
  }
  text() = whole + std::string(100, '\0');
  EXPECT_EQ(numbers(open()->recent(10)), (Numbers{first}));
  text() = whole + std::string(40, '\0') + both.substr(whole.size() + 40);
  EXPECT_EQ(numbers(open()->recent(10)), (Numbers{first}));
}

TEST_F(JournalTest, DamageElsewhereIsRefusedAndLeftAsItIs) {
  intend();
  intend();
  const std::string good = text();
  const auto second_line = good.find('\n') + 1;
  for (const std::string& bad :
       {"x" + good, good.substr(0, second_line - 5) + "\n" + good.substr(second_line),
        good.substr(0, second_line) + "\n" + good.substr(second_line),
        good.substr(0, second_line) + good.substr(0, second_line) + good.substr(second_line),
        good.substr(second_line) + R"({"format":1,"of":9,"outcome":"done"})" + "\n",
        good + R"({"format":1,"of":2,"outcome":"splendid"})" + "\n", good + "no JSON\n"}) {
    text() = bad;
    EXPECT_EQ(refusal(), Failure::bad_data) << bad;
    EXPECT_EQ(text(), bad);
  }
}

TEST_F(JournalTest, AHigherFormatIsRefusedWithASentence) {
  intend();
  const std::string now = "\"format\":" + std::to_string(kFormatBefore);
  const auto at = text().find(now);
  ASSERT_NE(at, std::string::npos);
  text().replace(at, now.size(), "\"format\":" + std::to_string(kFormat + 1));
  const std::string before = text();
  const auto opened = Journal::open(t.world, kPath);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().failure, Failure::unsupported);
  EXPECT_NE(opened.error().what.find("line 1: it was written by a newer weir: it has format 3, "
                                     "this weir reads 1 and 2"),
            std::string::npos)
      << opened.error().what;
  EXPECT_EQ(text(), before) << "it is left for the weir that can read it";
}

// The fixture is the beginning of the journal of a host of a live fleet, as the weir of
// tests/real/upgrade_from.txt writes it; its last line is an intent that was cut off.
TEST_F(JournalTest, AJournalOfTheFormatBeforeIsReadAndGoesOn) {
  std::ifstream file(WEIR_SOURCE_DIR "/src/journal/format_1_fixture.jsonl");
  text() = std::string(std::istreambuf_iterator<char>(file), {});
  ASSERT_NE(text().find("\"format\":1"), std::string::npos);
  journal = open();
  const auto entries = journal->recent(100);
  ASSERT_EQ(entries.size(), 6u);
  EXPECT_EQ(entries.front().kind, "Rejoin");
  EXPECT_EQ(entries.front().outcome, Outcome::done);
  EXPECT_EQ(entries.front().life, "") << "that format does not know it";
  EXPECT_EQ(numbers(journal->left_open()), (Numbers{6}));
  ASSERT_TRUE(journal->conclude(6, Outcome::unknown, "cut off", 1ms));
  journal->write_as(kFormat);
  EXPECT_EQ(intend(), 7);
  journal = open();  // both formats in one file
  EXPECT_EQ(journal->recent(1).front().format, kFormat);
  EXPECT_EQ(journal->recent(2).front().format, kFormatBefore);
  EXPECT_EQ(journal->recent(2).front().outcome, Outcome::unknown);
}

TEST_F(JournalTest, ItIsWrittenAsTheFormerWeirReadsItUntilNobodyNeedsThat) {
  const auto first = intend();
  ASSERT_TRUE(journal->conclude(first, Outcome::done, "", 1ms));
  EXPECT_EQ(text().find("\"format\":2"), std::string::npos) << text();
  EXPECT_EQ(text().find("life"), std::string::npos) << text();
  journal->write_as(kFormat);
  const auto second = intend();
  EXPECT_NE(text().find("\"format\":2"), std::string::npos) << text();
  journal = open();
  EXPECT_EQ(journal->recent(1).front().number, second);
  EXPECT_EQ(journal->recent(1).front().life, kLife);
  EXPECT_EQ(to_json(journal->recent(1).front())["life"].text(), kLife);
  EXPECT_FALSE(to_json(journal->recent(2).front()).has("life"));
}

TEST_F(JournalTest, CompactionKeepsTheLastAndTheOpen) {
  const auto open_one = intend();
  for (std::size_t i = 0; i < kKept + 20; ++i)
    ASSERT_TRUE(journal->conclude(intend(), Outcome::done, "", 1ms));
  journal = open();
  const auto kept = numbers(journal->recent(10'000));
  EXPECT_EQ(kept.size(), kKept + 1);
  EXPECT_EQ(kept.front(), open_one);
  EXPECT_EQ(kept[1], 22);
  EXPECT_EQ(kept.back(), static_cast<std::int64_t>(kKept + 21));
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text(), '\n')), kKept + 1);
  EXPECT_EQ(numbers(journal->left_open()), (Numbers{open_one}));
  EXPECT_EQ(journal->conclude(2, Outcome::done, "", 1ms).error().failure, Failure::not_found);
}

TEST_F(JournalTest, AGrowingFileIsCompactedWhileOpen) {
  const std::string long_text(40'000, 'x');
  const auto open_one = intend();
  for (int i = 0; i < 700; ++i)
    ASSERT_TRUE(journal->conclude(intend(long_text), Outcome::done, "", 1ms));
  EXPECT_GT(t.files.rewrites, 0);
  EXPECT_LT(t.files.rewrites, 10);
  EXPECT_LT(text().size(), 2 * (kKept + 1) * (long_text.size() + 1000));
  const auto numbers_now = numbers(journal->recent(10'000));
  EXPECT_EQ(numbers_now.front(), open_one);
  EXPECT_TRUE(std::ranges::is_sorted(numbers_now));
  const auto reopened = numbers(open()->recent(kKept));
  EXPECT_TRUE(std::ranges::equal(reopened, numbers(journal->recent(kKept))));
  EXPECT_EQ(reopened.back(), 701);
}

TEST_F(JournalTest, AFailedAppendLeavesNoHalfLineInTheMiddle) {
  const auto first = intend();
  t.files.tear_append = 30;
  const auto torn = journal->intend(promise_of("the disk is full"));
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().failure, Failure::io);
  EXPECT_FALSE(text().ends_with('\n'));
  EXPECT_EQ(numbers(journal->recent(10)), (Numbers{first}));
  ASSERT_TRUE(journal->conclude(first, Outcome::done, "", 1ms));
  const auto next = intend();
  EXPECT_GT(next, first);
  journal = open();
  EXPECT_EQ(numbers(journal->recent(10)), (Numbers{first, next}));
  EXPECT_EQ(journal->recent(2).front().outcome, Outcome::done);
}

TEST_F(JournalTest, AFailedOutcomeLeavesTheIntentOpen) {
  const auto first = intend();
  t.files.tear_append = 30;
  EXPECT_FALSE(journal->conclude(first, Outcome::done, "", 1ms));
  EXPECT_EQ(journal->recent(1).front().outcome, Outcome::open);
  EXPECT_EQ(numbers(open()->left_open()), (Numbers{first}));
}

TEST_F(JournalTest, ItOpensOnAFullDisk) {
  const auto first = intend();
  const std::string whole = text();
  text() += "{\"torn";
  t.files.fail_writes = true;
  journal = open();
  EXPECT_EQ(numbers(journal->left_open()), (Numbers{first}));
  EXPECT_FALSE(journal->intend(promise_of("still full")));
  t.files.fail_writes = false;
  const auto next = intend();
  EXPECT_EQ(numbers(open()->recent(10)), (Numbers{first, next}));
}

TEST_F(JournalTest, TheListenerHearsEveryChangeAndMayAskBack) {
  std::vector<std::string> heard;
  journal->on_change([&](const Entry& entry) {
    heard.push_back(std::to_string(entry.number) + " " + name_of(entry.outcome));
    EXPECT_EQ(journal->recent(1).front().outcome, entry.outcome);
  });
  const auto number = intend();
  ASSERT_TRUE(journal->conclude(number, Outcome::done, "", 1ms));
  t.files.fail_writes = true;
  EXPECT_FALSE(journal->intend(promise_of("never written")));
  EXPECT_EQ(heard, (std::vector<std::string>{"1 open", "1 done"}));
}

TEST_F(JournalTest, ManyThreadsKeepTheOrderOfNumbers) {
  constexpr int kThreads = 6, kEach = 60;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        const auto number = journal->intend(promise_of("together"));
        ASSERT_TRUE(number) << number.error().what;
        ASSERT_TRUE(journal->conclude(*number, Outcome::done, std::to_string(*number), 1ms));
      }
    });
  for (auto& thread : threads) thread.join();
  std::int64_t last = 0;
  for (const std::string& line : split(text(), '\n')) {
    if (line.empty()) continue;
    const auto json = Json::parse(line);
    ASSERT_TRUE(json) << line;
    if (!json->has("number")) continue;
    EXPECT_EQ((*json)["number"].integer(), last + 1);
    last = (*json)["number"].integer();
  }
  EXPECT_EQ(last, kThreads * kEach);
  journal = open();
  EXPECT_TRUE(journal->left_open().empty());
  for (const Entry& entry : journal->recent(kKept))
    EXPECT_EQ(entry.detail, std::to_string(entry.number));
}

}  // namespace
}  // namespace weir::journal
