// One agent per host: it builds views, asks the capabilities to decide, and carries their steps
// out. It decides nothing itself.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "model/fleet.h"
#include "peer/peer.h"
#include "store/keys.h"
#include "store/store.h"
#include "world/world.h"

namespace weir::agent {

// Of what agents say to each other, and publish of themselves.
constexpr int kWireFormat = 1;

// The defaults of design.md, Timings.
struct Timings {
  Duration heartbeat = 250ms;
  Duration suspect_after = 1200ms;
  Duration renewal = 1s;
  Duration lease = 6s;
  Duration guard_deadline = 4500ms;  // from the send time of the last renewal that succeeded
  Duration round_limit = 3s;
  Duration probe_limit = 1s;     // deadline of one probe of a server
  Duration sighting_every = 5s;  // publication of own members' sightings
};

// Certificates that this agent sees to; without an identity, none.
struct Papers {
  struct Pair {
    std::string folder;  // with NAME.crt, NAME.key, ca.crt
    std::string name;
  };
  std::string identity;                 // the folder of this host's own pair
  std::string ca;                       // the CA's folder, where its key is on this host
  std::optional<peer::Address> signer;  // the agent beside that key, where it is not
  std::vector<Pair> others;             // the store's and the operator's, beside the key
  std::shared_ptr<peer::Revoked> revoked = std::make_shared<peer::Revoked>();  // of this process
};

struct Setting {
  store::Keys keys;
  HostName host;
  std::string state;  // this host's state folder; locked by app/ before an Agent is made
  Timings timings;
  Papers papers;
};

// By engine name, for this host.
using Engines = std::map<std::string, std::shared_ptr<engine::Engine>>;

class Agent {
 public:
  // Borrows everything for its life. Nothing runs yet.
  Agent(World& world, store::Store& store, peer::Caller& caller, Engines engines, Setting setting);
  ~Agent();  // stops its loops and waits for them
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Opens the journal and begins the loops on world.workers; returns at once.
  Result<> start();
  // Asks the loops to end; servers go on.
  void stop();
  // What the peer port hands on; any thread. `admit`: of callers without a certificate.
  Result<Json> answer(const peer::Request& request);
  Result<Json> admit(const peer::Request& request);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::agent
