// The real Servers: each under a guard that outlives us, found again through its page.
#include <signal.h>
#include <sys/stat.h>

#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "guard/deadline.h"
#include "guard/guard.h"
#include "guard/page_file.h"
#include "guard/run_folder.h"
#include "guard/server_processes.h"
#include "guard/start_guard.h"
#include "world/child.h"
#include "world/log.h"
#include "world/system_failure.h"

namespace weir::guard {
namespace {

// How long a guard that lives may need to write what its server has just done.
constexpr Duration kGuardSettles = 1s;
// How long a guard that lives may need to answer for its deadline, on a saturated machine.
constexpr Duration kGuardAnswers = 1s;

bool server_lives(const weir_guard_page& page) {
  return is_alive(static_cast<pid_t>(page.server_pid), page.server_start);
}
bool guard_lives(const weir_guard_page& page) {
  return is_alive(static_cast<pid_t>(page.guard_pid), page.guard_start);
}

struct Lives {
  bool server = false;
  bool guard = false;
};

ServerState state_in(const weir_guard_page& page, Lives lives) {
  ServerState state;
  state.guarded = lives.guard;
  state.fenced = page.fenced != 0;
  if (lives.server) {
    state.life = ServerLife::running;
    state.pid = page.server_pid;
    state.start_time = page.server_start;
    if (state.guarded) state.deadline = deadline_held(page);
  } else if (page.server_pid != 0 || page.phase == WEIR_GUARD_ENDED) {
    state.life = ServerLife::ended;
    if (page.phase == WEIR_GUARD_ENDED && page.exit_status >= 0)
      state.exit_status = page.exit_status;
  }
  return state;
}

const char* name_of_step(std::uint32_t step) {
  switch (step) {
    case WEIR_GUARD_ACCOUNT:
      return "its user cannot be taken";
    case WEIR_GUARD_FOLDER:
      return "its folder cannot be entered";
    case WEIR_GUARD_LOG:
      return "its log cannot be opened";
    case WEIR_GUARD_PROGRAM:
      return "its program cannot be run";
    default:
      return "no process can be made";
  }
}

std::vector<std::string> guard_arguments(const Account& account, const ServerSpec& spec,
                                         const std::string& program) {
  std::string groups;
  for (const gid_t group : account.groups) {
    groups += (groups.empty() ? "" : ",") + std::to_string(group);
  }
  const bool change = !account.ourselves;
  std::vector<std::string> arguments{"start",
                                     change ? std::to_string(account.uid) : "-",
                                     change ? std::to_string(account.gid) : "-",
                                     change ? groups : "-",
                                     spec.log,
                                     "--",
                                     program};
  arguments.insert(arguments.end(), spec.argv.begin() + 1, spec.argv.end());
  return arguments;
}

class RealServers final : public Servers {
 public:
  RealServers(Clock& clock, std::string run) : clock_(clock), run_(std::move(run)) {}

  Result<ServerState> start(const ServerSpec& spec, Deadline deadline) override {
    WEIR_ASSERT(!spec.argv.empty());
    WEIR_TRY(const std::string folder, canonical_folder(spec.folder));
    WEIR_TRY(const std::string program, program_at(spec.argv[0]));
    WEIR_TRY(const Account account, account_of(spec.user));
    WEIR_TRY_(make_run_folders(run_, spec.name, account));
    WEIR_TRY(const RunPaths paths, paths_of(run_, spec.name));
    // Held until the guard has told the outcome: of two starters one waits and finds it running.
    WEIR_TRY(const Descriptor lock, take_lock(clock_, paths.lock, deadline));
    const Result<weir_guard_page> page = read_page(paths.page);
    // A page that cannot be read may speak of a server that runs.
    if (!page && page.error().failure != Failure::not_found) return fail(page.error());
    if (page && server_lives(*page)) {
      if (!guard_lives(*page)) WEIR_TRY_(adopt_under(lock, paths));
      return state_now(paths);
    }
    const Instant held = held_for(spec.name);
    if (held != Instant{} && clock_.now() >= held)
      return fail(Failure::refused,
                  "cannot start " + spec.name + ": its guard's deadline has passed");
    // A guard that has fenced looks again until it finds nothing: not to find the new server.
    if (page && page->fenced != 0) end_guard(*page);
    WEIR_TRY_(put_fresh_page(paths.page, folder, held, spec));
    WEIR_TRY_(start_guard(paths.page, lock, guard_arguments(account, spec, program),
                          minimal_environment(account.home, spec.env)));
    return outcome_of_start(spec, paths, deadline);
  }

