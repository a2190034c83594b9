// What the fleet's services are, from the store, or from the agents while the store is away.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/session.h"
#include "model/sighting.h"

namespace weir::cli {

struct Known {
  std::vector<store::HeldService> services;
  std::map<ServiceName, store::Held> records;
  std::map<ServiceName, store::HeldClaim> claims;  // unknown while the store is away
  // Why the store could not be read, and whose word this is instead; empty: it is the store's.
  std::string store_away;
  // Which agents answered when they were asked, by host; only while the store is away.
  std::vector<HostName> told_by;

  const store::HeldService* find(const ServiceName& service) const;
};

// Opens the session. Where neither store nor agents answer and the store lies here, one is started
// for this command. unreachable: nobody could be asked.
Result<Known> know(Session& session);
// To stderr, when the store is away: said once by every verb that goes on without it.
void tell_if_away(Session& session, const Known& known);
// bad_config names the services there are where none, or no such one, is asked for.
Result<store::HeldService> the_service(const Known& known, const std::string& named);

// One call to the agents of these hosts, all at once; null where none came by the deadline.
std::map<HostName, Json> ask_agents(Session& session, const std::vector<Host>& hosts,
                                    const std::string& path, const Json& question, Duration limit);

// An outside look at one service: the record, and every member probed as a client would.
struct Look {
  store::HeldService desired;
  std::optional<store::Held> held;
  std::vector<std::pair<Member, Sighting>> members;
  // Healthy: led, a commit confirmed, every other member counted, applied as desired.
  bool healthy = false;
  std::string waiting_for;  // why not
};
Result<Look> look_at(Session& session, const store::HeldService& desired);
// The same, of a record that was read already.
Result<Look> look_at(Session& session, const store::HeldService& desired,
                     const std::optional<store::Held>& held);

}  // namespace weir::cli
