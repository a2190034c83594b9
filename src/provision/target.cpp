// Plans of a part of the file, and the way from what is written to what is wanted.
#include <algorithm>

#include "base/text.h"
#include "provision/provision.h"

namespace weir::provision {
namespace {

std::string address_of(const ServiceName& service, const Member& member) {
  return service.text + "/member/" + member.name.text;
}

std::string address_of(const ServiceName& service, const Resource& resource) {
  return service.text + "/" + resource.kind + "/" + resource.name;
}

const Resource* find(const std::vector<Resource>& resources, const std::string& kind,
                     const std::string& name) {
  const auto found = std::ranges::find_if(resources, [&](const Resource& resource) {
    return resource.kind == kind && resource.name == name;
  });
  return found == resources.end() ? nullptr : &*found;
}

std::string value_of(const Resource& resource, const char* attribute) {
  const auto found = resource.attributes.find(attribute);
  return found == resource.attributes.end() ? std::string{} : found->second;
}

void put(std::vector<Resource>& resources, const Resource& resource) {
  std::erase_if(resources, [&](const Resource& other) {
    return other.kind == resource.kind && other.name == resource.name;
  });
  resources.insert(std::ranges::upper_bound(resources, resource), resource);
}

// The resource and what it names, where that is not there yet.
void take(const Resource& resource, const Service& wanted, Service& into) {
  put(into.resources, resource);
  const auto need = [&](const char* kind, const std::string& name) {
    const Resource* other = find(wanted.resources, kind, name);
    if (other != nullptr && find(into.resources, kind, name) == nullptr) take(*other, wanted, into);
  };
  if (resource.kind == "database") need("role", value_of(resource, "owner"));
  if (resource.kind == "grant") {
    need("role", value_of(resource, "role"));
    need("database", value_of(resource, "database"));
  }
}

bool same_place(const std::vector<Member>& members, const Member& member) {
  return std::ranges::find(members, member) != members.end();
}

}  // namespace

std::vector<std::string> addresses_of(const Service& service) {
  std::vector<std::string> out{service.name.text};
  for (const Member& member : service.all()) out.push_back(address_of(service.name, member));
  for (const Resource& resource : service.resources) {
    out.push_back(address_of(service.name, resource));
  }
  return out;
}

Service targeted(const Service& wanted, const Service& known,
                 const std::vector<std::string>& targets) {
  const auto named = [&](const std::string& address) {
    return std::ranges::find(targets, address) != targets.end();
  };
  if (named(wanted.name.text)) return wanted;
  Service out = known;
  std::erase_if(out.members,
                [&](const Member& member) { return named(address_of(known.name, member)); });
  for (const Member& member : wanted.members) {
    if (named(address_of(wanted.name, member))) out.members.push_back(member);
  }
  std::erase_if(out.resources,
                [&](const Resource& resource) { return named(address_of(known.name, resource)); });
  for (const Resource& resource : wanted.resources) {
    if (named(address_of(wanted.name, resource))) take(resource, wanted, out);
  }
  return out;
}

Service next_desired(const Service& wanted, const Service* known, const MemberName& leader,
                     bool final_copies) {
  Service out = wanted;
  out.leaving.clear();
  out.final_copies = true;
  if (known == nullptr) return out;
  out.leaving = known->leaving;
  // A whole service that leaves must be gone before its name can be used anew.
  if (known->leaves()) return *known;
  std::vector<Member> moved;
  for (const Member& member : known->members) {
    if (wanted.find(member.name) == nullptr) {
      out.leaving.push_back(member);
    } else if (!same_place(wanted.members, member)) {
      moved.push_back(member);
    }
  }
  std::ranges::stable_partition(moved, [&](const Member& m) { return m.name != leader; });
  // One at a time: until its turn has come a member stays where it is.
  const bool busy = !out.leaving.empty();
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (i == 0 && !busy) {
      out.leaving.push_back(moved[i]);
      continue;
    }
    for (Member& member : out.members) {
      if (member.name == moved[i].name) member = moved[i];
    }
  }
  std::erase_if(out.members, [&](const Member& m) { return out.find_leaving(m.name) != nullptr; });
  if (!out.leaving.empty()) out.final_copies = final_copies;
  return out;
}

Service all_leaving(const Service& known, bool final_copies) {
  Service out = known;
  out.leaving = known.all();
  out.members.clear();
  out.final_copies = final_copies;
  return out;
}

std::vector<std::string> destroyed_by(const PlanReport& report) {
  std::vector<std::string> out;
  for (const PlannedChange& change : report.changes) {
    const bool goes = change.action == "delete" || change.action == "replace";
    if (!goes || change.under_way) continue;
    const std::vector<std::string> parts = split(change.address, '/');
    const bool service = parts.size() == 1;
    const bool data = service || parts[1] == "member" || parts[1] == "database";
    const bool inside = !service && std::ranges::find(out, parts[0]) != out.end();
    if (data && !inside) out.push_back(change.address);
  }
  return out;
}

std::vector<std::string> not_allowed(const std::vector<std::string>& destroyed,
                                     const std::vector<std::string>& allowed) {
  std::vector<std::string> out;
  for (const std::string& address : destroyed) {
    const std::string service = address.substr(0, address.find('/'));
    const bool named = std::ranges::any_of(
        allowed, [&](const std::string& name) { return name == address || name == service; });
    if (!named) out.push_back(address);
  }
  return out;
}

}  // namespace weir::provision
