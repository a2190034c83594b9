// From the tree to the fleet: the tables that every file and service has, and the rules between
// them.
#include "config/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/quantity.h"
#include "base/text.h"
#include "config/complaints.h"
#include "config/engines.h"
#include "config/schema.h"
#include "config/tree.h"

namespace weir::config {
namespace {

void read_time(Complaints& complaints, const Node& node, WallTime& into) {
  const auto text = as_text(complaints, node, "a time such as 2026-12-24T08:30Z");
  if (!text) return;
  const auto time = parse_time(*text);
  if (!time) return complaints.add(node, time.error().what);
  into = *time;
}

const std::vector<Key<Freeze>>& freeze_keys() {
  static const std::vector<Key<Freeze>> kKeys{
      {"from", true,
       [](Complaints& c, const Node& node, Freeze& to) { read_time(c, node, to.from); },
       "a time such as 2026-12-24T08:30Z", "when it begins"},
      {"until", true,
       [](Complaints& c, const Node& node, Freeze& to) { read_time(c, node, to.until); },
       "a time such as 2026-12-24T08:30Z", "when it ends"},
      {"reason", true,
       [](Complaints& c, const Node& node, Freeze& to) {
         to.reason = as_text(c, node, "why nothing is to be broken then").value_or("");
       },
       "a text", "why nothing is to be broken then"},
  };
  return kKeys;
}

void describe_freezes(const std::string& path, std::vector<FileKey>& out) {
  describe(path, freeze_keys(), out);
}

void read_freezes(Complaints& complaints, const Node& node, std::vector<Freeze>& into) {
  const Node* list = as_list(complaints, node, "a list of windows, each with from, until, reason");
  if (list == nullptr) return;
  for (const NodePtr& item : list->items) {
    Freeze freeze;
    read_mapping(complaints, *item, *item, "a freeze", freeze_keys(), freeze);
    const bool both = freeze.from != WallTime{} && freeze.until != WallTime{};
    if (both && freeze.until <= freeze.from) {
      complaints.add(*item->find("until"), "a freeze ends after it begins");
    }
    into.push_back(std::move(freeze));
  }
}

// The address as the resolver writes it, so that two spellings of one are seen to be one; empty if
// it is none, or the one that means all of a host's.
std::string canonical_address(const std::string& text) {
  in6_addr bytes{};
  char out[INET6_ADDRSTRLEN] = {};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), &bytes) != 1) continue;
    inet_ntop(family, &bytes, out, sizeof out);
    const std::string address = out;
    return address == "0.0.0.0" || address == "::" ? std::string{} : address;
  }
  return {};
}

void read_address(Complaints& complaints, const Node& node, Host& host) {
  const auto text = as_text(complaints, node, "an IP address");
  if (!text) return;
  host.address = canonical_address(*text);
  if (host.address.empty()) {
    complaints.add(node, fmt::format("expected an IP address of this host, got '{}'", *text),
                   "weir asks no DNS; write the address itself, e.g. 10.0.0.11");
  }
}

const std::vector<Key<Host>>& host_keys() {
  static const std::vector<Key<Host>> kKeys{
      {"address", true, read_address, "an IP address", "where its servers and its agent listen"}};
  return kKeys;
}

void read_hosts(Complaints& complaints, const Node& hosts, Fleet& fleet) {
  std::map<std::string, std::string> taken;
  for (const auto& [name, node] : hosts.entries) {
    if (!check_name(complaints, *name, "host")) continue;
    Host host{HostName{name->text}, {}};
    read_mapping(complaints, *name, *node, fmt::format("host `{}`", name->text), host_keys(), host);
    if (!host.address.empty()) {
      const auto [other, fresh] = taken.emplace(host.address, name->text);
      if (!fresh) {
        complaints.add(*node->find("address"),
                       fmt::format("the hosts `{}` and `{}` have the same address", other->second,
                                   name->text));
      }
    }
    // Kept even when its address is wrong: its name is declared, and members may say it.
    fleet.hosts.push_back(std::move(host));
  }
}

void read_duration(Complaints& complaints, const Node& node, std::optional<Duration>& into) {
  const auto text = as_text(complaints, node, "a time such as 30s");
  if (!text) return;
  const auto duration = parse_duration(*text);
  if (!duration) return complaints.add(node, duration.error().what);
  into = *duration;
}

void read_availability(Complaints& complaints, const Node& node, Objective& objective) {
  const auto text = as_text(complaints, node, "a share such as 99.95%");
  if (!text) return;
  const auto share = parse_percent(*text);
  if (!share) return complaints.add(node, share.error().what);
  objective.availability = *share;
}

