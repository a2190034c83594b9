// One run of the command line: the ports, what the user asked for, and how answers are given.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/place.h"
#include "engine/engine.h"
#include "store/keys.h"
#include "store/record_io.h"
#include "store/store.h"

namespace weir::cli {

// What every verb understands.
struct Options {
  std::string file;              // -f
  std::string fleet;             // --fleet
  std::string service;           // the positional argument
  std::string output = "table";  // table, wide, json, yaml, name
  std::string store;             // --store ADDRESS[:PORT]
  bool yes = false;
  bool no_input = false;
  bool help = false;
  std::string color = "auto";       // auto, always, never
  std::optional<Duration> timeout;  // how long a verb that waits may wait
  bool detailed_exit = false;
  bool destroy = false;
  bool no_final_copy = false;
  std::vector<std::string> destroy_data;  // names whose data may be destroyed unasked
  std::vector<std::string> targets;       // addresses that a plan is limited to
  std::string out;                        // where `plan` saves what it found
  std::string plan_file;                  // what `apply` takes in place of a fleet file
  std::string fault;
  bool stop_all = false;  // drill: pull the safety lever
  bool release = false;
  std::string reason;
  std::string host;
  std::string token;
  std::string certificate_life;
  int while_pid = 0;
  int limit = 50;
  std::optional<Duration> since;  // events, logs
  std::string step;               // events --kind
  bool follow = false;
  bool watch = false;
  bool agent_log = false;  // logs --agent
  int tail = 200;
  std::string kind;                // get
  std::string thing;               // describe, logs
  std::string shell;               // completion
  std::string word;                // explain
  std::vector<std::string> words;  // __complete
  double rate = 400;
  int writers = 4;

  bool wants_data() const { return output == "json" || output == "yaml"; }
};

// `json` as the text of that format, "json" or "yaml", with a line's end.
std::string as_data(const Json& json, const std::string& format);
// To stdout. False when the reader has gone away (`weir events | head`): no error, the rest is
// dropped. Any other failure stays in ferror(stdout).
bool print_out(const std::string& text);

class Session {
 public:
  Session(Machine& machine, Options options);
  // Whatever was started for this command has ended when it has.
  ~Session();

  Machine& machine() { return machine_; }
  const Options& options() const { return options_; }
  // -o json or yaml: facts for a program.
  bool wants_data() const { return options_.wants_data(); }
  bool cancelled() const { return *machine_.cancelled; }

  // stderr, with the time since the verb began.
  void progress(const std::string& text) const;
  // What is waited for: on a terminal one line that is drawn anew with the time elapsed, elsewhere
  // a line when it changes, and one every ten seconds.
  void waiting(const std::string& text);
  // stdout; false when nobody reads it any more.
  bool print(const std::string& text) const;
  bool print_data(const Json& json) const;
  // The same for tables and screens, with colour where a person looks at it.
  bool show(const std::string& text) const;

  // Finds the fleet and connects as the operator; nothing is sent yet. Once: repeated, it is done.
  Result<> open();
  const FleetFacts& facts() const { return *facts_; }
  Place& place() { return place_; }
  store::Store& store() { return *store_; }
  peer::Caller& caller() { return *caller_; }
  peer::Revoked& revoked() { return *revoked_; }
  store::Keys keys() const { return {place_.fleet, RegionName("local")}; }
  World& world();
  // By then, and by the end of --timeout at the latest: what is begun within it ends within it.
  Deadline within(Duration limit) const;
  // Of --timeout; nullopt: none was given.
  std::optional<Duration> time_left() const;
  // What a verb came to. Where the time was up, what did not answer until then was waited for.
  Result<> judged(Result<> result) const;
  // Waits; false as soon as the user asks us to end.
  bool pause(Duration duration) const;

  // The engine as the operator uses it: from outside, with the operator's certificate.
  Result<engine::Engine*> engine(const std::string& name);
  // The engine of one host of this machine, for stopping servers in `down`.
  Result<std::unique_ptr<engine::Engine>> engine_of(const HostName& host, const std::string& name);

  // Sees to it that a store answers: the fleet's own, or one started for as long as we live.
  Result<> wake_store();
  bool store_is_ours() const { return own_store_ != 0; }

  // A declared service by name; the only one if no name was given.
  Result<store::HeldService> service();

 private:
  double elapsed() const;  // seconds since the verb began
  void end_own_store();
  void end_line() const;

  Machine& machine_;
  const Options options_;
  const Instant began_;
  Place place_;
  std::optional<FleetFacts> facts_;
  std::shared_ptr<peer::Revoked> revoked_;
  std::unique_ptr<peer::Caller> caller_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Servers> servers_;
  std::unique_ptr<World> world_;
  std::unique_ptr<engine::Engine> engine_;
  pid_t own_store_ = 0;
  std::string waited_for_;
  Instant waited_said_{};
  mutable bool line_open_ = false;  // a line of `waiting` that is still to be ended
};

// A program of our own that goes on after us: a new session, standard streams to `log`. Its pid.
Result<pid_t> start_detached(const std::vector<std::string>& argv, const std::string& log);

}  // namespace weir::cli