  Result<ServerState> state(const ServerSpec& spec) override {
    WEIR_TRY(const RunPaths paths, paths_of(run_, spec.name));
    WEIR_TRY(ServerState state, state_now(paths));
    if (state.life != ServerLife::running) state.deadline = held_for(spec.name);
    if (state.life != ServerLife::running || state.guarded) return state;
    // Where another process holds the lock it is at this very work.
    const Result<Descriptor> lock = take_lock(clock_, paths.lock, clock_.within(0ns));
    if (!lock) return state;
    if (const Result<> adopted = adopt_under(*lock, paths); !adopted)
      say(clock_, Level::warning, "{} runs without a guard: {}", spec.name, adopted.error().what);
    return state_now(paths);
  }

  Result<> signal(const ServerSpec& spec, int signal) override {
    WEIR_TRY(const RunPaths paths, paths_of(run_, spec.name));
    const Result<weir_guard_page> page = read_page(paths.page);
    if (!page && page.error().failure != Failure::not_found) return fail(page.error());
    if (!page || !send_signal(static_cast<pid_t>(page->server_pid), page->server_start, signal))
      return fail(Failure::not_found, "cannot signal " + spec.name + ": it does not run");
    return {};
  }

  Result<> kill_all(const ServerSpec& spec, Deadline deadline) override {
    WEIR_TRY(const RunPaths paths, paths_of(run_, spec.name));
    WEIR_TRY(const std::string folder, canonical_folder(spec.folder));
    pid_t last_seen = 0;
    const auto none_left = [&] {
      // The lock first: while it is ours nobody can be starting what we have just not seen.
      const Result<Descriptor> lock = take_lock(clock_, paths.lock, clock_.within(0ns));
      if (!lock && lock.error().failure == Failure::held) stop_starting(paths.page);
      const std::vector<Process> victims = all_of(paths, folder);
      strike(victims);
      if (!victims.empty()) last_seen = victims.front().pid;
      const bool starting = !lock && lock.error().failure == Failure::held;
      return victims.empty() && !starting;
    };
    if (poll_until(clock_, deadline, 1ms, none_left)) return {};
    return fail(Failure::timed_out, "cannot kill every process of " + spec.name +
                                        ": the last one seen is " + std::to_string(last_seen));
  }

  Result<bool> any_left(const ServerSpec& spec) override {
    WEIR_TRY(const RunPaths paths, paths_of(run_, spec.name));
    WEIR_TRY(const std::string folder, canonical_folder(spec.folder));
    return !all_of(paths, folder).empty();
  }

  Result<> hold(const std::string& name, Instant deadline, Deadline limit) override {
    WEIR_TRY(const RunPaths paths, paths_of(run_, name));
    {
      const std::lock_guard lock(mutex_);
      held_[name] = deadline;
    }
    const Result<weir_guard_page> page = read_page(paths.page);
    if (!page && page.error().failure != Failure::not_found) return fail(page.error());
    if (!page || (!server_lives(*page) && !guard_lives(*page))) return {};
    if (answers(paths.page, deadline, sooner(limit, clock_.within(kGuardAnswers)))) return {};
    WEIR_TRY_(replace_guard(paths, limit));
    if (answers(paths.page, deadline, limit)) return {};
    return fail(Failure::timed_out, "the guard of " + name + " does not answer");
  }

 private:
  Instant held_for(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(name);
    return found == held_.end() ? Instant{} : found->second;
  }

  // The processes of a page, which are asked for some times a second.
  Lives look_again(const std::string& path, const weir_guard_page& page) {
    const std::lock_guard lock(known_mutex_);
    Known& known = known_[path];
    return {known.server.is_alive(static_cast<pid_t>(page.server_pid), page.server_start),
            known.guard.is_alive(static_cast<pid_t>(page.guard_pid), page.guard_start)};
  }

  // Gives the deadline until the guard has answered for it, or nothing is left to be guarded.
  bool answers(const std::string& path, Instant deadline, Deadline limit) {
    std::optional<std::uint64_t> asked;
    return poll_until(clock_, limit, 1ms, [&] {
      const Result<weir_guard_page> page = read_page(path);
      if (!page) return false;
      if (!server_lives(*page) && !guard_lives(*page)) return true;
      const bool other = page->deadline != deadline.time_since_epoch().count();
      if (!asked || other || page->asked < *asked) {  // a start may have put a fresh page here
        const auto given = give_deadline(path, deadline);
        if (given) asked = *given;
        return false;
      }
      return page->answered >= *asked;
    });
  }

