// How a verb reaches its fleet.
#include "cli/session.h"

#include <fmt/format.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/quantity.h"
#include "cli/paint.h"
#include "cli/program.h"
#include "cli/revoked.h"
#include "config/config.h"
#include "engine/postgres/postgres.h"
#include "guard/guard.h"
#include "store/remote.h"

namespace weir::cli {
namespace {

constexpr Duration kStoreEnds = 5s;

}  // namespace

std::string as_data(const Json& json, const std::string& format) {
  return format == "yaml" ? config::to_yaml(json) : json.dump(true) + "\n";
}

bool print_out(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return true;
  if (errno != EPIPE) return true;
  std::clearerr(stdout);
  return false;
}

Session::Session(Machine& machine, Options options)
    : machine_(machine), options_(std::move(options)), began_(machine.clock.now()) {}

Session::~Session() {
  end_line();
  end_own_store();
}

// Until its file is closed the next command's store, or the supervisor's, could not open it.
void Session::end_own_store() {
  if (own_store_ == 0) return;
  kill(own_store_, SIGTERM);
  const auto ended = [this] { return waitpid(own_store_, nullptr, WNOHANG) != 0; };
  if (!poll_until(machine_.clock, machine_.clock.within(kStoreEnds), 2ms, ended)) {
    kill(own_store_, SIGKILL);
    waitpid(own_store_, nullptr, 0);
  }
  own_store_ = 0;
}

double Session::elapsed() const {
  return std::chrono::duration<double>(machine_.clock.now() - began_).count();
}

void Session::end_line() const {
  if (line_open_) fmt::print(stderr, "\n");
  line_open_ = false;
}

void Session::progress(const std::string& text) const {
  end_line();
  fmt::print(stderr, "{:6.1f}s {}\n", elapsed(), text);
  std::fflush(stderr);
}

void Session::waiting(const std::string& text) {
  constexpr Duration kSayAgain = 10s;
  const Instant now = machine_.clock.now();
  if (isatty(STDERR_FILENO) != 0) {
    fmt::print(stderr, "\r\x1b[K{:6.1f}s {}", elapsed(), text);
    std::fflush(stderr);
    line_open_ = true;
  } else if (text != waited_for_ || now - waited_said_ >= kSayAgain) {
    progress(text == waited_for_ ? "still: " + text : text);
    waited_said_ = now;
  }
  waited_for_ = text;
}

bool Session::print(const std::string& text) const {
  end_line();
  return print_out(text.empty() || text.back() == '\n' ? text : text + "\n");
}

bool Session::print_data(const Json& json) const { return print(as_data(json, options_.output)); }

bool Session::show(const std::string& text) const {
  const bool colour = wants_colour(options_.color, isatty(STDOUT_FILENO) != 0,
                                   std::getenv("NO_COLOR"), std::getenv("TERM"));
  return print(colour && !options_.wants_data() ? painted(text) : text);
}

std::optional<Duration> Session::time_left() const {
  if (!options_.timeout) return std::nullopt;
  return std::max(*options_.timeout - (machine_.clock.now() - began_), Duration::zero());
}

Deadline Session::within(Duration limit) const {
  return machine_.clock.within(std::min(limit, time_left().value_or(limit)));
}

Result<> Session::judged(Result<> result) const {
  if (result || time_left().value_or(1s) > Duration::zero()) return result;
  const Failure failure = result.error().failure;
  if (failure != Failure::unreachable && failure != Failure::outcome_unknown) return result;
  return fail(Failure::timed_out,
              fmt::format("the time was up after {}: {}", weir::show(*options_.timeout),
                          result.error().what),
              result.error().hint);
}

bool Session::pause(Duration duration) const {
  poll_until(machine_.clock, within(duration), 50ms, [this] { return cancelled(); });
  return !cancelled();
}

World& Session::world() { return *world_; }

Result<> Session::open() {
  if (store_) return {};  // whoever watches opens again and again
  WEIR_TRY(place_, find_place());
  WEIR_TRY(facts_, find_fleet(machine_.files, place_, options_.fleet));
  WEIR_TRY(servers_, machine_.servers(place_.run));
  world_ = std::make_unique<World>(World{machine_.clock, machine_.random, machine_.files,
                                         machine_.programs, *servers_, machine_.workers});
  WEIR_TRY(peer::Identity identity,
           identity_in(machine_.files, place_, place_.operator_folder(), "operator"));
  revoked_ = identity.revoked;
  caller_ = peer::make_caller(machine_.clock, std::move(identity));
  store_ = store::make_remote(*caller_, machine_.clock, facts_->store);
  return {};
}

Result<engine::Engine*> Session::engine(const std::string& name) {
  if (name != "postgres") {
    return fail(Failure::unsupported, fmt::format("engine {} is not done by this version", name));
  }
  if (!engine_) {
    engine_ = engine::make_postgres(
        *world_, {place_.fleet, HostName("operator"), place_.operator_folder(),
                  place_.run + "/" + place_.fleet.text + "/operator", place_.operator_folder(),
                  "operator", place_.server_user});
  }
  return engine_.get();
}

Result<std::unique_ptr<engine::Engine>> Session::engine_of(const HostName& host,
                                                           const std::string& name) {
  if (name != "postgres") {
    return fail(Failure::unsupported, fmt::format("engine {} is not done by this version", name));
  }
  return engine::make_postgres(
      *world_, {place_.fleet, host, place_.host_folder(host), place_.host_run(host),
                place_.identity(host), host.text, place_.server_user, place_.finals()});
}

Result<> Session::wake_store() {
  if (!machine_.files.exists(place_.operator_folder() + "/operator.crt")) {
    return fail(
        Failure::refused,
        fmt::format("this machine is host {} of fleet {} and has no operator's certificate",
                    facts_->here.empty() ? "?" : facts_->here.front().text, facts_->name.text),
        facts_->signer ? "type it on host " + facts_->signer->name : "");
  }
  const auto meta = store_->get(keys().meta(), within(1s));
  if (meta) {
    take_revoked(*this);
    return {};
  }
  if (facts_->apart()) {
    return fail(Failure::unreachable,
                fmt::format("the store at {}:{} does not answer: {}", facts_->store.ip,
                            facts_->store.port, meta.error().what),
                "systemctl status weir-store on the store's machine");
  }
  // A supervisor that runs is about to start it: two would take turns at the one file.
  guard::Supervisor supervisor(machine_.clock, place_.supervisor_socket());
  if (supervisor.status(within(1s))) {
    progress("no store answers: waiting for the supervisor to start it");
  } else {
    progress("no store answers: starting one for this command");
    WEIR_TRY(own_store_, start_detached(store_argv(place_, static_cast<int>(getpid())),
                                        place_.logs() + "/store.log"));
  }
  const bool up = poll_until(machine_.clock, within(10s), 20ms,
                             [&] { return store_->get(keys().meta(), within(500ms)).has_value(); });
  if (up) return {};
  return fail(
      Failure::unreachable,
      fmt::format("the store at {}:{} does not answer", facts_->store.ip, facts_->store.port),
      "read " + place_.logs() + "/store.log");
}

Result<store::HeldService> Session::service() {
  WEIR_TRY(const auto services, store::list_desired(*store_, keys(), within(5s)));
  if (options_.service.empty() && services.size() == 1) return services.front();
  std::string names;
  for (const auto& held : services) {
    if (held.service.name.text == options_.service) return held;
    names += (names.empty() ? "" : ", ") + held.service.name.text;
  }
  if (services.empty()) {
    WEIR_TRY(const auto meta, store_->get(keys().meta(), within(5s)));
    if (!meta) {
      return fail(Failure::not_found,
                  fmt::format("the store holds nothing of fleet {}: it has lost what it had, or "
                              "the fleet was never applied",
                              place_.fleet.text),
                  "weir store rebuild");
    }
  }
  if (options_.service.empty()) {
    return fail(Failure::bad_config, "which service? The fleet has " + names);
  }
  return fail(Failure::not_found, fmt::format("no service {}; the fleet has {}", options_.service,
                                              names.empty() ? "none" : names));
}

}  // namespace weir::cli
