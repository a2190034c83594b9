// This host's lease (safety.md S2, S8): renewed once a second in the store, and the deadlines of
// the guards that rest on it. On a thread of its own that shares no lock with disk or DNS.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/loop.h"
#include "agent/ports.h"

namespace weir::agent {

class Lease {
 public:
  // A server of this host that runs only under a deadline of its guard.
  struct Ward {
    std::string server;  // FLEET/HOST/SERVICE-MEMBER
    std::function<Result<>()> fence;
    std::function<void()> held;  // its guard has answered
  };
  struct Ears {
    // Those whose record carries this life; no other record is served by its renewals.
    std::function<std::vector<Ward>(const AgentLife&)> wards;
    // Whether a record that carries this life is better off without it.
    std::function<bool(const AgentLife&)> given_up;
    // The store is away: whether all other recorded members of what this host leads in this life
    // extend its lease in the store's place.
    std::function<bool(const AgentLife&)> extended;
    // The lease is lost: in this life from now on.
    std::function<void(const AgentLife&)> began_anew;
  };
  Lease(World& world, store::Store& store, const Setting& setting, AgentLife life, Ears ears);
  ~Lease() { join(); }

  void ring() { loop_->ring(); }  // somebody waits for a deadline
  void stop() { loop_->stop(); }
  void join() { loop_->join(); }

 private:
  void turn();
  void begin_anew(const char* because);
  bool hold(const std::vector<Ward>& wards);
  Result<> renew();
  Result<Instant> renew_or_extend();

  World& world_;
  store::Store& store_;
  const Setting& setting_;
  const Ears ears_;

  // Touched by the turn alone.
  AgentLife life_;
  std::int64_t count_ = 0;
  std::optional<store::Revision> revision_;  // of our last write; none: look first
  Instant sent_{};  // the last renewal in this life that succeeded; zero: none yet
  std::unique_ptr<Loop> loop_;
};

}  // namespace weir::agent
