// Links know nothing of who uses them: callers ask when a message leaves and when it arrives.
#include "sim/net.h"

namespace weir::sim {

void SimNet::mend(const HostName& from, const HostName& to) {
  cut_.erase({from, to});
  slow_.erase({from, to});
}

void SimNet::mend_all() {
  cut_.clear();
  slow_.clear();
}

Duration SimNet::delay(const HostName& from, const HostName& to) {
  const auto found = slow_.find({from, to});
  return found == slow_.end() ? Duration{} : random_.between(found->second / 2, found->second);
}

bool SimNet::flows(const HostName& from, const HostName& to, Duration tick) {
  if (!passes(from, to)) return false;
  const auto found = slow_.find({from, to});
  if (found == slow_.end() || found->second <= tick) return true;
  return random_.chance(static_cast<double>(tick.count()) /
                        static_cast<double>(found->second.count()));
}

}  // namespace weir::sim
