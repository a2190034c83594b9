// One loop per other host, so that a silent one delays nobody.
#include "agent/heartbeats.h"

namespace weir::agent {
namespace {

// How much later than a heartbeat a call may come before we call ourselves, as a part of one: long
// enough for a busy machine, short beside the time of suspicion.
constexpr int kGracePart = 5;

}  // namespace

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
  if (line.loop) line.loop->join();  // a turn uses the line's loop
  line.loop = std::make_unique<Loop>(world_, "heartbeat " + host.text, timings_.heartbeat,
                                     [this, &line, to] { turn(line, to); });
  line.loop->start();
}

void Heartbeats::learn_called(const HostName& host) {
  const Instant now = world_.clock.now();
  const std::lock_guard lock(mutex_);
  lines_[host].called = now;
}

// A host that is frozen, dead or cut off calls nobody: then it is we who find out, a grace later.
void Heartbeats::turn(Line& line, const peer::Address& to) {
  const Instant called = line.called;
  const Instant due = called + timings_.heartbeat + timings_.heartbeat / kGracePart;
  const bool roused = line.roused.exchange(false);
  if (!roused && called != Instant{} && world_.clock.now() < due) {
    line.loop->again_by(due);
    line.loop->rest_until(due);
    return;
  }
  call(to, world_.clock.within(timings_.suspect_after));
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
    line.roused = true;
    if (line.loop) line.loop->ring();
  }
}

void Heartbeats::speak_to(const HostName& host, Deadline deadline) {
  peer::Address to;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lines_.find(host);
    if (found == lines_.end() || !found->second.loop) return;
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
