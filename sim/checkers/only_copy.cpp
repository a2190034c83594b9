// Nothing destroys the only copy (S10): when a log is rewound or copied over, each acknowledged row
// in it is on another whole disk, and what the leader lacks was exported or set aside first. Where
// commits do not wait an acknowledged row may be on one disk only: then the export is the other
// copy.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class OnlyCopy : public Checker {
 public:
  std::string name() const override { return "only-copy"; }

  void on_effect(const Truth&, const Effect& effect) override {
    const bool exported =
        effect.call == "write" && effect.detail.find("/exports/") != std::string_view::npos;
    const bool set_aside = effect.call == "rename" && effect.detail.ends_with("/data");
    if (exported || set_aside) kept_.insert(effect.host);
  }

  void on_overwrite(const Truth& truth, const std::string& id) override {
    const HostName host = host_of(truth, id);
    const bool kept = kept_.erase(host) > 0;
    const std::set<engine::RowId> held = on_other_disks(truth, id);
    const auto& of_leader = truth.cluster.disk(truth.id(truth.record.leader.member)).log;
    const std::set<engine::RowId> leads(of_leader.begin(), of_leader.end());
    for (const engine::RowId row : truth.cluster.disk(id).log) {
      const bool elsewhere = held.contains(row) || (kept && truth.record.mode == Durability::async);
      if (truth.cluster.row(row).acknowledged && !elsewhere) {
        violate(truth, fmt::format("row {} was acknowledged, and {} is overwritten, which has the "
                                   "only copy",
                                   row, id));
        return;
      }
      if (!kept && !leads.contains(row)) {
        violate(truth, fmt::format("{} is overwritten, and its row {}, which the leader lacks, is "
                                   "neither exported nor set aside",
                                   id, row));
        return;
      }
    }
  }

 private:
  // A member has the name of its host, declared or leaving.
  static HostName host_of(const Truth& truth, const std::string& id) {
    return HostName(id.substr(truth.id({}).size()));
  }

  static std::set<engine::RowId> on_other_disks(const Truth& truth, const std::string& id) {
    std::set<engine::RowId> out;
    for (const Member& member : truth.service.all()) {
      const std::string other = truth.id(member.name);
      const engine::FakeDisk& disk = truth.cluster.disk(other);
      if (other != id && disk.exists && !disk.damaged) out.insert(disk.log.begin(), disk.log.end());
    }
    return out;
  }

  std::set<HostName> kept_;
};

}  // namespace

std::unique_ptr<Checker> check_only_copy() { return std::make_unique<OnlyCopy>(); }

}  // namespace weir::sim
