// Sessions of outside clients, and the databases and roles that the fake can hold.
#include <fmt/format.h>

#include <algorithm>

#include "engine/fake/faces.h"

namespace weir::engine {
namespace {

constexpr Duration kTripTakes = 300us;
constexpr const char* kLedgerKind = "ledger";

// One connection. It breaks with the server that it was opened to, also if that one comes back.
class FakeSession : public Session {
 public:
  FakeSession(FakeHost& host, Member member, std::int64_t pid)
      : host_(host), member_(std::move(member)), pid_(pid) {}

  WriteResult write(const LedgerRow& row, Deadline deadline) override {
    host_.clock().sleep_for(kTripTakes);
    if (silent()) return no_answer(deadline);
    if (server() == nullptr) return {Written::refused, "the connection is closed"};
    FakeRow wanted;
    wanted.row = row;
    wanted.client = true;
    const auto ticket = host_.cluster().commit(fake_id(member_), std::move(wanted));
    if (!ticket) return {Written::refused, ticket.error().what};
    poll_until(host_.clock(), deadline, 2ms,
               [&] { return host_.cluster().outcome(*ticket) != Wait::open; });
    if (silent()) return no_answer(deadline);
    switch (host_.cluster().outcome(*ticket)) {
      case Wait::released:
        host_.cluster().tell_client(*ticket);
        return {Written::acknowledged, {}};
      case Wait::open:
        return {Written::in_doubt, "no answer by the deadline"};
      case Wait::broken:
        break;
    }
    return {Written::in_doubt, "the connection was closed"};
  }

  Result<bool> read_back(const LedgerRow& row, Deadline deadline) override {
    WEIR_TRY(const std::vector<LedgerRow> rows, read_all(deadline));
    return std::ranges::find(rows, row) != rows.end();
  }

  Result<std::vector<LedgerRow>> read_all(Deadline) override {
    host_.clock().sleep_for(kTripTakes);
    if (silent() || server() == nullptr) {
      return fail(Failure::unreachable, "cannot read: the connection is closed");
    }
    std::vector<LedgerRow> out;
    for (const RowId id : host_.cluster().disk(fake_id(member_)).log) {
      const FakeRow& row = host_.cluster().row(id);
      if (row.client) out.push_back(row.row);
    }
    return out;
  }

 private:
  bool silent() const { return host_.cluster().silent(member_.host, host_.setting().host); }
  WriteResult no_answer(Deadline deadline) {
    host_.clock().sleep_until(deadline.at);
    return {Written::in_doubt, "no answer by the deadline"};
  }
  FakeServer* server() { return host_.cluster().reach_open(fake_id(member_), member_.host, pid_); }

  FakeHost& host_;
  const Member member_;
  const std::int64_t pid_;
};

}  // namespace

std::vector<std::string> FakeWrites::preparation(const LedgerAccess& access) const {
  return {"CREATE SCHEMA " + access.schema};
}

Result<> FakeWrites::prepare(const Member& leader, const LedgerAccess& access, Deadline deadline) {
  FakeRow row;
  row.shaped = Resource{kLedgerKind, access.schema, {}};
  return host_.write_own(leader, std::move(row), false, deadline);
}

Result<> FakeWrites::clean_up(const Member& leader, const LedgerAccess& access, Deadline deadline) {
  FakeRow row;
  row.shaped = Resource{kLedgerKind, access.schema, {}};
  row.dropped = true;
  return host_.write_own(leader, std::move(row), false, deadline);
}

Result<std::unique_ptr<Session>> FakeWrites::connect(const std::vector<Member>& members,
                                                     const LedgerAccess& access,
                                                     Deadline deadline) {
  for (const Member& member : members) {
    const FakeServer* server = host_.reach(member);
    if (server == nullptr || !server->leader || server->read_only) continue;
    return connect_one(member, access, deadline);
  }
  host_.clock().sleep_for(kTripTakes);
  return fail(Failure::unreachable, "cannot connect: no member takes writes");
}

Result<std::unique_ptr<Session>> FakeWrites::connect_one(const Member& member, const LedgerAccess&,
                                                         Deadline) {
  host_.clock().sleep_for(kTripTakes);
  const FakeServer* server = host_.reach(member);
  if (server == nullptr) {
    return fail(Failure::unreachable, "cannot connect to " + fake_id(member) + ": no answer");
  }
  return std::unique_ptr<Session>(std::make_unique<FakeSession>(host_, member, server->pid));
}

Result<std::vector<Resource>> FakeShapes::present(const Member& member,
                                                  const std::vector<Resource>& declared, Deadline) {
  host_.clock().sleep_for(kTripTakes);
  FakeCluster& cluster = host_.cluster();
  if (host_.reach(member) == nullptr) {
    return fail(Failure::unreachable, "cannot read " + fake_id(member) + ": no answer");
  }
  std::vector<Resource> out;
  for (const Resource& resource : declared) {
    if (resource.kind == "param") out.push_back(resource);
  }
  for (const Resource& resource : cluster.shapes_of(fake_id(member))) {
    if (resource.kind != kLedgerKind) out.push_back(resource);  // nobody declares a ledger
  }
  std::ranges::sort(out);
  return out;
}

Result<> FakeShapes::apply(const Member& leader, const Difference& difference, Deadline deadline) {
  FakeRow row;
  row.dropped = difference.wanted.name.empty();
  row.shaped = row.dropped ? difference.present : difference.wanted;
  return host_.write_own(leader, std::move(row), false, deadline);
}

std::vector<Attribute> FakeShapes::attributes() const {
  return {{"param", "max_connections", "restart", "number"},
          {"param", "work_mem", "reload", "bytes"}};
}

}  // namespace weir::engine
