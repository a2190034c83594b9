// Reports: what weir tells about what it did and measured. Every number carries its evidence.
// Golden files in tests/golden keep the JSON stable; `format` grows when a field changes meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "model/fleet.h"

namespace weir {

enum class Evidence { measured_real, measured_emulated, estimated };
const char* name_of(Evidence evidence);  // "measured-real", ...

enum class Verdict { met, breached, void_run };
const char* name_of(Verdict verdict);  // "met", "breached", "void"

struct Phase {
  // "detect", "round", "promise", "take", "promote", "restart", "first write", "unattributed"
  std::string name;
  Duration took{};
  bool operator==(const Phase&) const = default;
};

// What the ledger found out about data.
struct LossReport {
  std::uint64_t acknowledged = 0;
  std::uint64_t lost_commits = 0;  // acknowledged, absent afterwards
  std::uint64_t lost_bytes = 0;
  Duration lost_seconds{};     // 0 if nothing is lost, else fault minus oldest lost acknowledgement
  std::uint64_t in_doubt = 0;  // neither acknowledged nor refused
  std::uint64_t in_doubt_kept = 0;  // of these, found afterwards
  std::uint64_t unexpected = 0;     // found, but never written by us: a broken chain
  bool operator==(const LossReport&) const = default;
};

struct DrillReport {
  std::string id;
  FleetName fleet;
  ServiceName service;
  std::string fault;  // "kill-host"
  HostName host;      // whom it was done to
  WallTime started{};
  Verdict verdict = Verdict::void_run;
  std::string because;             // one sentence
  std::optional<Duration> rto;     // unknown when writes never came back
  std::optional<Duration> outage;  // longest gap between acknowledgements of any writer
  std::vector<Phase> phases;       // they sum to the RTO
  LossReport loss;
  std::int64_t epoch_before = 0;
  std::int64_t epoch_after = 0;
  MemberName leader_before;
  MemberName leader_after;
  bool fault_gone = false;                  // verified, not assumed
  bool old_leader_follows = false;          // verified
  std::optional<Duration> old_leader_back;  // fault to the old leader following again
  Evidence evidence = Evidence::measured_real;
  Objective objective;
  int writers = 0;
};

Json to_json(const DrillReport& report);
std::string show(const DrillReport& report);  // for people

// One line of a plan. `action`: create, update, replace, delete, adopt, no-op, unknown.
struct PlannedChange {
  std::string address;  // "orders", "orders/member/a", "orders/role/shop_app"
  std::string action;
  std::string effect;  // "", "reload", "restart", "replace"
  std::string reason;
  std::map<std::string, std::pair<std::string, std::string>> attributes;  // before, after
  bool under_way = false;  // an earlier apply began it
};

struct PlanReport {
  FleetName fleet;
  std::vector<PlannedChange> changes;  // in the order in which they would be made
  std::vector<std::string> warnings;
  // What is not as it was last applied: before = as applied, after = as it is now.
  std::vector<PlannedChange> drift;
  int count(std::string_view action) const;
  // Whether applying would do anything, or something could not be looked at.
  bool has_changes() const;
};

Json to_json(const PlanReport& report);      // terraform's resource_changes shape
std::string show(const PlanReport& report);  // + ~ - lines; the last line counts

// Reports of capabilities that come later share this head: what, when, verdict, evidence.
struct ReportHead {
  std::string kind;  // "backup", "proof", "incident"
  std::string id;
  ServiceName service;
  WallTime at{};
  Verdict verdict = Verdict::void_run;
  Evidence evidence = Evidence::estimated;
  std::string because;
};
struct BackupReport {
  ReportHead head;
  std::uint64_t bytes = 0;
  Duration took{};
};
struct ProofReport {
  ReportHead head;
  LossReport loss;
  std::optional<WallTime> expires;
};
struct IncidentReport {
  ReportHead head;
  std::vector<Phase> phases;
};
Json to_json(const BackupReport& report);
Json to_json(const ProofReport& report);
Json to_json(const IncidentReport& report);

}  // namespace weir
