// The store as an agent reaches it: the one in memory behind a network that takes time.
#pragma once

#include "sim/ports.h"
#include "store/store.h"

namespace weir::sim {

class SimStore : public store::Store {
 public:
  SimStore(store::Store& inner, Passage& passage) : inner_(inner), passage_(passage) {}

  Result<std::optional<store::Entry>> get(const std::string& key, Deadline deadline) override;
  Result<std::vector<store::Entry>> list(const std::string& prefix, Deadline deadline) override;
  Result<store::Revision> commit(const std::vector<store::Change>& changes,
                                 Deadline deadline) override;
  Result<store::Watched> watch(const std::string& prefix, store::Revision after,
                               Deadline deadline) override;
  Result<store::LeaseId> grant(Duration ttl, Deadline deadline) override;
  Result<> renew(store::LeaseId lease, Deadline deadline) override;
  Result<> revoke(store::LeaseId lease, Deadline deadline) override;

 private:
  bool there(std::string_view call, std::string_view detail);
  bool back();
  store::Store& inner_;
  Passage& passage_;
};

}  // namespace weir::sim
