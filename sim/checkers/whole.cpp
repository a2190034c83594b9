// Nothing half-done: once the fleet is calm no copy, rewind or promise is left half-way on any
// disk, and what each member notes durably is what the record says of it.
#include <fmt/format.h>

#include <set>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

Json note_at(Files& files, const std::string& path) {
  const auto text = files.read(path);
  if (!text) return {};
  return Json::parse(*text).value_or(Json{});
}

std::string half_pointed(const Truth& truth, const Member& member, const engine::FakePaths& paths,
                         Files& files) {
  const auto settings = engine::fake_settings_from(note_at(files, paths.settings()));
  const bool leads = truth.record.leader.member == member.name;
  if (settings.standby == leads) return leads ? "it would start as a replica" : "it would lead";
  if (leads) return {};
  if (settings.upstream != truth.record.leader.member) return "it does not follow the leader";
  if (settings.epoch != truth.record.epoch.number) return "it follows another epoch";
  if (!files.exists(paths.key(settings.key_epoch))) return "its receiver has no key";
  return {};
}

std::string half_done(const Truth& truth, const Member& member) {
  const std::string id = truth.id(member.name);
  const engine::FakePaths paths = truth.cluster.paths(id, member.host);
  Files& files = truth.cluster.files(member.host);
  if (truth.cluster.disk(id).damaged) return "its data is half copied";
  if (files.exists(paths.rewinding())) return "its rewind was cut off";
  const std::int64_t round = note_at(files, paths.promise())["round"].integer();
  if (round != 0) return fmt::format("it still holds its promise of round {}", round);
  const std::string incarnation = note_at(files, paths.incarnation())["incarnation"].text();
  for (const Voter& voter : truth.record.members) {
    if (voter.member == member.name && voter.incarnation.text != incarnation) {
      return "the record has another incarnation of its data";
    }
  }
  return half_pointed(truth, member, paths, files);
}

class Whole : public Checker {
 public:
  std::string name() const override { return "whole"; }

  void on_end(const Truth& truth) override {
    if (!truth.calm) return;  // that it did not become calm is progress's word
    for (const Member& member : truth.service.members) {
      if (truth.lost != nullptr && truth.lost->contains(member.host)) continue;
      const std::string what = half_done(truth, member);
      if (!what.empty()) violate(truth, member.name.text + ": " + what);
    }
  }
};

}  // namespace

std::unique_ptr<Checker> check_whole() { return std::make_unique<Whole>(); }

}  // namespace weir::sim
