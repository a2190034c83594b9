// As an application does: one statement at a time, a new connection after each doubt.
#include "sim/load.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::sim {
namespace {

constexpr Duration kStatementLimit = 1s;
constexpr Duration kRetry = 50ms;

engine::Setting client_setting() {
  engine::Setting out;
  out.fleet = FleetName("sim");
  out.host = HostName("client");
  out.state = "/state";
  return out;
}

}  // namespace

Load::Load(SimFleet& fleet, int writers, double rate)
    : fleet_(fleet),
      writers_(writers),
      pause_(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(writers / rate))),
      engine_(engine::make_fake(fleet.client().world, client_setting(), fleet.cluster())) {}

void Load::begin() {
  tally_.last_acknowledged = fleet_.fibers().now();
  for (int writer = 1; writer <= writers_; ++writer) {
    fleet_.fibers().begin(0, fmt::format("writer {}", writer),
                          [this, writer] { write_on(writer); });
  }
}

void Load::write_on(int writer) {
  Clock& clock = fleet_.client().clock;
  std::unique_ptr<engine::Session> session;
  std::int64_t sequence = 0;
  while (!stopping_) {
    if (!session) {
      auto opened = engine_->writes()->connect(fleet_.service().members, {}, clock.within(1s));
      if (!opened) {
        clock.sleep_for(kRetry);
        continue;
      }
      session = std::move(*opened);
    }
    const engine::WriteResult result =
        session->write({writer, ++sequence, {}, {}}, clock.within(kStatementLimit));
    if (result.written == engine::Written::acknowledged) {
      ++tally_.acknowledged;
      tally_.longest_gap = std::max(tally_.longest_gap, clock.now() - tally_.last_acknowledged);
      tally_.last_acknowledged = clock.now();
      clock.sleep_for(pause_);
      continue;
    }
    if (result.written == engine::Written::in_doubt) ++tally_.in_doubt;
    fleet_.fibers().trace("client", result.detail);
    session.reset();
    clock.sleep_for(kRetry);
  }
}

}  // namespace weir::sim