const std::vector<Key<Objective>>& objective_keys() {
  static const std::vector<Key<Objective>> kKeys{
      {"availability", false, read_availability, "a share such as 99.95%", "of the time it serves"},
      {"rpo", false,
       [](Complaints& c, const Node& value, Objective& to) { read_duration(c, value, to.rpo); },
       "a time such as 0s", "how much acknowledged data may be lost"},
      {"rto", false,
       [](Complaints& c, const Node& value, Objective& to) { read_duration(c, value, to.rto); },
       "a time such as 5s", "how long until it serves again"},
  };
  return kKeys;
}

void read_objective(Complaints& complaints, const Node& node, Draft& draft) {
  read_mapping(complaints, node, node, "an objective", objective_keys(), draft.service.objective);
}

void read_durability(Complaints& complaints, const Node& node, Draft& draft) {
  const auto text = as_text(complaints, node, "required, preferred or async");
  if (!text) return;
  const auto durability = durability_named(*text);
  if (durability) {
    draft.service.durability = *durability;
    return;
  }
  complaints.add(node, fmt::format("expected required, preferred or async, got '{}'", *text),
                 nearest(*text, {"required", "preferred", "async"}).empty()
                     ? std::string{}
                     : suggestion(*text, {"required", "preferred", "async"}));
}

// The keys that every service has; its engine adds its own.
const std::vector<Key<Draft>>& service_keys() {
  static const std::vector<Key<Draft>> kKeys{
      // Read first: it brings keys.
      {"engine", true, [](Complaints&, const Node&, Draft&) {}, "the name of an engine",
       "which software it runs; the engine adds keys of its own"},
      {"members", true,
       [](Complaints& complaints, const Node& node, Draft& draft) {
         draft.members = as_list(complaints, node, "a list of hosts");
       },
       "a list of hosts", "where its servers run; the first leads at the beginning"},
      {"port", false, [](Complaints&, const Node& node, Draft& draft) { draft.port = &node; },
       "a port", "of all its servers; the engine's standard one by default"},
      {"sync", false, [](Complaints&, const Node& node, Draft& draft) { draft.sync = &node; },
       "a whole number", "for how many replicas each commit waits; 1 by default"},
      {"durability", false, read_durability, "required, preferred or async",
       "what an acknowledgement promises; required by default"},
      {"objective", false, read_objective, "a mapping", "what drills are judged by",
       [](const std::string& path, std::vector<FileKey>& out) {
         describe(path, objective_keys(), out);
       }},
      {"freeze", false,
       [](Complaints& complaints, const Node& node, Draft& draft) {
         read_freezes(complaints, node, draft.service.freezes);
       },
       "a list of windows", "when no drill may touch it", describe_freezes},
  };
  return kKeys;
}

// The engine's row; nullptr after a complaint, or where read_mapping will complain.
const EngineSyntax* read_engine(Complaints& complaints, const Node& service) {
  const Node* node = service.find("engine");
  if (node == nullptr) return nullptr;
  const auto text = as_text(complaints, *node, "the name of an engine");
  if (!text) return nullptr;
  std::vector<std::string> known, here;
  for (const EngineSyntax& engine : engines()) {
    known.emplace_back(engine.name);
    if (engine.here) here.emplace_back(engine.name);
  }
  const EngineSyntax* engine = find_engine(*text);
  if (engine == nullptr) {
    complaints.add(*node, fmt::format("there is no engine `{}`", *text), suggestion(*text, known));
  } else if (!engine->here) {
    complaints.add(
        *node, fmt::format("the engine `{}` is not in this version of weir, which runs {}", *text,
                           join(here, ", ")));
    return nullptr;
  }
  return engine;
}

std::uint16_t read_port(Complaints& complaints, const Draft& draft, const EngineSyntax* engine) {
  const std::uint16_t standard = engine == nullptr ? 0 : engine->standard_port;
  if (draft.port == nullptr) return standard;
  const auto port = as_integer(complaints, *draft.port, 1, 65535);
  if (!port) return 0;  // no port, no clash with another service's
  if (*port == 7400 || *port == 7401) {
    complaints.add(*draft.port, fmt::format("the port {} is weir's own", *port));
  }
  return static_cast<std::uint16_t>(*port);
}