  void end_guard(const weir_guard_page& page) {
    const auto pid = static_cast<pid_t>(page.guard_pid);
    send_signal(pid, page.guard_start, SIGKILL);
    poll_until(clock_, clock_.within(kGuardSettles), 1ms, [&] { return !guard_lives(page); });
  }

  Result<> replace_guard(const RunPaths& paths, Deadline limit) {
    WEIR_TRY(const Descriptor lock, take_lock(clock_, paths.lock, limit));
    WEIR_TRY(const weir_guard_page page, read_page(paths.page));
    // One that fences goes on until it has seen that nothing is left.
    const auto done = [&] { return !guard_lives(page); };
    if (page.fenced != 0 && (server_lives(page) || !poll_until(clock_, limit, 1ms, done)))
      return fail(Failure::refused, "the deadline has passed: the guard stops the server");
    end_guard(page);
    return server_lives(page) ? adopt_under(lock, paths) : Result<>{};
  }

  static std::vector<Process> all_of(const RunPaths& paths, const std::string& folder) {
    ServerTraces traces;
    if (const auto page = read_page(paths.page)) traces = traces_in(*page);
    traces.folder = folder;
    return processes_of(traces, all_processes());
  }

  // Guards of this server, and what they are forking: they hold the lock and have no server yet.
  static void stop_starting(const std::string& page) {
    for (const Process& process : all_processes()) {
      if (page_of_guard(process.pid) == page) send_signal(process.pid, process.start_time, SIGKILL);
    }
  }

  // What the page says, once a guard that lives has written down what has just happened.
  Result<ServerState> state_now(const RunPaths& paths) {
    Result<weir_guard_page> page = fail(Failure::not_found, "not read yet");
    Lives lives;
    poll_until(clock_, clock_.within(kGuardSettles), 1ms, [&] {
      page = read_page(paths.page);
      lives = page ? look_again(paths.page, *page) : Lives{};
      const bool will_tell = page && page->phase != WEIR_GUARD_ENDED && !lives.server;
      return !will_tell || !lives.guard;
    });
    if (page) return state_in(*page, lives);
    if (page.error().failure == Failure::not_found) return ServerState{};
    return fail(page.error());
  }

  Result<> adopt_under(const Descriptor& lock, const RunPaths& paths) {
    WEIR_TRY(const weir_guard_page page, read_page(paths.page));
    if (guard_lives(page)) return {};
    WEIR_TRY_(start_guard(paths.page, lock, {"adopt"}, {}));
    const auto guarded = [&] {
      const Result<weir_guard_page> now = read_page(paths.page);
      return now && (guard_lives(*now) || now->phase == WEIR_GUARD_ENDED);
    };
    if (poll_until(clock_, clock_.within(kGuardSettles), 1ms, guarded)) return {};
    return fail(Failure::io, "the new guard has not taken over");
  }

  Result<ServerState> outcome_of_start(const ServerSpec& spec, const RunPaths& paths,
                                       Deadline deadline) {
    Result<weir_guard_page> page = read_page(paths.page);
    const auto told = [&] {
      page = read_page(paths.page);
      if (!page || page->phase != WEIR_GUARD_STARTING) return true;
      return page->guard_pid != 0 && !guard_lives(*page);
    };
    if (!poll_until(clock_, deadline, 1ms, told))
      return fail(Failure::outcome_unknown,
                  "cannot start " + spec.name + ": its guard had not answered in time");
    if (!page) return fail(page.error());
    if (page->failed_error != 0)
      return system_failure(page->failed_error,
                            "cannot start " + spec.name + ", " + name_of_step(page->failed_step));
    if (page->phase == WEIR_GUARD_STARTING)
      return fail(Failure::outcome_unknown, "cannot start " + spec.name + ": its guard was killed");
    return state_in(*page, {server_lives(*page), guard_lives(*page)});
  }

  Clock& clock_;
  std::string run_;
  std::mutex mutex_;  // never held over a port call
  std::map<std::string, Instant> held_;
  struct Known {
    HeldProcess server;
    HeldProcess guard;
  };
  std::mutex known_mutex_;
  std::map<std::string, Known> known_;  // by path of their page
};

}  // namespace

Result<std::unique_ptr<Servers>> make_servers(Clock& clock, const std::string& run) {
  WEIR_TRY_(check_run(run));
  return std::make_unique<RealServers>(clock, run);
}

}  // namespace weir::guard
