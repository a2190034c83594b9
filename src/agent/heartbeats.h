// Agents speak to each other: every heartbeat, one call to each other host, both ways at once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/loop.h"
#include "agent/ports.h"

namespace weir::agent {

class Heartbeats {
 public:
  // `say` makes what we say to everybody; `hear` takes what host H said; `refused`: H's port did.
  struct Ears {
    std::function<Json()> say;
    std::function<void(const HostName&, const Json&)> hear;
    std::function<void(const HostName&)> refused;
  };
  Heartbeats(World& world, peer::Caller& caller, HostName self, Timings timings, Ears ears);
  ~Heartbeats() { join(); }

  void know(const HostName& host, const std::string& address);
  void rouse();
  void speak_to(const HostName& host, Deadline deadline);
  void stop();
  void join();  // stops and waits; rousing is harmless from then on

 private:
  void call(const peer::Address& to, Deadline deadline);

  World& world_;
  peer::Caller& caller_;
  const HostName self_;
  const Timings timings_;
  const Ears ears_;
  std::mutex mutex_;
  struct Line {
    peer::Address to;
    std::unique_ptr<Loop> loop;
  };
  std::map<HostName, Line> lines_;
};

}  // namespace weir::agent
