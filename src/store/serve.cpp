// The serving side of `weir store`: one handler before any Store.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "store/remote.h"

namespace weir::store {
namespace {

constexpr int kCallsMax = 128;  // most of them watches, one or two for each agent
constexpr Duration kWaitMax = 60s;
constexpr Duration kLook = 250ms;  // how often a waiting watch looks whether the listener ends
constexpr std::size_t kEventBytesMax = 8u << 20;  // half of what an answer may have

Result<std::string> text(const Json& body, const char* name) {
  if (body[name].is_string()) return body[name].text();
  return fail(Failure::bad_data, fmt::format("the request has no text '{}'", name));
}

Result<std::int64_t> number(const Json& body, const char* name) {
  if (body[name].is_number()) return body[name].integer();
  return fail(Failure::bad_data, fmt::format("the request has no number '{}'", name));
}

Json to_json(const Entry& entry) {
  return Json::object()
      .set("key", entry.key)
      .set("value", entry.value)
      .set("revision", entry.revision);
}

Json to_json(const Event& event) {
  Json json = Json::object().set("key", event.key).set("revision", event.revision);
  if (event.value) json.set("value", *event.value);
  return json;
}

Result<std::vector<Change>> changes_from(const Json& body) {
  if (!body["changes"].is_array()) {
    return fail(Failure::bad_data, "the request has no list 'changes'");
  }
  std::vector<Change> changes;
  for (const Json& json : body["changes"].items()) {
    Change change;
    WEIR_TRY(change.key, text(json, "key"));
    WEIR_TRY(change.expected, number(json, "expected"));
    if (json.has("value")) {
      WEIR_TRY(change.value, text(json, "value"));
    }
    if (json.has("lease")) {
      WEIR_TRY(change.lease, number(json, "lease"));
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

// Leaves out the newest events if there are too many for one answer. Transactions stay whole, and
// the revision says from where to go on.
void fit(Watched& watched) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < watched.events.size(); ++i) {
    const Event& event = watched.events[i];
    const bool begins = i > 0 && event.revision != watched.events[i - 1].revision;
    if (begins && bytes > kEventBytesMax) {
      watched.revision = watched.events[i - 1].revision;
      watched.events.resize(i);
      return;
    }
    bytes += event.key.size() + (event.value ? event.value->size() : 0);
  }
}

class Desk {
 public:
  Desk(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  void end() { ending_ = true; }

  Result<Json> handle(const peer::Request& request) {
    const Json& body = request.body;
    WEIR_TRY(const std::int64_t wait_ms, number(body, "wait_ms"));
    const auto most = std::chrono::milliseconds(kWaitMax / 1ms);
    const std::chrono::milliseconds wait(std::clamp<std::int64_t>(wait_ms, 0, most.count()));
    const Deadline deadline = clock_.within(wait);
    if (request.path == "/get") return get(body, deadline);
    if (request.path == "/list") return list(body, deadline);
    if (request.path == "/commit") return commit(body, deadline);
    if (request.path == "/watch") return watch(body, deadline);
    if (request.path == "/grant") return grant(body, deadline);
    if (request.path == "/renew") return renew(body, deadline);
    if (request.path == "/revoke") return revoke(body, deadline);
    return fail(Failure::not_found, fmt::format("the store has no call '{}'", request.path));
  }

 private:
  Result<Json> get(const Json& body, Deadline deadline) {
    WEIR_TRY(const std::string key, text(body, "key"));
    WEIR_TRY(const std::optional<Entry> entry, store_.get(key, deadline));
    return Json::object().set("entry", entry ? to_json(*entry) : Json());
  }

  Result<Json> list(const Json& body, Deadline deadline) {
    WEIR_TRY(const std::string prefix, text(body, "prefix"));
    WEIR_TRY(const std::vector<Entry> entries, store_.list(prefix, deadline));
    Json out = Json::array();
    for (const Entry& entry : entries) out.add(to_json(entry));
    return Json::object().set("entries", std::move(out));
  }

  Result<Json> commit(const Json& body, Deadline deadline) {
    WEIR_TRY(const std::vector<Change> changes, changes_from(body));
    WEIR_TRY(const Revision revision, store_.commit(changes, deadline));
    return Json::object().set("revision", revision);
  }

  Result<Json> watch(const Json& body, Deadline deadline) {
    WEIR_TRY(const std::string prefix, text(body, "prefix"));
    WEIR_TRY(Revision after, number(body, "after"));
    while (true) {
      const Deadline turn = sooner(deadline, clock_.within(kLook));
      WEIR_TRY(Watched watched, store_.watch(prefix, after, turn));
      if (!watched.events.empty() || ending_ || clock_.passed(deadline)) {
        fit(watched);
        Json events = Json::array();
        for (const Event& event : watched.events) events.add(to_json(event));
        return Json::object().set("events", std::move(events)).set("revision", watched.revision);
      }
      after = watched.revision;
    }
  }

  Result<Json> grant(const Json& body, Deadline deadline) {
    WEIR_TRY(const std::int64_t ttl_ns, number(body, "ttl_ns"));
    WEIR_TRY(const LeaseId lease, store_.grant(Duration(ttl_ns), deadline));
    return Json::object().set("lease", lease);
  }

  Result<Json> renew(const Json& body, Deadline deadline) {
    WEIR_TRY(const LeaseId lease, number(body, "lease"));
    WEIR_TRY_(store_.renew(lease, deadline));
    return Json::object();
  }

  Result<Json> revoke(const Json& body, Deadline deadline) {
    WEIR_TRY(const LeaseId lease, number(body, "lease"));
    WEIR_TRY_(store_.revoke(lease, deadline));
    return Json::object();
  }

  Store& store_;
  Clock& clock_;
  std::atomic<bool> ending_{false};
};

// Wakes the watches before it joins the threads on which they wait.
class Served : public peer::Listener {
 public:
  Served(std::unique_ptr<Desk> desk, std::unique_ptr<peer::Listener> listener)
      : desk_(std::move(desk)), listener_(std::move(listener)) {}
  ~Served() override {
    desk_->end();
    listener_.reset();
  }
  std::uint16_t port() const override { return listener_->port(); }

 private:
  std::unique_ptr<Desk> desk_;
  std::unique_ptr<peer::Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<peer::Listener>> serve(Store& store, Clock& clock, const std::string& ip,
                                              std::uint16_t port, const peer::Identity& identity) {
  auto desk = std::make_unique<Desk>(store, clock);
  const peer::Handler handler = [desk = desk.get()](const peer::Request& request) {
    return desk->handle(request);
  };
  WEIR_TRY(auto listener, peer::listen(ip, port, identity, handler, kCallsMax));
  return std::unique_ptr<peer::Listener>(
      std::make_unique<Served>(std::move(desk), std::move(listener)));
}

}  // namespace weir::store
