// How drills, `weir up` and `weir down` speak to the supervisor.
#include <algorithm>

#include "guard/guard.h"
#include "guard/line_server.h"

namespace weir::guard {

Supervisor::Supervisor(Clock& clock, std::string socket)
    : clock_(clock), socket_(std::move(socket)) {}

Result<Json> Supervisor::ask(const Json& question, Deadline deadline) {
  const auto milliseconds_left = [&] {
    // In small pieces, because poll counts a clock that sleeps with the machine.
    const Duration left = std::min<Duration>(deadline.at - clock_.now(), 1s);
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
  };
  WEIR_TRY(const std::string line, ask_line(socket_, question.dump(), milliseconds_left));
  WEIR_TRY(const Json answer, Json::parse(line));
  if (answer.has("error")) return fail(error_from(answer["error"]));
  return answer["ok"];
}

Result<Json> Supervisor::status(Deadline deadline) {
  return ask(Json::object().set("op", "status"), deadline);
}

Result<FaultDone> Supervisor::inject(const FaultOrder& order, Deadline deadline) {
  const Json question = Json::object()
                            .set("op", "inject")
                            .set("fault", name_of(order.fault))
                            .set("host", order.host.text)
                            .set("server", order.server)
                            .set("drill", order.drill)
                            .set("revert_by_ns", std::int64_t{order.revert_by.count()});
  WEIR_TRY(const Json done, ask(question, deadline));
  return FaultDone{Instant(Duration(done["at_ns"].integer()))};
}

Result<> Supervisor::revert(const std::string& drill, Deadline deadline) {
  WEIR_TRY_(ask(Json::object().set("op", "revert").set("drill", drill), deadline));
  return {};
}

Result<bool> Supervisor::reverted(const std::string& drill, Deadline deadline) {
  WEIR_TRY(const Json answer,
           ask(Json::object().set("op", "reverted").set("drill", drill), deadline));
  return answer["reverted"].boolean();
}

Result<> Supervisor::replace(const std::string& child, Deadline deadline) {
  WEIR_TRY_(ask(Json::object().set("op", "replace").set("child", child), deadline));
  return {};
}

Result<> Supervisor::stop(Deadline deadline) {
  WEIR_TRY_(ask(Json::object().set("op", "stop"), deadline));
  return {};
}

}  // namespace weir::guard
