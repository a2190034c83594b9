// What the store says, as it changes: desired services, leadership records, claims, renewals.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "agent/loop.h"
#include "agent/ports.h"
#include "store/record_io.h"

namespace weir::agent {

class Watcher {
 public:
  struct Ears {
    std::function<void(const store::HeldService&)> service;
    std::function<void(const ServiceName&)> gone;  // the store has that service no more
    std::function<void(const ServiceName&, const store::Held&)> record;
    // nullopt: it is gone.
    std::function<void(const ServiceName&, const std::optional<store::HeldClaim>&)> claim;
    std::function<void(const HostName&, const Json&)> renewal;
    std::function<void()> answered;  // the store has, and all that it said was heard
    // All that stands was told anew, up to this revision: what was not among it is not there.
    std::function<void(store::Revision)> listed;
    std::function<void(const Json&)> revoked = {};  // the list of the fleet's revoked certificates
    std::function<void(const HostName&, const Json&)> agent = {};  // what an agent tells of itself
  };
  Watcher(World& world, store::Store& store, store::Keys keys, Ears ears);
  ~Watcher() = default;
  void stop() { loop_->stop(); }
  void join() { loop_->join(); }

 private:
  void turn();
  bool read_all();
  void hear_gone(const ServiceName& name);
  void hear(const std::string& key, const std::string& value, store::Revision revision);
  void hear_service(const std::string& key, const Json& json, store::Revision revision);
  void hear_record(const std::string& key, const Json& json, store::Revision revision);
  void hear_claim(const std::string& key, const Json& json, store::Revision revision);
  void hear_gone(const std::string& key);

  World& world_;
  store::Store& store_;
  const store::Keys keys_;
  const Ears ears_;
  bool listed_ = false;
  std::set<ServiceName> declared_;  // as the ears were told
  store::Revision after_ = 0;
  Duration pause_;  // after a list that failed; doubles
  std::unique_ptr<Loop> loop_;
};

}  // namespace weir::agent
