// Wiring: what app/ does for a real host, done for simulated ones.
#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "model/remembered.h"
#include "provision/provision.h"

namespace weir::sim {
namespace {

constexpr Duration kStateLimit = 1s;
constexpr int kListenEvery = 64;  // ticks
const char* const kHostNames[] = {"a", "b", "c", "d", "e"};

Service make_service(int members, int sync, Durability durability, bool shaped) {
  Service out;
  out.name = ServiceName("orders");
  out.engine = "fake";
  out.sync = sync;
  out.durability = durability;
  for (int i = 0; i < members; ++i) {
    const std::string name = kHostNames[i];
    out.members.push_back({out.name, MemberName(name), HostName(name),
                           fmt::format("127.0.10.{}", i + 1), std::uint16_t{5432}});
  }
  if (!shaped) return out;
  out.resources = {{"database", "shop", {{"owner", "shop_owner"}}},
                   {"param", "max_connections", {{"value", "100"}}},
                   {"param", "work_mem", {{"value", "4MB"}}},
                   {"role", "shop_owner", {}}};
  return out;
}

}  // namespace

SimFleet::Life::Life(SimFleet& fleet, const HostName& host)
    : group(fleet.fibers_.new_group()),
      store(*fleet.store_, fleet.net_, fleet.fibers_, fleet.host(host).passage, host),
      caller(fleet.fibers_, fleet.net_, fleet.host(host).passage, fleet.random_, host.text,
             [&fleet](const std::string& name) { return fleet.doorway(name); }) {
  engine::Setting engine_setting;
  engine_setting.fleet = fleet.keys_.fleet;
  engine_setting.host = host;
  engine_setting.state = "/state";
  engine_setting.run = "/run/" + host.text;
  engine_setting.cert_name = host.text;
  World& world = fleet.host(host).world;
  agent::Engines engines;
  engines["fake"] = engine::make_fake(world, engine_setting, fleet.cluster_);
  agent = std::make_unique<agent::Agent>(world, store, caller, std::move(engines),
                                         agent::Setting{fleet.keys_, host, "/state", {}});
}

SimFleet::SimFleet(std::uint64_t seed, int members, int sync, Durability durability, bool shaped)
    : random_(seed),
      net_(random_),
      cluster_(random_, &net_),
      service_(make_service(members, sync, durability, shaped)) {
  keys_.fleet = FleetName("sim");
  client_ = std::make_unique<SimHost>(fibers_, random_, cluster_, HostName("client"));
  auto kept = std::make_unique<CopiedStore>(*client_);
  copies_ = kept.get();
  store_ = std::make_unique<StoreServer>(random_, std::move(kept));
  for (const Member& member : service_.members) {
    auto host = std::make_unique<SimHost>(fibers_, random_, cluster_, member.host);
    cluster_.add_host(member.host, host->disk, "/state");
    host->passage.on_cross = [this, name = member.host](std::string_view call,
                                                        std::string_view detail) {
      const Truth now = truth();
      for (auto& checker : checkers_) checker->on_effect(now, {name, call, detail, {}});
      if (on_cross) on_cross(name, call, detail);
    };
    host->files.on_durable = [this, name = member.host](std::string_view how,
                                                        const std::string& path,
                                                        std::string_view content) {
      const Truth now = truth();
      for (auto& checker : checkers_) checker->on_effect(now, {name, how, path, content});
    };
    hosts_[member.host] = std::move(host);
  }
  checkers_ = all_checkers();
  cluster_.on_overwrite = [this](const std::string& id) {
    const Truth now = truth();
    for (auto& checker : checkers_) checker->on_overwrite(now, id);
  };
  cluster_.on_event = [this](const std::string& what) { fibers_.trace("cluster", what); };
  cluster_.on_acknowledged = [this](const engine::FakeServer& server, engine::RowId row) {
    const Truth now = truth();
    for (auto& checker : checkers_) checker->on_acknowledged(now, server, row);
  };
}

SimFleet::~SimFleet() {
  for (const auto& [name, host] : hosts_) kill_agent(name);
}

void SimFleet::begin() {
  std::vector<store::Change> changes;
  changes.push_back({keys_.desired(service_.name), 0, to_json(service_).dump(), 0});
  Json hosts = Json::array();
  for (const Member& member : service_.members) {
    hosts.add(to_json(Host{member.host, member.address}));
  }
  changes.push_back({keys_.hosts(), 0, hosts.dump(), 0});
  changes.push_back(
      {keys_.leadership(service_.name), 0, to_json(provision::first_record(service_)).dump(), 0});
  for (const Member& member : service_.members) {
    const Json never = Json::object().set("format", 1).set("incarnation", "").set("count", 0);
    changes.push_back({keys_.renewal(member.host), 0, never.dump(), 0});
  }
  WEIR_ASSERT(store_->kept().commit(changes, client_->clock.within(kStateLimit)).has_value());
  refresh_record();
  for (const Member& member : service_.members) start_agent(member.host);
}

void SimFleet::apply_sync(int sync) {
  service_.sync = sync;
  write_desired();
}

void SimFleet::apply_durability(Durability mode) {
  service_.durability = mode;
  service_.sync = mode == Durability::async ? 0 : std::max(service_.sync, 1);
  write_desired();
}

void SimFleet::apply_parameter(const std::string& name, const std::string& value) {
  for (Resource& resource : service_.resources) {
    if (resource.kind == "param" && resource.name == name) resource.attributes["value"] = value;
  }
  write_desired();
}

void SimFleet::apply_without(const MemberName& member) {
  const auto leaving = std::ranges::find(service_.members, member, &Member::name);
  if (leaving == service_.members.end()) return;  // the file does not name it any more
  service_.leaving.push_back(*leaving);
  service_.members.erase(leaving);
  write_desired();
}

// Who leaves takes itself off the store's list once its data is put away; ours keeps it.
void SimFleet::write_desired() {
  const std::string key = keys_.desired(service_.name);
  const Deadline soon = client_->clock.within(kStateLimit);
  const auto entry = store_->kept().get(key, soon);
  WEIR_ASSERT(entry && *entry);
  const auto stands = service_from(*Json::parse((*entry)->value));
  WEIR_ASSERT(stands.has_value());
  Service next = service_;
  std::erase_if(next.leaving, [&](const Member& member) {
    return stands->find(member.name) == nullptr && stands->find_leaving(member.name) == nullptr;
  });
  WEIR_ASSERT(store_->kept().commit({{key, (*entry)->revision, to_json(next).dump(), 0}}, soon));
}

void SimFleet::refresh_record() {
  const auto entry =
      store_->kept().get(keys_.leadership(service_.name), client_->clock.within(kStateLimit));
  if (!entry || !*entry || (*entry)->revision == record_revision_) return;
  const auto json = Json::parse((*entry)->value);
  WEIR_ASSERT(json.has_value());
  auto record = record_from(*json);
  WEIR_ASSERT(record.has_value());
  // An old copy of the store is not the truth.
  if (Reading{record->rebuilt, (*entry)->revision} < Reading{record_.rebuilt, record_revision_}) {
    return;
  }
  record_revision_ = (*entry)->revision;
  record_ = std::move(*record);
  fibers_.trace("record", (*entry)->value);
}

// At each look: a claim may come and go between two ticks.
void SimFleet::refresh_claim() {
  const auto entry =
      store_->kept().get(keys_.claim(service_.name), client_->clock.within(kStateLimit));
  if (!entry || !*entry) {
    claim_.reset();
    return;
  }
  if (claim_ && claim_->revision == (*entry)->revision) return;
  const auto json = Json::parse((*entry)->value);
  WEIR_ASSERT(json.has_value());
  auto claim = claim_from(*json);
  WEIR_ASSERT(claim.has_value());
  claim_ = store::HeldClaim{std::move(*claim), (*entry)->revision};
  fibers_.trace("claim", (*entry)->value);
}

Truth SimFleet::truth() {
  refresh_claim();
  Truth now{fibers_.now(), cluster_, service_, record_, faults, calm};
  if (claim_) now.claim = claim_->claim;
  now.because = &because_;
  now.lost = &lost;
  return now;
}

// What `weir status` would show of each agent that can be asked.
void SimFleet::listen() {
  const auto before = std::exchange(because_, {});
  const peer::Request question{"/status", Json::object().set("service", service_.name.text), {}};
  for (const auto& [host, life] : lives_) {
    if (!life->open || fibers_.frozen(life->group)) continue;
    const auto status = life->agent->answer(question);
    if (!status) continue;
    because_[host] = (*status)["because"].text();
    const auto said = before.find(host);
    if (said != before.end() && said->second == because_[host]) continue;
    fibers_.trace("because", host.text + ": " + because_[host]);
  }
}

void SimFleet::rebuild_store() {
  fibers_.begin(0, "rebuild", [this] {
    std::vector<Witness> witnesses;
    for (const auto& [host, life] : lives_) {
      const auto answer = life->agent->answer({"/witness", {}, "operator"});
      if (!answer) continue;
      for (const Json& json : (*answer)["witnesses"].items()) {
        auto witness = witness_from(json);
        WEIR_ASSERT(witness.has_value());
        witnesses.push_back(std::move(*witness));
      }
    }
    if (witnesses.empty()) return;
    const auto filled = refill(witnesses, 0);
    fibers_.trace("rebuild", filled ? to_json(filled->record).dump() : filled.error().what);
    if (!filled) return;
    std::vector<store::Change> changes;
    const Deadline soon = client_->clock.within(kStateLimit);
    const auto put = [&](const std::string& key, const Json& value) {
      const auto entry = copies_->get(key, soon);
      changes.push_back({key, entry && *entry ? (*entry)->revision : 0, value.dump(), 0});
    };
    put(keys_.desired(service_.name), to_json(filled->desired));
    put(keys_.leadership(service_.name), to_json(filled->record));
    const auto written = copies_->commit(changes, soon);
    fibers_.trace("rebuild", written ? "written" : written.error().what);
  });
}

void SimFleet::tick() {
  refresh_record();
  for (auto& [name, host] : hosts_) host->guards.tick(fibers_.now());
  cluster_.tick(fibers_.now());
  if (++ticks_ % kListenEvery == 0) listen();
  const Truth now = truth();
  for (auto& checker : checkers_) checker->on_tick(now);
}

Doorway SimFleet::doorway(const std::string& host) {
  Doorway out;
  out.host_up = cluster_.up(HostName(host));
  const auto life = lives_.find(HostName(host));
  if (life == lives_.end() || !life->second->open) return out;
  out.group = life->second->group;
  agent::Agent* agent = life->second->agent.get();
  out.answer = [agent](const peer::Request& request) { return agent->answer(request); };
  return out;
}

void SimFleet::start_agent(const HostName& host) {
  if (lives_.contains(host) || !cluster_.up(host)) return;
  fibers_.trace("agent starts", host.text);
  for (auto& checker : checkers_) checker->on_agent_began(host);
  Life* life = (lives_[host] = std::make_unique<Life>(*this, host)).get();
  if (frozen_.contains(host)) fibers_.freeze(life->group);
  fibers_.begin(life->group, "agent " + host.text, [this, life, host] {
    const auto started = life->agent->start();
    if (started) {
      life->open = true;
      return;
    }
    // As a real agent it exits, and its supervisor starts it again.
    fibers_.trace("agent did not start", started.error().what);
    fibers_.at(fibers_.now(), [this, host] { kill_agent(host); });
    fibers_.at(fibers_.now() + 1s, [this, host] { start_agent(host); });
  });
}

void SimFleet::kill_agent(const HostName& host) {
  const auto life = lives_.find(host);
  if (life == lives_.end()) return;
  fibers_.trace("agent is killed", host.text);
  life->second->open = false;
  fibers_.kill(life->second->group);
  lives_.erase(life);
}

void SimFleet::kill_host(const HostName& host) {
  if (!cluster_.up(host)) return;
  kill_agent(host);
  frozen_.erase(host);
  cluster_.kill_host(host);
  hosts_.at(host)->guards.forget();
}

void SimFleet::revive_host(const HostName& host) {
  if (cluster_.up(host) || lost.contains(host)) return;
  fibers_.trace("host is on again", host.text);
  cluster_.revive_host(host);
  fibers_.at(fibers_.now() + 1s, [this, host] { start_agent(host); });
}

void SimFleet::freeze_agent(const HostName& host) {
  const auto life = lives_.find(host);
  if (life != lives_.end()) fibers_.freeze(life->second->group);
}

void SimFleet::thaw_agent(const HostName& host) {
  const auto life = lives_.find(host);
  if (life != lives_.end() && !frozen_.contains(host)) fibers_.thaw(life->second->group);
}

void SimFleet::freeze_host(const HostName& host) {
  if (!cluster_.up(host) || !frozen_.insert(host).second) return;
  fibers_.trace("host freezes", host.text);
  cluster_.freeze_host(host);
  freeze_agent(host);
}

void SimFleet::thaw_host(const HostName& host) {
  if (frozen_.erase(host) == 0) return;
  fibers_.trace("host thaws", host.text);
  cluster_.thaw_host(host);
  thaw_agent(host);
}

void SimFleet::step_clock(const HostName& host, Duration by) {
  hosts_.at(host)->clock.step(by);
  hosts_.at(host)->guards.step_clock(by);
}

void SimFleet::set_disk(const HostName& host, engine::DiskHealth health) {
  hosts_.at(host)->disk.health = health;
  cluster_.set_disk(host, health);
}

}  // namespace weir::sim
