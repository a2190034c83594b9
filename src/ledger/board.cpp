// Gaps are computed from every acknowledgement, not kept as a running maximum: a mark names an
// instant that has already passed, and what was acknowledged since must count behind it.
#include "ledger/board.h"

#include <algorithm>

#include "base/check.h"

namespace weir::ledger {

Board::Board(int writers) : acknowledged_(static_cast<std::size_t>(writers)) {}

bool Board::note(const Attempt& attempt) {
  const std::scoped_lock lock(mutex_);
  switch (attempt.written) {
    case engine::Written::in_doubt:
      ++tally_.in_doubt;
      return false;
    case engine::Written::refused:
      ++tally_.refused;
      return false;
    case engine::Written::acknowledged:
      break;
  }
  ++tally_.acknowledged;
  tally_.last_acknowledged = std::max(tally_.last_acknowledged, attempt.answered);
  acknowledged_.at(static_cast<std::size_t>(attempt.row.writer)).push_back(attempt.answered);
  if (!fault_ || first_ || attempt.sent <= *fault_) return false;
  first_ = attempt;
  return true;
}

bool Board::may_connect(int writer) const {
  const std::scoped_lock lock(mutex_);
  return !scout_ || *scout_ == writer;
}

void Board::note_connect(int writer, bool connected) {
  const std::scoped_lock lock(mutex_);
  if (connected) {
    scout_.reset();
  } else if (!scout_) {
    scout_ = writer;
  }
}

void Board::note_trouble(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  trouble_ = what;
}

std::string Board::trouble() const {
  const std::scoped_lock lock(mutex_);
  return trouble_;
}

void Board::break_off(Error error) {
  const std::scoped_lock lock(mutex_);
  if (!broken_) broken_ = std::move(error);
}

std::optional<Error> Board::broken() const {
  const std::scoped_lock lock(mutex_);
  return broken_;
}

void Board::mark(Instant fault) {
  const std::scoped_lock lock(mutex_);
  fault_ = fault;
  first_.reset();
}

Instant Board::fault() const {
  const std::scoped_lock lock(mutex_);
  return fault_.value_or(Instant{});
}

std::optional<Attempt> Board::first() const {
  const std::scoped_lock lock(mutex_);
  return first_;
}

Tally Board::tally(Instant now) const {
  const std::scoped_lock lock(mutex_);
  Tally out = tally_;
  const Instant until = ended_.value_or(now);
  for (const auto& acknowledged : acknowledged_) {
    out.longest_gap = std::max(out.longest_gap, longest_gap(acknowledged, until));
  }
  return out;
}

// The gap that the fault fell into counts from its beginning: the last acknowledgement before it.
Duration Board::longest_gap(const std::vector<Instant>& acknowledged, Instant until) const {
  if (acknowledged.empty()) return {};
  auto at = acknowledged.begin();
  if (fault_) {
    at = std::upper_bound(acknowledged.begin(), acknowledged.end(), *fault_);
    if (at != acknowledged.begin()) --at;
  }
  Duration longest{};
  for (; std::next(at) != acknowledged.end(); ++at) {
    longest = std::max(longest, *std::next(at) - *at);
  }
  return std::max(longest, until - *at);
}

bool Board::all_acknowledged() const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::none_of(acknowledged_, [](const auto& rows) { return rows.empty(); });
}

void Board::end(Instant now) {
  const std::scoped_lock lock(mutex_);
  if (!ended_) ended_ = now;
}

bool Board::ending() const {
  const std::scoped_lock lock(mutex_);
  return ended_.has_value();
}

}  // namespace weir::ledger
