// The verdict of the outside client: what was attempted against what is found. Pure.
#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "ledger/ledger.h"

namespace weir::ledger {
namespace {

using Key = std::pair<int, std::int64_t>;

Key key_of(const engine::LedgerRow& row) { return {row.writer, row.sequence}; }

// Two numbers and two hashes; what the server adds around them is not the client's loss.
std::uint64_t bytes_of(const engine::LedgerRow& row) {
  return sizeof(row.writer) + sizeof(row.sequence) + row.before.size() + row.hash.size();
}

// Sorts the found rows into those that we wrote, word for word, and counts all others: invented
// ones, second copies, and rows whose content or chain was changed.
std::set<Key> recognise(const std::map<Key, const Attempt*>& attempts,
                        const std::vector<engine::LedgerRow>& found, std::uint64_t& unexpected) {
  std::set<Key> whole;
  for (const engine::LedgerRow& row : found) {
    const auto attempt = attempts.find(key_of(row));
    const bool ours = attempt != attempts.end() && attempt->second->row == row &&
                      attempt->second->written != engine::Written::refused;
    if (!ours || !whole.insert(key_of(row)).second) ++unexpected;
  }
  return whole;
}

}  // namespace

std::string row_hash(const std::string& drill, int writer, std::int64_t sequence,
                     const std::string& before) {
  const std::string text =
      drill + '\n' + std::to_string(writer) + '\n' + std::to_string(sequence) + '\n' + before;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  const int made = EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  WEIR_ASSERT(made == 1);
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest), length));
}

LossReport judge(const std::vector<Attempt>& attempts, const std::vector<engine::LedgerRow>& found,
                 Instant fault) {
  std::map<Key, const Attempt*> by_key;
  for (const Attempt& attempt : attempts) by_key.emplace(key_of(attempt.row), &attempt);

  LossReport report;
  const std::set<Key> whole = recognise(by_key, found, report.unexpected);
  std::optional<Instant> oldest_lost;
  for (const Attempt& attempt : attempts) {
    const bool there = whole.contains(key_of(attempt.row));
    if (attempt.written == engine::Written::in_doubt) {
      // Both outcomes are legal: the client was told neither.
      ++report.in_doubt;
      if (there) ++report.in_doubt_kept;
    }
    if (attempt.written != engine::Written::acknowledged) continue;
    ++report.acknowledged;
    if (there) continue;
    ++report.lost_commits;
    report.lost_bytes += bytes_of(attempt.row);
    oldest_lost = std::min(oldest_lost.value_or(attempt.answered), attempt.answered);
  }
  // A commit acknowledged after the fault and lost nevertheless counts in lost_commits alone.
  if (oldest_lost) report.lost_seconds = std::max(fault - *oldest_lost, Duration::zero());
  return report;
}

}  // namespace weir::ledger
