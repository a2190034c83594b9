// Reported losses and outages are the true ones: what the ledger says is compared with what clients
// were told, and with what the leader's disk holds.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/quantity.h"
#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

// The client stamps an answer a moment after it was sent.
constexpr Duration kStamp = 20ms;

struct True {
  std::uint64_t acknowledged = 0;
  std::uint64_t lost = 0;
  Duration longest_gap{};  // between two acknowledgements of one writer
};

True what_is_true(const Truth& truth) {
  const auto& log = truth.cluster.disk(truth.id(truth.record.leader.member)).log;
  const std::set<engine::RowId> held(log.begin(), log.end());
  True out;
  std::map<int, Instant> last;
  for (engine::RowId row = 0; row < truth.cluster.row_count(); ++row) {
    const engine::FakeRow& written = truth.cluster.row(row);
    if (!written.told) continue;
    ++out.acknowledged;
    if (!held.contains(row)) ++out.lost;
    const auto before = last.find(written.row.writer);
    if (before != last.end()) {
      out.longest_gap = std::max(out.longest_gap, *written.told - before->second);
    }
    last[written.row.writer] = *written.told;
  }
  return out;
}

}  // namespace

std::vector<std::string> misreported(const Truth& truth, const LossReport& loss,
                                     const ledger::Tally& tally) {
  const True is = what_is_true(truth);
  std::vector<std::string> out;
  if (loss.acknowledged != is.acknowledged) {
    out.push_back(fmt::format("reported: {} acknowledged commits, but clients were told of {}",
                              loss.acknowledged, is.acknowledged));
  }
  if (loss.lost_commits != is.lost) {
    out.push_back(
        fmt::format("reported: {} lost commits, but {} are lost", loss.lost_commits, is.lost));
  }
  if (loss.unexpected != 0) {
    out.push_back(fmt::format("reported: {} rows that nobody wrote", loss.unexpected));
  }
  if (tally.longest_gap + kStamp < is.longest_gap) {
    out.push_back(fmt::format("reported: an outage of {}, but one of {} there was",
                              weir::show(tally.longest_gap), weir::show(is.longest_gap)));
  }
  return out;
}

}  // namespace weir::sim
