// Intents and outcomes, durable on this host: what was about to be done, and what came of it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "world/world.h"

namespace weir::journal {

enum class Outcome { open, done, refused, failed, unknown };
const char* name_of(Outcome outcome);

// One step, as (capability, kind, JSON).
struct Entry {
  std::int64_t number = 0;  // grows by one per entry on this host
  std::string service;
  std::string capability;  // "failover"
  std::string kind;        // "Promise"
  Json step;
  std::string because;  // the decision's sentence
  WallTime at{};
  Outcome outcome = Outcome::open;
  std::string detail;  // of the outcome
  Duration took{};
};
Json to_json(const Entry& entry);
Result<Entry> entry_from(const Json& json);

constexpr int kFormat = 1;
constexpr std::size_t kKept = 500;  // entries kept when the file is rewritten

// One file per host, lines of JSON; a torn last line is dropped at opening, damage elsewhere is
// bad_data. The file is compacted on opening and past 4 MiB. Thread-safe.
class Journal {
 public:
  static Result<std::unique_ptr<Journal>> open(World& world, std::string path);

  // Durable before it returns.
  Result<std::int64_t> intend(Entry entry);
  Result<> conclude(std::int64_t number, Outcome outcome, std::string detail, Duration took);

  std::vector<Entry> recent(std::size_t count) const;
  // Intents without outcome when the journal was opened: look again, never retry blindly.
  std::vector<Entry> left_open() const;
  // Called, outside any lock, after each entry that changed; for copying off the host.
  void on_change(std::function<void(const Entry&)> listener);

 private:
  Journal(World& world, std::string path) : world_(world), path_(std::move(path)) {}
  Result<> rewrite();

  World& world_;
  std::string path_;
  mutable std::mutex mutex_;  // guards entries_; never held over a port call
  std::vector<Entry> entries_;
  std::vector<std::int64_t> opened_with_;
  std::int64_t last_ = 0;
  std::size_t bytes_ = 0;
  std::function<void(const Entry&)> listener_;
};

}  // namespace weir::journal
