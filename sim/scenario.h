// Scenario files of tests/scenarios: topology, load, faults and expectations as text.
//   service orders postgres members=3 sync=1 durability=required
//   seed    7
//   load    100 writes/s by 2 for 15s
//   at 2s   kill-server leader
//   at 2s   kill-host replica 1 for 5s
//   at 2s   kill-agent after write promise.json +2
//   at 2s   lose-data leader after write rewinding
//   at 2s   freeze-host leader for 8s
//   at 2s   cut-link leader -> replica 1 for 5s
//   at 2s   slow-link everyone <-> store for 5s
//   at 2s   doubt-store for 5s
//   at 2s   stale-reads for 5s
//   at 2s   step-clock leader by -20s
//   at 2s   set-sync 2
//   at 2s   set-mode async
//   at 2s   archive-log leader
//   at 2s   apply max_connections=200       (where the service has shaped=1)
//   at start kill-host after append "kind":"Create" +1 same-activity for 3s
//   expect  promoted within 3s, gap within 3s, promotions 1, lost 0
//   expect  gap over 4s                     (where the leader is to be fenced)
// Faults and whom they may hit: sim/faults.h.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "sim/run.h"

namespace weir::sim {

struct Scenario {
  Plan plan;
  std::optional<Duration> promoted_within;  // from the leader's fault to a confirmed commit
  std::optional<std::int64_t> promotions;   // exactly so many
  std::optional<Duration> gap_within;       // the longest without an acknowledgement
  std::optional<Duration> gap_over;         // where a leader is to be fenced
  std::size_t lost = 0;
  std::optional<std::size_t> lost_at_most;  // in its place, where commits do not wait
};

// Text that parses to the same plan: how a failing seed becomes a scenario.
std::string to_text(const Plan& plan);
// bad_config with FILE:LINE for text that it does not understand.
Result<Scenario> parse_scenario(const std::string& file, const std::string& text);
Result<Scenario> read_scenario(const std::string& path);
// Reads, runs and judges; what was expected and did not happen is among the violations.
Result<Report> run_scenario(const std::string& path,
                            std::function<void(const std::string&)> tell = {});
Report run(const Scenario& scenario, std::function<void(const std::string&)> tell = {});

}  // namespace weir::sim
