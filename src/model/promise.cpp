// A promise as it travels between agents and lies on disk.
#include "model/promise.h"

#include "model/record.h"

namespace weir {

Json to_json(const Promise& promise) {
  Json json = Json::object();
  json.set("voter", to_json(promise.voter)).set("round", promise.round);
  json.set("of", to_json(promise.of));
  json.set("standing", to_json(promise.standing));
  return json;
}

Promise promise_from(const Json& json) {
  Promise promise;
  promise.voter = voter_from(json["voter"]);
  promise.round = json["round"].integer();
  promise.of = epoch_from(json["of"]);
  promise.standing = standing_from(json["standing"]);
  return promise;
}

}  // namespace weir
