// What all checkers share, and the list of them.
#include "sim/checkers/checker.h"

#include <fmt/format.h>

namespace weir::sim {
namespace {

constexpr std::size_t kKept = 3;

}  // namespace

const engine::FakeServer* Truth::leader() const {
  const auto& servers = cluster.servers();
  const auto found = servers.find(id(record.leader.member));
  if (found == servers.end() || found->second.orphaned || !found->second.leader) return nullptr;
  return found->second.loaded.epoch == record.epoch.number ? &found->second : nullptr;
}

void Checker::violate(const Truth& truth, const std::string& what) {
  if (violations_.size() >= kKept) return;
  const double seconds = std::chrono::duration<double>(truth.now.time_since_epoch()).count();
  violations_.push_back(fmt::format("{} at {:.3f} s: {}", name(), seconds, what));
}

std::vector<std::unique_ptr<Checker>> all_checkers() {
  std::vector<std::unique_ptr<Checker>> out;
  out.push_back(check_acknowledged());
  out.push_back(check_one_writer());
  out.push_back(check_set_inequality());
  out.push_back(check_journaled());
  out.push_back(check_flapping());
  out.push_back(check_claimed());
  out.push_back(check_copies());
  out.push_back(check_only_copy());
  out.push_back(check_reasons());
  out.push_back(check_whole());
  out.push_back(check_rounds());
  out.push_back(check_rewound());
  out.push_back(check_promised());
  return out;
}

}  // namespace weir::sim
