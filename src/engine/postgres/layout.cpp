// The one place that knows file names of a member.
#include "engine/postgres/layout.h"

#include "engine/postgres/owner.h"
#include "model/server_name.h"

namespace weir::engine::postgres {
namespace {

std::string bare_name(const Member& member) { return member.service.text + "-" + member.name.text; }

}  // namespace

std::string Layout::receiver_folder(const Epoch& epoch) const {
  return receiver + "/" + show(epoch);
}
std::string Layout::receiver_cert(const Epoch& epoch) const {
  return receiver_folder(epoch) + "/client.crt";
}
std::string Layout::receiver_key(const Epoch& epoch) const {
  return receiver_folder(epoch) + "/client.key";
}

Layout layout_of(const Setting& setting, const Member& member) {
  Layout l;
  l.root = setting.state + "/members/" + bare_name(member);
  l.data = l.root + "/data";
  l.data_new = l.root + "/data.new";
  l.data_old = l.root + "/data.old";
  l.conf = l.root + "/conf";
  l.config_file = l.conf + "/postgresql.conf";
  l.params_file = l.conf + "/params.conf";
  l.role_file = l.conf + "/role.conf";
  l.hba_file = l.conf + "/pg_hba.conf";
  l.ident_file = l.conf + "/pg_ident.conf";
  l.server_cert = l.conf + "/server.crt";
  l.server_key = l.conf + "/server.key";
  l.ca = l.conf + "/ca.crt";
  l.crl = l.conf + "/ca.crl";
  l.crl_obeyed = l.conf + "/crl_obeyed.json";
  l.receiver = l.root + "/receiver";
  l.log = l.root + "/log/server.log";
  l.promise = l.root + "/promise.json";
  l.incarnation = l.root + "/incarnation.json";
  l.rewind_mark = l.root + "/rewind.json";
  l.follows = l.root + "/follows.json";
  l.leads = l.root + "/leads.json";
  l.making = l.root + "/making.json";
  l.exports = l.root + "/exports";
  l.socket = setting.run + "/" + bare_name(member) + ".s";
  return l;
}

ServerSpec spec_of(const Setting& setting, const Member& member, const Layout& l,
                   const std::string& program) {
  ServerSpec spec;
  spec.name = server_name(setting.fleet, member);
  spec.argv = {program, "-D", l.data, "-c", "config_file=" + l.config_file};
  spec.user = setting.server_user;
  spec.folder = l.data;
  spec.log = l.log;
  spec.env = {"LC_ALL=C.UTF-8", "TZ=UTC"};
  spec.fast_signal = kFastSignal;
  spec.immediate_signal = kImmediateSignal;
  return spec;
}

}  // namespace weir::engine::postgres
