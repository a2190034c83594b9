// Observes for Postgres: one query per probe, over a kept connection; and now and then one look
// whether a leader of this host finds room to write.
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

  // Makes the sighting of this host's leader sick once its server has said for a while that it
  // cannot write.
  void look_for_room(const Member& member, Session& session, Sighting& seen, Deadline deadline);

  // What the server last said when it was to write, by member.
  struct Room {
    Instant next{};       // when it is to be asked again
    Instant since{};      // when it first said that it cannot
    std::string trouble;  // its words; empty: it can
  };

  Context& context_;
  std::mutex mutex_;                                      // never held over a port call
  std::map<std::string, std::unique_ptr<Session>> idle_;  // by address and port
  std::map<std::string, Room> rooms_;
  std::int64_t judged_ = 0;             // by which list of the revoked all of idle_ were opened
  std::map<std::string, int> hanging_;  // backend of a write that was given up; 0: none
};

}  // namespace weir::engine::postgres
