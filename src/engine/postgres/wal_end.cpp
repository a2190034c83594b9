// The server's own rules for a valid log (xlogreader.c, same since 9.5), applied to segment files.
// Not pg_waldump: it waits 5 s for a segment that does not exist, which would be part of every
// failover at a segment's end, and its error names the last record's start, not its end.
#include "engine/postgres/wal_end.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"

namespace weir::engine::postgres {
namespace {

constexpr std::uint64_t kShortHeader = 24;
constexpr std::uint64_t kLongHeader = 40;
constexpr std::uint64_t kRecordHeader = 24;
constexpr std::uint64_t kCrcAt = 20;  // within the record's header
constexpr std::uint64_t kRecordMax = 1020u << 20;
constexpr std::uint64_t kPartBytes = 1u << 16;  // read at a time: whole pages of any size

constexpr unsigned kFirstIsContinued = 1;
constexpr unsigned kLong = 2;
constexpr unsigned kFirstOverwrites = 8;
constexpr unsigned kAllFlags = 15;

template <class T>
T number_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

constexpr std::uint64_t aligned(std::uint64_t length) { return (length + 7) & ~std::uint64_t{7}; }

struct Page {
  const char* bytes = nullptr;
  std::uint64_t address = 0;
  std::uint64_t header = 0;
  unsigned flags = 0;
  std::uint32_t remaining = 0;  // of the record that began on an earlier page
};

// Pages along a lineage, each checked before it is handed out.
class Pages {
 public:
  Pages(const Lineage& lineage, std::uint64_t segment_bytes, const SegmentSource& source)
      : lineage_(lineage), segment_bytes_(segment_bytes), source_(source) {}

  // The page that holds `at`; nullopt and why() if there is no valid one.
  std::optional<Page> holding(std::uint64_t at) {
    const std::uint64_t segment = at / segment_bytes_;
    if ((!loaded_ || segment != segment_) && !load(segment)) return std::nullopt;
    const std::uint64_t offset = at % segment_bytes_ / page_bytes_ * page_bytes_;
    if (!bring(offset)) return std::nullopt;
    return check(part_.data() + (offset - part_from_), segment * segment_bytes_ + offset);
  }

  std::uint64_t page_bytes() const { return page_bytes_; }
  std::int64_t timeline() const { return timeline_; }
  const std::string& why() const { return why_; }

 private:
  // As the server looks for a segment: the newest timeline that may have it first, and never back
  // to a timeline older than one that was read before.
  bool load(std::uint64_t segment) {
    std::vector<std::int64_t> candidates{lineage_.timeline};
    for (std::size_t i = lineage_.branches.size(); i-- > 0;) {
      if (lineage_.branches[i].until.at / segment_bytes_ < segment) break;
      candidates.push_back(lineage_.branches[i].timeline);
    }
    // A timeline that begins in a later segment than this one cannot hold it.
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const std::size_t branch = lineage_.branches.size() - i;
      const bool begins_later =
          branch > 0 && lineage_.branches[branch - 1].until.at / segment_bytes_ > segment;
      if (begins_later || candidates[i] < timeline_) continue;
      auto part = source_(candidates[i], segment, 0, kPartBytes);
      if (!part) continue;
      return take(candidates[i], segment, std::move(*part));
    }
    return stop(fmt::format("segment {} is not there", segment));
  }

  bool take(std::int64_t timeline, std::uint64_t segment, SegmentPart part) {
    if (part.file_bytes != segment_bytes_) {
      return stop(fmt::format("segment {} has {} bytes", segment, part.file_bytes));
    }
    if (part.bytes.size() != kPartBytes) return stop(fmt::format("segment {} is cut off", segment));
    part_ = std::move(part.bytes);
    part_from_ = 0;
    segment_ = segment;
    timeline_ = timeline;
    loaded_ = true;
    const auto page_bytes = number_at<std::uint32_t>(part_.data() + 36);
    if (page_bytes_ == 0 && page_bytes >= 1024 && page_bytes <= 65536 &&
        (page_bytes & (page_bytes - 1)) == 0) {
      page_bytes_ = page_bytes;
    }
    if (page_bytes_ == 0) {
      loaded_ = false;
      return stop(fmt::format("segment {} does not begin with a header", segment));
    }
    // A page inside the segment proves nothing about its owner; the segment's first page does.
    if (check(part_.data(), segment * segment_bytes_)) return true;
    loaded_ = false;
    return false;
  }

  // The part of the present segment that holds the page at this offset.
  bool bring(std::uint64_t offset) {
    const std::uint64_t from = offset / kPartBytes * kPartBytes;
    if (from == part_from_) return true;
    auto part = source_(timeline_, segment_, from, kPartBytes);
    if (!part || part->bytes.size() != kPartBytes) {
      return stop(fmt::format("segment {} cannot be read from byte {} on", segment_, from));
    }
    part_ = std::move(part->bytes);
    part_from_ = from;
    return true;
  }

