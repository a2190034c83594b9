// The store over the peer port: `weir store` serves any Store, agents and CLI are its clients.
//
// POST /get /list /commit /watch /grant /renew /revoke. Deadlines travel as "wait_ms", because
// two machines share no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "peer/peer.h"
#include "store/store.h"
#include "world/world.h"

namespace weir::store {

// The client. Borrows both ports for its life; any thread. A commit whose answer did not come is
// outcome_unknown; a read whose answer did not come is timed_out or unreachable. What travels must
// fit into the 16 MiB of the peer port, else bad_data.
std::unique_ptr<Store> make_remote(peer::Caller& caller, Clock& clock, peer::Address store);

// Serves `store` until the listener ends; borrows it and `clock`. Watches wait on threads of the
// listener, of which there are up to 128; its end wakes them.
Result<std::unique_ptr<peer::Listener>> serve(Store& store, Clock& clock, const std::string& ip,
                                              std::uint16_t port, const peer::Identity& identity);

}  // namespace weir::store