void read_members(Complaints& complaints, const Fleet& fleet, std::uint16_t port, Draft& draft) {
  if (draft.members == nullptr) return;
  std::vector<std::string> hosts;
  for (const Host& host : fleet.hosts) hosts.push_back(host.name.text);
  if (draft.members->items.empty()) complaints.add(*draft.members, "a service needs a member");
  for (const NodePtr& item : draft.members->items) {
    const auto text = as_text(complaints, *item, "the name of a host");
    if (!text) continue;
    const Host* host = fleet.find_host(HostName{*text});
    if (host == nullptr) {
      complaints.add(*item, fmt::format("the host `{}` is not declared under `hosts`", *text),
                     suggestion(*text, hosts));
    } else if (draft.service.find(MemberName{*text}) != nullptr) {
      complaints.add(*item, fmt::format("the host `{}` stands twice among the members", *text));
    } else {
      draft.service.members.push_back(
          {draft.service.name, MemberName{*text}, host->name, host->address, port});
      draft.member_nodes.push_back(item.get());
    }
  }
}

// How many replicas a commit waits for: what is written must be possible with the members there.
void read_sync(Complaints& complaints, Draft& draft) {
  if (draft.members == nullptr || draft.members->items.empty()) return;
  Service& service = draft.service;
  const bool required = service.durability == Durability::required;
  const auto replicas = static_cast<std::int64_t>(draft.members->items.size()) - 1;
  if (required && replicas == 0) {
    complaints.add(*draft.members,
                   "`durability: required` needs at least two members: each commit "
                   "waits for a replica");
    return;
  }
  if (draft.sync == nullptr) {
    service.sync = service.durability == Durability::async || replicas == 0 ? 0 : 1;
    return;
  }
  const auto sync = as_integer(complaints, *draft.sync, 0, 1000);
  if (!sync) return;
  if (*sync > replicas) {
    complaints.add(
        *draft.sync,
        fmt::format("a commit cannot wait for {} replicas: there are {} beside the leader", *sync,
                    replicas));
  } else if (required && *sync == 0) {
    complaints.add(*draft.sync, "`durability: required` needs `sync` of at least 1");
  } else {
    service.sync = static_cast<int>(*sync);
  }
}

Draft read_service(Complaints& complaints, const Node& name, const Node& node, const Fleet& fleet) {
  Draft draft;
  draft.name = &name;
  draft.service.name = ServiceName{name.text};
  const std::string thing = fmt::format("service `{}`", name.text);
  if (as_map(complaints, node, "a service: a mapping with at least `engine` and `members`") ==
      nullptr) {
    return draft;
  }
  const EngineSyntax* engine = read_engine(complaints, node);
  std::vector<Key<Draft>> keys = service_keys();
  // Of an engine that we do not know, nobody can say which keys are misspelt: those of all pass.
  for (const EngineSyntax& row : engines()) {
    if (engine == nullptr || engine == &row) {
      keys.insert(keys.end(), row.keys.begin(), row.keys.end());
    }
  }
  read_mapping(complaints, name, node, thing, keys, draft);
  if (engine != nullptr) draft.service.engine = engine->name;
  read_members(complaints, fleet, read_port(complaints, draft, engine), draft);
  read_sync(complaints, draft);
  if (engine != nullptr && engine->finish != nullptr) engine->finish(complaints, draft);
  std::sort(draft.service.resources.begin(), draft.service.resources.end());
  return draft;
}

void read_services(Complaints& complaints, const Node& services, Fleet& fleet) {
  std::map<std::pair<HostName, std::uint16_t>, std::string> taken;
  for (const auto& [name, node] : services.entries) {
    if (!check_name(complaints, *name, "service")) continue;
    Draft draft = read_service(complaints, *name, *node, fleet);
    for (std::size_t i = 0; i < draft.service.members.size(); ++i) {
      const Member& member = draft.service.members[i];
      if (member.port == 0) continue;
      const auto [other, fresh] = taken.emplace(std::pair(member.host, member.port), name->text);
      if (fresh) continue;
      complaints.add(*draft.member_nodes[i],
                     fmt::format("the port {} of host `{}` is already taken by service `{}`",
                                 member.port, member.host.text, other->second),
                     "give one of the two services another `port`");
    }
    fleet.services.push_back(std::move(draft.service));
  }
}

struct File {
  const Node* fleet = nullptr;
  const Node* hosts = nullptr;
  const Node* services = nullptr;
  std::vector<Freeze> freezes;
};