  std::optional<Page> check(const char* bytes, std::uint64_t address) {
    Page page{bytes, address, kShortHeader, number_at<std::uint16_t>(bytes + 2),
              number_at<std::uint32_t>(bytes + 16)};
    const bool first = address % segment_bytes_ == 0;
    const auto magic = number_at<std::uint16_t>(bytes);
    if ((magic & 0xff00u) != 0xd100u || (magic_ != 0 && magic != magic_)) {
      return refuse(page, "has no page header");
    }
    if ((page.flags & ~kAllFlags) != 0 || ((page.flags & kLong) != 0) != first) {
      return refuse(page, "has invalid flags");
    }
    if (number_at<std::uint64_t>(bytes + 8) != address) return refuse(page, "is of another place");
    if (first) {
      page.header = kLongHeader;
      if (fmt::format("{}", number_at<std::uint64_t>(bytes + 24)) != lineage_.system ||
          number_at<std::uint32_t>(bytes + 32) != segment_bytes_ ||
          number_at<std::uint32_t>(bytes + 36) != page_bytes_) {
        return refuse(page, "is of another system");
      }
    }
    const std::int64_t timeline = number_at<std::uint32_t>(bytes + 4);
    if (timeline > timeline_ || timeline < page_timeline_ || !in_lineage(timeline)) {
      return refuse(page, fmt::format("is of timeline {}", timeline));
    }
    magic_ = magic;
    // Segments are looked at by their first page again; only forward pages move the mark.
    if (address >= page_address_) {
      page_address_ = address;
      page_timeline_ = timeline;
    }
    return page;
  }

  bool in_lineage(std::int64_t timeline) const {
    return timeline == lineage_.timeline ||
           std::any_of(lineage_.branches.begin(), lineage_.branches.end(),
                       [&](const Branch& branch) { return branch.timeline == timeline; });
  }

  bool stop(std::string why) {
    why_ = std::move(why);
    return false;
  }
  std::optional<Page> refuse(const Page& page, const std::string& why) {
    why_ = fmt::format("the page at {} {}", show(Position{page.address}), why);
    return std::nullopt;
  }

  const Lineage& lineage_;
  const std::uint64_t segment_bytes_;
  const SegmentSource& source_;
  std::string part_;             // of the present segment
  std::uint64_t part_from_ = 0;  // where it begins in it
  std::uint64_t segment_ = 0;
  bool loaded_ = false;
  std::int64_t timeline_ = 0;       // of the file
  std::int64_t page_timeline_ = 0;  // of the newest page seen
  std::uint64_t page_address_ = 0;
  std::uint16_t magic_ = 0;
  std::uint64_t page_bytes_ = 0;
  std::string why_;
};

struct WalRecord {
  std::uint64_t at = 0;
  std::uint64_t end = 0;
  unsigned manager = 0;
  unsigned info = 0;
};

class Walker {
 public:
  Walker(const Lineage& lineage, const WalkStart& start, const SegmentSource& source)
      : pages_(lineage, start.segment_bytes, source),
        segment_bytes_(start.segment_bytes),
        at_(start.at.at) {}

  // Where a record begins on the page of `at_`, from its start on; nullopt if none does there.
  std::optional<std::uint64_t> first_on_page() {
    const std::optional<Page> page = pages_.holding(at_);
    if (!page) return std::nullopt;
    const bool continued = (page->flags & kFirstIsContinued) != 0;
    const std::uint64_t offset = page->header + (continued ? aligned(page->remaining) : 0);
    if (offset >= pages_.page_bytes()) return std::nullopt;
    return page->address + offset;
  }
  std::uint64_t page_bytes() const { return pages_.page_bytes(); }

  // Goes to the first record that begins on this page or a later one; false if none does before
  // `end`.
  bool go_to_first_before(std::uint64_t end) {
    while (at_ < end) {
      if (const auto begins = first_on_page()) {
        at_ = *begins;
        return at_ < end;
      }
      if (pages_.page_bytes() == 0) return false;
      at_ = (at_ / pages_.page_bytes() + 1) * pages_.page_bytes();
    }
    return false;
  }

  // Reads on to `end`, where a record is known to end; false if none does there.
  bool read_up_to(std::uint64_t end) {
    while (at_ < end) {
      if (!next()) return false;
    }
    return at_ == end;
  }

  // The page before the first record: it says whose file we are in, even if no record follows.
  bool anchor() { return at_ > 0 && pages_.holding(at_ - 1).has_value(); }

