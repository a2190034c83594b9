// What a member durably remembers of its service's record, so that a store that has lost it is seen
// to have lost it, and can be refilled (safety.md S12).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/fleet.h"
#include "model/names.h"
#include "model/record.h"

namespace weir {

// Where a record stands in all that was ever written of it: a later life of the store is higher,
// then a higher revision in it. Zero: nothing was read yet.
struct Reading {
  std::int64_t rebuilt = 0;
  std::int64_t revision = 0;
  auto operator<=>(const Reading&) const = default;
};

// The highest reading of one service.
struct Remembered {
  FleetName fleet;
  std::int64_t revision = 0;
  Record record;
  Service desired;
  std::int64_t desired_revision = 0;
  bool operator==(const Remembered&) const = default;
  Reading reading() const { return {record.rebuilt, revision}; }
};
constexpr int kRememberedFormat = 1;
Json to_json(const Remembered& remembered);
// Refuses a higher format and what is not whole, with bad_data.
Result<Remembered> remembered_from(const Json& json);

// What the store answered to a linearizable read that began after `known` had been read.
struct StoreAnswer {
  Reading reading;  // zero: the record is not there
  Epoch epoch;
  std::int64_t last_round = 0;
};
StoreAnswer answer_of(const Record& record, std::int64_t revision);
// Why the store must have lost what we have read; empty: it has not. `promised` is the highest
// round that this member ever promised.
std::string why_old(const StoreAnswer& answer, const Reading& known, const Epoch& known_epoch,
                    std::int64_t promised);

// What the agent of one member answers when the store is to be refilled.
struct Witness {
  HostName host;
  Voter voter;
  std::int64_t promised = 0;  // the highest round ever
  Epoch led;
  Remembered remembered;
  bool operator==(const Witness&) const = default;
};
Json to_json(const Witness& witness);
Result<Witness> witness_from(const Json& json);

// What to write for one service.
struct Refill {
  Service desired;
  Record record;
  std::vector<MemberName> silent;  // the last leader, if nobody has heard of it
  bool operator==(const Refill&) const = default;
};
// Pure. Requires witnesses of one service, at least one. The record is the highest that anybody has
// read, with all rounds closed, in a new life of the store whose number is above `rebuilt`; the
// next round is above every promise, and until a commit is confirmed anew a promotion needs every
// other member. Its epoch stays: a new one would stop the leader. Refused while any declared member
// but the last leader does not answer: it may know more.
Result<Refill> refill(const std::vector<Witness>& witnesses, std::int64_t rebuilt);

}  // namespace weir
