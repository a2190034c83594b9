// A plan in a file: what `plan --out` writes and `apply` takes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/fleet.h"
#include "store/store.h"

namespace weir::cli {

constexpr int kPlanFormat = 1;

// The file's fleet with its references: no secret stands in it, and no verifier of one.
struct SavedPlan {
  Fleet fleet;
  std::vector<std::string> targets;
  // Where each service stood in the store when it was planned; 0: nowhere.
  std::map<ServiceName, store::Revision> revisions;
  bool operator==(const SavedPlan&) const = default;
};
Json to_json(const SavedPlan& plan);
// bad_data names what is not whole.
Result<SavedPlan> saved_plan_from(const Json& json);

// Refused, naming the service, if anything in the plan stands elsewhere in the store now.
Result<> check_unmoved(const SavedPlan& plan, const std::map<ServiceName, store::Revision>& now);

}  // namespace weir::cli
