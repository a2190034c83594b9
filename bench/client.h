// The outside client of the benches: libpq and nothing of weir's, the same for weir and its peers.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::bench {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A commit whose wait for a replica was cancelled is acknowledged with a warning: it is in doubt.
enum class Outcome { acknowledged, refused, in_doubt };

class Connection {
 public:
  // Null where nobody answered in time: libpq's own connect_timeout is at least two seconds.
  static std::unique_ptr<Connection> open(const std::string& uri, Clock::duration patience);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Outcome commit(const std::string& statement, Clock::duration patience);
  // The first column of the answer's rows.
  std::optional<std::vector<std::string>> read(const std::string& query, Clock::duration patience);
  std::string words() const;  // why the last call failed

 private:
  struct Libpq;
  explicit Connection(std::unique_ptr<Libpq> libpq);
  std::unique_ptr<Libpq> libpq_;
};

}  // namespace weir::bench
