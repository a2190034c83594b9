// What the fleet has revoked, for the processes of this machine: each that speaks with an identity
// knows it from its start, from the file beside its certificate, and learns from the store what is
// newer.
#pragma once

#include <string>

#include "cli/session.h"

namespace weir::cli {

// The identity in `folder`, with what is revoked according to the list there. bad_data for a list
// that is damaged: without it nobody could be trusted.
Result<peer::Identity> identity_in(Files& files, const Place& place, const std::string& folder,
                                   const std::string& name);
// Takes the store's list for the operator, and says so if it cannot be taken. A store that does not
// answer changes nothing.
void take_revoked(Session& session);
// Beside the CA's key: puts the list that lies there into a store that has an older one or none.
// Success without effect elsewhere, and where nothing was revoked.
Result<> publish_revoked(Session& session);

// `weir store` reads its own database: it cannot ask itself as a client.
class StoreRevoked {
 public:
  StoreRevoked(Session& session, store::Store& store, peer::Identity identity)
      : session_(session), store_(store), identity_(std::move(identity)) {}
  // Takes what is new since the last look. Cheap; asks no disk while nothing is.
  void look();

 private:
  Session& session_;
  store::Store& store_;
  const peer::Identity identity_;
  store::Revision seen_ = 0;
};

}  // namespace weir::cli
