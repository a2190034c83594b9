// Names of failures, used alike in JSON answers, logs and journals.
#include "base/result.h"

#include <array>

namespace weir {
namespace {

struct Named {
  Failure failure;
  const char* name;
};

constexpr std::array kNames{
    Named{Failure::bad_config, "bad_config"},
    Named{Failure::not_found, "not_found"},
    Named{Failure::unreachable, "unreachable"},
    Named{Failure::timed_out, "timed_out"},
    Named{Failure::outcome_unknown, "outcome_unknown"},
    Named{Failure::conflict, "conflict"},
    Named{Failure::refused, "refused"},
    Named{Failure::held, "held"},
    Named{Failure::denied, "denied"},
    Named{Failure::bad_data, "bad_data"},
    Named{Failure::missing_package, "missing_package"},
    Named{Failure::io, "io"},
    Named{Failure::no_space, "no_space"},
    Named{Failure::cancelled, "cancelled"},
    Named{Failure::drill_void, "drill_void"},
    Named{Failure::objective_breached, "objective_breached"},
    Named{Failure::plan_has_changes, "plan_has_changes"},
    Named{Failure::unsupported, "unsupported"},
};

}  // namespace

const char* name_of(Failure failure) {
  for (const Named& named : kNames) {
    if (named.failure == failure) return named.name;
  }
  return "bad_data";
}

Failure failure_named(const std::string& text) {
  for (const Named& named : kNames) {
    if (text == named.name) return named.failure;
  }
  return Failure::bad_data;
}

}  // namespace weir
