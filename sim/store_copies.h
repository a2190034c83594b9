// A store that can lose what it had: to nothing, or to an old copy of itself.
#pragma once

#include <memory>
#include <vector>

#include "sim/ports.h"
#include "store/store.h"

namespace weir::sim {

class CopiedStore final : public store::Store {
 public:
  explicit CopiedStore(SimHost& host);

  void copy();     // as it is now; an earlier copy is forgotten
  void go_back();  // to the copy, or to nothing without one
  void lose();     // to nothing

  Result<std::optional<store::Entry>> get(const std::string& key, Deadline deadline) override {
    return lives_.back()->get(key, deadline);
  }
  Result<std::vector<store::Entry>> list(const std::string& prefix, Deadline deadline) override {
    return lives_.back()->list(prefix, deadline);
  }
  Result<store::Revision> commit(const std::vector<store::Change>& changes,
                                 Deadline deadline) override {
    return lives_.back()->commit(changes, deadline);
  }
  Result<store::Watched> watch(const std::string& prefix, store::Revision after,
                               Deadline deadline) override {
    return lives_.back()->watch(prefix, after, deadline);
  }
  Result<store::LeaseId> grant(Duration ttl, Deadline deadline) override {
    return lives_.back()->grant(ttl, deadline);
  }
  Result<> renew(store::LeaseId lease, Deadline deadline) override {
    return lives_.back()->renew(lease, deadline);
  }
  Result<> revoke(store::LeaseId lease, Deadline deadline) override {
    return lives_.back()->revoke(lease, deadline);
  }

 private:
  SimHost& host_;
  // The last one answers; in the others somebody may still wait for an event that never comes.
  std::vector<std::unique_ptr<store::Store>> lives_;
  std::vector<store::Entry> copied_;
};

}  // namespace weir::sim
