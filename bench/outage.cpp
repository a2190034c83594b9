// The outside client of the benches: the same program, over the same libpq, for weir and its peers.
// Writers commit in a loop while a fault is injected; it tells the longest gap between
// acknowledgements, and which acknowledged rows are absent afterwards.
//   bench_outage URI WARM_SECONDS AFTER_SECONDS FAULT_COMMAND
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bench/client.h"

namespace {

using namespace weir::bench;

constexpr int kWriters = 4;
constexpr auto kPace = 10ms;    // each writer commits a hundred times a second, at most
constexpr auto kPatience = 1s;  // for one attempt to connect, and for one commit
constexpr auto kLongStatement = 30s;
constexpr auto kLongest = 120s;  // for the writes to come back

struct Writer {
  std::atomic<Clock::time_point> latest = Clock::now();
  std::vector<long> acknowledged;
  std::vector<Clock::time_point> at;
  long in_doubt = 0;
};

void write(int number, const std::string& uri, const std::atomic<bool>& stop, Writer& out) {
  std::unique_ptr<Connection> connection;
  for (long row = 0; !stop; ++row) {
    if (!connection) connection = Connection::open(uri, kPatience);
    if (!connection) {
      std::this_thread::sleep_for(kPace);
      continue;
    }
    const auto began = Clock::now();
    const auto outcome = connection->commit(
        fmt::format("INSERT INTO bench_outage VALUES ({}, {})", number, row), kPatience);
    const auto now = Clock::now();
    if (outcome == Outcome::acknowledged) {
      out.acknowledged.push_back(row);
      out.at.push_back(now);
      out.latest = now;
    } else {
      out.in_doubt += outcome == Outcome::in_doubt ? 1 : 0;
      connection.reset();
    }
    std::this_thread::sleep_until(began + kPace);
  }
}

bool run(const std::string& uri, const std::string& statement) {
  const auto until = Clock::now() + 60s;
  while (Clock::now() < until) {
    const auto connection = Connection::open(uri, kPatience);
    if (connection) {
      if (connection->commit(statement, kLongStatement) == Outcome::acknowledged) return true;
      fmt::print(stderr, "bench_outage: {}", connection->words());
    }
    std::this_thread::sleep_for(200ms);
  }
  return false;
}

// The rows of one writer as they are there now; false if they cannot be read.
bool read_back(const std::string& uri, int writer, std::set<long>& rows) {
  const auto until = Clock::now() + 60s;
  while (Clock::now() < until) {
    const auto connection = Connection::open(uri, kPatience);
    const std::string query = fmt::format("SELECT n FROM bench_outage WHERE writer = {}", writer);
    const auto there = connection ? connection->read(query, kLongStatement) : std::nullopt;
    if (there) {
      for (const std::string& row : *there) rows.insert(std::strtol(row.c_str(), nullptr, 10));
      return true;
    }
    std::this_thread::sleep_for(200ms);
  }
  return false;
}

// A gap that has not ended counts until now.
int report(const std::string& uri, const std::vector<Writer>& writers, Clock::time_point now) {
  Clock::duration outage{};
  std::size_t acknowledged = 0;
  long lost = 0;
  long in_doubt = 0;
  for (std::size_t i = 0; i < writers.size(); ++i) {
    const Writer& writer = writers[i];
    for (std::size_t k = 1; k < writer.at.size(); ++k) {
      outage = std::max(outage, writer.at[k] - writer.at[k - 1]);
    }
    outage = std::max(outage, now - writer.latest.load());
    std::set<long> there;
    if (!read_back(uri, static_cast<int>(i), there)) return 1;
    acknowledged += writer.acknowledged.size();
    lost += std::count_if(writer.acknowledged.begin(), writer.acknowledged.end(),
                          [&](long row) { return !there.contains(row); });
    in_doubt += writer.in_doubt;
  }
  fmt::print("{} {} {} {}\n", std::chrono::duration_cast<std::chrono::milliseconds>(outage).count(),
             acknowledged, lost, in_doubt);
  return 0;
}

}  // namespace

// Prints: outage in milliseconds, acknowledged commits, of these lost, commits in doubt.
int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: bench_outage URI WARM_SECONDS AFTER_SECONDS FAULT_COMMAND\n");
    return 1;
  }
  const std::string uri = argv[1];
  const std::chrono::seconds warm(std::atoi(argv[2]));
  const std::chrono::seconds after(std::atoi(argv[3]));
  if (!run(uri, "DROP TABLE IF EXISTS bench_outage")) return 1;
  if (!run(uri, "CREATE TABLE bench_outage (writer int, n bigint, PRIMARY KEY (writer, n))")) {
    return 1;
  }
  std::atomic<bool> stop = false;
  std::vector<Writer> writers(kWriters);
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    auto& writer = writers[static_cast<std::size_t>(i)];
    threads.emplace_back([&, i] { write(i, uri, stop, writer); });
  }
  std::this_thread::sleep_for(warm);
  const int injected = std::system(argv[4]);
  // An acknowledgement may still slip out of a dying server, so one of the next second tells
  // nothing; the writes go on for a while, so that the gap of every writer has an end.
  const auto surely_after = Clock::now() + 1s;
  const auto back = [&](const Writer& writer) { return writer.latest.load() > surely_after; };
  while (Clock::now() < surely_after + kLongest && !std::ranges::all_of(writers, back)) {
    std::this_thread::sleep_for(50ms);
  }
  std::this_thread::sleep_for(after);
  const auto end = Clock::now();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  if (injected != 0) {
    fmt::print(stderr, "bench_outage: the fault was not injected\n");
    return 1;
  }
  return report(uri, writers, end);
}
