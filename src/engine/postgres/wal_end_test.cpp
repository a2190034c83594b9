// The end of the valid log, over segments that the test writes byte by byte.
#include "engine/postgres/wal_end.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include <cstring>
#include <map>

namespace weir::engine::postgres {
namespace {

constexpr std::uint64_t kSegment = 1u << 20;
constexpr std::uint64_t kPage = 8192;
constexpr const char* kSystem = "7300000000000000001";

// Writes a log as a server does: pages with headers, records over their ends.
class Log {
 public:
  explicit Log(std::int64_t timeline = 1, std::uint64_t at = kSegment + 40)
      : timeline_(timeline), at_(at) {
    page(at_ / kPage * kPage, 0, 0);
  }

  std::uint64_t end() const { return at_; }
  std::uint64_t last() const { return previous_; }

  // A record of `length` bytes in all; its start.
  std::uint64_t record(std::uint32_t length, unsigned manager = 1, unsigned info = 0) {
    if (at_ % kPage == 0) page(at_, 0, 0), at_ += header(at_);
    std::string bytes(length, '\0');
    for (std::uint32_t i = 24; i < length; ++i) bytes[i] = static_cast<char>(i * 7 + length);
    put32(bytes, 0, length);
    std::memcpy(bytes.data() + 8, &previous_, 8);
    bytes[16] = static_cast<char>(info);
    bytes[17] = static_cast<char>(manager);
    put32(bytes, 20, crc32c(bytes.data(), 20, crc32c(bytes.data() + 24, length - 24)));
    const std::uint64_t start = at_;
    write(bytes);
    previous_ = start;
    return start;
  }

  // A switch to the next segment, as pg_switch_wal writes it.
  void switch_segment() {
    record(24, 0, 0x40);
    at_ = (at_ + kSegment - 1) / kSegment * kSegment;
  }

  // Gives up a record after its first page and goes on over it.
  void give_up(std::uint32_t length) {
    const std::uint64_t previous = previous_;
    record(length);
    previous_ = previous;
    at_ = (last_start_ / kPage + 1) * kPage;
    page(at_, 8, 0);
    at_ += header(at_);
  }

  char& byte(std::uint64_t at) { return segment(at / kSegment)[at % kSegment]; }
  void drop_segment(std::uint64_t number) { segments_.erase(number); }
  void cut_to(std::uint64_t at) {
    for (std::uint64_t i = at; i < (at / kSegment + 1) * kSegment; ++i) byte(i) = 0;
  }
  std::string& segment(std::uint64_t number) {
    auto& content = segments_[number];
    if (content.empty()) content.assign(kSegment, '\0');
    return content;
  }
  bool has(std::uint64_t number) const { return segments_.contains(number); }
  std::int64_t timeline() const { return timeline_; }

  // Goes on as another timeline from here: the segment is copied up to this point.
  Log branch(std::int64_t timeline) {
    Log out = *this;
    out.timeline_ = timeline;
    const std::uint64_t current = at_ / kSegment;
    std::erase_if(out.segments_, [&](const auto& entry) { return entry.first != current; });
    out.cut_to(at_);
    return out;
  }

 private:
  static std::uint64_t header(std::uint64_t at) { return at % kSegment == 0 ? 40 : 24; }
  static void put32(std::string& bytes, std::size_t at, std::uint32_t value) {
    std::memcpy(bytes.data() + at, &value, 4);
  }

  void page(std::uint64_t address, unsigned flags, std::uint32_t remaining) {
    const bool first = address % kSegment == 0;
    std::string bytes(first ? 40 : 24, '\0');
    const std::uint16_t magic = 0xd110;
    const auto info = static_cast<std::uint16_t>(flags | (first ? 2u : 0u));
    std::memcpy(bytes.data(), &magic, 2);
    std::memcpy(bytes.data() + 2, &info, 2);
    put32(bytes, 4, static_cast<std::uint32_t>(timeline_));
    std::memcpy(bytes.data() + 8, &address, 8);
    put32(bytes, 16, remaining);
    if (first) {
      const std::uint64_t system = std::stoull(kSystem);
      std::memcpy(bytes.data() + 24, &system, 8);
      put32(bytes, 32, kSegment);
      put32(bytes, 36, kPage);
    }
    segment(address / kSegment).replace(address % kSegment, bytes.size(), bytes);
  }

