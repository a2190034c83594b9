// The journal's file: who writes when, compaction, and what a failed append leaves behind.
#include "journal/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "journal/lines.h"

namespace weir::journal {

// Either an intent or an outcome. `done`, `lead` and `written` are guarded by the journal's mutex.
struct Journal::Line {
  bool intent = false;
  Entry entry;            // of an intent; after writing: the entry as it now is
  Conclusion conclusion;  // of an outcome
  std::unique_ptr<Alarm> alarm;
  bool done = false;
  bool lead = false;  // it is this line's turn to write, for all that wait
  Result<> written;
};

namespace {

template <class Entries>
auto entry_at(Entries& entries, std::int64_t number) {
  const auto at = std::ranges::lower_bound(entries, number, {}, &Entry::number);
  return at != entries.end() && at->number == number ? at : entries.end();
}

std::string text_of(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) text += line_of(entry);
  return text;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(World& world, std::string path, std::string life) {
  std::unique_ptr<Journal> journal(new Journal(world, std::move(path), std::move(life)));
  WEIR_TRY_(journal->load());
  return journal;
}

Result<> Journal::load() {
  WEIR_TRY_(world_.files.make_folder(folder_of(path_)));
  const Result<std::string> text = world_.files.read(path_);
  if (!text && text.error().failure == Failure::not_found) return {};
  if (!text) return fail(text.error());
  const Result<Read> read = read_lines(*text);
  if (!read && read.error().failure == Failure::unsupported)
    return fail(Failure::unsupported, "cannot read the journal " + path_ + ", " + read.error().what,
                "start the weir that wrote it, or a newer one");
  if (!read)
    return fail(
        Failure::bad_data, "cannot read the journal " + path_ + ", " + read.error().what,
        "keep it for looking at, and begin a new one: mv " + path_ + " " + path_ + ".damaged");
  std::vector<Entry> entries = kept_of(read->entries);
  const std::string compact = text_of(entries);
  // A full disk must not keep an agent from starting: the first line that can be written tries
  // the whole file again, and that is soon enough for a torn end.
  torn_ = compact != *text && !world_.files.write(path_, compact);
  const std::lock_guard lock(mutex_);
  bytes_ = torn_ ? text->size() : compact.size();
  last_ = entries.empty() ? 0 : entries.back().number;
  for (const Entry& entry : entries)
    if (entry.outcome == Outcome::open) opened_with_.push_back(entry.number);
  entries_ = std::move(entries);
  return {};
}

Result<std::int64_t> Journal::intend(Entry entry) {
  auto line = std::make_shared<Line>();
  line->intent = true;
  line->entry = std::move(entry);
  line->entry.outcome = Outcome::open;
  line->entry.format = format_;
  line->entry.life = life_;
  if (line->entry.at == WallTime{}) line->entry.at = world_.clock.wall();
  WEIR_TRY(const Entry written, put(line));
  return written.number;
}

Result<> Journal::conclude(std::int64_t number, Outcome outcome, std::string detail,
                           Duration took) {
  auto line = std::make_shared<Line>();
  line->conclusion = {number, outcome, std::move(detail), took, format_};
  WEIR_TRY_(put(line));
  return {};
}

// Returns once the line is durable, or its writing has failed.
Result<Entry> Journal::put(const std::shared_ptr<Line>& line) {
  line->alarm = world_.workers.make_alarm();
  {
    const std::lock_guard lock(mutex_);
    if (line->intent) {
      line->entry.number = ++last_;
    } else if (!known(line->conclusion.number)) {
      return no_entry(line->conclusion.number);
    }
    pending_.push_back(line);
    line->lead = !writing_;
    writing_ = true;
  }
  while (true) {
    bool lead = false;
    {
      const std::lock_guard lock(mutex_);
      if (line->done) break;
      lead = line->lead;
    }
    if (lead)
      write_pending();
    else
      line->alarm->wait_until(world_.clock.now() + 1s);
  }
  if (!line->written) return fail(line->written.error());
  std::function<void(const Entry&)> listener;
  {
    const std::lock_guard lock(mutex_);
    listener = listener_;
  }
  if (listener) listener(line->entry);
  return line->entry;
}

// Writes all that waits, the caller's own line among it, then hands over to whoever came meanwhile.
void Journal::write_pending() {
  Lines lines;
  {
    const std::lock_guard lock(mutex_);
    lines.swap(pending_);
  }
  // An old entry may have been dropped between the asking and now; its second outcome goes too.
  const auto lost = std::ranges::stable_partition(
      lines, [&](const auto& line) { return line->intent || known(line->conclusion.number); });
  const Lines writable(lines.begin(), lost.begin());
  const Result<> written = write(writable);
  std::shared_ptr<Line> next;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& line : lost) line->written = no_entry(line->conclusion.number);
    for (const auto& line : writable) line->written = written;
    for (const auto& line : lines) line->done = true;
    writing_ = !pending_.empty();
    if (writing_) {
      next = pending_.front();
      next->lead = true;
    }
  }
  for (const auto& line : lines) line->alarm->ring();
  if (next) next->alarm->ring();
}

// Only the one that writes comes here, so it may read entries_ without the mutex.
Result<> Journal::write(const Lines& lines) {
  if (lines.empty()) return {};
  std::string text;
  for (const auto& line : lines)
    text += line->intent ? line_of(line->entry) : line_of(line->conclusion);
  if (torn_ || bytes_ + text.size() > bytes_max_) return write_whole(lines);
  const Result<> appended = world_.files.append(path_, text);
  torn_ = !appended;
  if (!appended) return appended;
  bytes_ += text.size();
  const std::lock_guard lock(mutex_);
  for (const auto& line : lines) apply(*line, entries_);
  return {};
}

Result<> Journal::write_whole(const Lines& lines) {
  std::vector<Entry> after = entries_;
  for (const auto& line : lines) apply(*line, after);
  after = kept_of(after);
  const std::string text = text_of(after);
  const Result<> written = world_.files.write(path_, text);
  torn_ = !written;
  if (!written) return written;
  bytes_ = text.size();
  // Large steps must not make every append a rewrite.
  bytes_max_ = std::max(kBytesMax, 2 * bytes_);
  const std::lock_guard lock(mutex_);
  entries_ = std::move(after);
  return {};
}

void Journal::apply(Line& line, std::vector<Entry>& entries) {
  if (line.intent) {
    entries.push_back(line.entry);
    return;
  }
  const auto entry = entry_at(entries, line.conclusion.number);
  journal::conclude(*entry, line.conclusion);
  line.entry = *entry;
}

// Needs mutex_, or to be the one that writes.
bool Journal::known(std::int64_t number) const {
  return entry_at(entries_, number) != entries_.end();
}

tl::unexpected<Error> Journal::no_entry(std::int64_t number) const {
  return fail(Failure::not_found, fmt::format("the journal {} has no entry {}", path_, number));
}

std::vector<Entry> Journal::recent(std::size_t count) const {
  const std::lock_guard lock(mutex_);
  const std::size_t from = entries_.size() - std::min(count, entries_.size());
  return {entries_.begin() + static_cast<std::ptrdiff_t>(from), entries_.end()};
}

std::vector<Entry> Journal::left_open() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> out;
  for (const std::int64_t number : opened_with_) {
    const auto entry = entry_at(entries_, number);
    if (entry != entries_.end()) out.push_back(*entry);
  }
  return out;
}

void Journal::on_change(std::function<void(const Entry&)> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

}  // namespace weir::journal
