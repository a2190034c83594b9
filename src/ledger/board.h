// What all writers together know at a moment: counts, gaps, the first write after a fault.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"

namespace weir::ledger {

// Any thread. The mutex covers memory alone, never a port call.
class Board {
 public:
  explicit Board(int writers);

  // True if this is the first write sent after the mark that was acknowledged.
  bool note(const Attempt& attempt);

  // While sessions fail, one writer alone goes on trying: a handshake costs a server that is being
  // promoted more than a row does. Once it has a session, all try again.
  bool may_connect(int writer) const;
  void note_connect(int writer, bool connected);

  // Why a writer could not get a session, for the error of a start that fails.
  void note_trouble(const std::string& what);
  std::string trouble() const;
  // The log can no longer be trusted: nothing may be judged by it.
  void break_off(Error error);
  std::optional<Error> broken() const;

  void mark(Instant fault);
  Instant fault() const;
  std::optional<Attempt> first() const;

  // Gaps that are still open count up to `now`, or up to the end if the writers were ended.
  Tally tally(Instant now) const;
  bool all_acknowledged() const;

  void end(Instant now);
  bool ending() const;

 private:
  Duration longest_gap(const std::vector<Instant>& acknowledged, Instant until) const;

  mutable std::mutex mutex_;  // guards everything below
  Tally tally_;
  std::vector<std::vector<Instant>> acknowledged_;  // per writer, in order
  std::optional<Instant> fault_;
  std::optional<Attempt> first_;
  std::optional<Instant> ended_;
  std::optional<int> scout_;  // while sessions fail: who tries
  std::optional<Error> broken_;
  std::string trouble_;
};

}  // namespace weir::ledger
