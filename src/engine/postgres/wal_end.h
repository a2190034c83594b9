// Where the valid log on a disk ends, read from the segments themselves: a server that has not
// received since its start cannot say it (safety.md S6). Pure but for the segment source.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/lineage.h"

namespace weir::engine::postgres {

// A part of one segment file: at most `most` bytes from `from` on; nullopt if there is no such
// file. Segments are long, and few of their pages say where a log ends. A walk may go over the log
// more than once; each time it asks in ascending order, and for no part twice.
struct SegmentPart {
  std::string bytes;
  std::uint64_t file_bytes = 0;  // of the whole file
};
using SegmentSource = std::function<std::optional<SegmentPart>(
    std::int64_t timeline, std::uint64_t segment, std::uint64_t from, std::size_t most)>;

struct WalkStart {
  Position at;  // a record boundary: a checkpoint's redo point or a replayed position
  std::uint64_t segment_bytes = 0;  // a power of two
  bool next_must_be_there = false;  // a record is known to begin at `at` (redo of a checkpoint)
};

struct WalEnd {
  Position end;               // behind the last whole, valid record; `at` if there is none
  std::int64_t timeline = 0;  // on which the last record lies
  std::uint64_t records = 0;
  std::string stopped_by;  // why the next record is not valid, for logs
};

// Reads record after record along `lineage` as the server would in recovery: segments of the
// newest timeline that may hold them first, pages checked by address, system and timeline, records
// by length, back link and CRC-32C. The zero-filled tail, old content of a recycled segment, a
// record cut off and a missing segment all end it. bad_data if the page of `at` cannot be read, or
// if `next_must_be_there` and it is not.
Result<WalEnd> walk_wal(const Lineage& lineage, const WalkStart& start,
                        const SegmentSource& source);

// Counts the commits (plain and prepared) from `from` on, along the same walk.
Result<std::uint64_t> count_commits(const Lineage& lineage, const WalkStart& start,
                                    const SegmentSource& source);

// Name of a segment's file, and what such a name says; nullopt for any other name.
std::string segment_name(std::int64_t timeline, std::uint64_t segment, std::uint64_t segment_bytes);
struct SegmentId {
  std::int64_t timeline = 0;
  std::uint64_t segment = 0;
  bool operator==(const SegmentId&) const = default;
};
std::optional<SegmentId> segment_from(const std::string& name, std::uint64_t segment_bytes);

// The text of a NNNNNNNN.history file, oldest branch first; bad_data if a line is not understood.
Result<std::vector<Branch>> parse_history(const std::string& text);

// What pg_controldata printed, as far as a walk needs it.
struct Control {
  std::string system;
  std::string state;  // "in production", "shut down in recovery", ...
  Position checkpoint;
  Position redo;
  std::int64_t timeline = 0;  // of the latest checkpoint
  Position min_recovery;
  std::int64_t min_recovery_timeline = 0;
  std::uint64_t segment_bytes = 0;
};
Result<Control> parse_control(const std::string& printed);

// The lineage up to `end` only: branches at or beyond it have not been taken by this log.
Lineage trimmed(const Lineage& lineage, Position end);

std::uint32_t crc32c(const char* bytes, std::size_t length, std::uint32_t so_far = 0);

}  // namespace weir::engine::postgres
