// A checker watches one rule of safety.md during a run and at its end. One file each; a checker
// that cannot fail is a defect, so each is shown to fail by a test or a mutant.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/fake/fake.h"
#include "ledger/ledger.h"
#include "model/claim.h"
#include "model/fleet.h"
#include "model/record.h"
#include "model/report.h"

namespace weir::sim {

// What a checker may look at; everything is the truth, not what an agent believes.
struct Truth {
  Instant now{};
  engine::FakeCluster& cluster;
  const Service& service;
  const Record& record;             // as it stands in the store now
  int faults = 0;                   // injected so far
  bool calm = false;                // faults are over and everything came back
  std::optional<Claim> claim = {};  // of the service, as it stands in the store now
  // Why each living agent last did what it did, in its own words; of a frozen one nothing.
  const std::map<HostName, std::string>* because = nullptr;
  const std::set<HostName>* lost = nullptr;  // hosts that never come back

  std::string id(const MemberName& member) const { return service.name.text + "/" + member.text; }
  // The server that leads the record's epoch; null if none does.
  const engine::FakeServer* leader() const;
};

// A call of an agent on its host's disk or servers.
struct Effect {
  HostName host;
  std::string_view call;
  std::string_view detail;
  std::string_view content;  // of what was appended or written
};

class Checker {
 public:
  virtual ~Checker() = default;
  virtual std::string name() const = 0;
  virtual void on_acknowledged(const Truth&, const engine::FakeServer&, engine::RowId) {}
  virtual void on_effect(const Truth&, const Effect&) {}
  // The log of this member is about to be replaced by a copy or a rewind.
  virtual void on_overwrite(const Truth&, const std::string& id) { (void)id; }
  virtual void on_agent_began(const HostName&) {}
  virtual void on_tick(const Truth&) {}
  virtual void on_end(const Truth&) {}

  // What was violated, oldest first; at most a few are kept.
  const std::vector<std::string>& violations() const { return violations_; }

 protected:
  void violate(const Truth& truth, const std::string& what);

 private:
  std::vector<std::string> violations_;
};

std::unique_ptr<Checker> check_acknowledged();
std::unique_ptr<Checker> check_one_writer();
std::unique_ptr<Checker> check_set_inequality();
std::unique_ptr<Checker> check_journaled();
std::unique_ptr<Checker> check_flapping();
std::unique_ptr<Checker> check_claimed();
std::unique_ptr<Checker> check_copies();
std::unique_ptr<Checker> check_only_copy();
std::unique_ptr<Checker> check_reasons();
std::unique_ptr<Checker> check_whole();
std::unique_ptr<Checker> check_rounds();
std::unique_ptr<Checker> check_rewound();
std::unique_ptr<Checker> check_promised();
std::vector<std::unique_ptr<Checker>> all_checkers();
// What the ledger reports and is not so; empty: all of it is true.
std::vector<std::string> misreported(const Truth& truth, const LossReport& loss,
                                     const ledger::Tally& tally);
// Why the service is not whole yet; empty: a leader serves and every member is in the set.
std::string not_back(const Truth& truth);

}  // namespace weir::sim
