// What this host tells everybody through the store: what it sees of its own members, its journal.
// Every write is by compare-and-set on our own last one.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "agent/loop.h"
#include "agent/ports.h"

namespace weir::agent {

class Publisher {
 public:
  // `tell` gives key and value pairs to publish now: sightings and this agent's own line.
  using Tell = std::function<std::map<std::string, Json>()>;
  Publisher(World& world, store::Store& store, const Setting& setting, Tell tell);
  ~Publisher() { join(); }

  void add(const journal::Entry& entry);  // any thread; never waits
  void stop();
  void join();  // stops and waits; what is added from then on stays here

 private:
  void publish();
  void drop(const std::string& key);
  void publish_facts();
  Result<store::Revision> revision_of(const std::string& key);
  Result<> put(const std::map<std::string, Json>& all);

  World& world_;
  store::Store& store_;
  const Setting& setting_;
  const Tell tell_;
  struct Put {
    store::Revision revision = 0;
    Json value;
    Instant at{};
  };
  std::mutex mutex_;  // guards the two below
  std::map<std::string, Put> last_;
  std::deque<journal::Entry> entries_;
  std::unique_ptr<Loop> news_;
};

}  // namespace weir::agent