  std::optional<WalRecord> next() {
    // A record that its writer gave up is stepped over once; its successor names the same
    // predecessor as it did.
    for (;;) {
      const std::uint64_t began = at_;
      std::optional<WalRecord> record = read();
      if (record) {
        previous_ = record->at;
        at_ = record->end;
        return record;
      }
      if (at_ == began) return std::nullopt;
    }
  }

  std::int64_t timeline() const { return pages_.timeline(); }
  const std::string& why() const { return why_.empty() ? pages_.why() : why_; }

 private:
  std::optional<WalRecord> stop(std::string why) {
    why_ = std::move(why);
    return std::nullopt;
  }

  bool header_fits(std::uint64_t at) {
    const auto back = number_at<std::uint64_t>(bytes_.data() + 8);
    if (previous_ ? back == *previous_ : back < at) return true;
    why_ = fmt::format("the record at {} follows another one", show(Position{at}));
    return false;
  }

  std::optional<WalRecord> read() {
    why_.clear();
    std::optional<Page> page = pages_.holding(at_);
    if (!page) return std::nullopt;
    WalRecord record;
    record.at = at_ == page->address ? at_ + page->header : at_;
    if (record.at < page->address + page->header) return stop("a position inside a page header");
    if (at_ == page->address && (page->flags & kFirstIsContinued) != 0) {
      return stop(fmt::format("no record begins at {}", show(Position{at_})));
    }
    std::uint64_t offset = record.at - page->address;
    const std::uint64_t total = number_at<std::uint32_t>(page->bytes + offset);
    if (total < kRecordHeader || total > kRecordMax) {
      return stop(fmt::format("the record at {} has length {}", show(Position{record.at}), total));
    }
    if (!gather(*page, offset, total, record)) return std::nullopt;
    const std::uint32_t crc =
        crc32c(bytes_.data(), kCrcAt,
               crc32c(bytes_.data() + kRecordHeader, bytes_.size() - kRecordHeader));
    if (crc != number_at<std::uint32_t>(bytes_.data() + kCrcAt)) {
      return stop(fmt::format("the record at {} fails its checksum", show(Position{record.at})));
    }
    record.info = static_cast<unsigned char>(bytes_[16]);
    record.manager = static_cast<unsigned char>(bytes_[17]);
    // A switch to the next segment takes the rest of this one with it.
    if (record.manager == 0 && (record.info & 0xf0u) == 0x40) {
      record.end = (record.end + segment_bytes_ - 1) / segment_bytes_ * segment_bytes_;
    }
    return record;
  }

  // Collects the record's bytes over its pages. On a page that says that the record was given up,
  // at_ moves there and false is returned.
  bool gather(Page page, std::uint64_t offset, std::uint64_t total, WalRecord& record) {
    bytes_.clear();
    bool checked = false;
    for (;;) {
      const std::uint64_t part = std::min(total - bytes_.size(), pages_.page_bytes() - offset);
      bytes_.append(page.bytes + offset, part);
      if (!checked && bytes_.size() >= kRecordHeader) {
        if (!header_fits(record.at)) return false;
        checked = true;
      }
      if (bytes_.size() == total) {
        record.end = page.address + offset + aligned(part);
        return true;
      }
      const std::optional<Page> next = pages_.holding(page.address + pages_.page_bytes());
      if (!next) return false;
      if ((next->flags & kFirstOverwrites) != 0) {
        at_ = next->address;
        return false;
      }
      if ((next->flags & kFirstIsContinued) == 0 || next->remaining != total - bytes_.size()) {
        why_ = fmt::format("the record at {} is cut off", show(Position{record.at}));
        return false;
      }
      page = *next;
      offset = page.header;
    }
  }

