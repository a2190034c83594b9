// The peer port between simulated agents: an answer takes time, a dead agent refuses, a dead host
// or a cut link says nothing, and whoever dies while answering leaves the caller in doubt. A frozen
// agent answers at its thaw what was asked before.
#pragma once

#include <functional>
#include <string>

#include "peer/peer.h"
#include "sim/net.h"

namespace weir::sim {

// Where a call arrives: the agent's group and what answers there; group 0: no agent lives there.
struct Doorway {
  bool host_up = false;
  Group group = 0;
  std::function<Result<Json>(const peer::Request&)> answer;
};

class SimCaller : public peer::Caller {
 public:
  using Find = std::function<Doorway(const std::string& host)>;
  SimCaller(Fibers& fibers, SimNet& net, Passage& passage, SimRandom& random, std::string from,
            Find find)
      : fibers_(fibers),
        net_(net),
        passage_(passage),
        random_(random),
        from_(std::move(from)),
        find_(std::move(find)) {}

  Result<Json> call(const peer::Address& to, const std::string& path, const Json& body,
                    Deadline deadline) override;

 private:
  Fibers& fibers_;
  SimNet& net_;
  Passage& passage_;
  SimRandom& random_;
  const std::string from_;
  const Find find_;
};

}  // namespace weir::sim
