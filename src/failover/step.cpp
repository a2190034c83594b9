// Steps as they stand in journals.
#include "failover/failover.h"

namespace weir::failover {
namespace {

struct KindOf {
  const char* operator()(const AskOthers&) const { return "AskOthers"; }
  const char* operator()(const OpenRound&) const { return "OpenRound"; }
  const char* operator()(const CloseRound&) const { return "CloseRound"; }
  const char* operator()(const GivePromise&) const { return "GivePromise"; }
  const char* operator()(const Take&) const { return "Take"; }
  const char* operator()(const Promote&) const { return "Promote"; }
  const char* operator()(const Confirm&) const { return "Confirm"; }
  const char* operator()(const Release&) const { return "Release"; }
  const char* operator()(const Follow&) const { return "Follow"; }
  const char* operator()(const Fence&) const { return "Fence"; }
  const char* operator()(const LoadSet&) const { return "LoadSet"; }
  const char* operator()(const RecordSet&) const { return "RecordSet"; }
  const char* operator()(const Reclaim&) const { return "Reclaim"; }
  const char* operator()(const Restart&) const { return "Restart"; }
  const char* operator()(const Rejoin&) const { return "Rejoin"; }
  const char* operator()(const Isolate&) const { return "Isolate"; }
};

Json upstream_json(const engine::Upstream& upstream) {
  return Json::object()
      .set("leader", upstream.leader.name.text)
      .set("epoch", weir::to_json(upstream.epoch));
}

struct ToJson {
  Json operator()(const AskOthers&) const { return Json::object(); }
  Json operator()(const OpenRound& s) const { return record(s.next); }
  Json operator()(const CloseRound& s) const { return record(s.next); }
  Json operator()(const GivePromise& s) const { return Json::object().set("round", s.round); }
  Json operator()(const Take& s) const { return record(s.next); }
  Json operator()(const Promote& s) const {
    return Json::object().set("epoch", weir::to_json(s.epoch)).set("set", weir::to_json(s.set));
  }
  Json operator()(const Confirm& s) const { return record(s.next); }
  Json operator()(const Release& s) const {
    Json json = Json::object().set("round", s.round);
    if (s.upstream) json.set("upstream", upstream_json(*s.upstream));
    return json;
  }
  Json operator()(const Follow& s) const {
    return Json::object().set("upstream", upstream_json(s.upstream));
  }
  Json operator()(const Fence&) const { return Json::object(); }
  Json operator()(const LoadSet& s) const {
    return Json::object().set("set", weir::to_json(s.set));
  }
  Json operator()(const RecordSet& s) const { return record(s.next); }
  Json operator()(const Reclaim& s) const { return record(s.next); }
  Json operator()(const Restart& s) const { return record(s.next); }
  Json operator()(const Rejoin& s) const {
    return Json::object()
        .set("upstream", upstream_json(s.upstream))
        .set("how", s.how == engine::Rejoin::rewind ? "rewind" : "rebuild")
        .set("fresh", s.fresh.text);
  }
  Json operator()(const Isolate& s) const { return Json::object().set("on", s.on); }
  static Json record(const Record& next) { return Json::object().set("next", weir::to_json(next)); }
};

}  // namespace

bool needs_intent(const Step& step) {
  return !std::holds_alternative<Fence>(step) && !std::holds_alternative<AskOthers>(step);
}

bool points_at_leader(const Step& step) {
  return std::holds_alternative<Follow>(step) || std::holds_alternative<Release>(step) ||
         std::holds_alternative<Rejoin>(step);
}

bool is_a_rejoin(const Step& step, const Result<>& outcome) {
  const bool no_space = !outcome && outcome.error().failure == Failure::no_space;
  return std::holds_alternative<Rejoin>(step) && !no_space;
}

bool is_a_start(const Step& step) {
  return std::holds_alternative<Follow>(step) || std::holds_alternative<Restart>(step);
}

const char* kind_of(const Step& step) { return std::visit(KindOf{}, step); }
Json to_json(const Step& step) { return std::visit(ToJson{}, step); }

}  // namespace weir::failover
