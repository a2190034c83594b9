// The text of a member's settings files: pure, so that what a server is told can be tested
// without one.
#pragma once

#include <string>

#include "engine/engine.h"
#include "engine/postgres/layout.h"
#include "model/fleet.h"

namespace weir::engine::postgres {

// postgresql.conf: weir's defaults, then the service's parameters, then what weir must own, then
// the role. Later lines win. `crl`: layout.crl is there, without which a server that names it does
// not start. `copied`: its data was copied and flushed as a whole since a server last ran on it, so
// that the next start need not flush each of its files by itself.
std::string config_text(const Layout& layout, const Member& member, bool crl, bool copied);
// params.conf: resources of kind "param".
std::string params_text(const Service& service);
// Who may connect. Internal roles come in by certificate alone, from the members' addresses (on
// loopback every source is 127.0.0.1); clients by password, once they are let in.
std::string hba_text(const Member& member, const Service& service, bool clients_let_in);
// Which certificate, and which user of this machine, may be which internal role.
std::string ident_text(const Service& service, const std::string& own_user,
                       const std::string& server_user);

}  // namespace weir::engine::postgres
