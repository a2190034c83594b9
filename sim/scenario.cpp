// One line, one statement; the first word says which.
#include "sim/scenario.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/quantity.h"
#include "base/text.h"

namespace weir::sim {
namespace {

constexpr Duration kLasts = 5s;

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
  std::istringstream in(line);
  Words out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

Result<std::int64_t> number(const std::string& text) {
  std::int64_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec == std::errc{} && read.ptr == text.data() + text.size()) return out;
  return fail(Failure::bad_config, "expected a number, got '" + text + "'");
}

tl::unexpected<Error> not_understood(const Words& words) {
  return fail(Failure::bad_config, "cannot understand '" + join(words, " ") + "'");
}

Result<> read_service(const Words& words, Scenario& out) {
  for (std::size_t i = 3; i < words.size(); ++i) {
    const std::vector<std::string> pair = split(words[i], '=');
    if (pair.size() != 2) return not_understood(words);
    if (pair[0] == "durability" && pair[1] == "required") continue;
    if (pair[0] == "durability" && pair[1] == "async") {
      out.plan.durability = Durability::async;
      out.plan.sync = 0;
      continue;
    }
    WEIR_TRY(const std::int64_t value, number(pair[1]));
    if (pair[0] == "members" && value >= 2 && value <= 5) {
      out.plan.members = static_cast<int>(value);
    } else if (pair[0] == "sync" && value >= 1) {
      out.plan.sync = static_cast<int>(value);
    } else if (pair[0] == "shaped" && value <= 1) {
      out.plan.shaped = value == 1;
    } else {
      return not_understood(words);
    }
  }
  return {};
}

Result<> read_load(const Words& words, Scenario& out) {
  if (words.size() < 3 || words[2] != "writes/s") return not_understood(words);
  WEIR_TRY(const std::int64_t rate, number(words[1]));
  out.plan.rate = static_cast<double>(rate);
  std::size_t next = 3;
  if (next + 1 < words.size() && words[next] == "by") {
    WEIR_TRY(const std::int64_t writers, number(words[next + 1]));
    if (writers < 1) return not_understood(words);
    out.plan.writers = static_cast<int>(writers);
    next += 2;
  }
  if (next + 1 < words.size() && words[next] == "for") {
    WEIR_TRY(out.plan.load_for, parse_duration(words[next + 1]));
    next += 2;
  }
  if (next != words.size()) return not_understood(words);
  return {};
}

std::optional<Target::Who> end_named(const std::string& word) {
  if (word == "leader") return Target::Who::leader;
  if (word == "replica") return Target::Who::replica;
  if (word == "clients") return Target::Who::clients;
  if (word == "store") return Target::Who::store;
  if (word == "everyone") return Target::Who::everyone;
  return std::nullopt;
}

bool is_number(const std::string& word) { return number(word).has_value(); }

// "leader", "replica", "replica 1", a member's letter, and for links "clients", "store",
// "everyone"; returns the index of the word after it.
Result<std::size_t> read_target(const Words& words, std::size_t at, Target& out) {
  if (at >= words.size()) return not_understood(words);
  if (const auto who = end_named(words[at])) {
    out.who = *who;
    if (*who != Target::Who::replica || at + 1 >= words.size() || !is_number(words[at + 1])) {
      return at + 1;
    }
    WEIR_TRY(const std::int64_t index, number(words[at + 1]));
    out.index = static_cast<int>(index) - 1;
    return at + 2;
  }
  if (words[at].size() != 1 || words[at][0] < 'a' || words[at][0] > 'e') {
    return not_understood(words);
  }
  out.who = Target::Who::member;
  out.index = words[at][0] - 'a';
  return at + 1;
}

bool is_a_member(const Target& target) {
  return target.who == Target::Who::member || target.who == Target::Who::leader ||
         target.who == Target::Who::replica;
}

// Who is meant, after the fault's own word; returns the index of the word after it.
Result<std::size_t> read_victims(const Words& words, std::size_t at, FaultPlan& out) {
  if (is_of_the_store(out.fault)) return at;
  if (out.fault == Fault::apply) {
    if (at >= words.size() || split(words[at], '=').size() != 2) return not_understood(words);
    out.detail = words[at];
    return at + 1;
  }
  if (out.fault == Fault::set_mode) {
    if (at >= words.size() || !durability_named(words[at])) return not_understood(words);
    out.detail = words[at];
    return at + 1;
  }
  if (out.fault == Fault::set_sync) {
    if (at >= words.size()) return not_understood(words);
    WEIR_TRY(const std::int64_t sync, number(words[at]));
    out.target.index = static_cast<int>(sync);
    return at + 1;
  }
  WEIR_TRY(std::size_t next, read_target(words, at, out.target));
  if (!is_of_a_link(out.fault)) {
    if (!is_a_member(out.target)) return not_understood(words);
    return next;
  }
  if (next >= words.size() || (words[next] != "->" && words[next] != "<->")) {
    return not_understood(words);
  }
  out.both_ways = words[next] == "<->";
  return read_target(words, next + 1, out.to);
}

// "after CALL DETAIL [+N] [same-activity] [for TIME]", from the word "after" on: at a place in an
// agent's code. DETAIL "*" is any.
Result<> read_place(const Words& words, std::size_t at, FaultPlan& out) {
  if (words.size() < at + 3) return not_understood(words);
  out.call = words[at + 1];
  if (words[at + 2] != "*") out.detail = words[at + 2];
  for (std::size_t i = at + 3; i < words.size(); ++i) {
    if (words[i].starts_with('+')) {
      WEIR_TRY(const std::int64_t more, number(words[i].substr(1)));
      out.crossings = static_cast<int>(more);
    } else if (words[i] == "same-activity") {
      out.same_fiber = true;
    } else if (words[i] == "for" && i + 1 < words.size()) {
      WEIR_TRY(out.lasts, parse_duration(words[++i]));
    } else {
      return not_understood(words);
    }
  }
  return {};
}

Result<> read_fault(const Words& words, Scenario& out) {
  FaultPlan fault;
  if (words.size() < 3) return not_understood(words);
  fault.from_start = words[1] == "start";
  if (!fault.from_start) {
    WEIR_TRY(fault.at, parse_duration(words[1]));
  }
  const auto named = fault_named(words[2]);
  if (!named) return not_understood(words);
  fault.fault = *named;
  const bool draws = *named == Fault::kill_server || *named == Fault::kill_agent;
  fault.lasts = draws ? Duration{} : kLasts;
  const bool kills = *named == Fault::kill_agent || *named == Fault::kill_host;
  std::size_t next = 3;
  if (kills && words.size() > 3 && words[3] == "after") {
    WEIR_TRY_(read_place(words, 3, fault));
    out.plan.faults.push_back(fault);
    return {};
  }
  WEIR_TRY(next, read_victims(words, 3, fault));
  if (next + 1 < words.size() && words[next] == "for") {
    WEIR_TRY(fault.lasts, parse_duration(words[next + 1]));
    next += 2;
  }
  if (next + 1 < words.size() && words[next] == "by" && *named == Fault::step_clock) {
    const bool back = words[next + 1].starts_with('-');
    WEIR_TRY(const Duration by, parse_duration(words[next + 1].substr(back ? 1 : 0)));
    fault.lasts = back ? -by : by;
    next += 2;
  }
  if (next < words.size()) {
    if (words[next] != "after") return not_understood(words);
    fault.aimed = true;
    WEIR_TRY_(read_place(words, next, fault));
  }
  out.plan.faults.push_back(fault);
  return {};
}

Result<> read_expectation(const std::string& text, Scenario& out) {
  const Words words = words_of(text);
  if (words.size() == 3 && words[0] == "promoted" && words[1] == "within") {
    WEIR_TRY(out.promoted_within, parse_duration(words[2]));
    return {};
  }
  if (words.size() == 3 && words[0] == "back" && words[1] == "within") {
    WEIR_TRY(out.plan.back_within, parse_duration(words[2]));
    return {};
  }
  if (words.size() == 3 && words[0] == "gap" && words[1] == "within") {
    WEIR_TRY(out.gap_within, parse_duration(words[2]));
    return {};
  }
  if (words.size() == 3 && words[0] == "gap" && words[1] == "over") {
    WEIR_TRY(out.gap_over, parse_duration(words[2]));
    return {};
  }
  if (words.size() == 4 && words[0] == "lost" && words[1] == "at" && words[2] == "most") {
    WEIR_TRY(const std::int64_t most, number(words[3]));
    out.lost_at_most = static_cast<std::size_t>(most);
    return {};
  }
  if (words.size() != 2) return not_understood(words);
  WEIR_TRY(const std::int64_t value, number(words[1]));
  if (words[0] == "promotions") {
    out.promotions = value;
  } else if (words[0] == "lost") {
    out.lost = static_cast<std::size_t>(value);
  } else {
    return not_understood(words);
  }
  return {};
}

Result<> read_line(const std::string& line, Scenario& out) {
  const Words words = words_of(line.substr(0, line.find('#')));
  if (words.empty()) return {};
  if (words[0] == "service") return read_service(words, out);
  if (words[0] == "load") return read_load(words, out);
  if (words[0] == "at") return read_fault(words, out);
  if (words[0] == "seed" && words.size() == 2) {
    WEIR_TRY(const std::int64_t seed, number(words[1]));
    out.plan.seed = static_cast<std::uint64_t>(seed);
    return {};
  }
  if (words[0] != "expect") return not_understood(words);
  for (const std::string& part : split(join({words.begin() + 1, words.end()}, " "), ',')) {
    WEIR_TRY_(read_expectation(part, out));
  }
  return {};
}

}  // namespace

