// Sorted.
#include "sim/probes.h"

namespace weir::sim {

const std::vector<std::string>& all_probes() {
  static const std::vector<std::string> kAll = {
      "agent.did_not_run",
      "agent.step_cut_off_in_an_earlier_life",
      "failover.a_follower_holds_more",
      "failover.a_previous_set_is_not_met",
      "failover.agent_and_server_refuse",
      "failover.another_does_not_suspect",
      "failover.chosen_after_the_limit",
      "failover.copied_anew_to_confirm",
      "failover.deposed_by_a_voice",
      "failover.deposed_by_the_record",
      "failover.does_not_count_in_the_round",
      "failover.follows_but_receives_nothing",
      "failover.former_leader_waits",
      "failover.half_rewound",
      "failover.leads_on_in_a_round",
      "failover.lineage_before_position",
      "failover.lost_the_race",
      "failover.newcomer_joins_an_unproven_set",
      "failover.next_round_waits",
      "failover.own_agent_reports_it_dead",
      "failover.promise_given_back",
      "failover.restart_though_it_is_slow",
      "failover.round_over_its_limit",
      "failover.start_came_up_after_a_promise",
      "failover.still_counted_before_it_rejoins",
      "failover.too_few_answer",
      "failover.touches_the_record_after_a_doubt",
      "provision.leader_waits_for_its_replicas",
      "provision.waits_for_its_turn_to_restart",
  };
  return kAll;
}

const std::vector<RarestProbe>& probes_of_scenarios() {
  static const std::vector<RarestProbe> kRarest = {
      // The chosen member stands still over the limit, and nobody else can close the round.
      {"failover.chosen_after_the_limit", "failover/chosen_after_the_limit", nullptr},
      // A former leader's unacknowledged tail outgrows what the next one wrote before it died.
      {"failover.lineage_before_position", "failover/longer_log_of_the_older_epoch", nullptr},
      // The second line of defence: a promise ends the starts that are under way.
      {"failover.start_came_up_after_a_promise", "failover/start_in_flight_and_away_from_the_store",
       "start-in-flight-at-a-promise"},
  };
  return kRarest;
}

std::vector<std::string> probes_of_seeds() {
  std::vector<std::string> out = all_probes();
  for (const RarestProbe& rarest : probes_of_scenarios()) std::erase(out, rarest.name);
  return out;
}

std::vector<std::string> never_reached(
    const std::vector<std::string>& wanted,
    const std::map<std::string, std::uint64_t, std::less<>>& passed) {
  std::vector<std::string> out;
  for (const std::string& name : wanted) {
    if (!passed.contains(name)) out.push_back(name);
  }
  return out;
}

}  // namespace weir::sim
