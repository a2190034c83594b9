// Where a fleet lies on this machine: state, sockets, identities. The only place that spells them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/fleet.h"
#include "peer/peer.h"
#include "world/world.h"

namespace weir::cli {

// What is fixed about a fleet when it is made here: $WEIR_STATE/FLEET/fleet.json.
struct FleetFacts {
  FleetName name;
  peer::Address store;
  std::vector<Host> hosts;  // where the CA is: all that are declared; elsewhere: those here
  // The hosts that this machine is; empty: all of them (weir up makes them all on one machine).
  std::vector<HostName> here;
  // The agent beside the CA's key; absent where the key is here.
  std::optional<peer::Address> signer;
  Duration certificate_life = std::chrono::hours(24 * 90);

  bool apart() const { return !here.empty(); }  // hosts on machines of their own
  std::vector<HostName> hosts_here() const;
};
constexpr int kFactsFormat = 1;
Json to_json(const FleetFacts& facts);
Result<FleetFacts> facts_from(const Json& json);

struct Place {
  std::string state;        // $WEIR_STATE
  std::string run;          // $WEIR_RUN
  std::string server_user;  // whom servers run as; empty: as we are
  FleetName fleet;

  std::string fleet_folder() const { return state + "/" + fleet.text; }
  std::string facts() const { return fleet_folder() + "/fleet.json"; }
  std::string ca() const { return fleet_folder() + "/ca"; }
  std::string operator_folder() const { return fleet_folder() + "/operator"; }
  std::string store_folder() const { return fleet_folder() + "/store"; }
  std::string secrets() const { return fleet_folder() + "/secrets"; }
  std::string drills() const { return fleet_folder() + "/drills"; }
  std::string logs() const { return fleet_folder() + "/logs"; }
  std::string finals() const { return fleet_folder() + "/final"; }
  std::string host_folder(const HostName& h) const { return fleet_folder() + "/hosts/" + h.text; }
  std::string identity(const HostName& h) const { return host_folder(h) + "/identity"; }
  std::string host_run(const HostName& h) const { return run + "/" + fleet.text + "/" + h.text; }
  std::string supervisor_socket() const { return run + "/" + fleet.text + "/supervisor.s"; }
  std::string supervisor_state() const { return fleet_folder() + "/supervisor.json"; }
  std::string host_key(const HostName& h) const { return identity(h) + "/" + h.text + ".key"; }
  std::string joined_by(const HostName& h) const { return identity(h) + "/joined_by"; }
  std::string drill_state() const { return drills() + "/running.json"; }

  peer::Identity identity_of(const std::string& folder, const std::string& name) const {
    return {name, folder + "/" + name + ".crt", folder + "/" + name + ".key", folder + "/ca.crt"};
  }
};

// From the environment: WEIR_STATE, WEIR_RUN, XDG_STATE_HOME, HOME, and who we are.
Result<Place> find_place();
// The fleet named, or the only one made here. not_found names what there is.
Result<FleetFacts> find_fleet(Files& files, Place& place, const std::string& named);

}  // namespace weir::cli
