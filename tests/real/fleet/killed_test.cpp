// kill -9 of store, guard, supervisor, agent and command line at random moments of up, apply and
// drill, while an application writes: afterwards the same command completes, every member is
// healthy, nothing acknowledged is lost, and no process is left when the fleet goes down.
//   WEIR_KILL_ROUNDS=20 WEIR_KILL_SEED=7   as many rounds as ./dev night runs, drawn from the seed
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "tests/real/fleet/live_fleet.h"

namespace weir::test {
namespace {

constexpr Duration kCommandLimit = 60s;
constexpr Duration kDrillLimit = 300s;
constexpr Duration kUpLimit = 330s;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Round {
  const char* verb;    // "up", "apply", "drill"
  const char* victim;  // "store", "supervisor", "guard", "agent", "command"
  std::string host;    // of guard or agent
  Duration at;         // after the command began
};

// Every victim once; what each verb is cut off in differs from seed to seed.
std::vector<Round> drawn_rounds(std::uint64_t seed, std::uint64_t count) {
  static const Round kFirst[] = {{"apply", "store", "", {}},      {"apply", "supervisor", "", {}},
                                 {"drill", "guard", "", {}},      {"up", "command", "", {}},
                                 {"apply", "agent", "", {}},      {"drill", "command", "", {}},
                                 {"up", "agent", "", {}},         {"up", "store", "", {}},
                                 {"drill", "supervisor", "", {}}, {"drill", "store", "", {}},
                                 {"apply", "guard", "", {}},      {"up", "supervisor", "", {}},
                                 {"apply", "command", "", {}},    {"drill", "agent", "", {}}};
  std::uint64_t state = seed;
  const auto draw = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  std::vector<Round> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    Round round = kFirst[i % std::size(kFirst)];
    round.host = std::string(1, static_cast<char>('a' + draw(3)));
    const std::uint64_t span = std::string(round.verb) == "drill" ? 8000 : 3000;
    round.at = std::chrono::milliseconds(draw(span));
    out.push_back(round);
  }
  return out;
}

// Inserts one row after the other as the application does. A row counts as acknowledged when its
// statement ended well and without a word: a cancelled wait comes with a warning.
class Writer {
 public:
  explicit Writer(LiveFleet& fleet) : fleet_(fleet), log_(fleet.folder() + "/acknowledged") {
    const auto password = fleet.files().read(fleet.folder() + "/s/live/secrets/orders/shop_app");
    const std::string script = fmt::format(
        "n=0; while :; do n=$((n+1)); out=$(PGPASSWORD={} timeout 5 "
        "/usr/lib/postgresql/15/bin/psql 'postgresql://shop_app@/shop?host={},{},{}"
        "&target_session_attrs=read-write&connect_timeout=2&sslmode=require' -qAtX "
        "-c \"insert into kept values ($n)\" 2>&1) && [ -z \"$out\" ] && echo $n >>{}; "
        "sleep 0.05; done",
        password.value_or(""), fleet.address("a"), fleet.address("b"), fleet.address("c"), log_);
    pid_ = fork();
    if (pid_ == 0) {
      setpgid(0, 0);
      const int null = open("/dev/null", O_RDWR);
      for (const int fd : {0, 1, 2}) dup2(null, fd);
      execl("/bin/sh", "sh", "-c", script.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    setpgid(pid_, pid_);
  }
  ~Writer() { stop(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void stop() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  std::set<std::string> acknowledged() const {
    const auto text = fleet_.files().read(log_);
    const auto lines = split(trim(text.value_or("")), '\n');
    return {lines.begin(), lines.end()};
  }

 private:
  LiveFleet& fleet_;
  const std::string log_;
  pid_t pid_ = -1;
};

class Killed : public testing::Test {
 protected:
  std::vector<std::string> words_of(const Round& round) {
    const std::string verb = round.verb;
    if (verb == "drill")
      return {"drill", changes_ % 2 == 0 ? "kill-host" : "kill-server", "orders"};
    return {verb, "-f", fleet.file()};
  }

  int victim_of(const Round& round, int command) {
    const std::string victim = round.victim;
    if (victim == "command") return command;
    if (victim == "guard") return fleet.guard(round.host);
    if (victim == "agent") return fleet.agent(round.host);
    return fleet.process(victim);
  }

  // Each apply changes something: a reload, or a restart of every member in its turn.
  void change_file() {
    ++changes_;
    fleet.write_file(fmt::format("max_connections: {}\n      work_mem: {}MB",
                                 60 + changes_ / 2 * 10, 4 + changes_));
  }

  void cut(const Round& round) {
    if (std::string(round.verb) == "apply") change_file();
    if (std::string(round.verb) == "up") {
      const Ran down = fleet.weir({"down"});
      ASSERT_EQ(down.status, 0) << down.err;
    }
    const int command = fleet.start_weir(words_of(round));
    fleet.clock().sleep_for(round.at);
    const int victim = victim_of(round, command);
    if (victim > 0) kill(victim, SIGKILL);
    if (fleet.wait_for(command, kCommandLimit) >= 0) return;
    // It waits for what died; nobody has to wait with it.
    kill(command, SIGINT);
    EXPECT_EQ(fleet.wait_for(command, kCommandLimit), 130);
  }

  // What an operator types next.
  void complete(const Round& round) {
    const bool drilled = std::string(round.verb) == "drill";
    // A host that a killed drill left off is on again at the next drill, or when its time is over.
    if (drilled && std::string(round.victim) != "supervisor") {
      ASSERT_NO_FATAL_FAILURE(drill_anew());
    }
    const Ran up = fleet.weir({"up", "-f", fleet.file()}, kUpLimit);
    ASSERT_EQ(up.status, 0) << up.err;
    const Ran apply = fleet.weir({"apply", "-f", fleet.file(), "--yes"});
    ASSERT_EQ(apply.status, 0) << apply.err;
    if (drilled && std::string(round.victim) == "supervisor") {
      ASSERT_NO_FATAL_FAILURE(drill_anew());
    }
    ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
    const Ran plan = fleet.weir({"plan", "-f", fleet.file(), "--detailed-exitcode"});
    EXPECT_EQ(plan.status, 0) << plan.out << plan.err;
  }

  // The next drill cleans up after the killed one before it begins.
  void drill_anew() {
    Ran last;
    const bool met = poll_until(fleet.clock(), fleet.clock().within(kDrillLimit), 500ms, [&] {
      last = fleet.weir({"drill", "kill-server", "orders"});
      return last.status == 0;
    });
    ASSERT_TRUE(met) << last.out << last.err;
    EXPECT_EQ(
        fleet.sql(fleet.leader(), "select count(*) from pg_roles where rolname = 'weir_ledger'"),
        "0");
  }

  void expect_nothing_lost(const Writer& writer) {
    const auto acknowledged = writer.acknowledged();
    const auto lines = split(fleet.sql(fleet.leader(), "select n from kept"), '\n');
    const std::set<std::string> rows(lines.begin(), lines.end());
    std::vector<std::string> lost;
    std::ranges::set_difference(acknowledged, rows, std::back_inserter(lost));
    EXPECT_TRUE(lost.empty()) << lost.size() << " of " << acknowledged.size() << " lost, first "
                              << lost.front();
  }

  LiveFleet fleet;
  int changes_ = 0;
};

TEST_F(Killed, NothingIsHalfDoneWhoeverDies) {
  const std::uint64_t seed = from_environment("WEIR_KILL_SEED", 4);
  const auto rounds = drawn_rounds(seed, from_environment("WEIR_KILL_ROUNDS", 3));
  ASSERT_NO_FATAL_FAILURE(fleet.up());
  ASSERT_EQ(fleet.sql(fleet.leader(), "set role shop_owner; create table kept(n int primary key)"),
            "");
  Writer writer(fleet);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const Round& round = rounds[i];
    const std::string told = fmt::format("seed {} round {}: kill {} {} {} ms into {}", seed, i,
                                         round.victim, round.host, round.at / 1ms, round.verb);
    SCOPED_TRACE(told);
    fmt::print("{}\n", told);
    ASSERT_NO_FATAL_FAILURE(cut(round));
    ASSERT_NO_FATAL_FAILURE(complete(round));
    expect_nothing_lost(writer);
  }
  writer.stop();
  EXPECT_GT(writer.acknowledged().size(), 10 * rounds.size());
}

// From nothing: each kill finds another part of a fleet that is being made.
TEST_F(Killed, AFleetThatIsBeingMadeIsMadeByTheSecondTry) {
  const std::uint64_t seed = from_environment("WEIR_KILL_SEED", 4);
  std::vector<Round> rounds = drawn_rounds(seed + 1, 3);
  static const char* const kVictims[] = {"agent", "command", "store"};
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    rounds[i].verb = "up";
    rounds[i].victim = kVictims[i];
  }
  for (const Round& round : rounds) {
    SCOPED_TRACE(fmt::format("kill {} {} {} ms into the first up", round.victim, round.host,
                             round.at / 1ms));
    const int command = fleet.start_weir({"up", "-f", fleet.file(), "--store", fleet.store()});
    fleet.clock().sleep_for(round.at);
    const int victim = victim_of(round, command);
    if (victim > 0) kill(victim, SIGKILL);
    if (std::string(round.victim) != "command") kill(command, SIGKILL);
    ASSERT_GE(fleet.wait_for(command, kCommandLimit), 0);
  }
  const Ran up = fleet.weir({"up", "-f", fleet.file(), "--store", fleet.store()});
  ASSERT_EQ(up.status, 0) << up.err;
  ASSERT_NO_FATAL_FAILURE(fleet.await_healthy());
  EXPECT_EQ(fleet.as_application("select 1").out, "1");
}

}  // namespace
}  // namespace weir::test