  Pages pages_;
  const std::uint64_t segment_bytes_;
  std::uint64_t at_;
  std::optional<std::uint64_t> previous_;
  std::string bytes_;
  std::string why_;
};

// A walker that stands at the start and has read the record before it. Only so the first record's
// back link can be checked: behind a replayed position there may be the old content of a recycled
// segment, a whole record with a right checksum (seen in a drill: a promise of 40 bytes too many,
// whose promotion then waited for ever).
std::optional<Walker> walker_with_past(const Lineage& lineage, const WalkStart& start,
                                       const SegmentSource& source) {
  constexpr int kPagesBack = 64;
  std::uint64_t at = start.at.at == 0 ? 0 : start.at.at - 1;
  for (int i = 0; i < kPagesBack && at > 0; ++i) {
    WalkStart earlier = start;
    earlier.at = Position{at};
    Walker look(lineage, earlier, source);
    const std::optional<std::uint64_t> begins = look.first_on_page();
    if (look.page_bytes() == 0) return std::nullopt;
    if (begins && *begins < start.at.at) {
      earlier.at = Position{*begins};
      Walker walker(lineage, earlier, source);
      if (!walker.read_up_to(start.at.at)) return std::nullopt;
      return walker;
    }
    const std::uint64_t page = at / look.page_bytes() * look.page_bytes();
    at = page == 0 ? 0 : page - 1;
  }
  return std::nullopt;
}

// The same where the segment before the start was switched away: what the server leaves of it is
// zeros, page headers too, and only the switch itself, somewhere in it, says that this is its end.
std::optional<Walker> walker_behind_switch(const Lineage& lineage, const WalkStart& start,
                                           const SegmentSource& source) {
  if (start.at.at == 0 || start.at.at % start.segment_bytes != 0) return std::nullopt;
  WalkStart earlier = start;
  earlier.at = Position{start.at.at - start.segment_bytes};
  Walker walker(lineage, earlier, source);
  if (!walker.go_to_first_before(start.at.at) || !walker.read_up_to(start.at.at)) {
    return std::nullopt;
  }
  return walker;
}

template <class Visit>
Result<WalEnd> walk_on(Walker& walker, const WalkStart& start, Visit visit) {
  WalEnd out;
  out.end = start.at;
  out.timeline = walker.timeline();
  while (const std::optional<WalRecord> record = walker.next()) {
    visit(*record);
    out.end = Position{record->end};
    out.timeline = walker.timeline();
    ++out.records;
  }
  out.stopped_by = walker.why();
  if (out.records == 0 && start.next_must_be_there) {
    return fail(Failure::bad_data,
                fmt::format("cannot read the log from {}: {}", show(start.at), out.stopped_by));
  }
  return out;
}

template <class Visit>
Result<WalEnd> walk(const Lineage& lineage, const WalkStart& start, const SegmentSource& source,
                    Visit visit) {
  if (start.segment_bytes < (1u << 20) || start.segment_bytes > (1u << 30) ||
      (start.segment_bytes & (start.segment_bytes - 1)) != 0) {
    return fail(Failure::bad_data, "cannot read the log: its segment size is not known");
  }
  Walker walker(lineage, start, source);
  if (!walker.anchor()) {
    if (std::optional<Walker> past = walker_behind_switch(lineage, start, source)) {
      return walk_on(*past, start, visit);
    }
    return fail(Failure::bad_data,
                fmt::format("cannot read the log before {}: {}", show(start.at), walker.why()));
  }
  if (!start.next_must_be_there) {
    if (std::optional<Walker> past = walker_with_past(lineage, start, source)) {
      return walk_on(*past, start, visit);
    }
  }
  return walk_on(walker, start, visit);
}

// Slices of eight: a crashed leader may have gigabytes to read before it can promise.
constexpr auto kCrcTables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0x82f63b78u : 0u);
    tables[0][i] = crc;
  }
  for (std::size_t slice = 1; slice < 8; ++slice) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[slice - 1][i];
      tables[slice][i] = (before >> 8) ^ tables[0][before & 0xffu];
    }
  }
  return tables;
}();

}  // namespace

std::uint32_t crc32c(const char* bytes, std::size_t length, std::uint32_t so_far) {
  std::uint32_t crc = ~so_far;
  const auto& t = kCrcTables;
  for (; length >= 8; bytes += 8, length -= 8) {
    const std::uint32_t low = number_at<std::uint32_t>(bytes) ^ crc;
    const auto high = number_at<std::uint32_t>(bytes + 4);
    crc = t[7][low & 0xffu] ^ t[6][(low >> 8) & 0xffu] ^ t[5][(low >> 16) & 0xffu] ^
          t[4][low >> 24] ^ t[3][high & 0xffu] ^ t[2][(high >> 8) & 0xffu] ^
          t[1][(high >> 16) & 0xffu] ^ t[0][high >> 24];
  }
  for (; length > 0; ++bytes, --length) {
    crc = (crc >> 8) ^ t[0][(crc ^ static_cast<unsigned char>(*bytes)) & 0xffu];
  }
  return ~crc;
}

Result<WalEnd> walk_wal(const Lineage& lineage, const WalkStart& start,
                        const SegmentSource& source) {
  return walk(lineage, start, source, [](const WalRecord&) {});
}

Result<std::uint64_t> count_commits(const Lineage& lineage, const WalkStart& start,
                                    const SegmentSource& source) {
  std::uint64_t commits = 0;
  const auto end = walk(lineage, start, source, [&](const WalRecord& record) {
    const unsigned what = record.info & 0x70u;
    if (record.manager == 1 && (what == 0x00 || what == 0x30)) ++commits;
  });
  if (!end) return fail(end.error());
  return commits;
}

}  // namespace weir::engine::postgres
