// The effects of provisioning's steps, and how they stand in the journal.
#include "access/access.h"
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
  // Waited for in slices: a stop takes as long as the last checkpoint does, and whoever preempts us
  // is not to wait for that.
  Done operator()(const StopForSettings&) const {
    const Deadline limit = within(kStopLimit);
    while (true) {
      auto stopped = hands_.engine.runs()->stop(hands_.self, engine::StopMode::fast,
                                                sooner(within(kStopSlice), limit));
      if (stopped || hands_.world.clock.passed(limit)) return {stopped, {}};
      if (auto ours = hands_.may_go_on(); !ours) return {ours, {}};
    }
  }
  Done operator()(const Shape& step) const {
    return {hands_.engine.shapes()->apply(hands_.self, step.difference, within(kShortLimit)), {}};
  }

 private:
  Deadline within(Duration limit) const { return hands_.world.clock.within(limit); }
  const Hands& hands_;
};

constexpr std::string_view kVerifier = "SCRAM-SHA-256$";

const Resource* find_same(const std::vector<Resource>& resources, const Resource& like) {
  for (const Resource& resource : resources) {
    if (resource.kind == like.kind && resource.name == like.name) return &resource;
  }
  return nullptr;
}

std::string salt_of(Random& random) {
  std::string salt;
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t word = random.next();
    for (unsigned shift = 0; shift < 64; shift += 8) salt += static_cast<char>(word >> shift);
  }
  return salt;
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
      WEIR_TRY(password->second, access::scram_verifier(secret, salt_of(world.random)));
    }
  }
  return out;
}

}  // namespace weir::provision
