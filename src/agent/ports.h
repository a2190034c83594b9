// What every part of one agent borrows.
#pragma once

#include <functional>

#include "agent/agent.h"
#include "agent/claims.h"
#include "agent/remembering.h"
#include "journal/journal.h"

namespace weir::agent {

struct Ports {
  World& world;
  store::Store& store;
  peer::Caller& caller;
  const Setting& setting;
  const AgentLife& life;
  journal::Journal& journal;
  Claims& claims;
  Remembering& remembering;
  std::function<void()> rouse_heartbeats;  // speak to everybody now
  // Speaks to one host's agent now and waits for its answer; for a question that must be fresh.
  std::function<void(const HostName&, Deadline)> speak_to;
};

}  // namespace weir::agent
