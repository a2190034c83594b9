// What an agent tells the operator: its own member, what it hears and sees of the others, and what
// it last read from the store. No secret is in it that the store does not hold.
#include "agent/service_loop.h"

namespace weir::agent {
namespace {

// How long ago, in milliseconds; null for never. Two machines share no clock, so ages travel.
Json age(Instant now, Instant then) {
  if (then == Instant{}) return nullptr;
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - then).count();
}

Json own_facts(const failover::View& view) {
  const engine::Local& own = view.own;
  Json json = Json::object()
                  .set("life", view.life.text)
                  .set("running_for_ms", age(view.now, view.memory.began))
                  .set("incarnation", own.incarnation.text)
                  .set("data", own.data)
                  .set("trouble", own.trouble)
                  .set("promised", own.promised)
                  .set("promised_last", own.promised_last)
                  .set("half_rewound", own.half_rewound)
                  .set("server", name_of(own.server.life))
                  .set("pid", own.server.pid)
                  .set("guarded", own.server.guarded)
                  .set("follows", own.follows.text)
                  .set("follows_epoch", weir::to_json(own.follows_epoch))
                  .set("led", weir::to_json(own.led));
  if (own.server.exit_status) json.set("exit_status", *own.server.exit_status);
  return json;
}

Json others_facts(const failover::View& view) {
  Json out = Json::array();
  for (const failover::Other& other : view.others) {
    out.add(Json::object()
                .set("member", other.member.name.text)
                .set("heard_ms", age(view.now, other.voice.heard))
                .set("server", name_of(other.voice.server))
                .set("suspects", other.voice.suspects)
                .set("epoch", weir::to_json(other.voice.epoch))
                .set("reach", weir::name_of(other.seen.reach))
                .set("role", weir::name_of(other.seen.role))
                .set("seen_ms", age(view.now, other.seen.at)));
  }
  return out;
}

Json promises(const failover::View& view) {
  Json out = Json::array();
  for (const Promise& promise : view.promises) out.add(weir::to_json(promise));
  return out;
}

Json readiness_of(const failover::View& view) {
  const failover::Readiness readiness = failover::readiness(view);
  return Json::object().set("possible", readiness.possible).set("because", readiness.because);
}

}  // namespace

Json ServiceLoop::sighting() const { return weir::to_json(board_.seen(self_.name)); }

Json ServiceLoop::line() const {
  const failover::View now = board_.view(ports_.world.clock.now(), ports_.setting.timings, {}, {});
  return Json::object()
      .set("member", self_.name.text)
      .set("because", board_.because())
      .set("failover", readiness_of(now));
}

Json ServiceLoop::status() const {
  const Timings& timings = ports_.setting.timings;
  const failover::View now = board_.view(ports_.world.clock.now(), timings, {}, {});
  const failover::Suspicion suspicion = failover::suspicion(now);
  return Json::object()
      .set("member", self_.name.text)
      .set("because", board_.because())
      .set("failover", readiness_of(now))
      .set("suspicion",
           Json::object().set("suspects", suspicion.suspects).set("because", suspicion.because))
      .set("own", own_facts(now))
      .set("others", others_facts(now))
      .set("promises", promises(now))
      .set("sighting", weir::to_json(now.own_seen))
      .set("sighting_age_ms", age(now.now, now.own_seen.at));
}

Json ServiceLoop::known() const {
  Json json = Json::object();
  if (const auto service = board_.service()) {
    json.set("desired", weir::to_json(*service)).set("desired_revision", board_.desired_revision());
  }
  if (const auto held = board_.held()) {
    json.set("record", weir::to_json(held->record)).set("record_revision", held->revision);
  }
  return json;
}

}  // namespace weir::agent
