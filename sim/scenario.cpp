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
    WEIR_TRY(const std::int64_t value, number(pair[1]));
    if (pair[0] == "members" && value >= 2 && value <= 5) {
      out.plan.members = static_cast<int>(value);
    } else if (pair[0] == "sync" && value >= 1) {
      out.plan.sync = static_cast<int>(value);
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
  if (words.size() == 3) return {};
  if (words.size() != 5 || words[3] != "for") return not_understood(words);
  WEIR_TRY(out.plan.load_for, parse_duration(words[4]));
  return {};
}

std::optional<Fault> fault_named(const std::string& text) {
  for (const Fault fault : {Fault::kill_server, Fault::kill_host, Fault::kill_agent,
                            Fault::lose_data, Fault::pause_replay}) {
    if (text == name_of(fault)) return fault;
  }
  return std::nullopt;
}

// "leader", "replica", "replica 1", or a member's letter; returns how many words it took.
Result<std::size_t> read_target(const Words& words, std::size_t at, FaultPlan& out) {
  if (at >= words.size()) return not_understood(words);
  if (words[at] == "leader") {
    out.target.who = Target::Who::leader;
    return at + 1;
  }
  if (words[at] == "replica") {
    out.target.who = Target::Who::replica;
    if (at + 1 < words.size() && words[at + 1] != "for") {
      WEIR_TRY(const std::int64_t index, number(words[at + 1]));
      out.target.index = static_cast<int>(index) - 1;
      return at + 2;
    }
    return at + 1;
  }
  if (words[at].size() != 1 || words[at][0] < 'a' || words[at][0] > 'e') {
    return not_understood(words);
  }
  out.target.who = Target::Who::member;
  out.target.index = words[at][0] - 'a';
  return at + 1;
}

Result<> read_fault(const Words& words, Scenario& out) {
  FaultPlan fault;
  if (words.size() < 4) return not_understood(words);
  WEIR_TRY(fault.at, parse_duration(words[1]));
  const auto named = fault_named(words[2]);
  if (!named) return not_understood(words);
  fault.fault = *named;
  fault.lasts = *named == Fault::kill_server ? Duration{} : kLasts;
  const bool by_code = *named == Fault::kill_agent || *named == Fault::kill_host;
  if (by_code && words[3] == "after") {
    if (words.size() < 6) return not_understood(words);
    fault.call = words[4];
    fault.detail = words[5];
    if (words.size() == 7 && words[6].starts_with('+')) {
      WEIR_TRY(const std::int64_t more, number(words[6].substr(1)));
      fault.crossings = static_cast<int>(more);
    }
    out.plan.faults.push_back(fault);
    return {};
  }
  WEIR_TRY(const std::size_t next, read_target(words, 3, fault));
  if (next < words.size()) {
    if (words.size() != next + 2 || words[next] != "for") return not_understood(words);
    WEIR_TRY(fault.lasts, parse_duration(words[next + 1]));
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
  if (words.size() == 3 && words[0] == "gap" && words[1] == "within") {
    WEIR_TRY(out.gap_within, parse_duration(words[2]));
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
  if (out.lost != scenario.lost) {
    out.violations.push_back(fmt::format("expected {} lost, saw {}", scenario.lost, out.lost));
  }
  return out;
}

Result<Report> run_scenario(const std::string& path, std::function<void(const std::string&)> tell) {
  std::ifstream in(path);
  if (!in) return fail(Failure::not_found, "cannot read " + path);
  std::stringstream text;
  text << in.rdbuf();
  WEIR_TRY(const Scenario scenario, parse_scenario(path, text.str()));
  return run(scenario, std::move(tell));
}

}  // namespace weir::sim
