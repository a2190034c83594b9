// Where things lie in the store (mechanics.md, Store). The only place that spells a key.
#pragma once

#include <string>

#include "model/names.h"

namespace weir::store {

struct Keys {
  FleetName fleet;
  RegionName region{"local"};

  std::string root() const { return fleet.text + "/"; }
  std::string meta() const { return root() + "meta"; }
  std::string desired() const { return root() + "desired/"; }
  std::string desired(const ServiceName& s) const { return desired() + s.text; }
  std::string hosts() const { return root() + "hosts"; }      // the declared hosts, one record
  std::string revoked() const { return root() + "revoked"; }  // the fleet's CRL
  std::string lever() const { return root() + "lever"; }      // stands: all drills are stopped
  std::string local() const { return root() + region.text + "/"; }
  std::string services() const { return local() + "service/"; }
  std::string service(const ServiceName& s) const { return services() + s.text + "/"; }
  std::string leadership(const ServiceName& s) const { return service(s) + "leadership"; }
  std::string claim(const ServiceName& s) const { return service(s) + "claim"; }
  std::string sightings(const ServiceName& s) const { return service(s) + "sighting/"; }
  std::string sighting(const ServiceName& s, const MemberName& m) const {
    return sightings(s) + m.text;
  }
  std::string hosts_live() const { return local() + "host/"; }
  std::string renewal(const HostName& h) const { return hosts_live() + h.text + "/renewal"; }
  std::string agent(const HostName& h) const { return hosts_live() + h.text + "/agent"; }
  std::string cert(const HostName& h) const { return hosts_live() + h.text + "/cert"; }
  std::string coordinator() const { return local() + "lease/coordinator"; }
  std::string journals() const { return local() + "journal/"; }
  std::string journal(const HostName& h) const { return journals() + h.text + "/"; }
};

}  // namespace weir::store
