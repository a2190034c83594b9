// Runs for Postgres: makes, copies, starts, stops and settles the members of this host.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/postgres/context.h"

namespace weir::engine::postgres {

class PostgresRuns : public Runs {
 public:
  explicit PostgresRuns(Context& context) : context_(context) {}

  Result<> create(const Member& member, const Incarnation& incarnation, const Service& service,
                  Deadline deadline) override;
  Result<> copy(const Member& member, const Upstream& upstream, const Incarnation& incarnation,
                const Service& service, Deadline deadline) override;
  Result<> start(const Member& member, Epoch epoch, Deadline deadline) override;
  Result<> stop(const Member& member, StopMode mode, Deadline deadline) override;
  Result<> fence(const Member& member, Deadline deadline) override;
  Result<Local> local(const Member& member) override;
  Result<std::vector<std::string>> settle(const Member& member, const Service& service,
                                          bool clients_let_in, Deadline deadline) override;
  Result<> destroy(const Member& member, const std::string& kept_as, Deadline deadline) override;

 private:
  Result<> prepare_folders(const Member& member);
  struct SettingsOf {  // what they depend on beside the fleet file
    bool clients_let_in = false;
    bool copied = false;  // as config_text says: until the settings are next settled
  };
  // Whether anything changed.
  Result<bool> write_keys(const Member& member);
  Result<bool> write_settings(const Member& member, const Service& service, SettingsOf when);
  // The same on a worker, and `here` meanwhile; returns once both have ended. The error is that of
  // `here`, if both failed.
  Result<> write_settings_beside(const Member& member, const Service& service, SettingsOf when,
                                 const std::function<Result<>()>& here);
  Result<> renew_receiver_key(const Member& member, Deadline deadline);
  Result<> initdb(const Member& member, Deadline deadline);
  Result<> first_statements(const Member& member, const Service& service, Deadline deadline);
  Result<> refuse_foreign(const Member& member);
  Result<> take_base_backup(const Member& member, const Upstream& upstream, Deadline deadline);
  Result<> swap_in(const Member& member, const Upstream& upstream, const Incarnation& incarnation,
                   const Service& service);
  Result<> check_may_start(const Member& member, Epoch epoch);
  Result<> wait_until_it_answers(const Member& member, const ServerSpec& server, Deadline deadline);

  Context& context_;
};

}  // namespace weir::engine::postgres
