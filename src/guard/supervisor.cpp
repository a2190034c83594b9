// The stand-in for systemd and hypervisor: one loop that keeps the fleet's processes running and
// is the only thing that kills and revives whole hosts.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "guard/host_kill.h"
#include "guard/line_server.h"
#include "guard/page_file.h"
#include "guard/processes.h"
#include "guard/run_folder.h"
#include "guard/supervised.h"
#include "guard/supervisor_notes.h"
#include "world/log.h"

namespace weir::guard {
namespace {

constexpr Duration kLoopMax = 1s;
constexpr Duration kKillLimit = 5s;
constexpr Duration kStopLimit = 10s;

std::string agent_name(const HostName& host) { return "agent/" + host.text; }

class Loop {
 public:
  Loop(World& world, const SupervisorPlan& plan) : world_(world), plan_(plan) {}

  Result<> prepare() {
    WEIR_TRY_(check_run(plan_.run));
    WEIR_TRY_(world_.files.make_folder(plan_.log_folder));
    WEIR_TRY(notes_, read_notes(world_.files, plan_.state));
    if (!plan_.store_argv.empty()) add("store", plan_.store_argv, "store.log");
    for (const auto& agent : plan_.agents)
      add(agent_name(agent.host), agent.argv, "agent-" + agent.host.text + ".log");
    for (Supervised& child : children_) {
      const ChildNote* note = notes_.child(child.name());
      if (note != nullptr && child.adopt(world_.clock, note->pid, note->start_time))
        say(world_.clock, Level::info, "adopted {}, pid {}", child.name(), note->pid);
    }
    // An earlier supervisor may have died between its note and its strike.
    for (const auto& agent : plan_.agents) {
      if (notes_.down(agent.host) != nullptr) WEIR_TRY_(strike_host(agent.host));
    }
    return server_.listen(plan_.socket);
  }

  Result<> run() {
    while (!stopped_) {
      WEIR_TRY_(revert_what_is_due());
      keep_children_running();
      wait();
      server_.serve([this](const std::string& line) { return answer(line); });
    }
    ::unlink(plan_.socket.c_str());
    return world_.files.remove(plan_.state);
  }

 private:
  void add(const std::string& name, const std::vector<std::string>& argv, const std::string& log) {
    children_.emplace_back(name, argv, plan_.log_folder + "/" + log);
  }

  Supervised* find(const std::string& name) {
    const auto found = std::find_if(children_.begin(), children_.end(),
                                    [&](const Supervised& child) { return child.name() == name; });
    return found == children_.end() ? nullptr : &*found;
  }

  bool is_down(const Supervised& child) const {
    return std::any_of(plan_.agents.begin(), plan_.agents.end(), [&](const auto& agent) {
      return agent_name(agent.host) == child.name() && notes_.down(agent.host) != nullptr;
    });
  }

  Result<> save() { return write_notes(world_.files, plan_.state, notes_); }

  Result<> note_child(const std::string& name, pid_t pid, std::int64_t start_time) {
    std::erase_if(notes_.children, [&](const ChildNote& note) { return note.name == name; });
    notes_.children.push_back({name, pid, start_time});
    return save();
  }

  void keep_children_running() {
    for (Supervised& child : children_) {
      const bool was_up = child.pid() != 0;
      if (child.runs(world_.clock)) continue;
      if (was_up) say(world_.clock, Level::warning, "{} has ended", child.name());
      if (is_down(child) || world_.clock.now() < child.next_start()) continue;
      const auto note = [&](pid_t pid, std::int64_t start_time) {
        return note_child(child.name(), pid, start_time);
      };
      if (const Result<> started = child.start(world_.clock, note); !started) {
        say(world_.clock, Level::error, "{}", started.error().what);
        child.failed(world_.clock);
      } else {
        say(world_.clock, Level::info, "started {}, pid {}", child.name(), child.pid());
      }
    }
  }

  Result<> revert_what_is_due() {
    for (FaultNote& note : notes_.faults) {
      if (note.ended || world_.clock.now() < note.revert_by) continue;
      if (note.fault == Fault::kill_host)
        say(world_.clock, Level::warning, "drill {} did not bring {} back in time: doing so now",
            note.drill, note.host.text);
      WEIR_TRY_(revert(note));
    }
    return {};
  }

  Result<> revert(FaultNote& note) {
    if (note.ended) return {};
    note.ended = true;
    WEIR_TRY_(save());
    Supervised* agent = find(agent_name(note.host));
    if (agent != nullptr && note.fault == Fault::kill_host)
      agent->start_next_at(world_.clock.now());
    return {};
  }

