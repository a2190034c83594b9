// No step without journaled intent: whatever an agent does to a member's files or server happens
// while an intent of this life of the agent is durable and has no outcome. Fencing is excepted: the
// disk may be what hangs (safety.md S8).
#include <fmt/format.h>

#include <map>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

bool changes_a_member(const Effect& effect) {
  if (effect.call == "server.start" || effect.call == "server.signal") return true;
  const bool changes = effect.call == "write" || effect.call == "rename" ||
                       effect.call == "remove" || effect.call == "make_folder";
  return changes && effect.detail.find("/members/") != std::string_view::npos;
}

class Journaled : public Checker {
 public:
  std::string name() const override { return "journaled"; }

  void on_agent_began(const HostName& host) override { open_[host].clear(); }

  void on_effect(const Truth& truth, const Effect& effect) override {
    const bool durable = effect.call == "appended" || effect.call == "written";
    if (durable && effect.detail.find("journal") != std::string_view::npos) {
      for (const std::string& line : split(effect.content, '\n')) note(effect.host, line);
    } else if (changes_a_member(effect) && open_[effect.host].empty()) {
      violate(truth, fmt::format("{} on {} of {} without an intent in the journal", effect.call,
                                 effect.detail, effect.host.text));
    }
  }

 private:
  void note(const HostName& host, const std::string& line) {
    const auto json = Json::parse(line);
    if (!json) return;
    if (json->has("of")) {
      open_[host].erase((*json)["of"].integer());
    } else if ((*json)["outcome"].text() != "open") {
      open_[host].erase((*json)["number"].integer());  // the whole journal was written anew
    } else if (json->has("number")) {
      open_[host].insert((*json)["number"].integer());
    }
  }

  std::map<HostName, std::set<std::int64_t>> open_;
};

}  // namespace

std::unique_ptr<Checker> check_journaled() { return std::make_unique<Journaled>(); }

}  // namespace weir::sim