// All that services of any engine may have.
void describe_service(const std::string& path, std::vector<FileKey>& out) {
  const std::string service = path + ".SERVICE";
  out.push_back({service, "a mapping", "one store or queue, by its name", false});
  describe(service, service_keys(), out);
  for (const EngineSyntax& engine : engines()) describe(service, engine.keys, out);
}

void describe_host(const std::string& path, std::vector<FileKey>& out) {
  out.push_back({path + ".HOST", "a mapping", "one machine, by its name", false});
  describe(path + ".HOST", host_keys(), out);
}

const std::vector<Key<File>>& top_keys() {
  static const std::vector<Key<File>> kKeys{
      {"fleet", true, [](Complaints&, const Node& node, File& file) { file.fleet = &node; },
       "a name", "the fleet's name; all that one file declares"},
      {"hosts", true,
       [](Complaints& complaints, const Node& node, File& file) {
         file.hosts = as_map(complaints, node, "a mapping of hosts");
       },
       "a mapping of hosts", "the machines of the fleet", describe_host},
      {"services", true,
       [](Complaints& complaints, const Node& node, File& file) {
         file.services = as_map(complaints, node, "a mapping of services");
       },
       "a mapping of services", "what runs on them", describe_service},
      {"freeze", false,
       [](Complaints& complaints, const Node& node, File& file) {
         read_freezes(complaints, node, file.freezes);
       },
       "a list of windows", "when no drill may touch any service", describe_freezes},
  };
  return kKeys;
}

// Misspelt or misplaced, a secret is still a secret: it is masked wherever it stands.
void mask_secrets(Complaints& complaints, const Node& node) {
  for (const NodePtr& item : node.items) mask_secrets(complaints, *item);
  for (const auto& [key, value] : node.entries) {
    if (value->kind == Node::Kind::scalar && !is_reference(value->text) &&
        is_secret_key(key->text)) {
      complaints.mask(*value);
    }
    mask_secrets(complaints, *value);
  }
}

Fleet read_fleet(Complaints& complaints, const Node& root) {
  Fleet fleet;
  File file;
  mask_secrets(complaints, root);
  if (as_map(complaints, root, "a mapping with `fleet`, `hosts` and `services`") == nullptr) {
    return fleet;
  }
  read_mapping(complaints, root, root, "a fleet file", top_keys(), file);
  if (file.fleet != nullptr && as_text(complaints, *file.fleet, "the name of the fleet") &&
      check_name(complaints, *file.fleet, "fleet")) {
    fleet.name = FleetName{file.fleet->text};
  }
  if (file.hosts != nullptr) read_hosts(complaints, *file.hosts, fleet);
  if (file.services != nullptr) read_services(complaints, *file.services, fleet);
  for (Service& service : fleet.services) {
    service.freezes.insert(service.freezes.begin(), file.freezes.begin(), file.freezes.end());
  }
  return fleet;
}

// The offset of the first byte that begins no character.
std::size_t first_invalid(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = 1;
    while (length <= 4 && !is_utf8(text.substr(at, length))) ++length;
    if (length > 4) break;
    at += length;
  }
  return at;
}

}  // namespace

Parsed parse(const std::string& file, const std::string& text) {
  Complaints complaints(file, text);
  Fleet fleet;
  if (text.size() > kFileBytesMax) {
    return {{},
            {{.file = file,
              .line = 1,
              .column = 1,
              .what = fmt::format("the file has {} bytes; a fleet file may have at most {}",
                                  text.size(), kFileBytesMax)}}};
  }
  if (!is_utf8(text)) {
    complaints.add(mark_at(text, first_invalid(text)), 1, "the file is not UTF-8 from here on");
  } else if (const NodePtr root = read_tree(text, complaints)) {
    fleet = read_fleet(complaints, *root);
  }
  return {std::move(fleet), complaints.finish()};
}

std::vector<FileKey> file_keys() {
  std::vector<FileKey> out;
  describe("", top_keys(), out);
  return out;
}

Result<Fleet> load(Files& files, const std::string& path) {
  const auto text = files.read(path);
  if (!text) {
    const Error& error = text.error();
    return fail(error.failure, fmt::format("cannot read the fleet file {}: {}", path, error.what),
                error.failure == Failure::not_found ? "weir plan -f FILE" : std::string{});
  }
  Parsed parsed = parse(path, *text);
  if (parsed.complaints.empty()) return std::move(parsed.fleet);
  std::vector<std::string> shown;
  for (const Complaint& complaint : parsed.complaints) shown.push_back(show(complaint));
  return fail(Failure::bad_config, join(shown, "\n"));
}

}  // namespace weir::config
