// When does a service serve? Probed from outside each 20 ms, each time by a new connection: a write
// that is read back on the leader, and the same row read on each replica.
//   bench_serves LEADER_URI REPLICA_URI...
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "bench/client.h"

namespace {

using namespace weir::bench;

constexpr auto kEach = 20ms;
constexpr auto kConnect = 1s;    // for one attempt
constexpr auto kAnswer = 5s;     // for one statement
constexpr auto kLongest = 300s;  // for all of it
const std::vector<std::string> kRow{"1"};

bool writes_and_reads(const std::string& uri) {
  const auto connection = Connection::open(uri, kConnect);
  if (!connection) return false;
  const std::string table = "CREATE TABLE IF NOT EXISTS bench_serves (n int PRIMARY KEY)";
  const std::string row = "INSERT INTO bench_serves VALUES (1) ON CONFLICT DO NOTHING";
  return connection->commit(table, kAnswer) == Outcome::acknowledged &&
         connection->commit(row, kAnswer) == Outcome::acknowledged &&
         connection->read("SELECT n FROM bench_serves", kAnswer) == kRow;
}

bool reads(const std::string& uri) {
  const auto connection = Connection::open(uri, kConnect);
  return connection && connection->read("SELECT n FROM bench_serves", kAnswer) == kRow;
}

template <class Probe>
void until_it_passes(Clock::time_point began, Probe probe, std::atomic<long>& passed_ms) {
  while (Clock::now() < began + kLongest) {
    const auto next = Clock::now() + kEach;
    if (probe()) {
      passed_ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
      return;
    }
    std::this_thread::sleep_until(next);
  }
}

}  // namespace

// Prints the milliseconds from its own start until the leader and each replica passed.
int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_serves LEADER_URI REPLICA_URI...\n");
    return 1;
  }
  const auto began = Clock::now();
  const std::vector<std::string> uris(argv + 1, argv + argc);
  std::vector<std::atomic<long>> passed(uris.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < uris.size(); ++i) {
    passed[i] = -1;
    threads.emplace_back([&, i] {
      const auto probe = i == 0 ? writes_and_reads : reads;
      until_it_passes(
          began, [&] { return probe(uris[i]); }, passed[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  bool all = true;
  for (const auto& ms : passed) {
    fmt::print("{}{}", &ms == passed.data() ? "" : " ", ms.load());
    all = all && ms >= 0;
  }
  fmt::print("\n");
  return all ? 0 : 1;
}
