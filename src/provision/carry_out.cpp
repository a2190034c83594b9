// The effects of provisioning's steps, and how they stand in the journal.
#include <algorithm>

#include "access/access.h"
#include "base/quantity.h"
#include "provision/provision.h"
#include "store/record_io.h"

namespace weir::provision {
namespace {

constexpr Duration kCreateLimit = 120s;
constexpr Duration kStopLimit = 60s;
constexpr Duration kStopSlice = 250ms;
constexpr Duration kShortLimit = 4s;  // a fence or a promise may have to wait for it

struct KindOf {
  const char* operator()(const Create&) const { return "Create"; }
  const char* operator()(const RecordBirth&) const { return "RecordBirth"; }
  const char* operator()(const Settle&) const { return "Settle"; }
  const char* operator()(const StopForSettings&) const { return "StopForSettings"; }
  const char* operator()(const Shape&) const { return "Shape"; }
  const char* operator()(const StopToLeave&) const { return "StopToLeave"; }
  const char* operator()(const Leave&) const { return "Leave"; }
};

// Passwords stand in the journal only by the fact that there is one (safety.md S15).
Json resource_json(const Resource& resource) {
  Json attributes = Json::object();
  for (const auto& [name, value] : resource.attributes) {
    attributes.set(name, name == "password" ? "(secret)" : value);
  }
  return Json::object()
      .set("kind", resource.kind)
      .set("name", resource.name)
      .set("attributes", attributes);
}

struct ToJson {
  Json operator()(const Create& s) const {
    return Json::object().set("incarnation", s.incarnation.text);
  }
  Json operator()(const RecordBirth& s) const {
    return Json::object().set("next", weir::to_json(s.next));
  }
  Json operator()(const Settle& s) const {
    return Json::object().set("clients_let_in", s.clients_let_in);
  }
  Json operator()(const StopForSettings& s) const {
    Json names = Json::array();
    for (const std::string& name : s.parameters) names.add(name);
    return Json::object().set("parameters", names);
  }
  Json operator()(const Shape& s) const {
    return Json::object()
        .set("wanted", resource_json(s.difference.wanted))
        .set("present", resource_json(s.difference.present));
  }
  Json operator()(const StopToLeave& s) const {
    return Json::object().set("with_service", s.with_service);
  }
  Json operator()(const Leave& s) const { return Json::object().set("keep", s.keep); }
};

class Executor {
 public:
  explicit Executor(const Hands& hands) : hands_(hands) {}

  Done operator()(const Create& step) const {
    return {hands_.engine.runs()->create(hands_.self, step.incarnation, hands_.service,
                                         within(kCreateLimit)),
            {}};
  }
  Done operator()(const RecordBirth& step) const {
    auto revision = store::write_record(hands_.store, hands_.keys, hands_.service.name, step.next,
                                        hands_.revision, within(kShortLimit));
    if (!revision) return {fail(revision.error()), {}};
    return {};
  }
  Done operator()(const Settle& step) const {
    auto waiting = hands_.engine.runs()->settle(hands_.self, hands_.service, step.clients_let_in,
                                                within(kShortLimit));
    if (!waiting) return {fail(waiting.error()), {}};
    return {{}, *waiting};
  }
  Done operator()(const StopForSettings&) const { return stop(); }
  Done operator()(const Shape& step) const {
    engine::Difference difference = step.difference;
    difference.final_copy = hands_.service.final_copies;
    return {hands_.engine.shapes()->apply(hands_.self, difference, within(kShortLimit)), {}};
  }
  Done operator()(const StopToLeave&) const { return stop(); }
  Done operator()(const Leave& step) const { return {leave(step), {}}; }

 private:
  Deadline within(Duration limit) const { return hands_.world.clock.within(limit); }
  // Waited for in slices: a stop takes as long as the last checkpoint does, and whoever preempts us
  // is not to wait for that.
  Done stop() const {
    const Deadline limit = within(kStopLimit);
    while (true) {
      auto stopped = hands_.engine.runs()->stop(hands_.self, engine::StopMode::fast,
                                                sooner(within(kStopSlice), limit));
      if (stopped || hands_.world.clock.passed(limit)) return {stopped, {}};
      if (auto ours = hands_.may_go_on(); !ours) return {ours, {}};
    }
  }

