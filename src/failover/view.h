// All that one failover decision may know: about one service, as one member's agent sees it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/engine.h"
#include "model/fleet.h"
#include "model/promise.h"
#include "model/record.h"
#include "model/remembered.h"
#include "model/sighting.h"

namespace weir::failover {

struct Policy {
  Duration heartbeat = 250ms;
  Duration replica_pace = 1s;  // of probes of those on whom no decision of ours waits
  Duration suspect_after = 1200ms;
  Duration narrow_after = 1500ms;  // a voter's silence; with detection the set follows within 2 s
  Duration round_limit = 3s;
  Duration failover_estimate = 1s;
  Duration find_out_limit = 300ms;  // for the estimate of a restart in place
  // Before a former leader's promise, where others may suffice: being chosen it has to be started
  // first, which takes seconds.
  Duration leader_waits = 2s;
  // Before a set is loaded, for those who answer to have read its record (S12). A voter that has
  // lost the store hears nothing of it, and does not hold up the others for ever.
  Duration reads_within = 6s;
  Duration rising_limit = 10s;  // then a leader that does not come up is a dead leader
  Duration lease = 6s;          // S2
  int sync = 1;
  // The fleet file no longer names the service: its servers stop, and nobody is elected.
  bool service_leaves = false;
  // It no longer names this member: another takes over where one can.
  bool self_leaves = false;
  Durability mode = Durability::required;  // as declared; what counts is the record's
};

// What one agent says of itself with each heartbeat.
struct Voice {
  Instant heard{};    // when it last spoke to us; zero: never
  Instant refused{};  // when its peer port last refused a connection; zero: never
  AgentLife life;
  Voter voter;  // its member, with the incarnation of its data
  ServerLife server = ServerLife::absent;
  bool rising = false;  // the record names it, and it is bringing that server up right now
  bool sick = false;    // its own probe finds that the write path does not move
  bool knows_position = false;
  bool suspects = false;        // it suspects the leader of `epoch`
  Epoch epoch;                  // the highest epoch that it has read
  MemberName leader;            // and whom that record names
  std::optional<Reading> read;  // the highest that it durably remembers; absent: it does not say
};

// Another member of the service.
struct Other {
  Member member;
  Voice voice;
  Sighting seen;        // our own last probe of its server
  Instant answered{};   // when its server last answered a probe of ours as a leader; zero: never
  Instant streaming{};  // we lead: when our server last showed it as a streaming replica
  // We lead: when our server last showed that it acknowledges; a frozen one streams on for a while.
  Instant acknowledged{};
  bool leaves = false;  // the fleet file no longer names it
};

// What happened to us so far; lost with the agent, and nothing rests on it.
struct Memory {
  Instant began{};                // the life of this agent; silence counts from here at most
  Instant epoch_seen{};           // when the record's epoch was first seen here
  Instant round_seen{};           // when the open round was first seen here
  Instant round_closed{};         // when the last round was seen to end without a leader
  Instant server_ended_seen{};    // when our own server was first seen dead; zero: it lives
  Instant receiving{};            // when our replica last received, or was told to follow
  std::optional<SyncSet> proven;  // the last set proven to be loaded, in this server's life
  Position written_before{};      // leader: end of its log at an earlier sighting
  Instant wal_moved{};            // replica: when its log last grew
  bool diverged = false;          // a follow found that our log is not the leader's
  Epoch diverged_from;
  bool write_in_doubt = false;  // a write of the record may still be on its way
  int rejoins = 0;              // in this epoch, since our replica's log last grew
  Position furthest{};          // the furthest that our replica's log was seen to reach in it
  std::string store_lost;       // why the store must have lost our record (S12); empty: it has not
  Reading set_reading;          // the record's, when its set was first seen so
  Instant set_seen{};
  Instant lease_from{};   // the last sign in the store that the leader's lease is held (S2)
  Instant lease_read{};   // when a read of the store began that showed no later sign
  Instant store_heard{};  // when the store last answered us; zero: never
  // We lead: the last time that all others extended our lease in the store's place, and who they
  // are.
  Instant extended{};
  std::vector<MemberName> extended_by;
};

// What the others answered to our last question.
struct Answers {
  Instant at{};
  Epoch epoch;                    // about whose leader
  std::vector<Voter> suspecting;  // they suspect too, and already know their position
  std::vector<Voter> content;     // they do not
};

struct View {
  Instant now{};
  Member self;
  HostName host;
  AgentLife life;
  Record record;
  engine::Local own;
  Sighting own_seen;
  std::vector<Other> others;
  std::vector<Promise> promises;  // of the open round, our own among them; at most one a member
  Memory memory;
  Answers answers;
  struct Given {  // drawn outside, so that a decision stays pure
    Policy policy;
    Incarnation fresh;
    Duration jitter{};  // 0 to 1 s
  } given;
};

}  // namespace weir::failover
