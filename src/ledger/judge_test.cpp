// Tables of the verdict: each row is a clean run with one thing changed.
#include <gtest/gtest.h>

#include "ledger/ledger.h"

namespace weir::ledger {
namespace {

using engine::LedgerRow;
using engine::Written;

constexpr Instant at(Duration since) { return Instant(1000s + since); }

// Two writers, three rows each; the second writer's second row is in doubt, and its third hangs
// on its first, the last that was acknowledged.
struct Story {
  std::vector<Attempt> attempts;
  std::vector<LedgerRow> found;
};

Attempt attempt(int writer, std::int64_t sequence, const std::string& before, Written written,
                Duration answered) {
  const LedgerRow row{writer, sequence, before, row_hash("d", writer, sequence, before)};
  return {row, written, at(answered - 1ms), at(answered)};
}

Story clean_run() {
  Story run;
  for (const int writer : {0, 1}) {
    const Duration shift = std::chrono::milliseconds(writer);
    const Attempt first = attempt(writer, 1, "", Written::acknowledged, 1s + shift);
    const Attempt second =
        attempt(writer, 2, first.row.hash, writer == 0 ? Written::acknowledged : Written::in_doubt,
                2s + shift);
    const std::string last = writer == 0 ? second.row.hash : first.row.hash;
    const Attempt third = attempt(writer, 3, last, Written::acknowledged, 8s + shift);
    for (const Attempt& each : {first, second, third}) {
      run.attempts.push_back(each);
      run.found.push_back(each.row);
    }
  }
  return run;
}

constexpr std::uint64_t kFullRowBytes = 12 + 64 + 64;

const LossReport kClean{.acknowledged = 5, .in_doubt = 1, .in_doubt_kept = 1};

const struct {
  const char* when;
  void (*change)(Story&);
  void (*expect)(LossReport&);
} kRows[] = {
    {"all is there", [](Story&) {}, [](LossReport&) {}},
    {"a row in doubt is absent", [](Story& r) { r.found.erase(r.found.begin() + 4); },
     [](LossReport& w) { w.in_doubt_kept = 0; }},
    {"an acknowledged row is lost", [](Story& r) { r.found.erase(r.found.begin() + 1); },
     [](LossReport& w) {
       w.lost_commits = 1;
       w.lost_bytes = kFullRowBytes;
       w.lost_seconds = 1s;
     }},
    {"two are lost, the older counts",
     [](Story& r) { r.found.erase(r.found.begin(), r.found.begin() + 2); },
     [](LossReport& w) {
       w.lost_commits = 2;
       w.lost_bytes = 2 * kFullRowBytes - 64;
       w.lost_seconds = 2s;
     }},
    {"a row acknowledged after the fault is lost", [](Story& r) { r.found.pop_back(); },
     [](LossReport& w) {
       w.lost_commits = 1;
       w.lost_bytes = kFullRowBytes;
     }},
    {"everything is lost", [](Story& r) { r.found.clear(); },
     [](LossReport& w) {
       w.lost_commits = 5;
       w.lost_bytes = 5 * kFullRowBytes - 2 * 64;
       w.lost_seconds = 2s;
       w.in_doubt_kept = 0;
     }},
    {"a row is there twice", [](Story& r) { r.found.push_back(r.found[2]); },
     [](LossReport& w) { w.unexpected = 1; }},
    {"a row of nobody",
     [](Story& r) {
       r.found.push_back({7, 1, "", row_hash("d", 7, 1, "")});
     },
     [](LossReport& w) { w.unexpected = 1; }},
    {"a refused row is there after all", [](Story& r) { r.attempts[1].written = Written::refused; },
     [](LossReport& w) {
       w.acknowledged = 4;
       w.unexpected = 1;
     }},
    {"a refused row is absent",
     [](Story& r) {
       r.attempts[1].written = Written::refused;
       r.found.erase(r.found.begin() + 1);
     },
     [](LossReport& w) { w.acknowledged = 4; }},
    {"the chain is broken", [](Story& r) { r.found[2].before = r.found[0].hash; },
     [](LossReport& w) {
       w.unexpected = 1;
       w.lost_commits = 1;
       w.lost_bytes = kFullRowBytes;
     }},
    {"a row in doubt was changed", [](Story& r) { r.found[4].hash = r.found[0].hash; },
     [](LossReport& w) {
       w.unexpected = 1;
       w.in_doubt_kept = 0;
     }},
};

TEST(LedgerJudge, Table) {
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.when);
    Story run = clean_run();
    row.change(run);
    LossReport want = kClean;
    row.expect(want);
    const LossReport got = judge(run.attempts, run.found, at(3s));
    EXPECT_EQ(got.acknowledged, want.acknowledged);
    EXPECT_EQ(got.lost_commits, want.lost_commits);
    EXPECT_EQ(got.lost_bytes, want.lost_bytes);
    EXPECT_EQ(got.lost_seconds, want.lost_seconds);
    EXPECT_EQ(got.in_doubt, want.in_doubt);
    EXPECT_EQ(got.in_doubt_kept, want.in_doubt_kept);
    EXPECT_EQ(got.unexpected, want.unexpected);
  }
}

TEST(LedgerRowHash, IsSha256OverAllFour) {
  // printf 'd\n0\n1\n' | sha256sum
  EXPECT_EQ(row_hash("d", 0, 1, ""),
            "2c98826a83a30735f0adbbaece02957fc267b6fdc1b2c0217be519199660de14");
  const std::string base = row_hash("d", 0, 1, "x");
  EXPECT_NE(row_hash("e", 0, 1, "x"), base);
  EXPECT_NE(row_hash("d", 1, 1, "x"), base);
  EXPECT_NE(row_hash("d", 0, 2, "x"), base);
  EXPECT_NE(row_hash("d", 0, 1, "y"), base);
  // Numbers that run into each other are kept apart.
  EXPECT_NE(row_hash("d", 1, 11, ""), row_hash("d", 11, 1, ""));
}

}  // namespace
}  // namespace weir::ledger
