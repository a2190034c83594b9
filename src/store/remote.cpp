// The client of `weir store`.
#include "store/remote.h"

#include <algorithm>

#include "store/machine.h"

namespace weir::store {
namespace {

// One long poll. Short enough that a store which died without a word is noticed.
constexpr Duration kPoll = 10s;
// No answer within less than this says nothing about the store's health.
constexpr Duration kRoundTrip = 100ms;

// What the store is told to keep to: a little less than we have, so that its own answer that the
// time is over still reaches us. Otherwise each late call would end as outcome_unknown.
std::int64_t wait_ms(Duration left) {
  const Duration told = left - std::min(left / 10, Duration(100ms));
  return std::max<std::int64_t>(std::chrono::floor<std::chrono::milliseconds>(told).count(), 0);
}

Error unreadable(const std::string& what) {
  return {Failure::bad_data, "cannot read the answer of the store: " + what, {}, Here::now()};
}

Result<Entry> entry_from(const Json& json) {
  if (!json["key"].is_string() || !json["value"].is_string() || !json["revision"].is_number()) {
    return fail(unreadable("an entry is not whole"));
  }
  return Entry{json["key"].text(), json["value"].text(), json["revision"].integer()};
}

Result<Watched> watched_from(const Json& json) {
  if (!json["revision"].is_number() || !json["events"].is_array()) {
    return fail(unreadable("a watch without events or revision"));
  }
  Watched watched;
  watched.revision = json["revision"].integer();
  for (const Json& event : json["events"].items()) {
    if (!event["key"].is_string() || !event["revision"].is_number()) {
      return fail(unreadable("an event is not whole"));
    }
    std::optional<std::string> value;
    if (event["value"].is_string()) value = event["value"].text();
    watched.events.push_back({event["key"].text(), std::move(value), event["revision"].integer()});
  }
  return watched;
}

Json to_json(const Change& change) {
  Json json = Json::object().set("key", change.key).set("expected", change.expected);
  if (change.value) json.set("value", *change.value);
  if (change.lease != 0) json.set("lease", change.lease);
  return json;
}

class Remote : public Store {
 public:
  Remote(peer::Caller& caller, Clock& clock, peer::Address store)
      : caller_(caller), clock_(clock), store_(std::move(store)) {}

  Result<std::optional<Entry>> get(const std::string& key, Deadline deadline) override {
    WEIR_TRY(const Json answer, read("/get", Json::object().set("key", key), deadline));
    if (answer["entry"].is_null()) return std::optional<Entry>();
    WEIR_TRY(Entry entry, entry_from(answer["entry"]));
    return std::optional<Entry>(std::move(entry));
  }

  Result<std::vector<Entry>> list(const std::string& prefix, Deadline deadline) override {
    WEIR_TRY(const Json answer, read("/list", Json::object().set("prefix", prefix), deadline));
    if (!answer["entries"].is_array()) return fail(unreadable("a list without entries"));
    std::vector<Entry> entries;
    for (const Json& json : answer["entries"].items()) {
      WEIR_TRY(Entry entry, entry_from(json));
      entries.push_back(std::move(entry));
    }
    return entries;
  }

  Result<Revision> commit(const std::vector<Change>& changes, Deadline deadline) override {
    // Here as well as at the store: text that is not UTF-8 would arrive as another text.
    WEIR_TRY_(check(changes));
    Json list = Json::array();
    for (const Change& change : changes) list.add(to_json(change));
    WEIR_TRY(const Json answer,
             ask("/commit", Json::object().set("changes", std::move(list)), deadline));
    return number(answer, "revision");
  }

  Result<Watched> watch(const std::string& prefix, Revision after, Deadline deadline) override {
    const bool brief = deadline.at - clock_.now() < kRoundTrip;
    while (true) {
      const Deadline turn = sooner(deadline, clock_.within(kPoll));
      auto answer = read("/watch", Json::object().set("prefix", prefix).set("after", after), turn);
      if (!answer && answer.error().failure == Failure::timed_out && brief) {
        return Watched{{}, after};
      }
      if (!answer) return fail(std::move(answer).error());
      WEIR_TRY(Watched watched, watched_from(*answer));
      if (!watched.events.empty()) return watched;
      after = watched.revision;
      // Nothing more can come from a call that has no time for a round trip.
      if (deadline.at - clock_.now() < kRoundTrip / 10) {
        clock_.sleep_until(deadline.at);
        return Watched{{}, after};
      }
    }
  }

  Result<LeaseId> grant(Duration ttl, Deadline deadline) override {
    WEIR_TRY(const Json answer,
             ask("/grant", Json::object().set("ttl_ns", std::int64_t{ttl.count()}), deadline));
    return number(answer, "lease");
  }

  Result<> renew(LeaseId lease, Deadline deadline) override {
    WEIR_TRY_(ask("/renew", Json::object().set("lease", lease), deadline));
    return {};
  }

  Result<> revoke(LeaseId lease, Deadline deadline) override {
    WEIR_TRY_(ask("/revoke", Json::object().set("lease", lease), deadline));
    return {};
  }

 private:
  Result<Json> ask(const std::string& path, Json body, Deadline deadline) {
    body.set("wait_ms", wait_ms(deadline.at - clock_.now()));
    return caller_.call(store_, path, body, deadline);
  }

  // A call without effect: that its outcome is unknown means only that we did not hear it.
  Result<Json> read(const std::string& path, Json body, Deadline deadline) {
    auto answer = ask(path, std::move(body), deadline);
    if (!answer && answer.error().failure == Failure::outcome_unknown) {
      answer.error().failure = clock_.passed(deadline) ? Failure::timed_out : Failure::unreachable;
    }
    return answer;
  }

  // The store did what we asked, but its answer does not say what came of it.
  static Result<std::int64_t> number(const Json& answer, const char* name) {
    if (answer[name].is_number()) return answer[name].integer();
    return fail(Failure::outcome_unknown,
                std::string("cannot read the answer of the store: it has no ") + name);
  }

  peer::Caller& caller_;
  Clock& clock_;
  const peer::Address store_;
};

}  // namespace

std::unique_ptr<Store> make_remote(peer::Caller& caller, Clock& clock, peer::Address store) {
  return std::make_unique<Remote>(caller, clock, std::move(store));
}

}  // namespace weir::store
