// Observes for Postgres: one query per probe, over a kept connection.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/engine.h"
#include "engine/postgres/context.h"

namespace weir::engine::postgres {

class PostgresObserves : public Observes {
 public:
  explicit PostgresObserves(Context& context) : context_(context) {}
  Sighting probe(const Member& member, Deadline deadline) override;
  Result<> probe_write(const Member& member, Deadline deadline) override;

 private:
  Result<Session> open(const Member& member, Deadline deadline);
  std::unique_ptr<Session> take(const Member& member);
  void give_back(const Member& member, std::unique_ptr<Session> session, std::int64_t judged);

  Context& context_;
  std::mutex mutex_;                                      // never held over a port call
  std::map<std::string, std::unique_ptr<Session>> idle_;  // by address and port
  std::int64_t judged_ = 0;             // by which list of the revoked all of idle_ were opened
  std::map<std::string, int> hanging_;  // backend of a write that was given up; 0: none
};

}  // namespace weir::engine::postgres