  // Until something ends, somebody asks, or the next start or revert is due.
  void wait() {
    const Instant now = world_.clock.now();
    Instant until = now + kLoopMax;
    std::vector<pollfd> watched;
    server_.add_to(watched);
    for (const Supervised& child : children_) {
      if (child.pid() != 0)
        watched.push_back({child.pidfd(), POLLIN, 0});
      else if (!is_down(child))
        until = std::min(until, child.next_start());
    }
    for (const FaultNote& note : notes_.faults) {
      if (!note.ended) until = std::min(until, note.revert_by);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
    ::poll(watched.data(), watched.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
  }

  std::string answer(const std::string& line) {
    const Result<Json> result = carry_out(line);
    return (result ? Json::object().set("ok", *result)
                   : Json::object().set("error", to_json(result.error())))
        .dump();
  }

  Result<Json> carry_out(const std::string& line) {
    WEIR_TRY(const Json question, Json::parse(line));
    const std::string op = question["op"].text();
    const std::string drill = question["drill"].text();
    if (op == "status") return status();
    if (op == "inject") return inject(question);
    if (op == "revert") {
      if (FaultNote* note = notes_.fault_of(drill)) WEIR_TRY_(revert(*note));
      return Json::object();
    }
    if (op == "reverted") return Json::object().set("reverted", is_reverted(drill));
    if (op == "replace") return replace(question["child"].text());
    if (op == "stop") return stop();
    return fail(Failure::bad_data, "the supervisor does not know the question '" + op + "'");
  }

  Json status() {
    Json answer = Json::object().set("pid", std::int64_t{::getpid()}).set("fleet", plan_.fleet);
    if (Supervised* store = find("store")) {
      const bool runs = store->runs(world_.clock);
      answer.set("store", Json::object().set("pid", std::int64_t{runs ? store->pid() : 0}));
    }
    Json agents = Json::array();
    for (const auto& plan : plan_.agents) {
      Supervised& agent = *find(agent_name(plan.host));
      const bool runs = agent.runs(world_.clock);
      const FaultNote* down = notes_.down(plan.host);
      Json one = Json::object()
                     .set("host", plan.host.text)
                     .set("pid", std::int64_t{runs ? agent.pid() : 0})
                     .set("down", down != nullptr);
      if (down != nullptr) one.set("drill", down->drill);
      agents.add(one);
    }
    return answer.set("agents", agents);
  }

  bool is_reverted(const std::string& drill) {
    const FaultNote* note = notes_.fault_of(drill);
    if (note == nullptr || note->fault == Fault::kill_server) return true;
    Supervised* agent = find(agent_name(note->host));
    return notes_.down(note->host) == nullptr && agent != nullptr && agent->runs(world_.clock);
  }

  Result<Json> inject(const Json& question) {
    const std::optional<Fault> fault = fault_named(question["fault"].text());
    const HostName host(question["host"].text());
    const std::string drill = question["drill"].text();
    const Duration revert_by(question["revert_by_ns"].integer());
    if (!fault)
      return fail(Failure::unsupported, "the supervisor cannot do " + question["fault"].text());
    if (find(agent_name(host)) == nullptr)
      return fail(Failure::not_found, "the supervisor runs no host " + host.text);
    if (drill.empty() || revert_by <= Duration::zero())
      return fail(Failure::bad_data, "a fault needs the id of its drill and a time to revert by");
    if (notes_.fault_of(drill) != nullptr)
      return fail(Failure::refused, "drill " + drill + " has injected a fault already");
    if (const FaultNote* down = notes_.down(host))
      return fail(Failure::refused, "host " + host.text + " is down for drill " + down->drill);
    // Noted first: whatever happens to us, the fault ends by its time.
    notes_.faults.push_back({drill, *fault, host, world_.clock.now() + revert_by, false});
    WEIR_TRY_(save());
    const Result<Instant> done = strike(*fault, host, question["server"].text());
    if (!done && *fault != Fault::kill_host) {
      std::erase_if(notes_.faults, [&](const FaultNote& note) { return note.drill == drill; });
      WEIR_TRY_(save());
    }
    if (!done) return fail(done.error());
    say(world_.clock, Level::warning, "drill {}: {} {}", drill, name_of(*fault), host.text);
    return Json::object().set("at_ns", std::int64_t{done->time_since_epoch().count()});
  }

  Result<Instant> strike(Fault fault, const HostName& host, const std::string& server) {
    switch (fault) {
      case Fault::kill_host:
        return strike_host(host);
      case Fault::kill_server:
        return strike_server(plan_.fleet + "/" + host.text + "/" + server);
      case Fault::kill_agent:
        break;
    }
    const Supervised& agent = *find(agent_name(host));
    if (!agent.send(SIGKILL))
      return fail(Failure::not_found, "the agent of " + host.text + " does not run");
    return instant_of_death(agent.pid(), agent.start_time(), agent.name());
  }

  Result<Instant> strike_host(const HostName& host) {
    Supervised& agent = *find(agent_name(host));
    const pid_t session = agent.runs(world_.clock) ? agent.pid() : 0;
    return kill_processes_of_host(world_.clock, {plan_.run, plan_.fleet, host.text, session},
                                  world_.clock.within(kKillLimit));
  }

  Result<Instant> strike_server(const std::string& name) {
    WEIR_TRY(const RunPaths paths, paths_of(plan_.run, name));
    const Result<weir_guard_page> page = read_page(paths.page);
    const auto server = page ? static_cast<pid_t>(page->server_pid) : 0;
    if (server == 0 || !send_signal(server, page->server_start, SIGKILL))
      return fail(Failure::not_found, "cannot kill " + name + ": it does not run");
    return instant_of_death(server, page->server_start, name);
  }

  // A signal is only sent: what it kills may answer for a moment longer, and T0 is after that.
  Result<Instant> instant_of_death(pid_t pid, std::int64_t start_time, const std::string& name) {
    const auto dead = [&] { return !is_alive(pid, start_time); };
    if (poll_until(world_.clock, world_.clock.within(kKillLimit), 1ms, dead))
      return world_.clock.now();
    return fail(Failure::timed_out,
                "cannot kill " + name + ": pid " + std::to_string(pid) + " does not end");
  }

  Result<Json> replace(const std::string& name) {
    Supervised* child = find(name);
    if (child == nullptr) return fail(Failure::not_found, "the supervisor runs no " + name);
    if (is_down(*child)) return fail(Failure::refused, "a drill keeps " + name + " down");
    say(world_.clock, Level::info, "replacing {}, pid {}", name, child->pid());
    end([&](const Supervised& one) { return one.name() == name; });
    child->start_next_at(world_.clock.now());
    return Json::object();
  }

  Result<Json> stop() {
    say(world_.clock, Level::info, "stopping agents, then the store");
    end([](const Supervised& child) { return child.name() != "store"; });
    end([](const Supervised& child) { return child.name() == "store"; });
    stopped_ = true;
    return Json::object();
  }

  void end(const std::function<bool(const Supervised&)>& chosen) {
    const auto all_ended = [&] {
      return std::none_of(children_.begin(), children_.end(), [&](Supervised& child) {
        return chosen(child) && child.runs(world_.clock);
      });
    };
    for (const Supervised& child : children_) {
      if (chosen(child)) child.send(SIGTERM);
    }
    if (poll_until(world_.clock, world_.clock.within(kStopLimit), 2ms, all_ended)) return;
    for (const Supervised& child : children_) {
      if (chosen(child)) child.send(SIGKILL);
    }
    poll_until(world_.clock, world_.clock.within(kStopLimit), 2ms, all_ended);
  }

  World& world_;
  const SupervisorPlan& plan_;
  Notes notes_;
  std::vector<Supervised> children_;
  LineServer server_;
  bool stopped_ = false;
};

}  // namespace

Result<> supervise(World& world, const SupervisorPlan& plan) {
  const std::string folder = plan.state.substr(0, plan.state.find_last_of('/'));
  // Only as root do servers of another user pass through; a user's folders are his alone.
  const int mode = ::geteuid() == 0 ? 0711 : 0700;
  WEIR_TRY_(world.files.make_folder(folder, mode));
  WEIR_TRY_(world.files.make_folder(plan.socket.substr(0, plan.socket.find_last_of('/')), mode));
  // Held for our life; children drop it at their exec.
  const Result<Descriptor> lock =
      take_lock(world.clock, plan.state + ".lock", world.clock.within(0ns));
  if (!lock && lock.error().failure == Failure::held)
    return fail(Failure::held, "another supervisor runs the fleet " + plan.fleet, "weir status");
  if (!lock) return fail(lock.error());
  Loop loop(world, plan);
  WEIR_TRY_(loop.prepare());
  return loop.run();
}

}  // namespace weir::guard
