// Where the files of one member lie on its host. Settings lie outside the data folder, because
// pg_basebackup and pg_rewind copy the data folder of another member over it.
#pragma once

#include <string>

#include "engine/engine.h"
#include "model/epoch.h"
#include "model/fleet.h"
#include "world/world.h"

namespace weir::engine::postgres {

struct Layout {
  std::string root;      // STATE/members/SERVICE-MEMBER
  std::string data;      // PGDATA
  std::string data_new;  // a copy that is under way
  std::string data_old;  // what a rebuild replaced, kept once
  std::string conf;      // the folder of the settings below
  std::string config_file, params_file, role_file, hba_file, ident_file;
  std::string server_cert, server_key, ca;
  std::string crl;         // what the fleet has revoked; absent while that is nothing
  std::string crl_obeyed;  // the number of the list by which sessions were last ended
  std::string receiver;    // folder of the receiver's keys, one folder an epoch (safety.md S6)
  std::string log;         // the server's log file
  std::string promise, incarnation, rewind_mark, follows, leads;  // notes, see notes.h
  std::string making;   // marker: a create or copy is under way and the data is not whole
  std::string exports;  // diverged WAL
  std::string socket;   // folder of the unix socket

  // RECEIVER/EPOCH and what lies in it.
  std::string receiver_folder(const Epoch& epoch) const;
  std::string receiver_cert(const Epoch& epoch) const;
  std::string receiver_key(const Epoch& epoch) const;
};

Layout layout_of(const Setting& setting, const Member& member);
// How the server of `member` is run; `program` is the path of `postgres`.
ServerSpec spec_of(const Setting& setting, const Member& member, const Layout& layout,
                   const std::string& program);

}  // namespace weir::engine::postgres
