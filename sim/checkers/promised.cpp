// A member that holds a promise has the log that it answered with, until it follows, is released or
// is promoted (S6): what comes to it later came from a leader that it has turned away from. A log
// that shrinks is a disk that broke its word.
#include <fmt/format.h>

#include <map>

#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class Promised : public Checker {
 public:
  std::string name() const override { return "promised"; }

  void on_effect(const Truth&, const Effect& effect) override {
    if (effect.call == "written" && effect.detail.ends_with("/promise.json")) {
      const auto note = Json::parse(std::string(effect.content));
      held_.erase(effect.host);
      if (note && (*note)["round"].integer() != 0 && note->has("given")) {
        held_[effect.host] = promise_from((*note)["given"]);
      }
      return;
    }
    const bool data_changes =
        (effect.call == "written" && effect.detail.ends_with("/rewinding")) ||
        (effect.call == "remove" && effect.detail.ends_with("/incarnation.json"));
    if (data_changes || opens(effect)) held_.erase(effect.host);
  }

  void on_tick(const Truth& truth) override {
    for (auto held = held_.begin(); held != held_.end();) {
      const std::string id = truth.id(MemberName(held->first.text));  // named as its host
      const Promise& promise = held->second;
      const bool there = truth.cluster.disk(id).exists;
      const Position end = truth.cluster.end_of(id);
      const bool grew = there && end > promise.standing.at;
      if (grew) {
        violate(truth, fmt::format("{} promised round {} with its log at {}, and it is at {} now",
                                   id, promise.round, show(promise.standing.at), show(end)));
      }
      held = grew || !there ? held_.erase(held) : std::next(held);
    }
  }

 private:
  // The note of its data says that it leads the promise's round from now on.
  bool opens(const Effect& effect) const {
    const auto held = held_.find(effect.host);
    const bool noted = effect.call == "written" && effect.detail.ends_with("/incarnation.json");
    if (!noted || held == held_.end()) return false;
    const auto note = Json::parse(std::string(effect.content));
    return note && epoch_from((*note)["led"]).number >= held->second.round;
  }

  std::map<HostName, Promise> held_;
};

}  // namespace

std::unique_ptr<Checker> check_promised() { return std::make_unique<Promised>(); }

}  // namespace weir::sim