Result<Scenario> parse_scenario(const std::string& file, const std::string& text) {
  Scenario out;
  int line = 0;
  for (const std::string& one : split(text, '\n')) {
    ++line;
    const auto read = read_line(one, out);
    if (read) continue;
    return fail(Failure::bad_config, fmt::format("{}:{}: {}", file, line, read.error().what));
  }
  return out;
}

Report run(const Scenario& scenario, std::function<void(const std::string&)> tell) {
  Report out = run(scenario.plan, std::move(tell));
  if (scenario.promoted_within && (out.promotions == 0 || out.promoted_within == Duration{})) {
    out.violations.push_back("expected a promotion, saw none");
  } else if (scenario.promoted_within && out.promoted_within > *scenario.promoted_within) {
    out.violations.push_back(fmt::format("expected a promotion within {}, it took {}",
                                         weir::show(*scenario.promoted_within),
                                         weir::show(out.promoted_within)));
  }
  if (scenario.promotions && out.promotions != *scenario.promotions) {
    out.violations.push_back(
        fmt::format("expected {} promotions, saw {}", *scenario.promotions, out.promotions));
  }
  if (scenario.gap_within && out.longest_gap > *scenario.gap_within) {
    out.violations.push_back(fmt::format("expected no gap over {}, saw {}",
                                         weir::show(*scenario.gap_within),
                                         weir::show(out.longest_gap)));
  }
  if (scenario.gap_over && out.longest_gap <= *scenario.gap_over) {
    out.violations.push_back(fmt::format("expected a gap over {}, saw {}",
                                         weir::show(*scenario.gap_over),
                                         weir::show(out.longest_gap)));
  }
  if (scenario.lost_at_most && out.lost > *scenario.lost_at_most) {
    out.violations.push_back(
        fmt::format("expected at most {} lost, saw {}", *scenario.lost_at_most, out.lost));
  }
  if (!scenario.lost_at_most && out.lost != scenario.lost) {
    out.violations.push_back(fmt::format("expected {} lost, saw {}", scenario.lost, out.lost));
  }
  return out;
}

Result<Scenario> read_scenario(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(Failure::not_found, "cannot read " + path);
  std::stringstream text;
  text << in.rdbuf();
  return parse_scenario(path, text.str());
}

Result<Report> run_scenario(const std::string& path, std::function<void(const std::string&)> tell) {
  WEIR_TRY(const Scenario scenario, read_scenario(path));
  return run(scenario, std::move(tell));
}

}  // namespace weir::sim
