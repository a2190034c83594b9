// What one fleet file declares, checked and typed. Pure values; config/ makes them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/names.h"
#include "model/record.h"

namespace weir {

struct Host {
  HostName name;
  std::string address;  // an IP address; DNS is asked by nobody
  bool operator==(const Host&) const = default;
};

// Where a member stands. In the thread a member has the name of its host.
struct Member {
  ServiceName service;
  MemberName name;
  HostName host;
  std::string address;
  std::uint16_t port = 0;
  bool operator==(const Member&) const = default;
};

struct Objective {
  std::optional<double> availability;  // 0..1
  std::optional<Duration> rpo;
  std::optional<Duration> rto;
  bool operator==(const Objective&) const = default;
};

// One declared thing inside a service: a parameter, role, database, grant, queue.
// `attributes` hold canonical text, so that one generic diff serves all engines.
struct Resource {
  std::string kind;  // "param", "role", "database", "grant"
  std::string name;  // unique within its kind; a grant's is "ROLE on DATABASE.SCHEMA"
  std::map<std::string, std::string> attributes;
  auto operator<=>(const Resource&) const = default;
};

// Nothing is broken on purpose between `from` and `until`. Wall time, because it is a promise to
// people; nothing but the refusal of a drill rests on it.
struct Freeze {
  WallTime from{};
  WallTime until{};
  std::string reason;
  bool operator==(const Freeze&) const = default;
};

struct Service {
  ServiceName name;
  std::string engine;
  std::vector<Member> members;  // as declared; the first is the first leader
  int sync = 0;
  Durability durability = Durability::required;
  Objective objective;
  std::vector<Resource> resources;  // sorted by kind, name
  std::vector<Freeze> freezes;      // the fleet's own first
  // Members that the file no longer names: each stops, puts its data away and then leaves this
  // list. With no other member the whole service leaves, its last leader last.
  std::vector<Member> leaving;
  bool final_copies = true;  // what is put away is kept
  bool operator==(const Service&) const = default;

  const Member* find(const MemberName& member) const;
  const Member* find_leaving(const MemberName& member) const;
  // All that run: members, then those that leave.
  std::vector<Member> all() const;
  bool leaves() const { return members.empty() && !leaving.empty(); }
  const Freeze* frozen_at(WallTime now) const;  // null: it is not
};

struct Fleet {
  FleetName name;
  RegionName region{"local"};
  std::vector<Host> hosts;
  std::vector<Service> services;
  bool operator==(const Fleet&) const = default;

  const Host* find_host(const HostName& host) const;
  const Service* find(const ServiceName& service) const;
};

constexpr int kDesiredFormat = 1;
// One service with its hosts' addresses, as it lies under F/desired/S in the store.
Json to_json(const Service& service);
Result<Service> service_from(const Json& json);
Json to_json(const Host& host);
Host host_from(const Json& json);

}  // namespace weir
