// What all faces of a Postgres engine share: the ports, the host's setting, and the few ways in
// which weir touches a member's files, programs and sessions.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/postgres/connect.h"
#include "engine/postgres/layout.h"
#include "engine/postgres/session.h"
#include "world/world.h"

namespace weir::engine::postgres {

// Whether a program, or the server's log, says in the system's own words (C locale) that the disk
// is full.
bool says_no_space(const std::string& text);
// Why a server ended: the last FATAL or PANIC in its log, after the first `from` bytes.
std::string last_words(Files& files, const std::string& log, std::size_t from = 0);

// The mode of a key in a folder of the server's user, whose its files are.
inline constexpr int kPrivate = 0600;

// Held while it lives. A start of a member and a promise of a stopped one exclude each other by it
// (safety.md S6): the start reads the promise under it. It is a flag in this object and not a file
// lock, because one agent per host is already ensured by the lock on its state folder.
class StartLock {
 public:
  StartLock() = default;
  StartLock(StartLock&&) noexcept = default;
  StartLock& operator=(StartLock&&) noexcept = default;

 private:
  friend class Context;
  explicit StartLock(std::shared_ptr<void> release) : release_(std::move(release)) {}
  std::shared_ptr<void> release_;
};

// Thread-safe. Borrows the world for its life.
class Context {
 public:
  Context(World& world, Setting setting) : world_(world), setting_(std::move(setting)) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  World& world() { return world_; }
  Files& files() { return world_.files; }
  Clock& clock() { return world_.clock; }
  const Setting& setting() const { return setting_; }
  // Made once for each member: the same few are asked for over and over.
  const Layout& layout(const Member& member) const;
  bool is_here(const Member& member) const { return member.host == setting_.host; }

  // The path of a program of PostgreSQL 15; missing_package with the apt line.
  Result<std::string> program(const std::string& name);
  Result<ServerSpec> spec(const Member& member);
  // The same server for looking, signalling and killing: asks no disk, so a fence cannot hang on
  // it.
  ServerSpec handle(const Member& member) const {
    return spec_of(setting_, member, layout(member), {});
  }
  // How such a program is run as the server's user.
  Result<Command> command(const std::string& program, const std::vector<std::string>& arguments);
  // Runs it so, to its end. `run` fails (io, or no_space where it says so) on a non-zero exit with
  // the last line of what it said, and returns its standard output; `run_raw` leaves judging to the
  // caller.
  Result<std::string> run(const std::string& program, const std::vector<std::string>& arguments,
                          Deadline deadline);
  Result<Output> run_raw(const std::string& program, const std::vector<std::string>& arguments,
                         Deadline deadline);

  // Superuser on this host's own server, by its unix socket.
  Result<Session> local_session(const Member& member, Deadline deadline,
                                const std::string& database = "postgres");
  // An internal role (connect.h) of any server, over TLS.
  Result<Session> remote_session(const Member& member, const std::string& role, Deadline deadline,
                                 const std::string& database = "postgres");
  Result<Session> replication_session(const Member& member, Deadline deadline);
  // The superuser: by the socket where the member is of this host, as operator elsewhere.
  Result<Session> super_session(const Member& member, Deadline deadline,
                                const std::string& database = "postgres");

  // SIGHUP to the postmaster. Says nothing about who has read the files since.
  Result<> reload(const Member& member);

  // A folder of the server's user, 0700, with its parents.
  Result<> make_server_folder(const std::string& path);
  // Copies this host's certificate and key to RECEIVER/EPOCH, for a receiver of that epoch.
  Result<> place_receiver_key(const Member& member, const Epoch& epoch);

  // The number of the list of revoked certificates by which sessions are opened now. Sessions that
  // were kept from before it grew are not used any more.
  std::int64_t crl_number() const { return crl_number_; }
  void learn_crl_number(std::int64_t number) { crl_number_ = number; }

  // How long a start in place would take, as last found for a stopped server; forgotten when it
  // starts.
  void note_restart_estimate(const Member& member, std::optional<Duration> estimate);
  std::optional<Duration> restart_estimate(const Member& member);

  // Waits until no start and no promise of this member is under way here; held at the deadline.
  Result<StartLock> lock_start(const Member& member, Deadline deadline);

 private:
  World& world_;
  const Setting setting_;
  std::atomic<std::int64_t> crl_number_ = 0;
  mutable std::mutex mutex_;  // never held over a port call
  mutable std::map<std::pair<ServiceName, MemberName>, Layout> layouts_;  // none is ever removed
  std::map<std::string, std::weak_ptr<void>> starting_;
  std::map<std::string, Duration> restart_estimates_;
};

}  // namespace weir::engine::postgres
