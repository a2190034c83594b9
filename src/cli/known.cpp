// Whom to ask what the fleet is.
#include "cli/known.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "guard/guard.h"

namespace weir::cli {
namespace {

constexpr Duration kStoreLimit = 2s;
constexpr Duration kAgentLimit = 1s;

// What is asked and what was answered outlive the call: an answer that comes late finds them.
struct Asked {
  peer::Address to;
  Json answer;
};

Result<Known> from_store(Session& session) {
  Known known;
  WEIR_TRY(known.services,
           store::list_desired(session.store(), session.keys(), session.within(kStoreLimit)));
  for (const auto& held : known.services) {
    WEIR_TRY(const auto record, store::read_record(session.store(), session.keys(),
                                                   held.service.name, session.within(kStoreLimit)));
    if (record) known.records[held.service.name] = *record;
    WEIR_TRY(const auto claim, store::read_claim(session.store(), session.keys(), held.service.name,
                                                 session.within(kStoreLimit)));
    if (claim) known.claims[held.service.name] = *claim;
  }
  return known;
}

void take(Known& known, const Json& told) {
  const auto desired = service_from(told["desired"]);
  if (!desired) return;  // nonsense, or of a newer weir: as good as no answer
  const store::HeldService held{*desired, told["desired_revision"].integer()};
  bool newer = true;
  for (auto& before : known.services) {
    if (before.service.name != held.service.name) continue;
    newer = false;
    if (before.revision < held.revision) before = held;
  }
  if (newer) known.services.push_back(held);
  const auto record = record_from(told["record"]);
  if (!record) return;
  const store::Held read{*record, told["record_revision"].integer()};
  const auto before = known.records.find(held.service.name);
  if (before == known.records.end() || before->second.revision < read.revision) {
    known.records[held.service.name] = read;
  }
}

// The newest that any agent has read; each of them may be behind.
Known from_agents(Session& session, const Error& why) {
  Known known;
  std::string hosts;
  for (const auto& [host, told] :
       ask_agents(session, session.facts().hosts, "/known", Json::object(), kAgentLimit)) {
    if (!told["services"].is_array()) continue;
    known.told_by.push_back(host);
    hosts += (hosts.empty() ? "" : ", ") + host.text;
    for (const Json& service : told["services"].items()) take(known, service);
  }
  const auto by_name = [](const store::HeldService& held) { return held.service.name; };
  std::ranges::sort(known.services, {}, by_name);
  known.store_away = fmt::format(
      "the store is away ({}); shown is what the agents of {} last read from it", why.what, hosts);
  return known;
}

}  // namespace

const store::HeldService* Known::find(const ServiceName& service) const {
  for (const auto& held : services) {
    if (held.service.name == service) return &held;
  }
  return nullptr;
}

Result<Known> know(Session& session) {
  WEIR_TRY_(session.open());
  auto known = from_store(session);
  if (known) return known;
  Known told = from_agents(session, known.error());
  if (!told.told_by.empty()) return told;
  // Nobody of the fleet runs here: its store's file can be read by a store of our own.
  WEIR_TRY_(session.wake_store());
  return from_store(session);
}

void tell_if_away(Session& session, const Known& known) {
  if (!known.store_away.empty()) session.progress("warning: " + known.store_away);
}

Result<store::HeldService> the_service(const Known& known, const std::string& named) {
  if (named.empty() && known.services.size() == 1) return known.services.front();
  std::vector<std::string> names;
  for (const auto& held : known.services) names.push_back(held.service.name.text);
  if (const auto* held = known.find(ServiceName(named))) return *held;
  const std::string all = names.empty() ? "none" : join(names, ", ");
  if (named.empty()) return fail(Failure::bad_config, "which service? The fleet has " + all);
  const std::string meant = nearest(named, names);
  return fail(Failure::not_found, fmt::format("no service {}; the fleet has {}", named, all),
              meant.empty() ? std::string{} : fmt::format("did you mean `{}`?", meant));
}

std::map<HostName, Json> ask_agents(Session& session, const std::vector<Host>& hosts,
                                    const std::string& path, const Json& question, Duration limit) {
  const auto asked = std::make_shared<std::vector<Asked>>();
  for (const Host& host : hosts) {
    asked->push_back({{host.name.text, host.address, peer::kAgentPort}, {}});
  }
  std::vector<std::shared_ptr<Job>> jobs;
  const Deadline deadline = session.within(limit);
  for (std::size_t i = 0; i < asked->size(); ++i) {
    jobs.push_back(session.machine().workers.begin(
        "ask", [asked, i, path, question, deadline, &caller = session.caller()] {
          Asked& one = (*asked)[i];
          if (auto answer = caller.call(one.to, path, question, deadline)) {
            one.answer = std::move(*answer);
          }
        }));
  }
  for (const auto& job : jobs) {
    while (!job->wait(session.within(limit))) continue;  // calls end by their deadline
  }
  std::map<HostName, Json> out;
  for (const Asked& one : *asked) out[HostName(one.to.name)] = one.answer;
  return out;
}

}  // namespace weir::cli