  void write(const std::string& bytes) {
    last_start_ = at_;
    std::size_t done = 0;
    while (done < bytes.size()) {
      if (at_ % kPage == 0) {
        page(at_, 1, static_cast<std::uint32_t>(bytes.size() - done));
        at_ += header(at_);
      }
      const std::size_t part = std::min<std::size_t>(bytes.size() - done, kPage - at_ % kPage);
      segment(at_ / kSegment).replace(at_ % kSegment, part, bytes, done, part);
      done += part;
      at_ += part;
    }
    at_ = (at_ + 7) / 8 * 8;
  }

  std::int64_t timeline_;
  std::uint64_t at_;
  std::uint64_t previous_ = 8;
  std::uint64_t last_start_ = 0;
  std::map<std::uint64_t, std::string> segments_;
};

SegmentSource source_of(std::vector<Log*> logs) {
  return [logs](std::int64_t timeline, std::uint64_t number, std::uint64_t from,
                std::size_t most) -> std::optional<SegmentPart> {
    for (Log* log : logs) {
      if (log->timeline() != timeline || !log->has(number)) continue;
      const std::string& all = log->segment(number);
      return SegmentPart{all.substr(from, most), all.size()};
    }
    return std::nullopt;
  };
}

Lineage first_timeline() { return {kSystem, {}, 1}; }

WalEnd walk_one(Log& log, std::uint64_t from = kSegment + 40) {
  const auto end = walk_wal(first_timeline(), {{from}, kSegment, true}, source_of({&log}));
  EXPECT_TRUE(end) << (end ? "" : end.error().what);
  return end ? *end : WalEnd{};
}

TEST(WalEnd, IsBehindTheLastRecordWhereZerosFollow) {
  Log log;
  for (std::uint32_t i = 0; i < 100; ++i) log.record(24 + i * 3);
  const WalEnd end = walk_one(log);
  EXPECT_EQ(end.end.at, log.end());
  EXPECT_EQ(end.records, 100u);
  EXPECT_EQ(end.timeline, 1);
}

TEST(WalEnd, FollowsRecordsOverPagesAndSegments) {
  Log log;
  for (std::uint32_t i = 0; i < 40; ++i) log.record(50'000 + i);
  ASSERT_GT(log.end(), 2 * kSegment);
  EXPECT_EQ(walk_one(log).end.at, log.end());
  EXPECT_EQ(walk_one(log).records, 40u);
}

TEST(WalEnd, ReadsOfALongSegmentWhatItNeedsAndNoPartTwice) {
  Log log;
  for (std::uint32_t i = 0; i < 10; ++i) log.record(20'000);
  std::vector<std::uint64_t> asked;
  const SegmentSource all = source_of({&log});
  const SegmentSource noting = [&](std::int64_t timeline, std::uint64_t segment, std::uint64_t from,
                                   std::size_t most) {
    asked.push_back(segment * kSegment + from);
    return all(timeline, segment, from, most);
  };
  const auto end = walk_wal(first_timeline(), {{kSegment + 40}, kSegment, true}, noting);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->end.at, log.end());
  EXPECT_EQ(asked.size(), 4u) << "200,000 bytes of a million";
  EXPECT_TRUE(std::ranges::is_sorted(asked, std::less_equal<>()));
}

// As a server reads it that finds less than a page: the log ends where the file does.
TEST(WalEnd, EndsWhereAPartCannotBeReadWhole) {
  Log log;
  std::uint64_t last = 0;
  for (std::uint32_t i = 0; i < 10; ++i) last = log.record(20'000);
  const SegmentSource all = source_of({&log});
  const SegmentSource cut = [&](std::int64_t timeline, std::uint64_t segment, std::uint64_t from,
                                std::size_t most) {
    auto part = all(timeline, segment, from, most);
    if (part && from > 0) part->bytes.resize(100);
    return part;
  };
  const auto end = walk_wal(first_timeline(), {{kSegment + 40}, kSegment, true}, cut);
  ASSERT_TRUE(end);
  EXPECT_LT(end->end.at, last);
  EXPECT_NE(end->stopped_by.find("cannot be read from byte"), std::string::npos) << end->stopped_by;
}

TEST(WalEnd, StopsBeforeARecordThatIsCutOff) {
  Log log;
  log.record(100);
  const std::uint64_t whole = log.end();
  log.record(30'000);
  log.cut_to(whole + 9'000);
  EXPECT_EQ(walk_one(log).end.at, whole);
}

TEST(WalEnd, StopsBeforeARecordThatFailsItsChecksum) {
  Log log;
  log.record(100);
  const std::uint64_t whole = log.end();
  const std::uint64_t bad = log.record(200);
  log.record(100);
  log.byte(bad + 150) ^= 1;
  const WalEnd end = walk_one(log);
  EXPECT_EQ(end.end.at, whole);
  EXPECT_NE(end.stopped_by.find("checksum"), std::string::npos);
}

// What lies behind the end of a recycled segment is an older segment's content, valid in itself.
TEST(WalEnd, StopsAtTheOldContentOfARecycledSegment) {
  Log old;
  while (old.end() < 2 * kSegment - 500) old.record(400);
  Log log(1, 3 * kSegment + 40);
  log.record(100);
  const std::uint64_t whole = log.end();
  const std::uint64_t from = whole % kSegment;
  log.segment(3).replace(from, kSegment - from, old.segment(1).substr(from));
  EXPECT_EQ(walk_one(log, 3 * kSegment + 40).end.at, whole);
}

TEST(WalEnd, StopsWhereTheNextRecordNamesAnotherPredecessor) {
  Log log;
  log.record(100);
  const std::uint64_t second = log.record(100);
  Log other;
  other.record(52);
  ASSERT_LT(other.end(), second);
  while (other.end() < second) other.record(24);
  if (other.end() != second) GTEST_FAIL() << "the two logs do not meet";
  other.record(100);
  log.segment(1).replace(second - kSegment, 200, other.segment(1).substr(second - kSegment, 200));
  EXPECT_EQ(walk_one(log).end.at, second);
}

// As in the kill-host drill that never served again: a standby has replayed all that it received,
// and right behind lies a whole record of the segment's former use.
TEST(WalEnd, StopsAtOldContentRightBehindAReplayedPosition) {
  for (const std::uint32_t spread : {100u, 9'000u, 20'000u}) {
    Log old;
    while (old.end() < 2 * kSegment - 500) old.record(400);
    Log log(1, 3 * kSegment + 40);
    log.record(100);
    log.record(spread);
    // The old segment has a record that begins just here.
    std::uint64_t begins = kSegment + 40;
    Log again;
    while (begins % kSegment < log.end() % kSegment) begins = again.record(400);
    while (log.end() % kSegment < begins % kSegment) {
      log.record(static_cast<std::uint32_t>(std::max<std::uint64_t>(
          24, std::min<std::uint64_t>(begins % kSegment - log.end() % kSegment, 400))));
    }
    if (log.end() % kSegment != begins % kSegment) continue;
    const std::uint64_t whole = log.end();
    const std::uint64_t from = whole % kSegment;
    log.segment(3).replace(from, 400, old.segment(1).substr(from, 400));
    const auto end = walk_wal(first_timeline(), {{whole}, kSegment, false}, source_of({&log}));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->end.at, whole) << spread;
    EXPECT_EQ(end->records, 0u);
    // And where a true record follows, it is read.
    log.record(77);
    const auto more = walk_wal(first_timeline(), {{whole}, kSegment, false}, source_of({&log}));
    ASSERT_TRUE(more);
    EXPECT_EQ(more->end.at, log.end());
    EXPECT_EQ(more->records, 1u);
  }
}

TEST(WalEnd, ASwitchTakesTheRestOfTheSegment) {
  Log log;
  log.record(100);
  log.switch_segment();
  EXPECT_EQ(walk_one(log).end.at, 2 * kSegment);
  log.record(100);
  EXPECT_EQ(walk_one(log).end.at, log.end());
}

// As in the disk that came back empty: the copy of one member had switched the segment, nobody
// wrote until the leader died, and no member could promise. The rest of such a segment has no
// headers.
TEST(WalEnd, KnowsItsPastRightBehindASwitch) {
  for (const std::uint32_t first : {100u, 20'000u, 300'000u}) {
    Log log;
    log.record(first);
    log.record(100);
    log.switch_segment();
    const WalkStart start{{2 * kSegment}, kSegment, false};
    const auto end = walk_wal(first_timeline(), start, source_of({&log}));
    ASSERT_TRUE(end) << end.error().what;
    EXPECT_EQ(end->end.at, 2 * kSegment);
    EXPECT_EQ(end->timeline, 1);
    EXPECT_EQ(end->records, 0u);
    log.record(77);
    const auto more = walk_wal(first_timeline(), start, source_of({&log}));
    ASSERT_TRUE(more) << more.error().what;
    EXPECT_EQ(more->end.at, log.end());
    EXPECT_EQ(more->records, 1u);
    // What follows another record than the switch is old content.
    Log other(1, 2 * kSegment + 40);
    other.record(77);
    log.segment(2) = other.segment(2);
    const auto old = walk_wal(first_timeline(), start, source_of({&log}));
    ASSERT_TRUE(old) << old.error().what;
    EXPECT_EQ(old->records, 0u);
  }
}

TEST(WalEnd, RefusesASegmentThatEndsInZerosWithoutASwitch) {
  Log log;
  log.record(100);
  const auto end = walk_wal(first_timeline(), {{2 * kSegment}, kSegment, false}, source_of({&log}));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().failure, Failure::bad_data);
  EXPECT_NE(end.error().what.find("has no page header"), std::string::npos) << end.error().what;
}

TEST(WalEnd, AMissingSegmentEndsIt) {
  Log log;
  while (log.end() < 3 * kSegment) log.record(4'000);
  log.drop_segment(2);
  const WalEnd end = walk_one(log);
  EXPECT_LE(end.end.at, 2 * kSegment);
  EXPECT_GT(end.end.at, 2 * kSegment - 5'000);
  EXPECT_NE(end.stopped_by.find("is not there"), std::string::npos);
}

TEST(WalEnd, StepsOverARecordThatItsWriterGaveUp) {
  Log log;
  log.record(100);
  log.give_up(20'000);
  log.record(60);
  log.record(70);
  const WalEnd end = walk_one(log);
  EXPECT_EQ(end.end.at, log.end());
  EXPECT_EQ(end.records, 3u);
}

TEST(WalEnd, CrossesToTheNewTimelineInTheMiddleOfASegment) {
  Log old;
  for (int i = 0; i < 50; ++i) old.record(1'000);
  const Position point{old.end()};
  Log young = old.branch(5);
  for (int i = 0; i < 2'000; ++i) young.record(1'000);
  old.record(5'000);  // diverged

  const Lineage lineage{kSystem, {{1, point}}, 5};
  const auto end = walk_wal(lineage, {{kSegment + 40}, kSegment, true}, source_of({&old, &young}));
  ASSERT_TRUE(end) << end.error().what;
  EXPECT_EQ(end->end.at, young.end());
  EXPECT_EQ(end->timeline, 5);
  EXPECT_EQ(walk_one(old).end.at, old.end());
}

TEST(WalEnd, SaysWhoseFileItIsInWhereNoRecordFollows) {
  Log log;
  log.record(100);
  const Lineage lineage{kSystem, {{1, {kSegment + 60}}}, 5};
  const auto end = walk_wal(lineage, {{log.end()}, kSegment, false}, source_of({&log}));
  ASSERT_TRUE(end) << end.error().what;
  EXPECT_EQ(end->end.at, log.end());
  EXPECT_EQ(end->timeline, 1);
}

TEST(WalEnd, RefusesALogOfAnotherSystem) {
  Log log;
  log.record(100);
  const auto end = walk_wal({"42", {}, 1}, {{kSegment + 40}, kSegment, true}, source_of({&log}));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().failure, Failure::bad_data);
}

TEST(WalEnd, CountsCommitsOnly) {
  Log log;
  log.record(100, 10, 0);   // another manager
  log.record(60, 1, 0x00);  // commit
  log.record(60, 1, 0x80);  // commit with more flags
  log.record(60, 1, 0x20);  // abort
  log.record(60, 1, 0x30);  // commit of a prepared one
  const auto commits =
      count_commits(first_timeline(), {{kSegment + 40}, kSegment, true}, source_of({&log}));
  ASSERT_TRUE(commits);
  EXPECT_EQ(*commits, 3u);
}

TEST(WalEnd, ChecksumIsCastagnoli) {
  const std::string nine = "123456789";
  EXPECT_EQ(crc32c(nine.data(), nine.size()), 0xe3069283u);
  EXPECT_EQ(crc32c(nine.data() + 4, 5, crc32c(nine.data(), 4)), 0xe3069283u);
}

TEST(WalNames, OfSegments) {
  const std::uint64_t segment = 16u << 20;
  EXPECT_EQ(segment_name(5, 0x101, segment), "000000050000000100000001");
  EXPECT_EQ(segment_from("000000050000000100000001", segment), (SegmentId{5, 0x101}));
  EXPECT_EQ(segment_from("000000050000000100000100", segment), std::nullopt);
  EXPECT_EQ(segment_from("000000050000000100000001.partial", segment), std::nullopt);
  EXPECT_EQ(segment_from("archive_status", segment), std::nullopt);
}

TEST(WalNames, HistoryOfATimeline) {
  const auto branches =
      parse_history("1\t0/3000148\tno recovery target specified\n\n# a remark\n4\t1/A0\tmore\n");
  ASSERT_TRUE(branches);
  EXPECT_EQ(*branches, (std::vector<Branch>{{1, {0x3000148}}, {4, {0x1000000a0}}}));
  EXPECT_TRUE(parse_history("# weir: no leader of this number branched off here\n")->empty());
  EXPECT_FALSE(parse_history("1\tnowhere\n"));
  EXPECT_FALSE(parse_history("4\t0/10\n1\t0/20\n"));
}

TEST(WalNames, ControlFile) {
  const auto control = parse_control(
      "Database system identifier:           7300000000000000001\n"
      "Database cluster state:               shut down in recovery\n"
      "Latest checkpoint location:           0/5000060\n"
      "Latest checkpoint's REDO location:    0/5000028\n"
      "Latest checkpoint's TimeLineID:       3\n"
      "Minimum recovery ending location:     0/50001A0\n"
      "Min recovery ending loc's timeline:   3\n"
      "Bytes per WAL segment:                16777216\n");
  ASSERT_TRUE(control) << control.error().what;
  EXPECT_EQ(control->system, kSystem);
  EXPECT_EQ(control->redo.at, 0x5000028u);
  EXPECT_EQ(control->timeline, 3);
  EXPECT_EQ(control->min_recovery.at, 0x50001a0u);
  EXPECT_EQ(control->segment_bytes, 16u << 20);
  EXPECT_FALSE(parse_control("Database cluster state: in production\n"));
}

TEST(WalNames, ALineageEndsWhereItsLogDoes) {
  const Lineage whole{kSystem, {{1, {100}}, {4, {200}}}, 5};
  EXPECT_EQ(trimmed(whole, {201}), whole);
  EXPECT_EQ(trimmed(whole, {200}), (Lineage{kSystem, {{1, {100}}}, 4}));
  EXPECT_EQ(trimmed(whole, {100}), (Lineage{kSystem, {}, 1}));
}

}  // namespace
}  // namespace weir::engine::postgres