  // The word to leave is read anew before any data moves: a file that names the member again has
  // come in between.
  Result<> leave(const Leave& step) const {
    WEIR_TRY(const auto held, store::read_desired(hands_.store, hands_.keys, hands_.service.name,
                                                  within(kShortLimit)));
    if (!held || held->revision != hands_.desired_revision ||
        held->service.find_leaving(hands_.self.name) == nullptr) {
      return fail(Failure::conflict, "the service was declared anew meanwhile");
    }
    WEIR_TRY_(hands_.may_go_on());
    WEIR_TRY_(hands_.engine.runs()->destroy(hands_.self, step.keep ? kept_as() : std::string{},
                                            within(kCreateLimit)));
    Service next = held->service;
    std::erase_if(next.leaving, [&](const Member& m) { return m.name == hands_.self.name; });
    if (next.members.empty() && next.leaving.empty()) return forget_service();
    const auto written =
        store::write_desired(hands_.store, hands_.keys, next, held->revision, within(kShortLimit));
    if (!written) return fail(written.error());
    return {};
  }

  // ORDERS-TIME where the whole service leaves, ORDERS-MEMBER-TIME where one member does.
  std::string kept_as() const {
    std::string out = hands_.service.name.text;
    if (!hands_.service.leaves()) out += "-" + hands_.self.name.text;
    std::string stamp = show(hands_.world.clock.wall());
    std::ranges::replace(stamp, ':', '-');
    return out + "-" + stamp;
  }

  // The last one to leave: everything that the store has of the service, at once.
  Result<> forget_service() const {
    const Deadline deadline = within(kShortLimit);
    WEIR_TRY(const auto entries,
             hands_.store.list(hands_.keys.service(hands_.service.name), deadline));
    std::vector<store::Change> changes{
        {hands_.keys.desired(hands_.service.name), hands_.desired_revision, std::nullopt, 0}};
    for (const store::Entry& entry : entries) {
      changes.push_back({entry.key, entry.revision, std::nullopt, 0});
    }
    const auto gone = hands_.store.commit(changes, deadline);
    if (!gone) return fail(gone.error());
    return {};
  }

  const Hands& hands_;
};

constexpr std::string_view kVerifier = "SCRAM-SHA-256$";

const Resource* find_same(const std::vector<Resource>& resources, const Resource& like) {
  for (const Resource& resource : resources) {
    if (resource.kind == like.kind && resource.name == like.name) return &resource;
  }
  return nullptr;
}

}  // namespace

const char* kind_of(const Step& step) { return std::visit(KindOf{}, step); }
Json to_json(const Step& step) { return std::visit(ToJson{}, step); }
Done carry_out(const Step& step, const Hands& hands) {
  if (auto ours = hands.may_go_on(); !ours) return {fail(std::move(ours).error()), {}};
  return std::visit(Executor(hands), step);
}

Result<std::vector<Resource>> with_secrets(World& world, const std::vector<Resource>& wanted,
                                           const std::vector<Resource>& present, const Open& open) {
  std::vector<Resource> out = wanted;
  for (Resource& resource : out) {
    const auto password = resource.attributes.find("password");
    if (password == resource.attributes.end() || password->second.empty()) continue;
    if (password->second.starts_with(kVerifier)) continue;
    if (access::is_sealed(password->second)) {
      WEIR_TRY(password->second, open(password->second));
      continue;
    }
    WEIR_TRY(const std::string secret, access::resolve(world.files, password->second));
    const Resource* same = find_same(present, resource);
    const auto there = same == nullptr ? std::string{} : [&] {
      const auto found = same->attributes.find("password");
      return found == same->attributes.end() ? std::string{} : found->second;
    }();
    if (!there.empty() && access::scram_matches(there, secret)) {
      password->second = there;
    } else {
      WEIR_TRY(password->second, access::scram_verifier(secret, world.random));
    }
  }
  return out;
}

}  // namespace weir::provision
