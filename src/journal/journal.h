// Intents and outcomes, durable on this host: what was about to be done, and what came of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "world/world.h"

namespace weir::journal {

enum class Outcome { open, done, refused, failed, unknown };
const char* name_of(Outcome outcome);

// What this weir writes at most and reads, and the one before, which it reads and writes too. In
// format 2 an entry says which life of the agent began it.
constexpr int kFormat = 2;
constexpr int kFormatBefore = kFormat - 1;

// One step, as (capability, kind, JSON).
struct Entry {
  int format = kFormat;     // in which it was written, or is to be shown
  std::int64_t number = 0;  // grows by one per entry on this host
  std::string life;         // of the agent that began it; empty: unknown, as in format 1
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
// In the entry's own format: what that lacks is left out.
Json to_json(const Entry& entry);
// unsupported: of a format above kFormat, or below kFormatBefore. bad_data: not whole.
Result<Entry> entry_from(const Json& json);

constexpr std::size_t kKept = 500;  // entries kept when the file is rewritten
constexpr std::size_t kBytesMax = 4u << 20;

// One file per host, lines of JSON; a torn last line is dropped at opening, damage elsewhere is
// bad_data, and a line of a format that this weir does not read unsupported. The file is compacted
// on opening and past 4 MiB. Thread-safe.
class Journal {
 public:
  // `life`: of the agent whose entries follow.
  static Result<std::unique_ptr<Journal>> open(World& world, std::string path,
                                               std::string life = {});
  // From now on lines are written in `format`, one of the two above; until the first call in
  // kFormatBefore, because whoever else reads them may be of the former weir.
  void write_as(int format) { format_ = format; }

  // Durable before it returns. The number, and the time where `at` is not given, are ours.
  Result<std::int64_t> intend(Entry entry);
  // The last word stands: `unknown` may later become what was found. not_found: no such entry.
  Result<> conclude(std::int64_t number, Outcome outcome, std::string detail, Duration took);

  std::vector<Entry> recent(std::size_t count) const;
  // Intents without outcome when the journal was opened: look again, never retry blindly.
  std::vector<Entry> left_open() const;
  // Called, outside any lock, after each entry that changed; for copying off the host.
  void on_change(std::function<void(const Entry&)> listener);

 private:
  struct Line;  // one intent or outcome on its way to the disk
  using Lines = std::vector<std::shared_ptr<Line>>;

  Journal(World& world, std::string path, std::string life)
      : world_(world), path_(std::move(path)), life_(std::move(life)) {}
  Result<> load();
  Result<Entry> put(const std::shared_ptr<Line>& line);
  void write_pending();
  Result<> write(const Lines& lines);
  Result<> write_whole(const Lines& lines);
  static void apply(Line& line, std::vector<Entry>& entries);
  bool known(std::int64_t number) const;
  tl::unexpected<Error> no_entry(std::int64_t number) const;

  World& world_;
  std::string path_;
  const std::string life_;
  std::atomic<int> format_ = kFormatBefore;
  // Guards what follows; never held over a port call. One caller at a time writes, for itself and
  // for those that came while the one before it wrote.
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // by number; changed only by the one that writes
  std::vector<std::int64_t> opened_with_;
  std::int64_t last_ = 0;
  bool writing_ = false;
  Lines pending_;
  std::function<void(const Entry&)> listener_;
  // Only of the one that writes: the file's size, when to compact it, and whether an append failed
  // half-way, after which only a whole new file is sure.
  std::size_t bytes_ = 0;
  std::size_t bytes_max_ = kBytesMax;
  bool torn_ = false;
};

}  // namespace weir::journal
