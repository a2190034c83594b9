// The explicit table of engines. Those that the design knows and this version does not run are
// rows too, so that their names are understood and answered with one sentence.
#include "config/engines.h"

namespace weir::config {

const std::vector<EngineSyntax>& engines() {
  static const std::vector<EngineSyntax> kEngines = [] {
    std::vector<EngineSyntax> rows{postgres_syntax()};
    for (const std::string_view name : {"redis", "mongodb", "elasticsearch", "s3", "memcached",
                                        "rabbitmq", "sqs", "activemq", "kinesis"}) {
      rows.push_back({name, false, 0, {}, nullptr});
    }
    return rows;
  }();
  return kEngines;
}

const EngineSyntax* find_engine(std::string_view name) {
  for (const EngineSyntax& engine : engines()) {
    if (engine.name == name) return &engine;
  }
  return nullptr;
}

}  // namespace weir::config
