// One loop per other host, so that a silent one delays nobody.
#include "agent/heartbeats.h"

namespace weir::agent {

Heartbeats::Heartbeats(World& world, peer::Caller& caller, HostName self, Timings timings,
                       Ears ears)
    : world_(world),
      caller_(caller),
      self_(std::move(self)),
      timings_(timings),
      ears_(std::move(ears)) {}

void Heartbeats::know(const HostName& host, const std::string& address) {
  if (host == self_) return;
  const std::lock_guard lock(mutex_);
  Line& line = lines_[host];
  if (line.loop != nullptr && line.to.ip == address) return;
  line.to = {host.text, address, peer::kAgentPort};
  const peer::Address to = line.to;
  line.loop =
      std::make_unique<Loop>(world_, "heartbeat " + host.text, timings_.heartbeat,
                             [this, to] { call(to, world_.clock.within(timings_.suspect_after)); });
  line.loop->start();
}

void Heartbeats::call(const peer::Address& to, Deadline deadline) {
  const auto answer = caller_.call(to, "/heartbeat", ears_.say(), deadline);
  const HostName host(to.name);
  if (answer) {
    ears_.hear(host, *answer);
  } else if (answer.error().failure == Failure::unreachable) {
    ears_.refused(host);
  }
}

void Heartbeats::rouse() {
  const std::lock_guard lock(mutex_);
  for (auto& [host, line] : lines_) {
    if (line.loop) line.loop->ring();
  }
}

void Heartbeats::speak_to(const HostName& host, Deadline deadline) {
  peer::Address to;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lines_.find(host);
    if (found == lines_.end()) return;
    to = found->second.to;
  }
  call(to, deadline);
}

void Heartbeats::stop() {
  const std::lock_guard lock(mutex_);
  for (auto& [host, line] : lines_) {
    if (line.loop) line.loop->stop();
  }
}

void Heartbeats::join() {
  stop();
  // Outside the lock: a turn that ends may still ask for it. No line is added or removed any more.
  for (auto& [host, line] : lines_) {
    if (line.loop) line.loop->join();
  }
}

}  // namespace weir::agent
