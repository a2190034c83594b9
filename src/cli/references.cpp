#include "cli/references.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"

namespace weir::cli {
namespace {

constexpr Duration kAskLimit = 2s;

std::set<std::string> references_of(const Service& service) {
  std::set<std::string> out;
  for (const Resource& resource : service.resources) {
    const auto password = resource.attributes.find("password");
    if (password == resource.attributes.end()) continue;
    if (starts_with(password->second, "env:") || starts_with(password->second, "file:")) {
      out.insert(password->second);
    }
  }
  return out;
}

void ask(Session& session, const Member& member, const std::set<std::string>& references,
         std::vector<std::string>& out) {
  Json asked = Json::array();
  for (const std::string& reference : references) asked.add(reference);
  const auto answer =
      session.caller().call({member.host.text, member.address, peer::kAgentPort}, "/references",
                            Json::object().set("references", asked), session.within(kAskLimit));
  if (!answer) {
    out.push_back(fmt::format("unknown whether host {} has {}: {}", member.host.text,
                              join({references.begin(), references.end()}, ", "),
                              answer.error().what));
    return;
  }
  for (const Json& missing : (*answer)["missing"].items()) {
    out.push_back(fmt::format("host {} lacks {}: {}", member.host.text, missing["reference"].text(),
                              missing["because"].text()));
  }
}

}  // namespace

std::vector<std::string> lacking(Session& session, const Fleet& fleet) {
  std::vector<std::string> out;
  for (const Service& service : fleet.services) {
    const std::set<std::string> references = references_of(service);
    if (references.empty()) continue;
    for (const Member& member : service.members) ask(session, member, references, out);
  }
  return out;
}

}  // namespace weir::cli
