// What the faces of the fake share: its notes on disk, its start lock, its own commits.
#include <fmt/format.h>

#include <csignal>

#include "base/mutant.h"
#include "engine/fake/faces.h"
#include "model/server_name.h"

namespace weir::engine {
namespace {

class FakeEngine : public Engine {
 public:
  FakeEngine(World& world, Setting setting, FakeCluster& cluster)
      : host_(world, std::move(setting), cluster),
        observes_(host_),
        runs_(host_),
        shapes_(host_),
        leads_(host_, runs_),
        isolates_(host_),
        writes_(host_) {}

  std::string name() const override { return "fake"; }
  std::uint16_t standard_port() const override { return 5432; }
  Observes* observes() override { return &observes_; }
  Runs* runs() override { return &runs_; }
  Shapes* shapes() override { return &shapes_; }
  Leads* leads() override { return &leads_; }
  Isolates* isolates() override { return &isolates_; }
  Writes* writes() override { return &writes_; }

 private:
  FakeHost host_;
  FakeObserves observes_;
  FakeRuns runs_;
  FakeShapes shapes_;
  FakeLeads leads_;
  FakeIsolates isolates_;
  FakeWrites writes_;
};

// The note at `path`; null if there is none.
Result<Json> read_note(Files& files, const std::string& path) {
  const auto text = files.read(path);
  if (!text && text.error().failure == Failure::not_found) return Json{};
  if (!text) return fail(text.error());
  return Json::parse(*text);
}

}  // namespace

std::unique_ptr<Engine> make_fake(World& world, Setting setting, FakeCluster& cluster) {
  return std::make_unique<FakeEngine>(world, std::move(setting), cluster);
}

std::string fake_id(const Member& member) { return member.service.text + "/" + member.name.text; }

ServerSpec FakeHost::spec(const Member& member) const {
  ServerSpec out;
  out.name = server_name(setting_.fleet, member);
  out.argv = {"fake-server", fake_id(member)};
  out.folder = paths(member).root;
  return out;
}

Result<FakePromise> FakeHost::read_promise(const Member& member) {
  WEIR_TRY(const Json note, read_note(files(), paths(member).promise()));
  if (mutant("promise-forgotten-at-a-restart") && !promised_.contains(member.name))
    return FakePromise{};
  FakePromise out;
  out.round = note["round"].integer();
  out.last = note["last"].integer();
  if (note.has("given")) out.given = promise_from(note["given"]);
  return out;
}

Result<> FakeHost::write_promise(const Member& member, const FakePromise& promise) {
  Json note = Json::object();
  note.set("round", promise.round).set("last", promise.last);
  if (promise.given) note.set("given", to_json(*promise.given));
  promised_.insert(member.name);
  return files().write(paths(member).promise(), note.dump());
}

Result<FakeData> FakeHost::read_data(const Member& member) {
  WEIR_TRY(const Json note, read_note(files(), paths(member).incarnation()));
  return FakeData{Incarnation(note["incarnation"].text()), epoch_from(note["led"])};
}

Result<> FakeHost::write_data(const Member& member, const FakeData& data) {
  Json note = Json::object();
  note.set("incarnation", data.incarnation.text);
  note.set("led", to_json(data.led));
  return files().write(paths(member).incarnation(), note.dump());
}

Result<FakeSettings> FakeHost::read_settings(const Member& member) {
  WEIR_TRY(const Json note, read_note(files(), paths(member).settings()));
  return fake_settings_from(note);
}

Result<> FakeHost::write_settings(const Member& member, const FakeSettings& settings) {
  return files().write(paths(member).settings(), to_json(settings).dump());
}

Result<> FakeHost::reload(const Member& member) {
  auto sent = world_.servers.signal(spec(member), SIGHUP);
  if (!sent && sent.error().failure == Failure::not_found) return {};
  return sent;
}

FakeServer* FakeHost::reach(const Member& member) {
  return cluster_.reach(fake_id(member), member.host, setting_.host);
}

Result<> FakeHost::write_own(const Member& member, FakeRow row, bool local_only,
                             Deadline deadline) {
  clock().sleep_for(500us);
  if (reach(member) == nullptr) {
    return fail(Failure::unreachable, "cannot write to " + fake_id(member) + ": no answer");
  }
  WEIR_TRY(const std::uint64_t ticket,
           cluster_.commit(fake_id(member), std::move(row), local_only));
  poll_until(clock(), deadline, 2ms, [&] { return cluster_.outcome(ticket) != Wait::open; });
  switch (cluster_.outcome(ticket)) {
    case Wait::released:
      return {};
    case Wait::open:
      return fail(Failure::timed_out, "cannot see the commit acknowledged: no replica answered");
    case Wait::broken:
      break;
  }
  return fail(Failure::outcome_unknown, "cannot see the commit acknowledged: the server ended");
}

Result<std::shared_ptr<void>> FakeHost::lock_start(const Member& member, Deadline deadline) {
  std::weak_ptr<void>& lock = locks_[fake_id(member)];
  if (!poll_until(clock(), deadline, 5ms, [&] { return lock.expired(); })) {
    return fail(Failure::held, "cannot start or promise " + fake_id(member) +
                                   ": a start or promise of it is under way");
  }
  auto held = std::make_shared<int>(0);
  lock = held;
  return std::shared_ptr<void>(held);
}

}  // namespace weir::engine
