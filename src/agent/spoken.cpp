// Voices on the wire.
#include "agent/board.h"

namespace weir::agent {
namespace {

ServerLife life_from(const std::string& text) {
  if (text == "running") return ServerLife::running;
  return text == "ended" ? ServerLife::ended : ServerLife::absent;
}

}  // namespace

const char* name_of(ServerLife life) {
  switch (life) {
    case ServerLife::running:
      return "running";
    case ServerLife::ended:
      return "ended";
    case ServerLife::absent:
      break;
  }
  return "absent";
}

Json to_json(const Spoken& spoken) {
  const failover::Voice& voice = spoken.voice;
  Json json = Json::object()
                  .set("life", voice.life.text)
                  .set("voter", weir::to_json(voice.voter))
                  .set("server", name_of(voice.server))
                  .set("rising", voice.rising)
                  .set("sick", voice.sick)
                  .set("knows_position", voice.knows_position)
                  .set("suspects", voice.suspects)
                  .set("epoch", weir::to_json(voice.epoch))
                  .set("leader", voice.leader.text);
  if (voice.read) {
    json.set(
        "read",
        Json::object().set("rebuilt", voice.read->rebuilt).set("revision", voice.read->revision));
  }
  if (spoken.promise) json.set("promise", weir::to_json(*spoken.promise));
  return json;
}

Spoken spoken_from(const Json& json, Instant heard) {
  Spoken spoken;
  failover::Voice& voice = spoken.voice;
  voice.heard = heard;
  voice.life = AgentLife(json["life"].text());
  voice.voter = voter_from(json["voter"]);
  voice.server = life_from(json["server"].text());
  voice.rising = json["rising"].boolean();
  voice.sick = json["sick"].boolean();
  voice.knows_position = json["knows_position"].boolean();
  voice.suspects = json["suspects"].boolean();
  voice.epoch = epoch_from(json["epoch"]);
  voice.leader = MemberName(json["leader"].text());
  if (const Json& read = json["read"]; read.is_object()) {
    voice.read = Reading{read["rebuilt"].integer(), read["revision"].integer()};
  }
  if (json.has("promise")) spoken.promise = promise_from(json["promise"]);
  return spoken;
}

}  // namespace weir::agent
