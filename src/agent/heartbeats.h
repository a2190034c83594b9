// Agents speak to each other: every heartbeat, one call between each two hosts, both ways at once.
// Whoever of the two called last goes on calling; the other one only listens until that is overdue.
#pragma once

#include <atomic>
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
  // That host has called us, so it has been heard and hears our answer. Any thread.
  void learn_called(const HostName& host);
  void rouse();  // everybody is called now, whoever called last
  void speak_to(const HostName& host, Deadline deadline);
  void stop();
  void join();  // stops and waits; rousing is harmless from then on

 private:
  struct Line {
    peer::Address to;
    std::atomic<Instant> called{};  // when it last called us; zero: never
    std::atomic<bool> roused = false;
    std::unique_ptr<Loop> loop;
  };
  void turn(Line& line, const peer::Address& to);
  void call(const peer::Address& to, Deadline deadline);

  World& world_;
  peer::Caller& caller_;
  const HostName self_;
  const Timings timings_;
  const Ears ears_;
  std::mutex mutex_;
  std::map<HostName, Line> lines_;  // none is ever removed
};

}  // namespace weir::agent
