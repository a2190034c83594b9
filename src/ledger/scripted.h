// A small server for tests of the outside client: rows in memory, and misbehaviour by script.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "world/world.h"

namespace weir::ledger {

// Any thread. `behave` holds from the next write on, for all sessions.
class ScriptedWrites : public engine::Writes {
 public:
  enum class Behaviour {
    well,         // stores and acknowledges
    lose_answer,  // stores, but the answer does not come
    forget,       // acknowledges, but does not store
    twice,        // stores two copies
    refuse,       // plainly refuses
    silent,       // neither stores nor answers before the deadline
    gone,         // refuses connections; open sessions break without storing
  };

  explicit ScriptedWrites(Clock& clock) : clock_(clock) {}

  void behave(Behaviour behaviour) { behaviour_ = behaviour; }
  // Only the next write of anybody behaves so.
  void behave_once(Behaviour behaviour) { once_ = behaviour; }
  void invent(const engine::LedgerRow& row) {
    const std::scoped_lock lock(mutex_);
    rows_.push_back(row);
  }
  int sessions_opened() const { return sessions_; }
  bool prepared() const { return prepared_; }
  std::size_t rows() const {
    const std::scoped_lock lock(mutex_);
    return rows_.size();
  }

  std::vector<std::string> preparation(const engine::LedgerAccess& access) const override {
    return {"CREATE SCHEMA " + access.schema};
  }
  Result<> prepare(const Member&, const engine::LedgerAccess&, Deadline) override {
    prepared_ = true;
    return {};
  }
  Result<> clean_up(const Member&, const engine::LedgerAccess&, Deadline) override {
    if (behaviour_ == Behaviour::gone) return fail(Failure::unreachable, "it is gone");
    prepared_ = false;
    return {};
  }
  Result<std::unique_ptr<engine::Session>> connect(const std::vector<Member>&,
                                                   const engine::LedgerAccess&, Deadline) override {
    if (behaviour_ == Behaviour::gone) return fail(Failure::unreachable, "it is gone");
    ++sessions_;
    return std::make_unique<OneSession>(*this);
  }
  Result<std::unique_ptr<engine::Session>> connect_one(const Member&,
                                                       const engine::LedgerAccess& access,
                                                       Deadline deadline) override {
    return connect({}, access, deadline);
  }

 private:
  class OneSession : public engine::Session {
   public:
    explicit OneSession(ScriptedWrites& server) : server_(server) {}
    engine::WriteResult write(const engine::LedgerRow& row, Deadline deadline) override {
      return server_.write(row, deadline);
    }
    Result<bool> read_back(const engine::LedgerRow& row, Deadline) override {
      const std::scoped_lock lock(server_.mutex_);
      return std::ranges::count(server_.rows_, row) == 1;
    }
    Result<std::vector<engine::LedgerRow>> read_all(Deadline) override {
      const std::scoped_lock lock(server_.mutex_);
      return server_.rows_;
    }

   private:
    ScriptedWrites& server_;
  };

  engine::WriteResult write(const engine::LedgerRow& row, Deadline deadline) {
    const Behaviour once = once_.exchange(Behaviour::well);
    const Behaviour now = once == Behaviour::well ? behaviour_.load() : once;
    const auto store = [&] {
      const std::scoped_lock lock(mutex_);
      rows_.push_back(row);
    };
    switch (now) {
      case Behaviour::well:
        store();
        return {engine::Written::acknowledged, {}};
      case Behaviour::lose_answer:
        store();
        return {engine::Written::in_doubt, "it broke"};
      case Behaviour::forget:
        return {engine::Written::acknowledged, {}};
      case Behaviour::twice:
        store();
        store();
        return {engine::Written::acknowledged, {}};
      case Behaviour::refuse:
        return {engine::Written::refused, "it is read-only"};
      case Behaviour::silent:
        clock_.sleep_until(deadline.at);
        return {engine::Written::in_doubt, "no answer in time"};
      case Behaviour::gone:
        return {engine::Written::in_doubt, "it broke"};
    }
    return {engine::Written::in_doubt, "unknown behaviour"};
  }

  Clock& clock_;
  std::atomic<Behaviour> behaviour_{Behaviour::well};
  std::atomic<Behaviour> once_{Behaviour::well};
  std::atomic<int> sessions_{0};
  std::atomic<bool> prepared_{false};
  mutable std::mutex mutex_;  // guards rows_
  std::vector<engine::LedgerRow> rows_;
};

}  // namespace weir::ledger
