// Postgres looks at its list of the revoked when somebody connects, and never again; so whoever is
// in already is ended here.
#include "engine/postgres/revoked.h"

#include <fmt/format.h>

#include "access/access.h"
#include "base/json.h"
#include "engine/postgres/leads_system.h"

namespace weir::engine::postgres {
namespace {

constexpr int kFormat = 1;
constexpr Duration kLook = 50ms;

std::int64_t obeyed(Files& files, const std::string& path) {
  const auto text = files.read(path);
  const auto json = text ? Json::parse(*text) : Result<Json>(fail(text.error()));
  return json && (*json)["format"].integer() == kFormat ? (*json)["number"].integer() : 0;
}

// A postmaster reads its files some time after the signal, and the list is read with them. Its
// children say when that was, by its own clock.
Result<> reload_and_wait(Context& context, const Member& member, Session& session,
                         Deadline deadline) {
  WEIR_TRY(const Rows now, session.query("SELECT clock_timestamp()", {}, deadline));
  WEIR_TRY_(context.reload(member));
  std::optional<Error> last;
  const bool read = poll_until(context.clock(), deadline, kLook, [&] {
    auto young = context.local_session(member, deadline);
    const auto loaded = young ? young->query("SELECT pg_conf_load_time() > $1::timestamptz",
                                             {now.text(0, 0)}, deadline)
                              : Result<Rows>(fail(young.error()));
    last = loaded ? std::nullopt : std::optional(loaded.error());
    return loaded && loaded->truth(0, 0);
  });
  if (read) return {};
  if (last) return fail(std::move(*last));
  return fail(Failure::timed_out,
              fmt::format("cannot tell {} what was revoked: its server has not read its files",
                          member.name.text));
}

}  // namespace

Result<> end_revoked(Context& context, const Member& member, std::int64_t postmaster,
                     Session& session, Deadline deadline) {
  WEIR_TRY(const access::Crl crl, access::held_crl(context.files(), context.setting().identity));
  if (crl.number == 0) return {};
  const Layout l = context.layout(member);
  const bool fresh = crl.number != obeyed(context.files(), l.crl_obeyed);
  context.learn_crl_number(crl.number);
  if (fresh) WEIR_TRY_(reload_and_wait(context, member, session, deadline));
  std::string serials;
  for (const auto& [serial, since] : crl.revoked) {
    serials += (serials.empty() ? "" : ",") + access::decimal_of(serial);
  }
  WEIR_TRY_(
      session.query("SELECT pg_terminate_backend(pid) FROM pg_stat_ssl "
                    "WHERE client_serial = ANY (string_to_array($1, ',')::numeric[])",
                    {serials}, deadline));
  if (!fresh) return {};
  // A receiver is no backend, so SQL cannot end it.
  WEIR_TRY(const Receivers receivers, receivers_of(postmaster));
  for (const int pid : receivers.pids) end_receiver(postmaster, pid);
  return context.files().write(
      l.crl_obeyed, Json::object().set("format", kFormat).set("number", crl.number).dump(true));
}

}  // namespace weir::engine::postgres
