// The store's side of `apply` and `up`.
#include "cli/desire.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/passwords.h"
#include "cli/revoked.h"
#include "cli/verbs.h"
#include "provision/provision.h"

namespace weir::cli {
namespace {

constexpr Duration kWriteLimit = 5s;

Result<> write_if_absent(Session& session, const std::string& key, const Json& value) {
  WEIR_TRY(const auto entry, session.store().get(key, session.within(kWriteLimit)));
  if (entry) return {};
  const auto written =
      session.store().commit({{key, 0, value.dump(), 0}}, session.within(kWriteLimit));
  if (!written && written.error().failure != Failure::conflict) return fail(written.error());
  return {};
}

Result<> refuse_if_moved(const Planned& planned, const ServiceName& name,
                         const std::optional<store::HeldService>& held) {
  const store::Revision now = held ? held->revision : 0;
  const auto then = planned.revisions.find(name);
  if (then != planned.revisions.end() && then->second == now) return {};
  return fail(Failure::refused,
              fmt::format("service {} was changed while this waited: what was shown is not what "
                          "would be done",
                          name.text),
              "weir plan again, and read what it says");
}

Result<> write_first_record(Session& session, const Service& service) {
  const auto written =
      store::write_record(session.store(), session.keys(), service.name,
                          provision::first_record(service), 0, session.within(kWriteLimit));
  if (!written) return fail(written.error());
  return {};
}

Result<bool> write_if_other(Session& session, const Service& next,
                            const std::optional<store::HeldService>& held, bool anyway) {
  if (held && held->service == next && !anyway) return false;
  const auto written = store::write_desired(session.store(), session.keys(), next,
                                            held ? held->revision : 0, session.within(kWriteLimit));
  if (!written) return fail(written.error());
  return true;
}

// Agents settle anew whenever the desired state is written, so what drifted is mended at once and
// not only when they look the next time.
bool drifted(const Planned& planned, const ServiceName& name) {
  return std::ranges::any_of(planned.report.drift, [&](const PlannedChange& change) {
    return change.address.starts_with(name.text + "/");
  });
}

// Answers whether there was anything to write.
Result<bool> step_service(Session& session, const Planned& planned, Service wanted, bool first) {
  WEIR_TRY(const auto held, store::read_desired(session.store(), session.keys(), wanted.name,
                                                session.within(kWriteLimit)));
  if (first) WEIR_TRY_(refuse_if_moved(planned, wanted.name, held));
  const Service* known = held ? &held->service : nullptr;
  WEIR_TRY_(generate_passwords(session, wanted, known));
  WEIR_TRY(const auto record, store::read_record(session.store(), session.keys(), wanted.name,
                                                 session.within(kWriteLimit)));
  // The record first: an agent that sees the service finds who is to make its data.
  if (!record) {
    WEIR_TRY_(refuse_if_remembered(session, wanted));
    WEIR_TRY_(write_first_record(session, wanted));
  }
  const MemberName leader = record ? record->record.leader.member : MemberName{};
  const bool final_copies = !session.options().no_final_copy;
  return write_if_other(session, provision::next_desired(wanted, known, leader, final_copies), held,
                        first && drifted(planned, wanted.name));
}

Result<bool> step_gone(Session& session, const Planned& planned, const ServiceName& name,
                       bool first) {
  WEIR_TRY(const auto held,
           store::read_desired(session.store(), session.keys(), name, session.within(kWriteLimit)));
  if (first) WEIR_TRY_(refuse_if_moved(planned, name, held));
  if (!held || held->service.leaves()) return false;
  const bool final_copies = !session.options().no_final_copy;
  return write_if_other(session, provision::all_leaving(held->service, final_copies), held, false);
}

Result<bool> write_all(Session& session, const Planned& planned, bool first) {
  WEIR_TRY_(write_frame(session, planned.wanted.hosts));
  bool wrote = false;
  for (const Service& service : planned.wanted.services) {
    WEIR_TRY(const bool stepped, step_service(session, planned, service, first));
    wrote = wrote || stepped;
  }
  for (const ServiceName& name : planned.gone) {
    WEIR_TRY(const bool stepped, step_gone(session, planned, name, first));
    wrote = wrote || stepped;
  }
  return wrote;
}

}  // namespace

Result<> write_frame(Session& session, const std::vector<Host>& hosts) {
  const store::Keys keys = session.keys();
  WEIR_TRY_(
      write_if_absent(session, keys.meta(),
                      Json::object().set("format", 1).set("fleet", session.place().fleet.text)));
  for (const Host& host : hosts) {
    WEIR_TRY_(store::create_renewal(session.store(), keys, host.name, session.within(kWriteLimit)));
  }
  return publish_revoked(session);
}

Result<> check_possible(const Planned& planned) {
  for (const Service& service : planned.wanted.services) {
    int moving = 0;
    for (const PlannedChange& change : planned.report.changes) {
      const bool here = change.address.starts_with(service.name.text + "/member/");
      if (here && change.action == "replace") moving = 1;  // one at a time
    }
    const int replicas = static_cast<int>(service.members.size()) - 1 - moving;
    if (service.durability != Durability::required || replicas >= service.sync) continue;
    return fail(Failure::refused,
                fmt::format("service {}: each commit waits for {} of its replicas, and while a "
                            "member is replaced it would have {}",
                            service.name.text, service.sync, replicas),
                "add a member first, or lower `sync`");
  }
  return {};
}

Result<> reach_desired(Session& session, const Planned& planned, Duration limit,
                       const std::function<Result<>()>& keep) {
  const Deadline deadline = session.within(session.options().timeout.value_or(limit));
  std::vector<ServiceName> services;
  for (const Service& service : planned.wanted.services) services.push_back(service.name);
  for (bool first = true;; first = false) {
    auto wrote = write_all(session, planned, first);
    if (!wrote) {
      Error error = wrote.error();
      if (error.hint.empty()) error.hint = "the same command again goes on from here";
      return fail(std::move(error));
    }
    if (*wrote) session.progress("written; waiting until it is so");
    if (!*wrote && !first) return {};
    WEIR_TRY_(await_applied(session, services, planned.gone, deadline, keep));
    if (!*wrote) return {};
  }
}

}  // namespace weir::cli
