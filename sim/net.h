// The network of the simulated fleet: links between hosts, the clients and the store. A link has a
// direction, so that a call can arrive whose answer does not.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "sim/ports.h"

namespace weir::sim {

inline const HostName kClients{"client"};
inline const HostName kStore{"store"};

class SimNet : public engine::FakeNetwork {
 public:
  explicit SimNet(SimRandom& random) : random_(random) {}

  void cut(const HostName& from, const HostName& to) { cut_.insert({from, to}); }
  void mend(const HostName& from, const HostName& to);
  // Everything that takes this link is late by about as much.
  void slow(const HostName& from, const HostName& to, Duration delay) { slow_[{from, to}] = delay; }
  void mend_all();

  bool passes(const HostName& from, const HostName& to) const override {
    return !cut_.contains({from, to});
  }
  bool both_ways(const HostName& a, const HostName& b) const {
    return passes(a, b) && passes(b, a);
  }
  // What the link adds to one message; zero while it is well.
  Duration delay(const HostName& from, const HostName& to);
  bool flows(const HostName& from, const HostName& to, Duration tick) override;

 private:
  using Link = std::pair<HostName, HostName>;
  SimRandom& random_;
  std::set<Link> cut_;
  std::map<Link, Duration> slow_;
};

}  // namespace weir::sim
