// What one probe saw of one server, and when.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "model/lineage.h"
#include "model/names.h"

namespace weir {

enum class Reach {
  unknown,   // nobody has looked yet; never drawn as healthy
  serving,   // it answered a query
  starting,  // it answered that it is starting up or recovering
  refused,   // the connection was refused: nothing listens
  silent,    // no answer by the deadline
  sick,      // it answers, but the write path does not move
};
const char* name_of(Reach reach);

enum class Role { unknown, leader, replica };
const char* name_of(Role role);

// A replica as its leader's server sees it.
struct Follower {
  Voter voter;  // read from its application_name
  bool streaming = false;
  bool counted = false;  // its acknowledgement counts now (Postgres: sync_priority > 0)
  Position flushed;
  bool operator==(const Follower&) const = default;
};

struct Sighting {
  Instant at{};  // on the observer's clock, when the answer came
  Reach reach = Reach::unknown;
  std::string detail;  // the server's own words when it refused or is sick
  Role role = Role::unknown;
  std::string system;
  std::int64_t timeline = 0;
  Position written;   // leader: end of its log, flushed; replica: what it has flushed
  Position replayed;  // replica
  // A replica that has received since its start knows its own end; otherwise `written` is unknown.
  bool position_known = false;
  std::string receives_from;  // replica: "host:port" of the leader it streams from; empty: none
  std::vector<Follower> followers;  // leader
  std::string set_loaded;  // leader: synchronous_standby_names in a session opened for this probe
  bool writable = false;   // leader: not in recovery and not read-only
  bool operator==(const Sighting&) const = default;

  // Leader: whether this voter, of this incarnation, streams from it.
  bool streams(const Voter& voter) const;
};

Json to_json(const Sighting& sighting);
Sighting sighting_from(const Json& json, Instant at);

}  // namespace weir
