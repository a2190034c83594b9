// Provisioning: one service becomes what its file says, member by member. Who leads, and when a
// server of a leader starts, is failover's word; this folder keeps off while a promise is held.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "model/fleet.h"
#include "model/record.h"
#include "provision/plan.h"
#include "store/keys.h"
#include "store/store.h"
#include "world/world.h"

namespace weir::provision {

struct Create {  // the first data of the service, by the member that the record names first
  Incarnation incarnation;
  bool operator==(const Create&) const = default;
};
struct RecordBirth {  // the record learns the incarnation of that data
  Record next;
  bool operator==(const RecordBirth&) const = default;
};
struct Settle {  // settings, certificates, who is let in
  bool clients_let_in = false;
  bool operator==(const Settle&) const = default;
};
struct StopForSettings {  // failover starts it again, in place or elsewhere (safety.md S9)
  std::vector<std::string> parameters;
  bool operator==(const StopForSettings&) const = default;
};
struct Shape {  // one difference of databases, roles, grants
  engine::Difference difference;
  bool operator==(const Shape&) const = default;
};

struct StopToLeave {          // this member is no longer declared: its server stops for good
  bool with_service = false;  // the whole service leaves
  bool operator==(const StopToLeave&) const = default;
};
struct Leave {        // its data is put away, then the desired service names it no longer
  bool keep = false;  // as a final copy; else the data is removed
  bool operator==(const Leave&) const = default;
};

using Step = std::variant<Create, RecordBirth, Settle, StopForSettings, Shape, StopToLeave, Leave>;
const char* kind_of(const Step& step);
Json to_json(const Step& step);  // without any secret

struct Decision {
  std::optional<Step> step;
  std::string because;
  bool operator==(const Decision&) const = default;
};

// What the last Settle of this agent's life came to.
struct Settled {
  std::int64_t desired_revision = 0;
  bool clients_let_in = false;
  std::vector<std::string> waiting_for_restart;
  Instant at{};
  ServerState server;  // that it found: another one waits for nothing of this one's
};

// The leader's databases, roles and parameters beside the file's, as they were read.
struct Compared {
  std::vector<engine::Difference> found;
  Instant at{};
};

struct View {
  Instant now{};
  Member self;
  Service desired;
  std::int64_t desired_revision = 0;
  Record record;
  engine::Local own;
  Sighting own_seen;
  Sighting leader_seen;  // by our own probe; unknown where this member leads
  // When the agent of each other member last spoke to us, or ours began.
  std::map<MemberName, Instant> heard;
  std::optional<Settled> settled;
  std::optional<Compared> differences;  // leader only; unknown until read
  Incarnation fresh;
};

// Whose silence is to be expected while the step is carried out on `self`.
std::vector<MemberName> silenced(const Step& step, const MemberName& self);

// Pure and total.
Decision decide(const View& view);
// What a member does that the file no longer names; nothing where it is still declared.
std::optional<Decision> decide_leaving(const View& view);
// Whether the differences are worth reading now.
bool wants_differences(const View& view);

// The record that `apply` creates for a new service: its first member leads epoch 1 once its data
// is made; nobody else counts yet.
Record first_record(const Service& service);

// What opens a sealed value on this host.
using Open = std::function<Result<std::string>(const std::string&)>;
// Resources with passwords turned into verifiers: a sealed one is opened; a reference is resolved
// on this host and keeps the present verifier if that still matches it.
Result<std::vector<Resource>> with_secrets(World& world, const std::vector<Resource>& wanted,
                                           const std::vector<Resource>& present, const Open& open);

// What this version does not do yet, one sentence each; empty: nothing is asked for.
std::vector<std::string> unsupported(const Service& service);

struct Hands {
  World& world;
  store::Store& store;
  const store::Keys& keys;
  engine::Engine& engine;
  const Member& self;
  const Service& service;
  store::Revision revision = 0;          // of the record
  store::Revision desired_revision = 0;  // of the service
  // Asked before each effect: an error is why the step may not go on (safety.md S11).
  std::function<Result<>()> may_go_on;
};
struct Done {
  Result<> outcome;
  std::optional<std::vector<std::string>> waiting_for_restart;  // after Settle
};
Done carry_out(const Step& step, const Hands& hands);

}  // namespace weir::provision
