// Never two capabilities' steps on one member (safety.md S11): whatever is not failover begins a
// step only under the service's claim, and has ended it before its member promises.
#include <fmt/format.h>

#include <map>
#include <string>

#include "base/json.h"
#include "base/text.h"
#include "sim/checkers/checker.h"

namespace weir::sim {
namespace {

class Claimed : public Checker {
 public:
  std::string name() const override { return "claimed"; }

  void on_agent_began(const HostName& host) override { hosts_[host].open.clear(); }

  void on_effect(const Truth& truth, const Effect& effect) override {
    note_claim(truth);
    if (effect.call == "appended" && effect.detail.find("journal") != std::string_view::npos) {
      for (const std::string& line : split(effect.content, '\n')) note(truth, effect.host, line);
    }
    const bool promises = (effect.call == "write" || effect.call == "rename") &&
                          effect.detail.find("promise") != std::string_view::npos;
    if (!promises) return;
    for (const auto& [number, what] : hosts_[effect.host].open) {
      violate(truth,
              fmt::format("the member of {} promises while {} goes on", effect.host.text, what));
    }
  }

  void on_tick(const Truth& truth) override { note_claim(truth); }

 private:
  struct OfHost {
    std::map<std::int64_t, std::string> open;  // steps of other capabilities than failover
    std::map<std::string, bool> held;          // by capability, since its last step
  };

  void note_claim(const Truth& truth) {
    if (!truth.claim) return;
    const std::string capability = name_of(truth.claim->capability);
    for (const Member& member : truth.service.all()) {
      if (!truth.claim->for_all && truth.claim->host != member.host) continue;
      hosts_[member.host].held[capability] = true;
    }
  }

  // Between its look at the claim and its step an agent may have been frozen: what counts is that
  // it held the claim at some time since its last step.
  void note(const Truth& truth, const HostName& host, const std::string& line) {
    const auto json = Json::parse(line);
    if (!json) return;
    OfHost& here = hosts_[host];
    if (json->has("of")) {
      here.open.erase((*json)["of"].integer());
      here.held.clear();
      note_claim(truth);
      return;
    }
    const std::string capability = (*json)["capability"].text();
    if (!json->has("number") || capability == name_of(Capability::failover)) return;
    const std::string what = fmt::format("{} of {}", (*json)["kind"].text(), capability);
    if (!here.held[capability]) {
      violate(truth, fmt::format("{} begins {} without a claim", host.text, what));
    }
    here.open[(*json)["number"].integer()] = what;
  }

  std::map<HostName, OfHost> hosts_;
};

}  // namespace

std::unique_ptr<Checker> check_claimed() { return std::make_unique<Claimed>(); }

}  // namespace weir::sim
